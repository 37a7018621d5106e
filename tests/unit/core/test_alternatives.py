"""What else could be done, when that could go, and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.support.planning import BREAKING, FRIDAY, planner, preset, small
from tidegate.core.alternatives import Alternative, Kind, alternatives
from tidegate.core.course import Planner


def found(plan: Planner) -> dict[str, Alternative]:
    return {one.what: one for one in alternatives(plan, plan.course())}


def test_a_major_release_of_7d_has_types_exceptions_and_later_trains() -> None:
    offered = found(planner(preset("7d"), "billing", "major", changes=(BREAKING,)))
    emergency = offered["release it as emergency"]
    assert emergency.earliest == FRIDAY
    assert emergency.costs == (
        "leave out what exceeds patch: 1 change",
        "only for: Production down, Security breach or Data loss risk",
        "an emergency is declared by on-call",
        "skips blackouts, freeze, notice, soak, train and windows",
        "approved by on-call",
        "owes a post-mortem within 5 days",
    )
    assert offered["release it as minor"].costs[1] == "approved by 2 of module-team and tech-leads"
    everything = offered[
        "an exception from 30 days' notice, the modules train, the milestone code-freeze (-2d) and "
        "24 hours' soak in staging"
    ]
    assert (everything.kind, everything.earliest) == (Kind.EXCEPTION, FRIDAY)
    assert everything.costs == (
        "a change of the policy, approved by tech-leads: release_types.major.skips: [notice, train, freeze, soak]",
    )
    trains = [one for one in alternatives(*_walked("7d")) if one.kind is Kind.LATER_TRAIN]
    assert [(one.earliest, one.costs) for one in trains] == [
        (datetime(2027, 1, 12, 18, tzinfo=UTC), ("14 days later",)),
        (datetime(2027, 1, 26, 18, tzinfo=UTC), ("28 days later",)),
        (datetime(2027, 2, 9, 18, tzinfo=UTC), ("42 days later",)),
    ]


def _walked(name: str) -> tuple[Planner, Any]:
    plan = planner(preset(name), "billing", "major", changes=(BREAKING,))
    return plan, plan.course()


def test_an_exception_is_true_to_what_the_policy_would_then_say() -> None:
    kind: dict[str, Any] = {"bump": "minor", "notice": "9d"}
    for skips in ([], ["notice"]):
        plan = planner(small(release_types={"minor": {**kind, "skips": skips}}))
        if skips:
            assert plan.course().earliest == FRIDAY
        else:
            assert found(plan)["an exception from 9 days' notice"].earliest == FRIDAY


def test_what_no_type_may_skip_has_no_exception() -> None:
    asked = {"minor": {"bump": "minor", "horizon": "1-2 months", "timeline": "2-4 weeks"}}
    offered = found(planner(small(release_types=asked)))
    assert {one.kind for one in offered.values()} == {Kind.TYPE}
    assert set(offered) == {"release it as patch", "release it as major"}


def test_a_window_that_never_opens_can_be_skipped_and_is_never_waited_for() -> None:
    never = small(environments={"production": {"windows": []}})
    offered = found(planner(never))
    assert offered["an exception from the windows of production"].earliest == FRIDAY
    assert offered["release it as patch"].earliest is None
    assert not [one for one in offered.values() if one.kind is Kind.LATER_TRAIN]


def test_later_trains_end_where_the_calendar_does() -> None:
    yearly = {
        "rare": {"of": {"component": "shop"}, "every": "12 months on first tuesday at 10:00", "from": "2026-12-01"}
    }
    offered = [one for one in found(planner(small(trains=yearly))).values() if one.kind is Kind.LATER_TRAIN]
    # That is 382 days away; the one after it is more than anybody looks ahead.
    assert [one.earliest for one in offered] == [datetime(2027, 12, 7, 18, tzinfo=UTC)]
