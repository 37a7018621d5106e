"""When the gate may open: trains, windows and blackouts in the policy's civil time.

Every time rule is one pure function of an instant: *the earliest moment, not before this one, at which the rule
holds*. Rules are conjoined by :func:`first_open`, which walks the rules until none moves the moment any further;
that fixed point is the earliest moment at which all hold, whatever the rules are.

Civil times live in an IANA zone; intervals are half-open. A civil time that a clock change skips is read as the
instant at which the clock has been set forward; one that occurs twice is read as its first occurrence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo, reset_tzpath

from tidegate.core.recurrence import Recurrence, is_rule, parse_rule

# Every leaf names the installed tzdata as what decided; the system's own data, mostly older, would come first.
reset_tzpath(())

HORIZON = timedelta(days=400)
"""How far ahead anybody looks for an opening; what opens later is not foreseen."""

OpenAt = Callable[[datetime], datetime | None]
"""The earliest moment >= the given one at which a rule holds; None: not within the horizon."""

CloseAt = Callable[[datetime], datetime | None]
"""The earliest moment >= the given one at which a rule does not hold; None: not within the horizon."""


class Weekday(IntEnum):
    """The days of a week, counted as ``date.weekday`` counts them."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_DAY_NAMES = {day.name.lower(): day for day in Weekday} | {day.name.lower()[:3]: day for day in Weekday}
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_EVERY = re.compile(
    r"(?:(?P<days>[0-9]{1,4} days?|day)"
    r"|(?P<weeks>[0-9]{1,4} weeks?|week) on (?P<weekday>[a-z]+)"
    r"|(?P<months>[0-9]{1,4} months?|month) on (?P<ordinal>[a-z]+) (?P<monthday>[a-z]+))"
    r" at (?P<time>[0-9]{2}:[0-9]{2})"
)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f'"{name}" is not an IANA time zone; write one such as Europe/Vienna') from error


@lru_cache(maxsize=16_384)
def instant(day: date, at: time, tz: ZoneInfo) -> datetime:
    """The UTC instant of a civil time; a skipped one moves forward to where the clock is set."""
    civil = datetime.combine(day, at, tzinfo=tz)
    utc = civil.astimezone(UTC)
    if utc.astimezone(tz).replace(tzinfo=None) == civil.replace(tzinfo=None):
        return utc
    return _end_of_gap(civil, tz)


def _end_of_gap(civil: datetime, tz: ZoneInfo) -> datetime:
    # Read with the offset before the change (fold=0) a skipped time lies after the change, with the one after it
    # (fold=1) before: the change itself is between the two, and the offsets differ on its two sides.
    low = civil.replace(fold=1).astimezone(UTC)
    high = civil.replace(fold=0).astimezone(UTC)
    after = high.astimezone(tz).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        if middle.astimezone(tz).utcoffset() == after:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)


def parse_time(text: str) -> time:
    """A civil time of day, ``09:30``; ``24:00`` is not one here, see :class:`Window`.

    Raises:
        ValueError: the text is no such time.
    """
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(f'"{text}" is not a time of day; write one such as 09:30')
    return time(int(match[1]), int(match[2]))


def parse_weekday(text: str) -> Weekday:
    """A weekday by its English name or its first three letters.

    Raises:
        ValueError: there is no such day.
    """
    day = _DAY_NAMES.get(text.lower())
    if day is None:
        raise ValueError(f'"{text}" is not a day of the week; write one such as tuesday or tue')
    return day


@dataclass(frozen=True, slots=True)
class Cadence:
    """What ``every:`` of a train says: ``2 weeks on tuesday at 10:00``, ``month on first tuesday at 10:00``.

    Exactly one of ``days``, ``weeks`` and ``months`` is positive: the length of a period, counted from the train's
    first day.
    """

    at: time
    days: int = 0
    weeks: int = 0
    weekday: Weekday = Weekday.MONDAY
    months: int = 0
    ordinal: int = 1

    @property
    def needs_start(self) -> bool:
        """Whether nobody can tell its periods without the day from which they are counted."""
        return max(self.days, self.weeks, self.months) > 1

    @property
    def longest(self) -> timedelta:
        """No two departures are further apart."""
        return timedelta(days=self.days + 7 * self.weeks + 31 * self.months + 7)

    @property
    def least(self) -> timedelta:
        """The least time between two departures; a month counts 30 days."""
        return timedelta(days=self.days + 7 * self.weeks + 30 * self.months)

    @property
    def usual(self) -> timedelta:
        """How far apart two departures are on the whole."""
        return self.least

    def dates(self, start: date, since: date) -> _Dates:
        """The civil dates of departure on or after both ``since`` and ``start``, in order, without end."""
        return _Dates(self, start, since)


Repeats: TypeAlias = Cadence | Recurrence
"""What ``every:`` says: a sentence, or a rule of iCalendar."""


def parse_cadence(text: str) -> Repeats:
    """Read what follows ``every:``: a sentence, or a rule of iCalendar.

    Raises:
        ValueError: it is not understood; the message shows sentences that are.
    """
    if is_rule(text):
        return parse_rule(text)
    match = _EVERY.fullmatch(" ".join(text.lower().split()))
    if not match:
        raise ValueError(
            f'"{text}" is not a cadence; write "2 weeks on tuesday at 10:00", '
            '"month on first tuesday at 10:00" or "day at 10:00", or a rule of iCalendar: '
            '"FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=10"'
        )
    at = parse_time(match["time"])
    if match["days"]:
        return Cadence(at, days=_count(match["days"], text))
    if match["weeks"]:
        return Cadence(at, weeks=_count(match["weeks"], text), weekday=parse_weekday(match["weekday"]))
    if match["ordinal"] not in _ORDINALS:
        raise ValueError(f'"{match["ordinal"]}" is no ordinal (in "{text}"); write one of {", ".join(_ORDINALS)}')
    return Cadence(
        at,
        months=_count(match["months"], text),
        ordinal=_ORDINALS[match["ordinal"]],
        weekday=parse_weekday(match["monthday"]),
    )


def _count(words: str, text: str) -> int:
    number = int(words.split(maxsplit=1)[0]) if " " in words else 1
    if not 1 <= number <= 366:
        raise ValueError(f'"{text}" repeats after {number} periods; write a number from 1 to 366')
    return number


class _Dates:
    """Iterates over the departure dates of a cadence; the first lookup costs as little as the hundredth."""

    def __init__(self, cadence: Cadence, start: date, since: date) -> None:
        self._cadence = cadence
        self._start = start
        self._since = max(start, since)
        self._period = self._first_period()

    def __iter__(self) -> _Dates:
        return self

    def __next__(self) -> date:
        while True:
            day = self._date(self._period)
            self._period += 1
            if day >= self._since:
                return day

    def _first_period(self) -> int:
        cadence = self._cadence
        ahead = (self._since - self._start).days
        if cadence.days:
            return ahead // cadence.days
        if cadence.weeks:
            return max(0, ahead // (7 * cadence.weeks) - 1)
        months = (self._since.year - self._start.year) * 12 + self._since.month - self._start.month
        return max(0, months // cadence.months - 1)

    def _date(self, period: int) -> date:
        cadence = self._cadence
        if cadence.days:
            return self._start + timedelta(days=period * cadence.days)
        if cadence.weeks:
            first = self._start + timedelta(days=(cadence.weekday - self._start.weekday()) % 7)
            return first + timedelta(weeks=period * cadence.weeks)
        index = self._start.year * 12 + self._start.month - 1 + period * cadence.months
        return _weekday_of_month(index // 12, index % 12 + 1, cadence.ordinal, cadence.weekday)


def _weekday_of_month(year: int, month: int, ordinal: int, weekday: Weekday) -> date:
    if ordinal > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (ordinal - 1))
    last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)


@dataclass(frozen=True, slots=True)
class Departure:
    """One run of a train: it may be boarded in ``[opens, closes)``, both UTC."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class Timetable:
    """The runs of one train. A run lasts ``lasts``, or, where None, to the end of its civil day."""

    cadence: Repeats
    start: date
    tz: ZoneInfo
    lasts: timedelta | None = None

    def departure_at_or_after(self, moment: datetime) -> Departure | None:
        """The run that is open at ``moment``, or else the next; None: none within the horizon."""
        return _departure(self, moment)

    def find_departure(self, moment: datetime) -> Departure | None:
        """The same, looked for anew."""
        limit = moment + HORIZON
        since = (moment - (self.lasts or timedelta(0))).astimezone(self.tz).date() - timedelta(days=1)
        for day in self.cadence.dates(self.start, since):
            run = self._run(day)
            if run.opens > limit:
                return None
            # A run is empty where its day is skipped by the zone, or where it lasts no time.
            if run.closes > max(moment, run.opens):
                return run
        return None

    def runs(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Whatever can be boarded in [start, end): the last run before it, and those that open in it."""
        # Of several runs that are open at once the last one closes last, so that none before it is needed.
        back = min(self.lasts or timedelta(days=1), self.cadence.longest) + timedelta(days=2)
        for day in self.cadence.dates(self.start, (start - back).astimezone(self.tz).date()):
            run = self._run(day)
            if run.opens >= end:
                return
            if run.closes > run.opens and run.closes > start:
                yield run.opens, run.closes

    def _run(self, day: date) -> Departure:
        opens = instant(day, self.cadence.at, self.tz)
        if self.lasts is not None:
            return Departure(opens, opens + self.lasts)
        return Departure(opens, instant(day + timedelta(days=1), time(0), self.tz))

    def open_at(self, moment: datetime) -> datetime | None:
        """The earliest moment at which a run can be boarded."""
        run = self.departure_at_or_after(moment)
        return max(run.opens, moment) if run else None


@lru_cache(maxsize=8192)
def _departure(table: Timetable, moment: datetime) -> Departure | None:
    # Several rules ask for the same departure, and so does every component that rides the train.
    return table.find_departure(moment)


@dataclass(frozen=True, slots=True)
class Window:
    """A span of civil time on some weekdays; half-open; ``closes`` None is the end of the day.

    One that closes at or before it opens reaches into the next day and belongs to the day on which it opens.
    """

    days: frozenset[Weekday]
    opens: time
    closes: time | None

    def span(self, day: date, tz: ZoneInfo) -> tuple[datetime, datetime]:
        """The UTC interval of the window that opens on ``day``."""
        overnight = self.closes is None or self.closes <= self.opens
        end_day = day + timedelta(days=1) if overnight else day
        return instant(day, self.opens, tz), instant(end_day, self.closes or time(0), tz)


def windows_open_at(windows: Sequence[Window], tz: ZoneInfo, moment: datetime) -> datetime | None:
    """The earliest moment >= ``moment`` inside any of the windows; no windows at all is never open."""
    today = moment.astimezone(tz).date()
    # A window recurs within a week; the day before may reach into today, and a span may be empty on the day the
    # clocks change, so a second week is looked at.
    best: datetime | None = None
    for offset in range(-1, 16):
        day = today + timedelta(days=offset)
        for window in windows:
            if Weekday(day.weekday()) not in window.days:
                continue
            opens, closes = window.span(day, tz)
            if closes > moment and closes > opens:
                candidate = max(opens, moment)
                best = candidate if best is None else min(best, candidate)
        if best is not None and offset >= 0:
            return best
    return best


def outside_open_at(spans: Sequence[tuple[datetime, datetime]], moment: datetime) -> datetime:
    """The earliest moment >= ``moment`` outside all the half-open ``spans``."""
    for opens, closes in sorted(spans):
        if opens <= moment < closes:
            moment = closes
    return moment


def first_open(rules: Sequence[OpenAt], moment: datetime) -> datetime | None:
    """The earliest moment >= ``moment`` at which all rules hold; None beyond :data:`HORIZON`."""
    limit = moment + HORIZON
    current = moment
    while True:
        settled = current
        for rule in rules:
            opened = rule(settled)
            if opened is None or opened > limit:
                return None
            settled = opened
        if settled == current:
            return current
        current = settled
