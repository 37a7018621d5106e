"""The scope of a release: its features with priority, people and days of work, and when all of it is done.

What is still to be done is laid out as a simple plan: each person does one feature after the other, the more important
first, on working days from nine to five, and not on public holidays. That foresees nothing that a person could not; it
is there so that a date is not promised which the work cannot keep.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from tidegate.core.calendar import instant
from tidegate.core.holiday import PublicHolidays
from tidegate.core.policy.base import Identifier, Line, OneOrMore, Section, Short

FORMAT = 1
"""The version of the language of scopes: the value of the key ``tidegate-scope``."""

BEGINS, ENDS = time(9), time(17)
"""The hours of a working day, in the policy's zone."""

MOST_DAYS = 400
"""Days of work of one feature."""

_FARTHEST = timedelta(days=5 * 366)
_DAY_S = 8 * 3600
_WEEKEND = (5, 6)


class Priority(StrEnum):
    """How much a feature matters to the release; the first ones are worked on first."""

    MUST = "must"
    SHOULD = "should"
    COULD = "could"


class FeatureState(StrEnum):
    """How far a feature is."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class Feature(Section):
    """One feature of a release."""

    says: Short
    """What it is."""
    priority: Priority = Priority.MUST
    """``must``, ``should`` or ``could``."""
    by: Annotated[tuple[Identifier, ...], OneOrMore] = ()
    """The people who work on it, by their names in the policy, or groups; they share its days."""
    days: Annotated[float, Field(gt=0, le=MOST_DAYS)] | None = None
    """The days of work that are left of it."""
    state: FeatureState = FeatureState.OPEN
    """``open``, ``done`` or ``dropped``."""


class ScopeFile(Section):
    """A file that says what shall be in a release."""

    version: Literal[1] = Field(alias="tidegate-scope")
    """The version of this language: 1."""
    objectives: Annotated[tuple[Line, ...], OneOrMore] = ()
    """What the release is for."""
    buffer: Annotated[float, Field(ge=0, le=500)] = 0
    """How much longer it takes than the days of work say: so many percent."""
    features: Annotated[Mapping[Identifier, Feature], Field(max_length=1000)]
    """What shall be in it, each under a name of your own."""


@dataclass(frozen=True, slots=True)
class Work:
    """One feature in the plan.

    ``left``: it is still to be done, and not left out. ``done_at`` is when it then is, without the buffer; None where
    that is years away.
    """

    name: str
    feature: Feature
    left: bool = False
    done_at: datetime | None = None

    @property
    def unassigned(self) -> bool:
        """Whether it is to be done, and nobody is named for it."""
        return self.left and not self.feature.by


@dataclass(frozen=True, slots=True)
class Schedule:
    """When what is still to be done is done.

    ``complete_at`` has the buffer in it; it is ``now`` where nothing is left, and None where that is years away.
    ``days`` are the days of work that are left.
    """

    works: tuple[Work, ...]
    complete_at: datetime | None
    days: float


_RANK = {priority: rank for rank, priority in enumerate(Priority)}


def schedule(
    scope: ScopeFile,
    now: datetime,
    tz: ZoneInfo,
    holidays: Iterable[PublicHolidays] = (),
    *,
    without: Collection[str] = (),
    up_to: Priority = Priority.COULD,
) -> Schedule:
    """Lay out what is left: features by priority, then in the file's order, one after the other for each person.

    A feature for which nobody is named is taken to be begun now by somebody who does nothing else. The buffer is added
    to the time that the busiest person needs.

    Args:
        without: features that are left out.
        up_to: the least important that are not left out.
    """
    free = {day for known in holidays for day in known.days}
    asked = [
        (name, feature)
        for name, feature in scope.features.items()
        if feature.state is FeatureState.OPEN and name not in without and _RANK[feature.priority] <= _RANK[up_to]
    ]
    asked.sort(key=lambda one: _RANK[one[1].priority])
    spent: dict[str, Fraction] = {}
    works: dict[str, Work] = {}
    for name, feature in asked:
        workers = feature.by or (f" {name}",)
        for who in workers:
            spent[who] = spent.get(who, Fraction(0)) + _days(feature) / len(workers)
        works[name] = Work(name, feature, True, after_work(now, max(spent[who] for who in workers), tz, free))
    longest = max(spent.values(), default=Fraction(0))
    complete = after_work(now, longest * (1 + Fraction(scope.buffer) / 100), tz, free) if longest else now
    shown = tuple(works.get(name) or Work(name, feature) for name, feature in scope.features.items())
    return Schedule(shown, complete, float(sum((_days(feature) for _, feature in asked), Fraction(0))))


def _days(feature: Feature) -> Fraction:
    return Fraction(feature.days or 0)


def after_work(start: datetime, days: Fraction, tz: ZoneInfo, holidays: Collection[str] = ()) -> datetime | None:
    """The moment at which so many working days of work, begun at ``start``, are done; None where that is years away."""
    spans, ends = _working_time(start, tz, frozenset(holidays))
    left = days * _DAY_S
    place = bisect_left(ends, left)
    if place == len(ends):
        return None
    before = ends[place - 1] if place else Fraction(0)
    return spans[place] + timedelta(seconds=float(left - before))


@lru_cache(maxsize=8)
def _working_time(
    start: datetime, tz: ZoneInfo, holidays: frozenset[str]
) -> tuple[tuple[datetime, ...], tuple[Fraction, ...]]:
    """When work begins on each working day, and how much work (seconds) is done by its end; a plan asks often."""
    begun: list[datetime] = []
    done: list[Fraction] = []
    first = start.astimezone(tz).date()
    for day in (first + timedelta(days=number) for number in range(_FARTHEST.days)):
        if day.weekday() not in _WEEKEND and day.isoformat() not in holidays:
            begins, ends = max(start, instant(day, BEGINS, tz)), instant(day, ENDS, tz)
            if ends > begins:
                begun.append(begins)
                done.append((done[-1] if done else Fraction(0)) + Fraction((ends - begins) / timedelta(seconds=1)))
    return tuple(begun), tuple(done)


def unplanned(scope: ScopeFile) -> tuple[str, ...]:
    """The features that are open and say no days of work."""
    return tuple(
        name for name, feature in scope.features.items() if feature.state is FeatureState.OPEN and feature.days is None
    )


def unknown_people(scope: ScopeFile, known: Collection[str]) -> Sequence[tuple[str, int, str]]:
    """Whom features name that nobody knows: the feature, the place in its list, and the name."""
    return [
        (name, number, who)
        for name, feature in scope.features.items()
        for number, who in enumerate(feature.by)
        if who not in known
    ]
