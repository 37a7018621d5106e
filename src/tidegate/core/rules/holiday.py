"""No rollout starts on a public holiday that the policy keeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from tidegate.core.calendar import instant
from tidegate.core.holiday import PublicHolidays, said
from tidegate.core.naming import Path
from tidegate.core.policy import Holidays, Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting, cannot_tell
from tidegate.core.rules.saying import at

_DAY = timedelta(days=1)


def concerned(context: Context) -> Iterator[tuple[int, Holidays]]:
    """The entries of the calendar that hold for this release here, each with its number."""
    if not is_production(context) or skips(context, Skippable.BLACKOUTS):
        return
    for number, holidays in enumerate(context.policy.calendar.holidays):
        if context.facts.release.type not in holidays.exempt:
            yield number, holidays


def _waiting(context: Context, path: Path, known: PublicHolidays) -> Waiting:
    tz, place = context.rulebook.tz, said(known.place)
    outside = context.rulebook.hours.outside_holidays(path, known)
    end = instant(known.last + _DAY, time(0), tz)

    # What kind of day comes after the last one that is known, nobody can tell.
    def open_at(moment: datetime) -> datetime | None:
        opens = outside.open_at(moment)
        return opens if opens is not None and opens < end else None

    def close_at(moment: datetime) -> datetime:
        closes, unknown = outside.close_at(moment), max(moment, end)
        return unknown if closes is None else min(closes, unknown)

    def reads(opens: datetime | None) -> str:
        until = f"until {at(context, opens)}" if opens else "and nobody knows what comes after"
        last = opens.astimezone(tz).date() - _DAY if opens else known.last
        return f"{_names(known, last)}: public holiday in {place}, {until}"

    return Waiting(
        RULE.id,
        open_at,
        reads,
        lambda: f"no public holiday in {place}",
        closes_at=close_at,
        place=path,
    )


def _names(known: PublicHolidays, last: date) -> str:
    """The holidays that follow each other until ``last``, the first one first."""
    found: list[str] = []
    while (name := known.days.get(last.isoformat())) is not None:
        found.append(name)
        last -= _DAY
    return ", ".join(found[::-1])


def _check(context: Context) -> Iterator[Found]:
    today = context.now.astimezone(context.rulebook.tz).date()
    for number, holidays in concerned(context):
        place = (holidays.country, holidays.subdivision or "")
        known = next((one for one in context.facts.holidays if one.place == place), None)
        if known is not None and known.covers(today):
            yield _waiting(context, ("calendar", "holidays", number), known)
        else:
            why = known.unknown if known is not None and known.unknown else f"of {today} nobody has looked them up"
            yield cannot_tell(
                RULE.id,
                f"nobody can tell the public holidays of {said(place)}: {why}",
                f"mend calendar.holidays[{number}], or update Tidegate",
            )


RULE = Rule(
    "holiday",
    "No rollout starts on a public holiday that the policy keeps.",
    "M1-05, HD-11",
    START,
    _check,
    since=3,
    chapter=Chapter.TIME,
    keys=("calendar.holidays",),
    of_the_calendar=True,
)
