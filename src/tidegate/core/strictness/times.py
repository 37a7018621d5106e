"""Times that are sets: the hours of windows, the runs of trains. One set inside another leaves fewer moments."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from tidegate.core.calendar import Cadence, Repeats, Window
from tidegate.core.policy import Train, WindowRule
from tidegate.core.strictness.difference import Direction

_DAY = 24 * 60
_WEEK = 7 * _DAY


def windows_direction(was: Iterable[WindowRule], now: Iterable[WindowRule]) -> Direction:
    """Which way windows were changed, as sets of the minutes of a week in civil time.

    What is inside another in civil time is so at any instant: the clock may be set, but it is set for both.
    """
    before, after = _minutes(was), _minutes(now)
    return _by_inclusion(after_in_before=not after & ~before, before_in_after=not before & ~after)


def same_times(was: Iterable[WindowRule], now: Iterable[WindowRule]) -> bool:
    """Whether windows are the same minutes, however they are written."""
    return _minutes(was) == _minutes(now)


def _by_inclusion(*, after_in_before: bool, before_in_after: bool) -> Direction:
    if after_in_before == before_in_after:
        return Direction.OTHER
    return Direction.STRICTER if after_in_before else Direction.LOOSER


def _minutes(rules: Iterable[WindowRule]) -> int:
    """The minutes of a week that are inside a window, as the bits of a number."""
    found = 0
    for rule in rules:
        window = rule.window()
        for day in window.days:
            found |= _span(window, day * _DAY)
    # What reaches beyond Sunday is the beginning of Monday.
    return (found | found >> _WEEK) & ((1 << _WEEK) - 1)


def _span(window: Window, midnight: int) -> int:
    opens = window.opens.hour * 60 + window.opens.minute
    closes = window.closes.hour * 60 + window.closes.minute if window.closes else 0
    length = (closes if closes > opens else closes + _DAY) - opens
    return ((1 << length) - 1) << (midnight + opens)


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a train, without its name and who rides it."""

    cadence: Repeats
    start: date
    lasts: timedelta | None

    @classmethod
    def of(cls, train: Train) -> Runs:
        """The runs of a train of a policy."""
        return cls(train.cadence(), train.first_day(), train.lasts)

    def within(self, other: Runs) -> bool:
        """Whether each run of this departs with one of ``other``, and can be boarded no longer; False: or nobody knows.

        Source: a period that is a multiple of another, counted from a period of the other, takes every so many of it.
        """
        mine, theirs = self.cadence, other.cadence
        if mine.at != theirs.at or self.start < other.start or not _no_longer(self.lasts, other.lasts):
            return False
        if isinstance(theirs, Cadence) and theirs.days == 1:
            return True
        if not (isinstance(mine, Cadence) and isinstance(theirs, Cadence)):
            # Of rules of iCalendar nobody looks whether one is part of another.
            return mine == theirs and self.start == other.start
        if mine.days and theirs.days:
            return _every_so_many(mine.days, theirs.days, (self.start - other.start).days)
        if mine.weeks and theirs.weeks and mine.weekday == theirs.weekday:
            return _every_so_many(
                7 * mine.weeks, 7 * theirs.weeks, (_first(mine, self.start) - _first(theirs, other.start)).days
            )
        same = (mine.ordinal, mine.weekday) == (theirs.ordinal, theirs.weekday)
        return bool(mine.months and theirs.months and same) and _every_so_many(
            mine.months, theirs.months, _months(self.start) - _months(other.start)
        )


def _no_longer(mine: timedelta | None, theirs: timedelta | None) -> bool:
    # To the end of the day is so long as the day is, which is not the same every day.
    return mine == theirs or (mine is not None and theirs is not None and mine <= theirs)


def _every_so_many(mine: int, theirs: int, ahead: int) -> bool:
    return mine % theirs == 0 and ahead % theirs == 0


def _first(cadence: Cadence, start: date) -> date:
    """The first departure of a train that goes by weeks."""
    return start + timedelta(days=(cadence.weekday - start.weekday()) % 7)


def _months(day: date) -> int:
    return day.year * 12 + day.month


def trains_direction(was: Collection[Runs], now: Collection[Runs]) -> Direction | None:
    """Which way the trains of one component were changed; None: they run as before.

    The first train binds what could go at any time. A second one is another opportunity.
    """
    if set(was) == set(now):
        return None
    if not was or not now:
        return Direction.LOOSER if was else Direction.STRICTER
    return _by_inclusion(after_in_before=_all_within(now, was), before_in_after=_all_within(was, now))


def _all_within(some: Collection[Runs], others: Collection[Runs]) -> bool:
    return all(any(one.within(other) for other in others) for one in some)
