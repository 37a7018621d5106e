"""What the samples come to. Those of k6, PHPUnit and gh follow the documentation; the others real tools wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.readers.registry import read_report

CORPUS = Path(__file__).parents[2] / "corpus" / "reports"
JEST = {"line": 0.6, "lines_total": 5, "lines_covered": 3}
SIGN = {"line": 0.5, "branch": 0.25, "lines_total": 6, "lines_covered": 3}
LOAD = {"p50_ms": 110.25, "p95_ms": 180.75, "requests": 1000}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("junit/good/jest.xml", {"total": 5, "passed": 2, "failed": 2, "errors": 0, "skipped": 1, "duration_s": 2.309}),
        # Three branches stand on lines without a statement, which Jest leaves out of this form alone.
        ("cobertura/good/jest-cobertura.xml", JEST | {"branch": 2 / 7}),
        ("lcov/good/jest.info", JEST | {"branch": 5 / 7}),
        ("istanbul/good/jest.json", JEST | {"branch": 5 / 7}),
        ("istanbul_summary/good/jest.json", JEST | {"branch": 5 / 7}),
        ("cobertura/good/coverage-py.xml", SIGN),
        ("lcov/good/coverage-py.lcov", SIGN),
        ("coverage_json/good/coverage-py-branches.json", SIGN),
        ("cobertura/good/phpunit-cobertura.xml", {"line": 2 / 6, "lines_total": 6, "lines_covered": 2}),
        (
            "axe/good/axe-bad.json",
            {"violations": 6, "critical": 3, "serious": 2, "moderate": 1, "minor": 0, "incomplete": 1, "pages": 1},
        ),
        ("k6/good/k6-summary-export.json", LOAD | {"error_rate": 0.01, "thresholds_failed": 1}),
        ("k6/good/k6-machine-readable.json", LOAD | {"error_rate": 0.01}),
        ("k6/good/k6-handle-summary.json", LOAD | {"p99_ms": 300.5, "error_rate": 0.0, "thresholds_failed": 0}),
        ("benchmark/good/pytest-benchmark.json", {"total": 2}),
        ("reviews/good/reviews.json", {"approved": 1, "rejected": 1, "open": 1}),
        ("github_reviews/good/gh.json", {"approved": 1, "rejected": 0, "open": 2}),
    ],
)
def test_a_sample(file: str, expected: dict[str, object]) -> None:
    assert dict(read_report("report", (CORPUS / file).read_bytes()).values) == expected
