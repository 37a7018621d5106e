"""The findings of a policy check for other programs: SARIF 2.1.0, and the annotations of a GitHub workflow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tidegate import __version__
from tidegate.core.lint import LINTS, Severity
from tidegate.policyfile.check import Checked, Finding, Place

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

MISTAKES = {
    "yaml": "The file is YAML 1.2, within its limits.",
    "extends": "What the file builds on is there, and so is what it takes out of it.",
    "shape": "The file has the shape of a policy.",
    "dangling": "Every name leads somewhere.",
    "condition": "The condition of a gate can be asked of its evidence.",
    "cycle": "No environment comes after itself.",
    "requirement": "A requirement on versions can be read.",
    "holiday": "The public holidays of the country, and of the part of it, are known.",
    "person": "A person is one person, and so is a key.",
    "person.twice": "No two people have one mail address, so that nobody counts twice.",
    "target": "The settings of a target are those of its driver.",
}
"""The rules by which a file is no policy at all, each with its sentence."""


def sarif(checked: Checked) -> dict[str, Any]:
    """The findings as a SARIF log with one run.

    Source: OASIS SARIF 2.1.0, sections 3.14 (run), 3.27 (result), 3.49 (reportingDescriptor).
    """
    rules = [*MISTAKES.items(), *((lint.id, lint.sentence) for lint in LINTS)]
    index = {rule: number for number, (rule, _) in enumerate(rules)}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "tidegate",
                        "semanticVersion": __version__,
                        "rules": [{"id": rule, "shortDescription": {"text": sentence}} for rule, sentence in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, index, checked) for finding in checked.findings],
            }
        ],
    }


def _result(finding: Finding, index: dict[str, int], checked: Checked) -> dict[str, Any]:
    also = dict.fromkeys(checked.own(place) for place in finding.also)
    result = {
        "ruleId": finding.rule,
        "level": finding.severity.value,
        "message": {"text": f"{_said(finding, checked)}. Remedy: {finding.remedy}."},
        "locations": [_location(checked.own(finding.place))],
        "relatedLocations": [{"id": number, **_location(place)} for number, place in enumerate(also)],
    }
    return result | ({"ruleIndex": index[finding.rule]} if finding.rule in index else {})


def _said(finding: Finding, checked: Checked) -> str:
    """The message, with its place where that is in no file of the organisation's."""
    own = checked.own(finding.place) == finding.place
    return finding.message if own else f"{finding.message} ({finding.place})"


def _location(place: Place) -> dict[str, Any]:
    artifact = {"uri": _uri(place.file)}
    region = {"startLine": place.line, "startColumn": place.column}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _uri(file: str) -> str:
    from urllib.parse import quote

    return quote(file, safe="/:@._-~")


_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def github(checked: Checked) -> Iterator[str]:
    """The findings as the commands by which a GitHub workflow annotates the lines of a file.

    Source: GitHub's documentation, "Workflow commands for GitHub Actions": in properties ``%``, line breaks, ``:`` and
    ``,`` are escaped, in the message ``%`` and line breaks.
    """
    for finding in checked.findings:
        place = checked.own(finding.place)
        where = f"file={_property(place.file)},line={place.line},col={place.column}"
        message = _data(f"{_said(finding, checked)}; remedy: {finding.remedy}")
        yield f"::{_COMMANDS[finding.severity]} {where},title={_property(finding.rule)}::{message}"


_UNSEEN = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What moves a terminal's cursor or turns a text round, but for line breaks, which are escaped."""


def _data(text: str) -> str:
    return _UNSEEN.sub("", text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
