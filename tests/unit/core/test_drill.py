"""When a drill is due again: one period after the last, by the policy's clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.drill import Drilled, due_at, last_good
from tidegate.core.policy import Drill

ZONE = ZoneInfo("America/Los_Angeles")


def drill(every: str) -> Drill:
    return Drill(title="Way back", of="rollback", every=every)


@pytest.mark.parametrize(
    ("every", "last", "due"),
    [
        ("quarterly", "2026-12-01T10:00", "2027-03-01T10:00"),
        ("quarterly", "2026-11-30T10:00", "2027-02-28T10:00"),
        ("quarterly", "2023-11-30T10:00", "2024-02-29T10:00"),
        ("quarterly or as needed", "2026-01-15T10:00", "2026-04-15T10:00"),
        ("monthly", "2026-12-31T23:59", "2027-01-31T23:59"),
        ("yearly", "2024-02-29T10:00", "2025-02-28T10:00"),
        ("every 2 weeks", "2026-03-01T10:00", "2026-03-15T10:00"),
        ("daily", "2026-10-31T10:00", "2026-11-01T10:00"),
    ],
)
def test_it_is_due_one_period_later_by_the_clock_on_the_wall(every: str, last: str, due: str) -> None:
    held = datetime.fromisoformat(last).replace(tzinfo=ZONE).astimezone(UTC)
    found = due_at(drill(every), held, ZONE)
    assert found is not None
    assert found.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M") == due


def test_what_has_no_period_is_never_due() -> None:
    assert due_at(drill("on demand"), datetime(2026, 1, 1, tzinfo=UTC), ZONE) is None


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(["daily", "weekly", "every 3 months", "quarterly", "yearly"]),
)
def test_it_is_due_after_it_was_held(last: datetime, every: str) -> None:
    found = due_at(drill(every), last, ZONE)
    assert found is not None
    assert last < found <= last + timedelta(days=366 + 1)


def test_the_newest_that_succeeded_and_counts_is_the_last() -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)

    def held(number: int, **changes: object) -> Drilled:
        settings = {"name": "way-back", "at": now - timedelta(days=number), "succeeded": True, "by": "rita"}
        return Drilled(id=f"drill-{number}", **{**settings, **changes})  # type: ignore[arg-type]

    good = held(9)
    others = [
        held(1, succeeded=False),
        held(2, invalid="nobody has signed"),
        held(3, name="alarm"),
        held(-1),
        held(10),
    ]
    assert last_good([*others, good], "way-back", now) == good
    assert last_good(others[:4], "way-back", now) is None
