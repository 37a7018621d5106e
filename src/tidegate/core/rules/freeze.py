"""What is not a fix joined before the code freeze."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.core.calendar import HORIZON, Departure, Timetable
from tidegate.core.duration import format_duration
from tidegate.core.facts import Change, Item
from tidegate.core.naming import Path
from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at
from tidegate.core.rules.train_runs import timetables


def _open_at(tables: Sequence[Timetable], earliest: datetime, moment: datetime) -> datetime | None:
    """The earliest start whose freeze began after the content was fixed.

    Without a train the freeze counts from the start itself; with one from the departure that is boarded, and a train
    that stands at the platform since before ``earliest`` is too early.
    """
    if not tables:
        return max(moment, earliest)
    runs = [run for table in tables if (run := _first_run(table, earliest, moment))]
    return min((max(run.opens, moment) for run in runs), default=None)


def _boards_in_time(tables: Sequence[Timetable], earliest: datetime, moment: datetime) -> bool:
    """Whether the train that is boarded next opens after the freeze: then only the train is to be waited for."""
    runs = [run for table in tables if (run := table.departure_at_or_after(moment))]
    return bool(runs) and min(run.opens for run in runs) >= earliest


def _first_run(table: Timetable, earliest: datetime, moment: datetime) -> Departure | None:
    """The first run that can still be boarded and departs at or after ``earliest``."""
    limit = moment + HORIZON
    run = table.departure_at_or_after(max(moment, earliest))
    while run is not None and run.opens < earliest and run.closes <= limit:
        run = table.departure_at_or_after(run.closes)
    return run if run is not None and run.opens >= earliest else None


@dataclass(frozen=True, slots=True)
class Closing:
    """From when on only changes of some kinds join: ``before`` it goes. ``said`` completes what joined, and when."""

    rule: str
    place: Path
    said: str
    before: timedelta
    allow: tuple[str, ...]


def waiting(context: Context, closing: Closing) -> Iterator[Waiting]:
    """What is waited for where something joined too late: one for each component, unless the type skips freezes."""
    if skips(context, Skippable.FREEZE):
        return
    for item in sorted(context.facts.release.items, key=lambda i: i.component):
        # A breaking change is more than a fix, whatever it calls itself.
        late = [c for c in item.changes if c.kind not in closing.allow or c.breaking]
        if late:
            yield _waiting(context, closing, item, sorted(late, key=lambda c: (c.sha, c.summary)))


def _waiting(context: Context, closing: Closing, item: Item, late: Sequence[Change]) -> Waiting:
    length = format_duration(closing.before)
    earliest = item.content_at + closing.before
    skipped = skips(context, Skippable.TRAIN)
    tables = [] if skipped else list(timetables(context, item.component).values())
    more = f" and {len(late) - 1} more" if len(late) > 1 else ""
    what = _shown(late[0])

    def opens_at(moment: datetime) -> datetime | None:
        # Earlier versions of the rules called that a freeze, too; what they decided stays as it was said.
        if context.since(3) and _boards_in_time(tables, earliest, moment):
            return moment
        return _open_at(tables, earliest, moment)

    def reads(opens: datetime | None) -> str:
        joined = f"{what}{more} joined {item.component} {at(context, item.content_at)}"
        return f"{joined}, {closing.said}"

    return Waiting(
        closing.rule,
        opens_at,
        reads,
        lambda: f"the content of {item.component} was fixed {length} before",
        f"leave out what is not of kind {' or '.join(sorted(closing.allow))}" if closing.allow else "",
        place=closing.place,
    )


def _shown(change: Change) -> str:
    summary = change.summary if len(change.summary) <= 40 else f"{change.summary[:39]}…"
    return f'"{summary}"'


def _check(context: Context) -> Iterator[Found]:
    environment = context.environment
    if environment is not None and environment.freeze is not None:
        freeze, path = environment.freeze, ("environments", context.question.environment, "freeze")
        said = f"in the freeze of {format_duration(freeze.before)} before it goes"
        yield from waiting(context, Closing(RULE.id, path, said, freeze.before, freeze.allow))


RULE = Rule(
    "freeze",
    "What is not a fix joined before the code freeze.",
    "7D-03, TP-03, HD-04",
    START,
    _check,
    chapter=Chapter.TIME,
    keys=("trains", "environments.{environment}.freeze"),
)
