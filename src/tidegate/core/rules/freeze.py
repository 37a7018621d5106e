"""What is not a fix joined before the code freeze."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from tidegate.core.calendar import HORIZON
from tidegate.core.duration import format_duration
from tidegate.core.facts import Item
from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import skips
from tidegate.core.rules.rule import START, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def _open_after_freeze(context: Context, item: Item, before: timedelta, moment: datetime) -> datetime | None:
    """The earliest start whose freeze began after the content was fixed.

    Without a train the freeze counts from the start itself; with one from the departure that is boarded.
    """
    earliest = item.content_at + before
    tables = [
        context.rulebook.timetables[name]
        for name, train in context.policy.trains_of(item.component).items()
        if train.to == context.question.environment
    ]
    if not tables or skips(context, Skippable.TRAIN):
        return max(moment, earliest)
    openings = []
    for table in tables:
        at_or_after = moment
        while (run := table.departure_at_or_after(at_or_after)) and run.opens < earliest:
            at_or_after = run.closes
            if at_or_after > moment + HORIZON:
                break
        if run and run.opens >= earliest:
            openings.append(max(run.opens, moment))
    return min(openings, default=None)


def _check(context: Context) -> Iterator[Found]:
    environment = context.environment
    if environment is None or environment.freeze is None or skips(context, Skippable.FREEZE):
        return
    freeze = environment.freeze
    for item in context.facts.release.items:
        late = [c for c in item.changes if c.kind not in freeze.allow or c.breaking]
        if not late:
            continue
        length = format_duration(freeze.before)

        def open_at(moment: datetime, item: Item = item) -> datetime | None:
            return _open_after_freeze(context, item, freeze.before, moment)

        def reads(opens: datetime | None, item: Item = item, first: str = late[0].summary) -> str:
            when = f"may go {at(context, opens)}" if opens else "has no departure within 400 days"
            return f'"{first}" joined {item.component} less than {length} before: with it, the release {when}'

        yield Waiting(
            "freeze",
            open_at,
            reads,
            f"the content of {item.component} was fixed {length} before",
            f"leave out what is not {' or '.join(freeze.allow)}, or wait",
        )


RULE = Rule("freeze", "What is not a fix joined before the code freeze.", "7D-03, TP-03, HD-04", START, _check)
