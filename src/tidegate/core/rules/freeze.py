"""What is not a fix joined before the code freeze."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tidegate.core.calendar import HORIZON, Departure, Timetable
from tidegate.core.duration import format_duration
from tidegate.core.facts import Change, Item
from tidegate.core.policy import Freeze, Skippable
from tidegate.core.rules.demands import skips
from tidegate.core.rules.rule import START, Context, Found, Rule, Waiting
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


def _first_run(table: Timetable, earliest: datetime, moment: datetime) -> Departure | None:
    """The first run that can still be boarded and departs at or after ``earliest``."""
    limit = moment + HORIZON
    run = table.departure_at_or_after(max(moment, earliest))
    while run is not None and run.opens < earliest and run.closes <= limit:
        run = table.departure_at_or_after(run.closes)
    return run if run is not None and run.opens >= earliest else None


def _waiting(context: Context, freeze: Freeze, item: Item, late: Sequence[Change]) -> Waiting:
    length = format_duration(freeze.before)
    earliest = item.content_at + freeze.before
    skipped = skips(context, Skippable.TRAIN)
    tables = [] if skipped else list(timetables(context, item.component).values())
    more = f" and {len(late) - 1} more" if len(late) > 1 else ""
    what = _shown(late[0])

    def reads(opens: datetime | None) -> str:
        joined = f"{what}{more} joined {item.component} {at(context, item.content_at)}"
        return f"{joined}, in the freeze of {length} before it goes"

    return Waiting(
        RULE.id,
        lambda moment: _open_at(tables, earliest, moment),
        reads,
        lambda: f"the content of {item.component} was fixed {length} before",
        f"leave out what is not of kind {' or '.join(sorted(freeze.allow))}" if freeze.allow else "",
    )


def _shown(change: Change) -> str:
    summary = change.summary if len(change.summary) <= 40 else f"{change.summary[:39]}…"
    return f'"{summary}"'


def _check(context: Context) -> Iterator[Found]:
    environment = context.environment
    if environment is None or environment.freeze is None or skips(context, Skippable.FREEZE):
        return
    for item in sorted(context.facts.release.items, key=lambda i: i.component):
        # A breaking change is more than a fix, whatever it calls itself.
        late = [c for c in item.changes if c.kind not in environment.freeze.allow or c.breaking]
        if late:
            yield _waiting(context, environment.freeze, item, sorted(late, key=lambda c: (c.sha, c.summary)))


RULE = Rule("freeze", "What is not a fix joined before the code freeze.", "7D-03, TP-03, HD-04", START, _check)
