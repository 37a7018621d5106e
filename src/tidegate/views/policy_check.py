"""What a check of a policy file found, as data."""

from __future__ import annotations

from typing import Any

from tidegate.policyfile.check import Checked, Finding, Place


def check_record(checked: Checked) -> dict[str, Any]:
    """The shape of ``policy check --json``."""
    return {
        "ok": checked.ok,
        "file": checked.name,
        "digest": checked.policy.digest if checked.policy else None,
        "findings": [_finding(finding) for finding in checked.findings],
        "undecided": [
            {"id": point.id, "what": point.what, "default": point.default, "source": point.source}
            for point in checked.undecided
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "remedy": finding.remedy,
        **_place(finding.place),
        "also": [_place(place) for place in finding.also],
    }


def _place(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "column": place.column, "path": place.path}
