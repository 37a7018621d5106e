"""What the reports of security tools say: the good ones of the corpus, and the ways in which a result counts.

Refusals stand beside the reports that are refused, in ``tests/corpus/reports``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import UsageError
from tidegate.readers.contract import Reading
from tidegate.readers.registry import read_report

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "reports"
MANIFEST, CONFIG = "sha256:" + "5f" * 32, "sha256:" + "c0" * 32


def corpus(name: str) -> Reading:
    file = CORPUS / name
    return read_report(file.name, file.read_bytes())


def counts(critical: int = 0, high: int = 0, medium: int = 0, low: int = 0, unknown: int = 0) -> dict[str, int]:
    total = critical + high + medium + low
    return {"critical": critical, "high": high, "medium": medium, "low": low, "unknown": unknown, "total": total}


@pytest.mark.parametrize(
    ("name", "values", "taken", "summary"),
    [
        (
            "sarif/good/bandit.sarif",
            counts(high=1, medium=1, low=2),
            "2026-11-26 06:03:48+00:00",
            "4 findings: 1 high, 1 medium, 2 low, by Bandit",
        ),
        ("sarif/good/ruff.sarif", counts(high=4), "None", "4 findings: 4 high, by ruff"),
        ("sarif/good/clean.json", counts(), "None", "no findings, by tool"),
        (
            "sarif/good/scored.json",
            counts(critical=1, high=2, medium=2, low=1),
            "2026-02-10 18:00:00+00:00",
            "6 findings: 1 critical, 2 high, 2 medium, 1 low, by tool",
        ),
        ("npm_audit/good/clean.json", counts(), "None", "no vulnerable packages; 3 packages looked at"),
        (
            "npm_audit/good/npm-11.json",
            counts(critical=1, medium=2),
            "None",
            "3 vulnerable packages: 1 critical, 2 medium; 3 packages looked at",
        ),
        (
            "npm_audit/good/npm-6.json",
            counts(high=1, low=1),
            "None",
            "2 advisories: 1 high, 1 low; 52 packages looked at",
        ),
        (
            "pip_audit/good/pip-audit-2.10.json",
            counts(critical=1, unknown=1) | {"unchecked": 0},
            "None",
            "1 vulnerability: 1 of unknown severity, which counts as critical; 3 packages looked at",
        ),
        (
            "pip_audit/good/with-skipped.json",
            counts(critical=1, unknown=1) | {"unchecked": 1},
            "None",
            "1 vulnerability: 1 of unknown severity, which counts as critical; 3 packages looked at, 1 skipped",
        ),
        (
            "trivy/good/clean.json",
            counts(),
            "2026-02-10 18:00:00.123456+00:00",
            "no findings; 1 target in the image looked at",
        ),
        (
            "trivy/good/findings.json",
            counts(critical=3, high=1, medium=2, unknown=1),
            "2026-02-10 18:00:00.123456+00:00",
            (
                "6 findings: 2 critical, 1 high, 2 medium, 1 of unknown severity, which counts as critical; "
                "4 targets in the image looked at"
            ),
        ),
        (
            "trivy/good/out-of-support.json",
            counts(critical=3, high=1, medium=2, unknown=1),
            "None",
            (
                "6 findings: 2 critical, 1 high, 2 medium, 1 of unknown severity, which counts as critical; "
                "4 targets in the image looked at; its system is out of support, so that vulnerabilities may be missing"
            ),
        ),
        ("cyclonedx/good/npm-sbom.json", {"components": 3}, "2026-11-26 06:10:53.720000+00:00", "3 components"),
        (
            "cyclonedx/good/vulnerabilities.json",
            {"components": 3, "vulnerabilities": 4, "critical": 2, "high": 0, "medium": 1, "low": 1, "unknown": 1},
            "2026-02-10 18:00:00+00:00",
            (
                "3 components, 4 vulnerabilities: 1 critical, 1 medium, 1 low, 1 of unknown severity, which counts as "
                "critical; 1 vulnerability resolved, false or not affecting"
            ),
        ),
        (
            "cyclonedx/good/vulnerabilities.xml",
            {"components": 2, "vulnerabilities": 1, "critical": 0, "high": 1, "medium": 0, "low": 0, "unknown": 0},
            "2026-02-10 18:00:00+00:00",
            "2 components, 1 vulnerability: 1 high; 1 vulnerability resolved, false or not affecting",
        ),
    ],
)
def test_what_a_report_says(name: str, values: dict[str, int], taken: str, summary: str) -> None:
    reading = corpus(name)
    assert dict(reading.values) == values
    assert (str(reading.taken_at), reading.summary) == (taken, summary)


def test_which_image_a_report_is_about() -> None:
    assert corpus("trivy/good/findings.json").images == {MANIFEST, CONFIG}
    assert corpus("cyclonedx/good/vulnerabilities.json").images == {MANIFEST, CONFIG}
    assert corpus("cyclonedx/good/vulnerabilities.xml").images == {MANIFEST}
    assert corpus("cyclonedx/good/npm-sbom.json").images == frozenset()


def test_the_same_bill_in_both_forms_says_the_same() -> None:
    in_json, in_xml = corpus("cyclonedx/good/cyclonedx-py.json"), corpus("cyclonedx/good/cyclonedx-py.xml")
    assert (dict(in_json.values), in_json.summary) == (dict(in_xml.values), in_xml.summary)


# SARIF, result by result.

RULES: list[dict[str, Any]] = [
    {"id": "critical", "properties": {"security-severity": "9.8"}, "defaultConfiguration": {"level": "note"}},
    {"id": "noted", "defaultConfiguration": {"level": "note"}},
    {"id": "plain"},
    {"id": "number", "properties": {"security-severity": 5}},
    {"id": "zero", "properties": {"security-severity": "0.0"}},
]
EXTENSIONS: list[dict[str, Any]] = [
    {"name": "pack", "rules": [{"id": "packed", "properties": {"security-severity": "7.5"}}, {"id": "plain/x"}]}
]


def run(*results: dict[str, Any], name: str = "tool", **more: Any) -> dict[str, Any]:
    told = [{"message": {"text": "x"}, **result} for result in results]
    return {"tool": {"driver": {"name": name, "rules": RULES}, "extensions": EXTENSIONS}, "results": told, **more}


def sarif(*runs: dict[str, Any]) -> Reading:
    return read_report("r.sarif", json.dumps({"version": "2.1.0", "runs": runs}).encode())


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"ruleId": "critical"}, counts(critical=1)),
        ({"ruleId": "critical", "level": "note"}, counts(critical=1)),
        ({"ruleIndex": 0}, counts(critical=1)),
        ({"rule": {"index": 0}}, counts(critical=1)),
        ({"rule": {"id": "critical"}, "ruleId": "other"}, counts(critical=1)),
        ({"ruleId": "critical/1", "ruleIndex": 0}, counts(critical=1)),
        ({"ruleId": "critical/1/2"}, counts(critical=1)),
        ({"ruleId": "number"}, counts(medium=1)),
        ({"ruleId": "zero", "level": "note"}, counts(critical=1, unknown=1)),
        ({"ruleId": "plain", "properties": {"security-severity": "3.0"}}, counts(low=1)),
        ({"ruleId": "noted"}, counts(low=1)),
        ({"ruleId": "noted", "level": "error"}, counts(high=1)),
        ({"ruleId": "plain"}, counts(medium=1)),
        ({"ruleId": "nowhere"}, counts(medium=1)),
        ({}, counts(medium=1)),
        ({"ruleIndex": -1, "level": "error"}, counts(high=1)),
        ({"level": "none"}, counts(critical=1, unknown=1)),
        ({"ruleId": "packed"}, counts(high=1)),
        ({"rule": {"id": "packed", "index": 0, "toolComponent": {"index": 0}}}, counts(high=1)),
        ({"rule": {"index": 0, "toolComponent": {"name": "pack"}}}, counts(high=1)),
        ({"kind": "open"}, counts(critical=1, unknown=1)),
        ({"kind": "review", "level": "none"}, counts(critical=1, unknown=1)),
        ({"kind": "fail", "level": "error"}, counts(high=1)),
        ({"kind": "pass", "level": "none"}, counts()),
        ({"kind": "notApplicable"}, counts()),
        ({"kind": "informational"}, counts()),
        ({"level": "error", "baselineState": "absent"}, counts()),
        ({"level": "error", "baselineState": "unchanged"}, counts(high=1)),
        ({"level": "error", "suppressions": [{"kind": "inSource"}]}, counts()),
        ({"level": "error", "suppressions": [{"kind": "external", "status": "accepted"}]}, counts()),
        ({"level": "error", "suppressions": []}, counts(high=1)),
        ({"level": "error", "suppressions": [{"kind": "external", "status": "underReview"}]}, counts(high=1)),
        (
            {"level": "error", "suppressions": [{"kind": "inSource"}, {"kind": "external", "status": "rejected"}]},
            counts(high=1),
        ),
    ],
)
def test_how_a_result_counts(result: dict[str, Any], expected: dict[str, int]) -> None:
    assert dict(sarif(run(result)).values) == expected


def test_runs_are_added_up_and_the_first_start_counts() -> None:
    reading = sarif(
        run({"level": "error"}, invocations=[{"executionSuccessful": True, "startTimeUtc": "2026-02-10T19:00:00Z"}]),
        run(
            {"level": "note"},
            {"kind": "pass"},
            name="other\x1b[2J",
            invocations=[{"executionSuccessful": True, "endTimeUtc": "2026-02-10T18:00:00Z"}],
        ),
    )
    assert dict(reading.values) == counts(high=1, low=1)
    assert str(reading.taken_at) == "2026-02-10 18:00:00+00:00"
    assert reading.summary == (
        "2 findings: 1 high, 1 low, by tool, other[2J; 1 result suppressed, absent or nothing wrong"
    )


def test_one_broken_run_among_good_ones_spoils_the_report() -> None:
    with pytest.raises(UsageError, match="run 2 says that tool did not succeed"):
        sarif(run(), run(invocations=[{"executionSuccessful": False}]))


def test_a_run_that_was_configured_to_be_stricter_counts_as_such() -> None:
    override = {"descriptor": {"id": "noted"}, "configuration": {"level": "error"}}
    configured = {"executionSuccessful": True, "ruleConfigurationOverrides": [override]}
    assert dict(sarif(run({"ruleId": "noted"}, invocations=[configured])).values) == counts(high=1)
    assert dict(sarif(run({"ruleId": "plain"}, invocations=[configured])).values) == counts(medium=1)


def test_a_warning_of_the_tool_about_itself_is_no_failure() -> None:
    told = {"executionSuccessful": True, "toolExecutionNotifications": [{"message": {"text": "slow"}}]}
    assert dict(sarif(run(invocations=[told])).values) == counts()


# The others.


def test_an_audit_of_an_older_npm_7_names_its_advisories_otherwise() -> None:
    report = json.loads((CORPUS / "npm_audit/good/npm-11.json").read_bytes())
    for package in report["vulnerabilities"].values():
        package["via"] = [
            {"id": via["source"], "severity": via["severity"]} if isinstance(via, dict) else via
            for via in package["via"]
        ]
    assert dict(read_report("a", json.dumps(report).encode()).values) == counts(critical=1, medium=2)


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        ([], "unknown"),
        ([{"severity": "low"}, {"severity": "high"}], "high"),
        ([{"severity": "unknown", "score": 9.1, "method": "CVSSv4"}], "critical"),
        ([{"score": 9.1, "method": "OWASP"}], "unknown"),
        ([{"score": 9.1}], "unknown"),
        ([{"severity": "none"}], "low"),
        ([{"severity": "medium", "score": 9.1, "method": "CVSSv31"}], "medium"),
    ],
)
def test_how_a_vulnerability_of_a_bill_counts(ratings: list[dict[str, Any]], expected: str) -> None:
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "a"}]}
    bill["vulnerabilities"] = [{"id": "CVE-1", "ratings": ratings}]
    values = read_report("bom.json", json.dumps(bill).encode()).values
    counted = "critical" if expected == "unknown" else expected
    assert {name for name in ("critical", "high", "medium", "low") if values[name]} == {counted}
    assert values["unknown"] == (expected == "unknown")


def test_a_bill_without_vulnerabilities_says_nothing_of_them() -> None:
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "library", "name": "a"}]}
    assert dict(read_report("bom.json", json.dumps(bill).encode()).values) == {"components": 1}
    none = read_report("bom.json", json.dumps(bill | {"vulnerabilities": []}).encode()).values
    assert (none["vulnerabilities"], none["critical"]) == (0, 0)


def test_an_id_of_nothing_but_slashes_keeps_nobody_busy() -> None:
    slashes = "/" * 300_000
    assert dict(sarif(run(*[{"ruleId": f"{slashes}{n}"} for n in range(20)])).values) == counts(medium=20)
