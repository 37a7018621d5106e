"""When the scope of a release is done, against a walk minute by minute, and what a plan makes of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.planning import FEATURE, FRIDAY, planner, preset, small
from tidegate.core.critical_path import critical_path
from tidegate.core.holiday import PublicHolidays
from tidegate.core.scope import Priority, ScopeFile, after_work, schedule
from tidegate.views.scope import scope_view

PACIFIC = ZoneInfo("America/Los_Angeles")
MONDAY = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
"""09:00 in Los Angeles."""


def scope(buffer: float = 0, **features: Any) -> ScopeFile:
    """A scope of features in few words: the days of work that are left, or what else is said of them."""
    said = {name: one if isinstance(one, dict) else {"days": one} for name, one in features.items()}
    whole = {name: {"says": name, "by": ("ann",)} | one for name, one in said.items()}
    return ScopeFile.model_validate({"tidegate-scope": 1, "buffer": buffer, "features": whole}, strict=False)


def done(made: ScopeFile, start: datetime = MONDAY, **more: Any) -> dict[str, str]:
    found = schedule(made, start, PACIFIC, **more)
    return {w.name: f"{w.done_at.astimezone(PACIFIC):%a %H:%M}" for w in found.works if w.done_at}


@settings(max_examples=40)  # each walks up to ten thousand minutes
@given(
    minute=st.integers(0, 365 * 1440),
    minutes=st.integers(1, 3 * 480),
    zone=st.sampled_from(["America/Los_Angeles", "Australia/Lord_Howe", "Pacific/Chatham", "Africa/Casablanca"]),
    free=st.frozensets(st.dates(date(2026, 1, 1), date(2027, 1, 1)), max_size=9),
)
def test_work_is_done_when_so_many_minutes_of_work_have_passed(
    minute: int, minutes: int, zone: str, free: frozenset[date]
) -> None:
    tz, begun = ZoneInfo(zone), datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    left, moment = minutes, begun
    while left:
        here = moment.astimezone(tz)
        left -= here.weekday() < 5 and here.date() not in free and 9 <= here.hour < 17
        moment += timedelta(minutes=1)
    days = [day.isoformat() for day in free]
    assert after_work(begun, Fraction(minutes, 480), tz, days) == moment


def test_one_person_does_the_more_important_first() -> None:
    made = scope(late={"days": 1, "priority": "could"}, first=0.5, second=1)
    assert done(made) == {"first": "Mon 13:00", "second": "Tue 13:00", "late": "Wed 13:00"}


def test_people_work_beside_each_other_and_share_what_they_do_together() -> None:
    made = scope(apart={"days": 2, "by": ("ben",)}, mine=1, together={"days": 2, "by": ("ann", "ben")})
    assert done(made) == {"apart": "Tue 17:00", "mine": "Mon 17:00", "together": "Wed 17:00"}


def test_what_nobody_is_named_for_is_taken_to_be_begun_now() -> None:
    made = scope(alone={"days": 1, "by": ()}, mine=1)
    assert done(made) == {"alone": "Mon 17:00", "mine": "Mon 17:00"}
    assert [work.name for work in schedule(made, MONDAY, PACIFIC).works if work.unassigned] == ["alone"]


def test_what_is_done_or_dropped_takes_no_time() -> None:
    made = scope(one={"state": "done"}, two={"days": 9, "state": "dropped"})
    found = schedule(made, MONDAY, PACIFIC)
    assert (found.complete_at, found.days, done(made)) == (MONDAY, 0, {})


def test_the_buffer_is_added_to_the_time_of_the_busiest() -> None:
    assert schedule(scope(buffer=50, one=2), MONDAY, PACIFIC).complete_at == MONDAY + timedelta(days=2, hours=8)


def test_nobody_works_on_weekends_and_public_holidays() -> None:
    # Thanksgiving is the Thursday.
    known = PublicHolidays("US", "", date(2026, 1, 1), date(2026, 12, 31), {"2026-11-26": "Thanksgiving"})
    assert done(scope(one=4)) == {"one": "Thu 17:00"}
    assert done(scope(one=4), holidays=[known]) == {"one": "Fri 17:00"}
    assert done(scope(one=5), holidays=[known]) == {"one": "Mon 17:00"}


def test_what_is_left_out_takes_no_time() -> None:
    made = scope(one=1, two={"days": 1, "priority": "should"})
    assert done(made, without={"one"}) == {"two": "Mon 17:00"}
    assert done(made, up_to=Priority.MUST) == {"one": "Mon 17:00"}


def test_what_takes_years_is_done_never() -> None:
    found = schedule(scope(**{f"f{number}": 400 for number in range(5)}), MONDAY, PACIFIC)
    assert found.complete_at is None


def test_the_scope_decides_on_the_date() -> None:
    burdened, view = scope_view(planner(small(), "shop", "minor", changes=(FEATURE,)), scope(one=3), "s.yaml")
    assert view.complete_at == datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    assert (burdened.course().earliest, view.if_done) == (view.complete_at, FRIDAY)
    assert [step.what for step in critical_path(burdened)] == ["the scope decides; without it: at once"]


def test_a_feature_is_late_where_it_moves_the_date() -> None:
    plan = planner(preset("7d"), "billing", "minor", changes=(FEATURE,))
    made = scope(quick=1, slow={"days": 9, "by": ("ben",), "priority": "could"})
    burdened, view = scope_view(plan, made, "s.yaml")
    assert [(f.name, f.late, f.without) for f in view.features] == [
        ("quick", False, None),
        ("slow", True, view.if_done),
    ]
    # The freeze of two days before the train of 15 December is past when the slow one is done, but for the buffer.
    assert (view.if_done, burdened.course().earliest) == (
        datetime(2026, 12, 1, 18, 0, tzinfo=UTC),
        datetime(2026, 12, 15, 18, 0, tzinfo=UTC),
    )
    assert [(cut.without, cut.earliest) for cut in view.cuts] == [
        (("could",), view.if_done),
        (("could", "should"), view.if_done),
    ]


def test_a_scope_that_takes_years_goes_never() -> None:
    made = scope(**{f"f{number}": 400 for number in range(5)})
    burdened, view = scope_view(planner(small(), "shop", "minor", changes=(FEATURE,)), made, "s.yaml")
    assert (view.complete_at, burdened.course().earliest) == (None, None)


@pytest.mark.parametrize(
    "wrong", [{"days": 0}, {"days": -1}, {"days": 401}, {"priority": "very"}, {"state": "maybe"}, {"effort": 3}]
)
def test_what_no_scope_may_say(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        scope(one=wrong)
