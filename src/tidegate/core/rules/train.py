"""The release rides one of its component's trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from tidegate.core.calendar import Timetable
from tidegate.core.facts import Item
from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at
from tidegate.core.rules.train_runs import timetables


def _waiting(context: Context, item: Item, tables: Mapping[str, Timetable]) -> Waiting:
    trains = f"the {' or '.join(tables)} train"
    runs = context.rulebook.hours.trains(tuple(tables))

    def reads(opens: datetime | None) -> str:
        when = f"departs {at(context, opens)}" if opens else "does not depart within 400 days"
        return f"{item.component} rides {trains}, which {when}"

    place = ("trains", next(iter(tables))) if len(tables) == 1 else ("trains",)
    boards = f"{item.component} can board {trains} now"
    return Waiting(RULE.id, runs.open_at, reads, lambda: boards, closes_at=runs.close_at, place=place)


def _check(context: Context) -> Iterator[Found]:
    if skips(context, Skippable.TRAIN):
        return
    for item in sorted(context.facts.release.items, key=lambda i: i.component):
        tables = timetables(context, item.component)
        if tables:
            yield _waiting(context, item, tables)


RULE = Rule(
    "train",
    "A release rides one of its component's trains.",
    "7D-01",
    START,
    _check,
    chapter=Chapter.TIME,
    keys=("trains",),
    of_the_calendar=True,
)
