"""The level of risk: from impact and probability, and beside it from facts, which never lower it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.policy import Risk
from tidegate.core.risk import RiskFacts, factors, factual_level, level_of, stated_level

LEVELS = ("low", "medium", "high")
DIAGONAL = {"low": {"low": "low"}, "medium": {"medium": "medium"}, "high": {"high": "high"}}
COUNTS = ("commits", "files", "lines", "migrations", "breaking", "broken_files", "days_since_deploy", "failures")
QUIET = RiskFacts(days_since_deploy=0)


def risk(**settings: Any) -> Risk:
    return Risk.model_validate_json(json.dumps({"matrix": DIAGONAL, **settings}))


@pytest.mark.parametrize(
    ("impact", "probability", "level", "undecided"),
    [
        ("low", "low", "low", False),
        ("high", "high", "high", False),
        ("high", "low", "high", True),
        ("low", "medium", "medium", True),
        ("low", "dire", "low", True),
        ("dire", "dire", "", True),
    ],
)
def test_an_undecided_cell_is_the_higher_of_the_two(impact: str, probability: str, level: str, undecided: bool) -> None:
    assert stated_level(risk(), impact, probability) == (level, undecided)


def test_a_level_that_the_policy_does_not_know_gives_none() -> None:
    assert level_of(risk(), "low", "dire", QUIET).level == ""


def test_a_matrix_may_say_less_than_the_higher_one() -> None:
    lenient = risk(matrix={"high": {"low": "medium"}})
    assert level_of(lenient, "high", "low", QUIET).level == "medium"
    assert level_of(lenient, "low", "high", QUIET).level == "high"


@pytest.mark.parametrize(
    ("facts", "says", "points"),
    [
        (RiskFacts(commits=4), "4 commits", 0),
        (RiskFacts(commits=5), "5 commits", 1),
        (RiskFacts(commits=20), "20 commits", 2),
        (RiskFacts(commits=50), "50 commits", 3),
        (RiskFacts(files=1), "1 file changed", 0),
        (RiskFacts(files=100), "100 files changed", 3),
        (RiskFacts(lines=199), "199 lines added and removed", 0),
        (RiskFacts(lines=1000), "1000 lines added and removed", 2),
        (RiskFacts(migrations=1), "1 migration", 1),
        (RiskFacts(breaking=2), "2 breaking commits", 2),
        (RiskFacts(broken_files=1, fixes=1), "1 file that 1 earlier fix touched", 1),
        (RiskFacts(broken_files=20, fixes=9), "20 files that 9 earlier fixes touched", 3),
        (RiskFacts(days_since_deploy=None), "never deployed there", 2),
        (RiskFacts(days_since_deploy=1), "1 day since the last deployment", 0),
        (RiskFacts(days_since_deploy=120), "120 days since the last deployment", 3),
        (RiskFacts(failures=1, rollouts=1), "1 of the last 1 rollout taken back", 1),
        (RiskFacts(failures=6, rollouts=20), "6 of the last 20 rollouts taken back", 3),
    ],
)
def test_each_factor_says_its_value_and_what_it_contributes(facts: RiskFacts, says: str, points: int) -> None:
    assert (says, points) in [(factor.says, factor.points) for factor in factors(facts)]


@pytest.mark.parametrize(("points", "level"), [(0, "low"), (4, "low"), (5, "medium"), (9, "medium"), (10, "high")])
def test_points_make_the_level(points: int, level: str) -> None:
    worst = replace(QUIET, commits=50, files=100, lines=5000, migrations=10)
    ladder = {0: QUIET, 4: replace(QUIET, commits=50, files=10), 5: replace(QUIET, commits=50, files=50)}
    ladder |= {9: replace(worst, migrations=0), 10: replace(worst, migrations=1)}
    counted = factors(ladder[points])
    assert sum(factor.points for factor in counted) == points
    assert factual_level(LEVELS, counted) == level


def test_facts_warn_or_raise_as_the_policy_says() -> None:
    many = replace(QUIET, commits=50, files=100, lines=5000, migrations=3)
    warned, raised = (level_of(risk(facts=word), "low", "low", many) for word in ("warn", "raise"))
    assert (warned.level, warned.stated, warned.factual, warned.above) == ("low", "low", "high", True)
    assert (raised.level, raised.stated, raised.factual, raised.above) == ("high", "low", "high", True)


@pytest.mark.parametrize("facts", [None, replace(QUIET, unknown=("billing: this is a shallow clone",))])
def test_what_could_not_be_counted_is_no_low_risk(facts: RiskFacts | None) -> None:
    assert level_of(risk(facts="raise"), "low", "low", facts).level == ""
    warned = level_of(risk(), "low", "low", facts)
    assert (warned.level, warned.factual) == ("low", "")


counted = st.builds(RiskFacts, **{name: st.integers(0, 6000) for name in COUNTS})
levels = st.sampled_from(LEVELS)


@given(counted, st.sampled_from(COUNTS), st.integers(1, 6000), levels, levels, st.sampled_from(["warn", "raise"]))
def test_what_grows_never_lowers_a_level(
    facts: RiskFacts, which: str, more: int, impact: str, probability: str, word: str
) -> None:
    grown = replace(facts, **{which: getattr(facts, which) + more})
    before, after = (level_of(risk(facts=word), impact, probability, f) for f in (facts, grown))
    for name in ("level", "factual", "stated"):
        assert LEVELS.index(getattr(after, name)) >= LEVELS.index(getattr(before, name))


@given(counted, levels, levels)
def test_facts_never_lower_what_was_stated(facts: RiskFacts, impact: str, probability: str) -> None:
    found = level_of(risk(facts="raise"), impact, probability, facts)
    assert LEVELS.index(found.level) == max(LEVELS.index(found.stated), LEVELS.index(found.factual))
    assert found == level_of(risk(facts="raise"), impact, probability, facts)
