"""Sets of moments against sets of minutes, computed in pieces so small that every span crosses their seams."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.calendar import HORIZON, Cadence, Timetable, Weekday, Window, windows_open_at, zone
from tidegate.core.moments import NEVER, Fixed, Moments, Openings, Outside, TimeSpan, of_days, of_runs, of_windows

ZERO = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
END = 60

spans = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 9)).map(lambda one: (one[0], one[0] + one[1])), max_size=6
)


def in_time(known: Iterable[tuple[int, int]]) -> list[TimeSpan]:
    return [(ZERO + MINUTE * start, ZERO + MINUTE * end) for start, end in known]


def ways(known: list[tuple[int, int]], piece: int) -> list[Openings]:
    def spans_in(start: datetime, end: datetime) -> Iterable[TimeSpan]:
        return [one for one in in_time(known) if one[0] < end and one[1] > start]

    return [Fixed(in_time(known)), Moments(spans_in, MINUTE * piece)]


@settings(deadline=None)
@given(spans, st.integers(1, 13), st.integers(0, END))
def test_the_next_opening_and_closing_are_those_of_the_minutes(
    known: list[tuple[int, int]], piece: int, minute: int
) -> None:
    inside = {m for start, end in known for m in range(start, end)}
    opens = next((m for m in range(minute, END + 1) if m in inside), None)
    closes = next(m for m in range(minute, END + 2) if m not in inside)
    at = ZERO + MINUTE * minute
    for one in ways(known, piece * 1440):
        assert one.open_at(at) == (None if opens is None else ZERO + MINUTE * opens)
        assert one.close_at(at) == ZERO + MINUTE * closes
    fine = ways(known, piece)[1]
    assert fine.close_at(at) == ZERO + MINUTE * closes
    if opens is not None:
        assert fine.open_at(at) == ZERO + MINUTE * opens
    other = Outside(ways(known, piece * 1440)[0])
    assert (other.open_at(at), other.close_at(at)) == (one.close_at(at), one.open_at(at))


@pytest.mark.parametrize("piece", [7 * DAY, 30 * DAY])
def test_nothing_is_foreseen_beyond_the_horizon(piece: timedelta) -> None:
    far = ZERO + HORIZON
    for start, found in ((far, far), (far + MINUTE, None)):
        known = [(start, start + DAY)]
        for one in (Fixed(known), Moments(lambda first, last, known=known: known, piece)):  # type: ignore[misc]
            assert one.open_at(ZERO) == found
            assert Outside(one).close_at(ZERO) == found


def test_what_never_ends_does_not_close_within_the_horizon() -> None:
    always = of_windows([Window(frozenset(Weekday), time(0), None)], zone("Pacific/Chatham"))
    assert always.open_at(ZERO) == ZERO
    assert always.close_at(ZERO) is None
    assert of_windows([], zone("UTC")) is NEVER


windows = st.lists(
    st.builds(
        Window,
        st.frozensets(st.sampled_from(list(Weekday)), min_size=1),
        st.builds(time, st.integers(0, 23), st.sampled_from([0, 30])),
        st.none() | st.builds(time, st.integers(0, 23), st.sampled_from([0, 30])),
    ),
    min_size=1,
    max_size=2,
)
CHANGES = [("Europe/Vienna", date(2026, 3, 29)), ("Australia/Lord_Howe", date(2026, 10, 4)), ("UTC", date(2026, 3, 1))]


@settings(max_examples=60, deadline=None)
@given(windows, st.sampled_from(CHANGES), st.integers(-20 * 1440, 20 * 1440))
def test_compiled_windows_open_when_windows_do(known: list[Window], place: tuple[str, date], minute: int) -> None:
    tz = zone(place[0])
    at = datetime.combine(place[1], time(), UTC) + MINUTE * minute
    assert of_windows(known, tz).open_at(at) == windows_open_at(known, tz, at)


cadences = st.one_of(
    st.builds(lambda days: Cadence(time(2, 30), days=days), st.integers(1, 9)),
    st.builds(
        lambda weeks, on: Cadence(time(23, 30), weeks=weeks, weekday=on), st.integers(1, 3), st.sampled_from(Weekday)
    ),
    st.builds(
        lambda months, on: Cadence(time(0), months=months, ordinal=on), st.integers(1, 3), st.sampled_from([1, 4, -1])
    ),
)


@settings(max_examples=80, deadline=None)
@given(
    cadences,
    st.none() | st.integers(1, 24 * 100).map(lambda hours: timedelta(hours=hours)),
    st.sampled_from(CHANGES),
    st.integers(-40 * 1440, 40 * 1440),
)
def test_compiled_runs_can_be_boarded_when_runs_can(
    cadence: Cadence, lasts: timedelta | None, place: tuple[str, date], minute: int
) -> None:
    table = Timetable(cadence, place[1] - 30 * DAY, zone(place[0]), lasts)
    at = datetime.combine(place[1], time(), UTC) + MINUTE * minute
    assert of_runs([table]).open_at(at) == table.open_at(at)


def test_a_day_that_a_zone_skips_lasts_no_time() -> None:
    day = date(2011, 12, 30)
    first, last = of_days(day, day, zone("Pacific/Apia"))
    assert first == last
    assert Outside(Fixed([(first, last)])).open_at(first) == first
