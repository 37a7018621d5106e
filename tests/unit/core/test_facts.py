from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.support.facts import NOW, asked, compiled, evidence, facts, found, hold, item, question, release, rulebook
from tests.support.strategies import DEMANDS, GOOD, demands, document, moments, questions, somewhat_damaged
from tidegate.core.canonical import canonical
from tidegate.core.decision import Question
from tidegate.core.facts import Facts, Hold
from tidegate.core.verdict import Verdict

FACTS, QUESTION = TypeAdapter(Facts), TypeAdapter(Question)
NUMBERS = st.sampled_from([0.0, 1.0, -0.0, 0.5, 1e16, 1e300, 10, 2**53 - 1, "1", True, None])


def again(known: Facts) -> Facts:
    """The facts as they are read years later."""
    return FACTS.validate_json(canonical(known))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(demands, somewhat_damaged, questions, moments, st.lists(NUMBERS, min_size=3, max_size=3))
def test_a_decision_can_be_made_again(
    asks: frozenset[str], known: Facts, about: Question, now: datetime, numbers: list[object]
) -> None:
    values = dict(zip(("total", "failed", "line"), numbers, strict=True))
    odd = replace(known, evidence=(*known.evidence, evidence(values=values, source="odd")))
    policy = compiled(document(asks))
    asked_again = QUESTION.validate_json(canonical(about))
    assert (again(odd), asked_again) == (odd, about)
    assert canonical(again(odd)) == canonical(odd)
    first, second = asked(odd, policy, about, now), asked(again(odd), policy, asked_again, now)
    assert second == first
    assert canonical(second.as_dict()) == canonical(first.as_dict())


@pytest.mark.parametrize("value", [0.0, 0])
def test_a_whole_number_is_the_same_however_it_was_given(value: float) -> None:
    known = facts(evidence=(evidence(values={"failed": value}),))
    finding = found(asked(known), "gate.tests")
    assert (finding.verdict, found(asked(again(known)), "gate.tests")) == (Verdict.ALLOW, finding)
    assert "tests.failed = 0)" in finding.message


def test_a_whole_share_is_still_a_share() -> None:
    known = facts(evidence=(evidence(), evidence("coverage", values={"line": 1.0})))
    policy = rulebook(environments={"production": {"gates": ["coverage"]}})
    finding = found(asked(known, policy), "gate.coverage")
    assert finding.message == "coverage from ci: coverage.line >= 0.80: allow (coverage.line = 1.0)"
    assert found(asked(again(known), policy), "gate.coverage") == finding


def test_facts_that_meet_everything_are_read_again() -> None:
    assert again(GOOD) == GOOD
    policy = compiled(document(DEMANDS))
    assert asked(again(GOOD), policy) == asked(GOOD, policy)


@pytest.mark.parametrize(
    ("one", "component", "environment", "concerned"),
    [
        (hold(), "billing", "production", True),
        (hold(component="billing"), "billing", "staging", True),
        (hold(component="billing"), "identity", "staging", False),
        (hold(environment="staging"), "identity", "staging", True),
        (hold(environment="staging"), "identity", "production", False),
        (hold(environment="staging", component="billing"), "identity", "staging", False),
    ],
)
def test_whom_a_hold_concerns(one: Hold, component: str, environment: str, concerned: bool) -> None:
    assert one.concerns(component, environment) is concerned


def test_facts_are_compared_by_value() -> None:
    assert facts() == facts(release(item()))
    assert facts() != facts(release(item(authors=())))
    assert question() == question()
    assert NOW.tzinfo is not None
