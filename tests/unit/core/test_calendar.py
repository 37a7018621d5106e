"""The calendar against an oracle that walks minute by minute, over every kind of clock change there is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.calendar import (
    HORIZON,
    Cadence,
    Timetable,
    Weekday,
    Window,
    first_open,
    instant,
    outside_open_at,
    parse_cadence,
    parse_time,
    parse_weekday,
    windows_open_at,
    zone,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

# Days on which the clocks change: by an hour and by half an hour, at an odd offset, at midnight, twice within a month
# (Ramadan), by a whole day that never was, and not at all.
CHANGES = [
    ("America/Los_Angeles", date(2026, 3, 8)),
    ("America/Los_Angeles", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Pacific/Chatham", date(2026, 4, 5)),
    ("Pacific/Chatham", date(2026, 9, 27)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("Africa/Casablanca", date(2026, 3, 22)),
    ("Africa/Cairo", date(2026, 4, 24)),
    ("America/Havana", date(2026, 11, 1)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kolkata", date(2026, 6, 10)),
    ("UTC", date(2026, 6, 10)),
]

changes = st.sampled_from(CHANGES)
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45, 59]))
ends = times | st.just(time(0)) | st.none()
weekdays = st.frozensets(st.sampled_from(list(Weekday)), min_size=1)


@cache
def clock(name: str, middle: date) -> list[tuple[datetime, datetime]]:
    """Every minute of nine days around ``middle``: the instant, and what the clocks on the wall show."""
    tz = ZoneInfo(name)
    first = datetime.combine(middle, time(0), UTC) - 4 * DAY
    instants = [first + MINUTE * i for i in range(9 * 1440)]
    return [(moment, moment.astimezone(tz).replace(tzinfo=None)) for moment in instants]


def first_shown(name: str, middle: date, civil: datetime) -> datetime:
    """The first minute at which the clocks on the wall show ``civil`` or have passed it."""
    return next(moment for moment, shown in clock(name, middle) if shown >= civil)


@pytest.mark.parametrize(("name", "middle"), CHANGES)
def test_an_instant_is_when_the_clocks_first_show_the_time_or_pass_it(name: str, middle: date) -> None:
    tz = zone(name)
    for offset in (-1, 0, 1):
        day = middle + offset * DAY
        for minute in range(0, 1440, 5):
            at = time(minute // 60, minute % 60)
            assert instant(day, at, tz) == first_shown(name, middle, datetime.combine(day, at)), (day, at)


@given(changes, st.tuples(times, times))
def test_instants_of_one_day_keep_the_order_of_the_clock(change: tuple[str, date], pair: tuple[time, time]) -> None:
    early, late = sorted(pair)
    tz = zone(change[0])
    assert instant(change[1], early, tz) <= instant(change[1], late, tz)


def expected_spans(name: str, middle: date, windows: Sequence[Window]) -> list[tuple[datetime, datetime]]:
    """The spans of the windows that open within two days of ``middle``, from the minutes themselves."""
    spans = []
    for offset in (-2, -1, 0, 1, 2):
        day = middle + offset * DAY
        for window in windows:
            if day.weekday() in {int(weekday) for weekday in window.days}:
                closes = window.closes or time(0)
                overnight = window.closes is None or closes <= window.opens
                opens = first_shown(name, middle, datetime.combine(day, window.opens))
                ends = first_shown(name, middle, datetime.combine(day + DAY * overnight, closes))
                spans.append((opens, ends))
    return spans


@settings(max_examples=150, deadline=None)
@given(changes, st.lists(st.builds(Window, weekdays, times, ends), min_size=1, max_size=3), st.integers(0, 1439))
def test_windows_open_at_the_first_minute_inside_one(
    change: tuple[str, date], windows: list[Window], minute: int
) -> None:
    name, middle = change
    tz = zone(name)
    moment = datetime.combine(middle, time(0), UTC) - DAY / 2 + MINUTE * minute
    spans = expected_spans(name, middle, windows)
    expected = next(
        (
            candidate
            for candidate, _ in clock(name, middle)
            if moment <= candidate < moment + DAY and any(opens <= candidate < closes for opens, closes in spans)
        ),
        None,
    )
    found = windows_open_at(windows, tz, moment)
    if expected is not None:
        assert found == expected
    else:
        assert found is None or found >= moment + DAY


def test_a_window_is_half_open() -> None:
    windows = [Window(frozenset(Weekday), time(9), time(16))]
    tz = zone("Europe/Vienna")
    opens, closes = instant(date(2026, 6, 1), time(9), tz), instant(date(2026, 6, 1), time(16), tz)
    assert windows_open_at(windows, tz, opens) == opens
    assert windows_open_at(windows, tz, closes - timedelta(microseconds=1)) == closes - timedelta(microseconds=1)
    assert windows_open_at(windows, tz, closes) == opens + DAY


def test_no_window_at_all_never_opens() -> None:
    assert windows_open_at([], zone("UTC"), datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_window_that_the_clocks_skip_waits_for_the_next_week() -> None:
    windows = [Window(frozenset({Weekday.SUNDAY}), time(2), time(3))]
    tz = zone("America/Los_Angeles")
    found = windows_open_at(windows, tz, datetime(2026, 3, 7, tzinfo=UTC))
    assert found == instant(date(2026, 3, 15), time(2), tz)


CADENCES = [
    "day at 10:00",
    "3 days at 23:59",
    "week on sunday at 02:30",
    "2 weeks on tuesday at 10:00",
    "month on first tuesday at 10:00",
    "month on last friday at 00:00",
    "3 months on fourth sunday at 01:30",
]


def expected_dates(text: str, start: date, until: date) -> list[date]:
    """The days of departure, by counting: no formula in common with the calendar."""
    words = text.split()
    every = int(words[0]) if words[0].isdigit() else 1
    days = [start + i * DAY for i in range((until - start).days)]
    if words[0] == "day" or words[1] == "days":
        return days[::every]
    if "week" in words[0] or "weeks" in words[1]:
        matching = [day for day in days if day.strftime("%A").lower() == words[-3]]
        return matching[::every]
    found = []
    for day in days:
        same = [d for d in days_of_month(day) if d.weekday() == day.weekday()]
        ordinal = {"first": 0, "fourth": 3, "last": -1}[words[-4]]
        months = (day.year - start.year) * 12 + day.month - start.month
        if day.strftime("%A").lower() == words[-3] and same[ordinal] == day and months % every == 0:
            found.append(day)
    return found


def days_of_month(day: date) -> list[date]:
    first = day.replace(day=1)
    return [first + i * DAY for i in range(31) if (first + i * DAY).month == day.month]


@pytest.mark.parametrize("text", CADENCES)
@pytest.mark.parametrize("start", [date(2026, 2, 10), date(2026, 1, 31), date(2025, 12, 29), date(2028, 2, 29)])
def test_a_cadence_departs_on_the_days_that_one_counts(text: str, start: date) -> None:
    expected = expected_dates(text, start, start + 400 * DAY)
    dates = iter(parse_cadence(text).dates(start, start))
    assert [next(dates) for _ in expected] == expected


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CADENCES), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(-50, 700))
def test_looking_from_a_later_day_gives_the_same_departures(text: str, start: date, later: int) -> None:
    cadence = parse_cadence(text)
    since = start + later * DAY
    whole = iter(cadence.dates(start, start))
    expected = next(day for day in whole if day >= since)
    assert next(iter(cadence.dates(start, since))) == expected


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(CADENCES),
    changes,
    st.integers(0, 2 * 1440),
    st.none() | st.integers(1, 4000).map(lambda minutes: MINUTE * minutes),
)
def test_a_train_is_boarded_at_the_first_minute_of_a_run(
    text: str, change: tuple[str, date], minute: int, lasts: timedelta | None
) -> None:
    name, middle = change
    tz = zone(name)
    cadence = parse_cadence(text)
    start = middle - 40 * DAY
    moment = datetime.combine(middle, time(0), UTC) - DAY + MINUTE * minute
    runs = []
    for day in expected_dates(text, start, middle + 3 * DAY):
        opens = instant(day, cadence.at, tz)
        runs.append((opens, opens + lasts if lasts else instant(day + DAY, time(0), tz)))
    boardable = [m for m, _ in clock(name, middle) if moment <= m < moment + DAY]
    expected = next((m for m in boardable if any(opens <= m < closes for opens, closes in runs)), None)
    found = Timetable(cadence, start, tz, lasts).open_at(moment)
    assert found is not None
    assert found == expected if expected else found >= moment + DAY


def test_a_zone_is_that_of_the_installed_data_whatever_the_system_has(tmp_path: Path) -> None:
    (tmp_path / "America").mkdir()
    other = (files("tzdata") / "zoneinfo" / "UTC").read_bytes()
    (tmp_path / "America" / "Los_Angeles").write_bytes(other)
    ask = "from tidegate.core.calendar import *; print(datetime(2026, 1, 1, tzinfo=zone('America/Los_Angeles')))"
    told = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "PYTHONTZPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "2026-01-01 00:00:00-08:00\n"


def test_a_run_that_its_zone_skips_is_no_run() -> None:
    # 30 December 2011 never was in Samoa: the run of that day would open and close at the same moment.
    table = Timetable(Cadence(time(10), days=1), date(2011, 12, 1), zone("Pacific/Apia"))
    evening = instant(date(2011, 12, 29), time(0), zone("Pacific/Apia")) + DAY
    run = table.departure_at_or_after(evening)
    assert run is not None
    assert run.opens == instant(date(2011, 12, 31), time(10), zone("Pacific/Apia"))
    assert run.closes > run.opens


def test_a_train_does_not_depart_before_its_first_day() -> None:
    tz = zone("America/Los_Angeles")
    table = Timetable(parse_cadence("2 weeks on tuesday at 10:00"), date(2026, 2, 10), tz)
    assert table.open_at(datetime(2026, 1, 1, tzinfo=UTC)) == instant(date(2026, 2, 10), time(10), tz)


def test_a_departure_beyond_the_horizon_is_not_foreseen() -> None:
    table = Timetable(parse_cadence("day at 10:00"), date(2028, 1, 1), zone("UTC"))
    assert table.open_at(datetime(2026, 1, 1, tzinfo=UTC)) is None


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60)), max_size=6), st.integers(0, 200))
def test_outside_is_the_first_minute_in_no_span(spans: list[tuple[int, int]], minute: int) -> None:
    zero = datetime(2026, 1, 1, tzinfo=UTC)
    intervals = [(zero + MINUTE * start, zero + MINUTE * (start + length)) for start, length in spans]
    expected = next(m for m in range(minute, 1000) if not any(start <= m < start + length for start, length in spans))
    assert outside_open_at(intervals, zero + MINUTE * minute) == zero + MINUTE * expected


open_minutes = st.frozensets(st.integers(0, 120), min_size=1)


def rule_of(minutes: frozenset[int], zero: datetime) -> Callable[[datetime], datetime | None]:
    def open_at(moment: datetime) -> datetime | None:
        later = [zero + MINUTE * m for m in minutes if zero + MINUTE * m >= moment]
        return min(later, default=None)

    return open_at


@given(st.lists(open_minutes, max_size=4), st.integers(0, 120))
def test_first_open_is_the_earliest_moment_at_which_all_rules_hold(rules: list[frozenset[int]], minute: int) -> None:
    zero = datetime(2026, 1, 1, tzinfo=UTC)
    expected = next((m for m in range(minute, 121) if all(m in rule for rule in rules)), None)
    found = first_open([rule_of(rule, zero) for rule in rules], zero + MINUTE * minute)
    assert found == (None if expected is None else zero + MINUTE * expected)


def test_first_open_does_not_look_beyond_the_horizon() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert first_open([lambda moment: max(moment, now + HORIZON)], now) == now + HORIZON
    assert first_open([lambda moment: max(moment, now + HORIZON + MINUTE)], now) is None


def test_rules_that_never_meet_are_given_up() -> None:
    tz = zone("UTC")
    mondays = [Window(frozenset({Weekday.MONDAY}), time(9), time(16))]
    table = Timetable(parse_cadence("week on tuesday at 10:00"), date(2026, 1, 1), tz)
    rules = [lambda moment: windows_open_at(mondays, tz, moment), table.open_at]
    assert first_open(rules, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_departures_come_in_order() -> None:
    dates = iter(parse_cadence("month on second tuesday at 10:00").dates(date(2026, 1, 31), date(2026, 1, 31)))
    first = [next(dates) for _ in range(30)]
    assert all(early < late for early, late in pairwise(first))
    assert first[0] == date(2026, 2, 10)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sometimes", '"sometimes" is not a cadence; write "2 weeks on tuesday at 10:00"'),
        ("week at 10:00", "is not a cadence"),
        ("day at 25:00", '"25:00" is not a time of day; write one such as 09:30'),
        ("week on tusday at 10:00", '"tusday" is not a day of the week; write one such as tuesday or tue'),
        ("month on fifth tuesday at 10:00", '"fifth" is no ordinal'),
        ("0 weeks on tuesday at 10:00", "repeats after 0 periods; write a number from 1 to 366"),
        ("367 days at 10:00", "repeats after 367 periods"),
        ("٢ weeks on tuesday at 10:00", "is not a cadence"),
        ("day at ٠٩:٣٠", "is not a cadence"),
    ],
)
def test_a_cadence_that_is_not_understood_says_what_would_be(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_cadence(text)


@pytest.mark.parametrize("text", ["9:30", "24:00", "09:60", "09:30:00", "٠٩:٣٠", "09:30\n", ""])
def test_a_time_of_day_is_written_in_one_way(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time of day; write one such as 09:30"):
        parse_time(text)


def test_weekdays_are_read_by_name_or_three_letters() -> None:
    assert parse_weekday("Tuesday") is parse_weekday("tue") is Weekday.TUESDAY
    with pytest.raises(ValueError, match='"tues" is not a day of the week'):
        parse_weekday("tues")


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "America", "UTC\0", "a" * 300])
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not an IANA time zone; write one such as Europe/Vienna"):
        zone(name)
