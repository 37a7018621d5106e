"""Times of the policy exist, and exist once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tidegate.core.calendar import HORIZON, Repeats, Window, instant
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import long_day
from tidegate.core.moments import of_days
from tidegate.core.naming import Path
from tidegate.core.policy import Blackout, Policy

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Change:
    """The civil times of a day that a clock change skips, or repeats: from ``first`` until before ``end``."""

    day: date
    first: time
    end: time
    skips: bool

    def hits(self, at: time) -> bool:
        return self.first <= at < self.end


@lru_cache(maxsize=64)
def _changes(tz: ZoneInfo, since: date) -> tuple[_Change, ...]:
    """The changes of the days up to the horizon, of less than a day each."""
    days = (since + n * _DAY for n in range(HORIZON.days))
    return tuple(change for day in days if (change := _change(tz, day)) is not None)


def _change(tz: ZoneInfo, day: date) -> _Change | None:
    before, after = (datetime.combine(day + n * _DAY, time(), tz).utcoffset() or timedelta(0) for n in (0, 1))
    if before == after or abs(after - before) >= _DAY:
        return None
    moved = after - before
    low, high = datetime.combine(day, time(), UTC) - before, datetime.combine(day + _DAY, time(), UTC) - after
    while high - low > timedelta(minutes=1):
        middle = (low + (high - low) / 2).replace(second=0, microsecond=0)
        low, high = (low, middle) if middle.astimezone(tz).utcoffset() == after else (middle, high)
    # As the clocks before the change show it: from there they are set forward, or back to there they have run.
    shown = (high + before).replace(tzinfo=None)
    first, end = (shown, shown + moved) if moved > timedelta(0) else (shown + moved, shown)
    return _Change(
        first.date(), first.time(), end.time() if end.date() == first.date() else time.max, moved > timedelta(0)
    )


def _check(given: Given) -> Iterator[Found]:
    policy, tz = given.policy, given.rulebook.tz
    for path, what, cadence, start in _cadences(policy):
        for change in _changes(tz, given.now.date()):
            if change.hits(cadence.at) and next(iter(cadence.dates(start, change.day)), None) == change.day:
                yield _found(path, what, cadence.at, change, tz)
                break
    for path, what, window, zone in _windows(given):
        for change in _changes(zone, given.now.date()):
            edge = _edge(window, change)
            if edge is not None:
                yield _found(path, what, edge, change, zone)
                break
    yield from _without_a_day(given)


def _edge(window: Window, change: _Change) -> time | None:
    """The time at which a window opens or closes that a change hits; one that closes on the next day began before."""
    if change.hits(window.opens) and change.day.weekday() in window.days:
        return window.opens
    closes = window.closes or time()
    began = change.day - _DAY if window.closes is None or closes <= window.opens else change.day
    return closes if change.hits(closes) and began.weekday() in window.days else None


def _cadences(policy: Policy) -> Iterator[tuple[Path, str, Repeats, date]]:
    for name, train in policy.trains.items():
        yield ("trains", name, "every"), f"the train {name} departs", train.cadence(), train.first_day()
    for index, cycle in enumerate(policy.calendar.business_cycles):
        path: Path = ("calendar", "business_cycles", index, "every")
        yield path, f'the business cycle "{cycle.name}" begins', cycle.cadence(), cycle.starts


def _windows(given: Given) -> Iterator[tuple[Path, str, Window, ZoneInfo]]:
    policy, hours = given.policy, given.rulebook.hours
    of = "a window of {} opens or closes"
    of_places = (("environments", policy.environments), ("clients", policy.clients), ("components", policy.components))
    for section, places in of_places:
        for name, place in places.items():
            for index, rule in enumerate(place.windows or ()):
                path: Path = (section, name, "windows", index)
                yield path, of.format(name), rule.window(), hours.zone_of(section, name)
    for index, window in enumerate(policy.calendar.maintenance):
        what = f'the maintenance window "{window.name}" opens or closes'
        yield ("calendar", "maintenance", index), what, window.window(), given.rulebook.tz


def _found(path: Path, what: str, at: time, change: _Change, tz: ZoneInfo) -> Found:
    shown = f"{at.hour:02d}:{at.minute:02d}"
    if change.skips:
        then = instant(change.day, at, tz).astimezone(tz)
        how = f"the clocks of {tz.key} skip on {long_day(change.day)}: it is {then.hour:02d}:{then.minute:02d} then"
    else:
        how = f"the clocks of {tz.key} show twice on {long_day(change.day)}: the first time counts"
    return Found(
        path, f"{what} at {shown}, which {how}", "choose a time that there is once on every day, or leave it so"
    )


def _without_a_day(given: Given) -> Iterator[Found]:
    """Blackouts of days that a zone skips: they last no time."""
    policy, hours = given.policy, given.rulebook.hours
    known: list[tuple[Path, tuple[Blackout, ...], ZoneInfo]] = [
        (("calendar",), policy.calendar.blackouts, given.rulebook.tz)
    ]
    known += [
        (("clients", name), one.blackouts, hours.zone_of("clients", name)) for name, one in policy.clients.items()
    ]
    for path, blackouts, tz in known:
        for index, blackout in enumerate(blackouts):
            first, end = of_days(blackout.starts, blackout.ends, tz)
            if first >= end:
                yield Found(
                    (*path, "blackouts", index),
                    f'the blackout "{blackout.name}" lasts no time: the clocks of {tz.key} skip '
                    f"{long_day(blackout.starts)}",
                    "write the days that are meant, or leave it out",
                )


LINT = Lint(
    "clock-change",
    "Times of the policy exist, and exist once.",
    "M1-05, 7D-01",
    Severity.NOTE,
    _check,
)
