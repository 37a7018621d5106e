"""A first file of cases: for every policy that can be asked it passes as it stands, and says what was decided."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from tests.support.cases import book
from tests.support.facts import compiled, rulebook
from tests.support.strategies import demands, document
from tidegate.core.policytest import Judged, coverage_of, judged
from tidegate.core.policytest.first import first_cases
from tidegate.core.rulebook import Rulebook
from tidegate.errors import UsageError
from tidegate.policyfile.cases import load_cases, trials_of

NOW = datetime(2026, 11, 25, 14, 47, 31, tzinfo=UTC)


def run(policy: Rulebook, now: datetime = NOW) -> dict[str, Judged]:
    """The cases that are written, by name, read back and asked."""
    loaded = load_cases(first_cases(policy, now).encode(), "first.yaml")
    return {trial.name: judged(trial) for trial in trials_of(loaded, policy, lambda name: policy)}


def test_a_first_file_says_what_may_go_and_what_may_not() -> None:
    found = run(book())
    assert {name: one.decision.allowed for name, one in found.items()} == {
        "a minor release may go to production": True,
        "a minor release of which nothing is ready may not go to production": False,
        "a hotfix release may go to production": True,
        "a hotfix release of which nothing is ready may not go to production": False,
    }
    assert [one.problems for one in found.values()] == [()] * 4
    coverage = coverage_of(book().policy, [(one.trial, one.decision) for one in found.values()])
    assert coverage.percent >= 60


TEXT = """\
# How 7D Solutions decides, as cases: run them with `tidegate policy test`. Each expects what was decided when it was
# written; change the facts and the expectations to what you mean. All keys: docs/reference/policy-tests.md.
tidegate-tests: 1

facts:
  minor:
    release: {type: minor, component: billing, changes: [feat], announced: -8d}
    evidence: {tests: {total: 10, failed: 0}}
    approvals: [alice]

cases:
  - name: a minor release may go to production
    at: 2026-11-25T06:47
    given: minor
    ask: {environment: production, by: olga}
    expect: allow
  - name: a minor release of which nothing is ready may not go to production
    at: 2026-11-25T06:47
    given: {release: {type: minor, component: billing, changes: [feat]}}
    ask: {environment: production, by: olga}
    expect: {deny: [approval.owners, notice.announced, notice], cannot tell: [gate.tests]}
"""


def test_the_text_of_a_first_file() -> None:
    policy = rulebook(release_types={"hotfix": None, "minor": {"notice": "7d", "approvals": [{"from": "$owners"}]}})
    assert first_cases(policy, NOW) == TEXT


@settings(max_examples=40, deadline=None)
@given(demands)
def test_a_first_file_passes_whatever_the_policy_demands(demanded: frozenset[str]) -> None:
    found = run(compiled(document(demanded)))
    assert [one.problems for one in found.values()] == [()] * len(found)
    assert found["a hotfix release may go to production"].decision.allowed


CONDITIONS = {
    "a share": ("coverage", "coverage.line >= 0.80 && coverage.line < 0.95"),
    "a count to reach": ("reviews", "reviews.approved >= 25"),
    "a limit of a length of time": ("performance", "performance.p95_ms < 200.0"),
    "truth values": ("backup", "backup.verified && backup.offsite"),
    "nothing found": ("accessibility", "accessibility.violations == 0"),
    "a failure that is wanted": ("drill", "!drill.succeeded || drill.succeeded"),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_values_are_found_that_meet_a_condition(name: str) -> None:
    kind, condition = CONDITIONS[name]
    gate = {"evidence": kind, "pass": condition}
    policy = rulebook(gates={"it": gate}, environments={"production": {"gates": ["it"]}})
    assert run(policy)["a minor release may go to production"].decision.allowed


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        (
            {"gates": {"no": {"evidence": "junit", "pass": "tests.total == 3 && tests.passed == 77"}}},
            "a minor release may not go to production, whatever is given",
        ),
        (
            {"environments": {"production": {"windows": []}}},
            "a minor release may not go to production, whatever is given",
        ),
        ({"permits": {"start": []}}, "a minor release may not go to production, whatever is given"),
        (
            {"release_types": {"minor": {"approvals": [{"from": "tech-leads", "count": 9}]}}},
            "a minor release may not go to production, whatever is given",
        ),
    ],
)
def test_what_can_never_go_is_said_so(changes: dict[str, Any], name: str) -> None:
    if "gates" in changes:
        changes = {**changes, "environments": {"production": {"gates": ["no"]}}}
    found = run(rulebook(**changes))
    assert found[name].problems == ()
    assert not found[name].decision.allowed


def test_names_that_yaml_would_read_otherwise_are_quoted() -> None:
    policy = rulebook(
        people={"true": {"name": "True", "groups": ["0x1f"]}, "007": {"name": "Bond", "groups": ["ops"]}},
        permits={"start": ["007"]},
        release_types={"minor": None, "hotfix": None, "1.0": {"bump": "minor", "approvals": [{"from": "0x1f"}]}},
    )
    found = run(policy)
    assert [one.problems for one in found.values()] == [(), ()]
    assert found["a 1.0 release may go to production"].decision.allowed


def test_a_moment_that_a_civil_time_does_not_name_is_an_instant() -> None:
    # On 1 November 2026 the clocks of Los Angeles are set back: 01:30 occurs twice, and this is the second time.
    text = first_cases(rulebook(), datetime(2026, 11, 1, 9, 30, tzinfo=UTC))
    assert "at: 2026-11-01T09:30:00Z" in text
    assert all(not one.problems for one in run(rulebook(), datetime(2026, 11, 1, 9, 30, tzinfo=UTC)).values())


def test_several_environments_for_production_have_facts_of_their_own() -> None:
    policy = rulebook(environments={"europe": {"purpose": "production", "gates": ["smoke"]}})
    found = run(policy)
    assert len(found) == 8
    assert found["a minor release may go to europe"].decision.allowed


@pytest.mark.parametrize("missing", ["components", "release_types", "environments"])
def test_a_policy_that_nothing_can_be_asked_of_is_refused(missing: str) -> None:
    empty: dict[str, Any] = {"trains": None, missing: None}
    if missing == "environments":
        empty["permits"] = None
    with pytest.raises(UsageError, match="there is nothing to ask this policy about"):
        first_cases(rulebook(**empty), NOW)
