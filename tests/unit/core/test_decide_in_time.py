from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.support.facts import (
    HOUR,
    HOUSE,
    NOW,
    against,
    asked,
    compiled,
    facts,
    hold,
    question,
    rulebook,
)
from tests.support.strategies import (
    GOOD,
    GOOD_RELEASE,
    demands,
    document,
    late,
    moments,
    somewhat_damaged,
    times,
)
from tidegate.core.actor import Actor
from tidegate.core.calendar import HORIZON
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Facts
from tidegate.core.release import ReleaseState
from tidegate.core.verdict import Verdict

# Building a policy takes longer than deciding by it, and is done once for each.
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EMPTY = compiled({key: HOUSE[key] for key in ("tidegate", "organization", "timezone")})
FORWARD = (Action.START, Action.CONTINUE)


def going(action: Action, by: str | Actor = "olga", environment: str = "production") -> Question:
    return question(action, environment, by, granted=GOOD_RELEASE.subject_for(environment))


def under_way(known: Facts, action: Action) -> Facts:
    state = ReleaseState.ROLLING if action is Action.CONTINUE else ReleaseState.OPEN
    return replace(known, release=replace(known.release, state=state))


# ---- time


@settings(max_examples=30, deadline=None)
@given(times, late, st.integers(0, 8 * 24), st.sampled_from([0, 17, 59]))
def test_next_possible_is_the_earliest_moment(asks: frozenset[str], known: Facts, hours: int, minutes: int) -> None:
    """Held against every hour of ten days; all that changes, changes on the hour."""
    policy = compiled(document(asks))
    now = NOW + timedelta(hours=hours, minutes=minutes)
    decision = asked(known, policy, now=now)
    next_hour = now.replace(minute=0) + HOUR
    moments_of_ten_days = [now, *(next_hour + n * HOUR for n in range(10 * 24))]
    first = next((m for m in moments_of_ten_days if asked(known, policy, now=m).allowed), None)
    assert decision.blocked_by_time_only is not decision.allowed
    if first is None:
        assert decision.next_possible is None or decision.next_possible > moments_of_ten_days[-1]
    else:
        assert decision.next_possible == first


@PROPERTY
@given(times, late, moments)
def test_what_is_not_about_time_does_not_move_the_next_possible_moment(
    asks: frozenset[str], known: Facts, now: datetime
) -> None:
    assume(all(v.at <= now for v in known.verified))
    policy = compiled(document(asks | {"a gate", "the owners"}))
    whole = asked(known, policy, now=now)
    damaged = asked(replace(known, evidence=(), approvals=(), holds=(*known.holds, hold(id="x"))), policy, now=now)
    assert damaged.next_possible == whole.next_possible
    assert not damaged.blocked_by_time_only


@PROPERTY
@given(demands, somewhat_damaged, moments)
def test_blocked_by_time_only_says_whether_waiting_is_enough(asks: frozenset[str], known: Facts, now: datetime) -> None:
    """What was said or found after ``now`` is left out: it would be news, not waiting."""
    old = replace(
        known,
        verified=tuple(v for v in known.verified if v.at <= now),
        evidence=tuple(e for e in known.evidence if e.taken_at <= now),
    )
    policy = compiled(document(asks))
    decision = asked(old, policy, now=now)
    if decision.next_possible is not None:
        then = asked(old, policy, now=decision.next_possible)
        assert then.allowed is (decision.allowed or decision.blocked_by_time_only)


@PROPERTY
@given(demands, somewhat_damaged, moments, st.sampled_from([Action.CONTINUE, Action.ROLLBACK]))
def test_time_never_stops_a_rollback_and_only_holds_stop_what_is_under_way(
    asks: frozenset[str], known: Facts, now: datetime, action: Action
) -> None:
    decision = asked(under_way(known, action), compiled(document(asks)), going(action), now)
    timed = {f.rule for f in decision.findings if f.time_only}
    assert timed <= ({"hold"} if action is Action.CONTINUE else set())


@PROPERTY
@given(demands, somewhat_damaged, moments)
def test_a_rollback_is_stopped_by_permission_target_and_data_alone(
    asks: frozenset[str], known: Facts, now: datetime
) -> None:
    decision = asked(known, compiled(document(asks)), going(Action.ROLLBACK), now)
    beside = {f.rule for f in decision.findings if f.rule.startswith("required.")}
    assert all(f.verdict is Verdict.ALLOW for f in decision.findings if f.rule in beside)
    assert {f.rule for f in decision.findings} - beside <= {
        "environment.known",
        "actor.permitted",
        "rollback.target",
        "rollback.data",
    }


@PROPERTY
@given(demands, moments)
def test_what_was_granted_is_not_asked_again_at_a_checkpoint(asks: frozenset[str], now: datetime) -> None:
    """Windows, trains, freezes and evidence stay as they were granted; approvals are asked again, and stand."""
    known = replace(under_way(GOOD, Action.CONTINUE), evidence=(), verified=())
    decision = asked(known, compiled(document(asks)), going(Action.CONTINUE), now)
    assert against(decision) == []


@pytest.mark.parametrize(
    ("policy", "known"),
    [
        ({"environments": {"production": {"windows": []}}}, facts()),
        ({"calendar": {"blackouts": [{"name": "ages", "from": "2026-12-01", "to": "2028-01-06"}]}}, facts()),
        ({"trains": {"t": {"of": {"kind": "module"}, "every": "day at 10:00", "from": "2028-01-07"}}}, facts()),
        ({}, facts(holds=(hold(expires_at=NOW + HORIZON + timedelta(microseconds=1)),))),
        (
            # Each of the two opens; never both.
            {
                "environments": {"production": {"windows": [{"days": "fri"}]}},
                "trains": {"t": {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10"}},
            },
            facts(),
        ),
    ],
)
def test_beyond_four_hundred_days_nothing_is_foreseen(policy: dict[str, Any], known: Facts) -> None:
    decision = asked(known, rulebook(**policy))
    assert (decision.next_possible, decision.blocked_by_time_only) == (None, True)


def test_four_hundred_days_are_still_foreseen() -> None:
    decision = asked(facts(holds=(hold(expires_at=NOW + HORIZON),)))
    assert decision.next_possible == NOW + HORIZON


def test_an_allowed_question_is_possible_now() -> None:
    assert asked().next_possible == NOW
    assert asked(facts(way_back=()), about=going(Action.ROLLBACK)).next_possible == NOW
