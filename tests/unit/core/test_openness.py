"""When an environment is open: spans beside a sweep that asks at every quarter of an hour."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.planning import preset, small
from tidegate.core.calendar import instant
from tidegate.core.openness import Open, openings, ordinary_type
from tidegate.core.rulebook import Rulebook

QUARTER = timedelta(minutes=15)
WINDOW = {"days": "mon-thu", "from": "09:00", "to": "16:00"}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def spans(book: Rulebook, start: datetime, end: datetime, **asked: str) -> list[tuple[datetime, datetime]]:
    return [(one.opens, one.closes) for one in openings(book, "production", start, end, **asked)]


def test_what_asks_for_nothing_is_open_all_the_time() -> None:
    start, end = utc(2026, 11, 20), utc(2026, 11, 30)
    assert openings(small(), "production", start, end) == (Open("production", start, end),)


def test_windows_and_blackouts_and_trains_close_it() -> None:
    start, end = utc(2026, 11, 20, 8), utc(2026, 12, 4, 8)
    windowed = small(environments={"production": {"windows": [WINDOW]}})
    assert spans(windowed, start, end)[:2] == [
        (utc(2026, 11, 23, 17), utc(2026, 11, 24)),
        (utc(2026, 11, 24, 17), utc(2026, 11, 25)),
    ]
    closed = {"blackouts": [{"name": "sale", "from": "2026-11-23", "to": "2026-12-01", "except": ["patch"]}]}
    blacked = small(environments={"production": {"windows": [WINDOW]}}, calendar=closed)
    assert spans(blacked, start, end) == [
        (utc(2026, 12, 2, 17), utc(2026, 12, 3)),
        (utc(2026, 12, 3, 17), utc(2026, 12, 4)),
    ]
    assert spans(blacked, start, end, type_="patch") == spans(windowed, start, end)
    trains = {"weekly": {"of": {"component": "shop"}, "every": "week on tuesday at 10:00", "lasts": "2h"}}
    ridden = small(trains=trains)
    assert spans(ridden, start, end, component="shop") == [
        (utc(2026, 11, 24, 18), utc(2026, 11, 24, 20)),
        (utc(2026, 12, 1, 18), utc(2026, 12, 1, 20)),
    ]
    assert spans(ridden, start, end) == [(start, end)]


def test_a_notice_and_a_horizon_are_of_a_release_and_close_no_environment() -> None:
    kind = {"minor": {"bump": "minor", "notice": "30d", "horizon": "1-2 months", "frequency": "yearly"}}
    start, end = utc(2026, 11, 20), utc(2026, 11, 21)
    assert spans(small(release_types=kind), start, end, type_="minor") == [(start, end)]


def test_what_never_opens_has_no_spans() -> None:
    never = small(environments={"production": {"windows": []}})
    assert spans(never, utc(2026, 11, 20), utc(2027, 11, 20)) == []


def test_the_ordinary_type_is_the_one_that_skips_the_least() -> None:
    assert ordinary_type(preset("7d").policy) == "major"
    assert ordinary_type(small(release_types={"minor": None, "patch": None, "major": None}).policy) == ""


def swept(book: Rulebook, start: datetime, end: datetime, component: str) -> list[tuple[datetime, datetime]]:
    """Ask at every quarter of an hour by itself, and join what touches."""
    found: list[list[datetime]] = []
    moment = start
    while moment < end:
        one = openings(book, "production", moment, moment + timedelta(seconds=1), component=component)
        if one and one[0].opens == moment:
            if found and found[-1][1] == moment:
                found[-1][1] = min(end, moment + QUARTER)
            else:
                found.append([moment, min(end, moment + QUARTER)])
        moment += QUARTER
    return [(opens, closes) for opens, closes in found]


TIME = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30, 45])).map(lambda t: f"{t[0]:02d}:{t[1]:02d}")
WINDOWS = st.none() | st.lists(
    st.fixed_dictionaries({"days": st.sampled_from(["mon-sun", "sat,sun", "mon-wed"]), "from": TIME, "to": TIME}),
    max_size=2,
)
CLOCKS = (
    ("America/Los_Angeles", date(2026, 3, 7)), ("America/Los_Angeles", date(2026, 10, 31)),
    ("Australia/Lord_Howe", date(2026, 4, 4)), ("Australia/Lord_Howe", date(2026, 10, 3)),
    ("Africa/Casablanca", date(2026, 2, 14)), ("Pacific/Chatham", date(2026, 9, 26)), ("Etc/UTC", date(2028, 2, 28)),
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(CLOCKS), WINDOWS, st.booleans(), st.booleans(), TIME)
def test_spans_are_what_a_sweep_finds(
    clock: tuple[str, date], windows: Any, blackout: bool, train: bool, departs: str
) -> None:
    name, first = clock
    changes: dict[str, Any] = {"timezone": name}
    if windows is not None:
        changes["environments"] = {"production": {"windows": windows}}
    if blackout:
        day = first + timedelta(days=1)
        changes["calendar"] = {"blackouts": [{"name": "closed", "from": str(day), "to": str(day)}]}
    if train:
        changes["trains"] = {"daily": {"of": {"component": "shop"}, "every": f"day at {departs}", "lasts": "5h"}}
    book = small(**changes)
    start = instant(first, time(0), ZoneInfo(name))
    end = start + timedelta(days=2, hours=6)
    assert spans(book, start, end, component="shop") == swept(book, start, end, "shop")


@pytest.mark.parametrize("name", ["7d", "towne-park", "helpdesk", "mokowaas", "mokocrm"])
def test_the_presets_have_spans_for_a_year(name: str) -> None:
    book = preset(name)
    start, end = utc(2026, 1, 1), utc(2027, 1, 1)
    for environment in book.policy.environments:
        found = openings(book, environment, start, end)
        assert all(one.opens < one.closes for one in found)
        assert [one.opens for one in found] == sorted(one.opens for one in found)
