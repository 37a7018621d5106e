"""Findings on one scale: what nobody has judged is as bad as can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.condition import Record
from tidegate.core.condition import compile as compile_condition
from tidegate.core.evidence_kind import KINDS, typed_values
from tidegate.core.verdict import Verdict
from tidegate.readers.findings import Severity, Tally, counted, of_score, worst


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        (10.0, "critical"),
        (9.0, "critical"),
        (8.9, "high"),
        (7.0, "high"),
        (6.99, "medium"),
        (4.0, "medium"),
        (3.9, "low"),
        (0.1, "low"),
        (0.0, "unknown"),
    ],
)
def test_bands_of_scores(score: float, severity: str) -> None:
    assert of_score(score).value == severity


def tally(*severities: Severity) -> Tally:
    made = Tally()
    for severity in severities:
        made.add(severity)
    return made


@pytest.mark.parametrize(
    ("severities", "said"),
    [
        ([], "no findings"),
        ([Severity.LOW], "1 finding: 1 low"),
        ([Severity.LOW, Severity.CRITICAL, Severity.LOW], "3 findings: 1 critical, 2 low"),
        ([Severity.UNKNOWN], "1 finding: 1 of unknown severity, which counts as critical"),
        (
            [Severity.UNKNOWN, Severity.UNKNOWN, Severity.HIGH],
            "3 findings: 1 high, 2 of unknown severity, which count as critical",
        ),
    ],
)
def test_what_is_said_of_them(severities: list[Severity], said: str) -> None:
    assert tally(*severities).said() == said


def test_words_for_one_and_for_several() -> None:
    assert (counted(1, "package"), counted(0, "package"), counted(2, "vulnerability")) == (
        "1 package",
        "0 packages",
        "2 vulnerabilities",
    )


@given(st.lists(st.sampled_from(Severity)))
def test_the_values_add_up_and_hide_nothing(severities: list[Severity]) -> None:
    values = tally(*severities).values()
    assert typed_values(KINDS["sarif"], values) == values
    assert values["total"] == len(severities)
    assert values["total"] == sum(int(values[name]) for name in ("critical", "high", "medium", "low"))
    assert values["unknown"] == severities.count(Severity.UNKNOWN)
    assert values["critical"] == severities.count(Severity.CRITICAL) + severities.count(Severity.UNKNOWN)


@given(st.lists(st.sampled_from(Severity)))
def test_the_worst_is_the_worst_that_is_known(severities: list[Severity]) -> None:
    order = list(Severity)
    assert worst(severities) is min(severities, key=order.index, default=Severity.UNKNOWN)


def test_a_policy_may_let_findings_pass_that_nobody_judged() -> None:
    def verdict(condition: str, *severities: Severity) -> Verdict:
        compiled = compile_condition(condition, {"findings": Record(KINDS["pip-audit"].fields)})
        return compiled.evaluate({"findings": tally(*severities).values()}).verdict

    strict, lenient = "findings.critical == 0", "findings.critical - findings.unknown == 0"
    assert verdict(strict, Severity.UNKNOWN) is Verdict.DENY
    assert verdict(lenient, Severity.UNKNOWN) is Verdict.ALLOW
    assert verdict(lenient, Severity.UNKNOWN, Severity.CRITICAL) is Verdict.DENY
