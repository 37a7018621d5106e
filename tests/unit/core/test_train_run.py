"""The times of a run, who rides, and what still joins; the departures against a plain walk over the days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import DAY, HOUR, release, rulebook
from tests.support.facts import item as an_item
from tidegate.core.calendar import Cadence, Departure, Timetable, Weekday, zone
from tidegate.core.facts import Change
from tidegate.core.policy import Freeze
from tidegate.core.train_run import (
    TRAIN_RUN,
    RunEvent,
    RunState,
    departure_after,
    departures,
    joined_since,
    not_let_in,
    riders,
    rides,
    run_of,
)
from tidegate.errors import TransitionError

DEPARTS = datetime(2026, 12, 8, 18, tzinfo=UTC)
CLOSES = DEPARTS + 14 * HOUR


def house(freeze: dict[str, Any] | None = None, **train: Any) -> Any:
    said = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", **train}
    environment = {"freeze": freeze} if freeze else {}
    return rulebook(trains={"modules": said}, environments={"production": environment})


@pytest.mark.parametrize(
    ("freeze", "opens", "boards", "locks"),
    [
        (None, None, timedelta(0), timedelta(0)),
        (None, "3d", 3 * DAY, timedelta(0)),
        ({"before": "2d"}, None, 2 * DAY, 2 * DAY),
        ({"before": "2d"}, "8d", 8 * DAY, 2 * DAY),
        ({"before": "2d"}, "1d", 2 * DAY, 2 * DAY),
        ({"before": "2d"}, "by-hand", 2 * DAY, 2 * DAY),
    ],
)
def test_when_a_run_boards_and_locks(
    freeze: dict[str, Any] | None, opens: str | None, boards: timedelta, locks: timedelta
) -> None:
    book = house(freeze, **({"opens": opens} if opens else {}))
    run = run_of(book.policy, "modules", Departure(DEPARTS, CLOSES))
    assert (DEPARTS - run.boards_at, DEPARTS - run.locks_at) == (boards, locks)
    assert run.boards_at <= run.locks_at <= run.departs_at < run.closes_at


def test_all_components_of_the_kind_ride_and_types_that_skip_the_train_do_not() -> None:
    book = rulebook(
        trains={"modules": {"of": {"kind": "module"}, "every": "day at 10:00"}},
        release_types={"hotfix": {"bump": "patch", "skips": ["train"]}},
    )
    assert riders(book.policy, "modules") == ["billing", "identity"]
    assert [name for name in ("minor", "hotfix", "unknown") if rides(book.policy, name)] == ["minor"]


def test_what_joined_since_is_what_the_older_release_does_not_have() -> None:
    known, new = Change("a", "feat", "x"), Change("b", "fix", "y")
    assert joined_since(release(an_item(changes=(known,))), [known, new]) == [new]


@pytest.mark.parametrize(
    ("change", "joins"),
    [
        (Change("a", "fix", "x"), True),
        (Change("a", "feat", "x"), False),
        (Change("a", "", "x"), False),
        (Change("a", "fix", "x", breaking=True), False),
    ],
)
def test_what_the_freeze_lets_in(change: Change, joins: bool) -> None:
    freeze = Freeze(before=2 * DAY, allow=("fix",))
    assert (not_let_in(freeze, [change]) == []) is joins


def test_nothing_follows_what_is_over() -> None:
    assert [state for state in RunState if TRAIN_RUN.is_final(state)] == [RunState.CLOSED, RunState.MISSED]
    with pytest.raises(TransitionError, match=r"^a train run that is planned cannot be departed$"):
        TRAIN_RUN.next(RunState.PLANNED, RunEvent.DEPARTED)


_ZONES = st.sampled_from(["America/Los_Angeles", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Chatham"])
_TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))


@given(_ZONES, _TIMES, st.sampled_from(list(Weekday)), st.integers(0, 600 * 24))
def test_the_departures_are_those_of_a_walk_over_the_days(name: str, at: time, weekday: Weekday, hours: int) -> None:
    table = Timetable(Cadence(at, weeks=1, weekday=weekday), date(2026, 1, 1), zone(name))
    after = datetime(2026, 1, 10, tzinfo=UTC) + timedelta(hours=hours)
    until = after + 30 * DAY
    found = [one.opens for one in departures(table, after, until)]
    # Day by day, by the civil clock alone: the first minute of the day at or after the time.
    walked = []
    day = after.astimezone(zone(name)).date() - timedelta(days=1)
    while day <= until.astimezone(zone(name)).date():
        if day.weekday() == weekday:
            walked.append(_first_minute(day, at, name))
        day += timedelta(days=1)
    assert found == [moment for moment in walked if after < moment <= until]


def _first_minute(day: date, at: time, name: str) -> datetime:
    start = datetime.combine(day, time(0), zone(name)).astimezone(UTC) - timedelta(hours=3)
    minutes = (start + timedelta(minutes=n) for n in range(32 * 60))
    for moment in minutes:
        local = moment.astimezone(zone(name))
        if (local.date(), local.time()) >= (day, at):
            return moment
    raise AssertionError("the day has no end")


def test_the_first_departure_comes_strictly_after() -> None:
    table = Timetable(Cadence(time(10), days=1), date(2026, 1, 1), zone("UTC"))
    first = departure_after(table, datetime(2026, 1, 5, 10, tzinfo=UTC))
    assert first is not None
    assert first.opens == datetime(2026, 1, 6, 10, tzinfo=UTC)
