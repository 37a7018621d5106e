"""A schema of evidence and values for it, from which the tests of conditions depart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tidegate.core.condition import Condition, ListOf, Outcome, Record, Scalar, compile  # noqa: A004

FINDING = Record({"severity": Scalar.STRING, "score": Scalar.INT, "rule": Record({"id": Scalar.STRING})})
SCHEMA = {
    "tests": Record(
        {
            "total": Scalar.INT,
            "passed": Scalar.INT,
            "failed": Scalar.INT,
            "skipped": Scalar.INT,
            "names": ListOf(Scalar.STRING),
        }
    ),
    "coverage": Record({"line": Scalar.DOUBLE, "taken": Scalar.TIMESTAMP, "lasted": Scalar.DURATION}),
    "findings": Record(
        {
            "critical": Scalar.INT,
            "waived": Scalar.BOOL,
            "tool": Scalar.STRING,
            "items": ListOf(FINDING),
            "detail": Record({"who": Scalar.STRING, "level": Scalar.INT}),
        }
    ),
}


def values() -> dict[str, dict[str, Any]]:
    """Evidence in which every path of the schema stands; a new copy for each test to change."""
    return {
        "tests": {"total": 10, "passed": 8, "failed": 0, "skipped": 2, "names": ["alpha", "beta"]},
        "coverage": {"line": 0.71, "taken": "2026-03-01T10:00:00Z", "lasted": timedelta(hours=1)},
        "findings": {
            "critical": 1,
            "waived": True,
            "tool": "semgrep",
            "items": [
                {"severity": "high", "score": 8, "rule": {"id": "R1"}},
                {"severity": "low", "score": 0, "rule": {"id": "R2"}},
            ],
            "detail": {"who": "ann", "level": 3},
        },
    }


def judge(text: str, **changes: Any) -> Outcome:
    """The outcome over the sample with changes such as ``tests__failed=3``; None takes the field away."""
    evidence = values()
    for path, value in changes.items():
        root, name = path.split("__")
        if value is None:
            del evidence[root][name]
        else:
            evidence[root][name] = value
    return compiled(text).evaluate(evidence)


def compiled(text: str) -> Condition:
    """The condition over the sample's schema."""
    return compile(text, SCHEMA)
