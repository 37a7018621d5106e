"""Sets of moments: when a time rule holds, as half-open spans in UTC that are computed once, where somebody asks.

Civil times are dear: an instant of one is three conversions. A set therefore computes its spans piece by piece and
keeps them as a sorted list of edges, in which the next opening or closing is found by halving.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol, TypeAlias
from zoneinfo import ZoneInfo

from tidegate.core.calendar import HORIZON, Timetable, Weekday, Window, instant

TimeSpan: TypeAlias = tuple[datetime, datetime]
"""From, included, to, not included; UTC."""

_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_PIECES = 4_096


class Openings(Protocol):
    """When something is open. Both answers are None where nothing of the kind happens within the horizon."""

    def open_at(self, moment: datetime) -> datetime | None:
        """The earliest moment, not before this one, that is inside."""

    def close_at(self, moment: datetime) -> datetime | None:
        """The earliest moment, not before this one, that is outside."""


class Moments:
    """The moments inside any of many spans.

    Args:
        spans_in: all spans that have a moment in [from, to), in any order, overlapping or not; pure.
        piece: how much is computed at once.
    """

    __slots__ = ("_edges", "_piece", "_spans_in")

    def __init__(self, spans_in: Callable[[datetime, datetime], Iterable[TimeSpan]], piece: timedelta) -> None:
        self._spans_in = spans_in
        self._piece = piece
        self._edges: dict[int, Sequence[datetime]] = {}

    def open_at(self, moment: datetime) -> datetime | None:
        """The earliest moment >= ``moment`` inside a span."""
        number = (moment - _EPOCH) // self._piece
        edges = self._of(number)
        index = bisect_right(edges, moment)
        if index & 1:
            return moment
        while index >= len(edges):
            number += 1
            if self._start(number) - moment > HORIZON:
                return None
            edges, index = self._of(number), 0
        return edges[index] if edges[index] - moment <= HORIZON else None

    def close_at(self, moment: datetime) -> datetime | None:
        """The earliest moment >= ``moment`` outside all spans."""
        number = (moment - _EPOCH) // self._piece
        edges = self._of(number)
        index = bisect_right(edges, moment)
        if not index & 1:
            return moment
        while True:
            closes, end = edges[index], self._start(number + 1)
            if closes - moment > HORIZON:
                return None
            if closes < end:
                return closes
            number += 1
            edges, index = self._of(number), 1
            if not edges or edges[0] > end:
                return end

    def _start(self, number: int) -> datetime:
        return _EPOCH + number * self._piece

    def _of(self, number: int) -> Sequence[datetime]:
        """The edges within one piece: opens, closes, opens, closes."""
        found = self._edges.get(number)
        if found is None:
            if len(self._edges) >= _MOST_PIECES:
                self._edges.clear()
            start = self._start(number)
            end = start + self._piece
            found = self._edges[number] = edges_of(self._spans_in(start, end), start, end)
        return found


def edges_of(spans: Iterable[TimeSpan], start: datetime, end: datetime) -> Sequence[datetime]:
    """The spans within [start, end) as edges: sorted, without what is empty, and without seams."""
    edges: list[datetime] = []
    for opens, closes in sorted(spans):
        first, last = max(opens, start), min(closes, end)
        if first >= last:
            continue
        if edges and first <= edges[-1]:
            edges[-1] = max(edges[-1], last)
        else:
            edges += (first, last)
    return edges


class Fixed:
    """The moments inside any of a few spans that do not recur."""

    __slots__ = ("_edges",)

    def __init__(self, spans: Iterable[TimeSpan]) -> None:
        known = [span for span in spans if span[0] < span[1]]
        self._edges = (
            edges_of(known, min(opens for opens, _ in known), max(closes for _, closes in known)) if known else []
        )

    def open_at(self, moment: datetime) -> datetime | None:
        """The earliest moment >= ``moment`` inside a span."""
        return self._next(moment, 1)

    def close_at(self, moment: datetime) -> datetime | None:
        """The earliest moment >= ``moment`` outside all spans."""
        return self._next(moment, 0)

    def _next(self, moment: datetime, inside: int) -> datetime | None:
        index = bisect_right(self._edges, moment)
        if index & 1 == inside:
            return moment
        if index == len(self._edges) or self._edges[index] - moment > HORIZON:
            return None
        return self._edges[index]


NEVER: Openings = Fixed(())
"""No moment at all."""


class Outside:
    """The moments that are not in a set."""

    __slots__ = ("close_at", "open_at")

    def __init__(self, inside: Openings) -> None:
        self.open_at = inside.close_at
        self.close_at = inside.open_at


def of_windows(windows: Sequence[Window], tz: ZoneInfo) -> Openings:
    """The moments inside any of the windows; no windows at all is never open."""
    by_day: Mapping[int, list[Window]] = {
        day: [window for window in windows if day in window.days] for day in map(int, Weekday)
    }

    def spans_in(start: datetime, end: datetime) -> Iterable[TimeSpan]:
        # One that opens a day before may reach into the first; at the date line a day is missing.
        day, last = start.astimezone(tz).date() - 2 * _DAY, end.astimezone(tz).date()
        while day <= last:
            for window in by_day[day.weekday()]:
                yield window.span(day, tz)
            day += _DAY

    return Moments(spans_in, 14 * _DAY) if windows else NEVER


def of_runs(tables: Sequence[Timetable]) -> Moments:
    """The moments at which a run of any of the timetables can be boarded."""

    def spans_in(start: datetime, end: datetime) -> Iterable[TimeSpan]:
        for table in tables:
            yield from table.runs(start, end)

    return Moments(spans_in, 56 * _DAY)


def of_days(first: date, last: date, tz: ZoneInfo) -> TimeSpan:
    """Whole civil days, both included; empty where the zone skips them."""
    return instant(first, time(0), tz), instant(last + _DAY, time(0), tz)
