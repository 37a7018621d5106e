"""Gates that never pass, and gates that always do."""

from __future__ import annotations

import pytest

from tests.support.lints import found


def judged(rule: str, evidence: str, condition: str) -> bool:
    return bool(found(rule, {"gates": {"other": {"evidence": evidence, "pass": condition}}}))


@pytest.mark.parametrize(
    ("evidence", "condition", "never"),
    [
        ("coverage", "coverage.line >= 80", True),
        ("coverage", "coverage.line >= 1.0", False),
        ("coverage", "coverage.line > 1.0", True),
        ("coverage", "coverage.line > 0.8 && coverage.line < 0.8005", False),
        ("coverage", "coverage.line >= 0.8 && coverage.branch >= 70.0", True),
        ("coverage", "!has(coverage.branch) || coverage.branch >= 70.0", False),
        ("coverage", "coverage.line * 100.0 >= 80.0", False),
        ("performance", "performance.p95_ms < 200.0 && performance.error_rate < 5.0", False),
        ("junit", "tests.failed == 0 && tests.failed > 0", True),
        ("junit", "tests.total > 100 && tests.total < 50", True),
        ("junit", "tests.total > 100 || tests.total < 50", False),
        ("junit", "tests.total in [5, 7] && tests.failed < 0", True),
        ("junit", "tests.total * 2 == 14", False),
        ("junit", "tests.total > 5 && tests.passed > 5 && tests.skipped < 3 && tests.failed == 0", False),
        ("command", "command.ok && !command.ok", True),
        ("command", "command.ok == true", False),
        ("rollback-plan", 'plan.returns_to == "1.0.0"', False),
    ],
)
def test_a_gate_that_never_passes(evidence: str, condition: str, never: bool) -> None:
    assert judged("gate.unsatisfiable", evidence, condition) is never


@pytest.mark.parametrize(
    ("evidence", "condition", "always"),
    [
        ("coverage", "coverage.line <= 1.0", True),
        ("coverage", "coverage.lines_covered <= coverage.lines_total", True),
        ("junit", "tests.failed <= tests.total", True),
        ("junit", "tests.failed < tests.total", False),
        ("junit", "tests.passed == tests.total", False),
        ("performance", "performance.error_rate <= 1.0", True),
        ("performance", "performance.p95_ms <= 1.0", False),
    ],
)
def test_a_gate_that_always_passes(evidence: str, condition: str, always: bool) -> None:
    assert judged("unsafe.gate", evidence, condition) is always
