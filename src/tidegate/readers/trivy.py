"""Trivy's scan of a container image, as ``trivy image --format json`` writes it.

Vulnerabilities, failed checks of the configuration, and secrets are findings; licences are not. It says which image it
looked at, by digest, so that a scan of another image can be told from one of what is released. What was filtered away
when it was made (``--severity``, ``--ignore-unfixed``) is not in it, and nothing in it tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tidegate.clock import from_text
from tidegate.core.canonical import is_digest
from tidegate.readers.contract import Reading
from tidegate.readers.findings import Severity, Tally, counted
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names, shown

FORM = "Trivy's scan of an image"
_JSON = JsonForm(FORM, "make it again with: trivy image --format json IMAGE")
SCHEMA, IMAGE = 2, "container_image"
_SEVERITIES = {severity.name: severity for severity in Severity}
_PACKAGES = frozenset({"os-pkgs", "lang-pkgs"})
_STATUSES = frozenset({"PASS", "FAIL", "EXCEPTION"})


class TrivyReader:
    """Reads the JSON of Trivy, schema version 2, about an image."""

    kind = "image-scan"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        names = outer_names(head)
        return "SchemaVersion" in names and bool(names & {"ArtifactName", "ArtifactType", "Trivy", "ReportID"})

    def read(self, data: bytes) -> Reading:
        report = _JSON.report(data)
        version = _JSON.count(report, "SchemaVersion", WHOLE)
        if version != SCHEMA:
            _JSON.refuse(f"its schema version is {version}, and only {SCHEMA} is read")
        kind = _JSON.text(report, "ArtifactType", WHOLE)
        if kind != IMAGE:
            _JSON.refuse(f"it is a scan of a {shown(kind)}, and of no image")
        metadata = _JSON.members(report, "Metadata", WHOLE)
        results = [
            _JSON.mapping(result, f"result {n}")
            for n, result in enumerate(_JSON.items(report, "Results", WHOLE, absent=[]), start=1)
        ]
        _hold_looked(results)
        tally = Tally()
        for n, result in enumerate(results, start=1):
            for severity in _findings(result, f"result {n}"):
                tally.add(severity)
        return Reading(self.kind, tally.values(), _made(report), _summary(tally, results, metadata), _image(metadata))


def _hold_looked(results: list[dict[str, Any]]) -> None:
    """Refuse a scan that looked for no package: what it did not look for it cannot have found."""
    if not results:
        _JSON.refuse(
            "it has no results, so that Trivy knew neither the system nor any package in the image",
            "see what the image holds; an image without packages cannot be judged by this scan",
        )
    classes = {_JSON.text(result, "Class", "a result", absent="") for result in results}
    if not classes & _PACKAGES:
        _JSON.refuse("it looked at no packages", "scan for vulnerabilities, too: trivy image --scanners vuln,secret")


def _findings(result: Mapping[str, Any], where: str) -> Iterator[Severity]:
    for vulnerability in _listed(result, "Vulnerabilities", where):
        _JSON.text(vulnerability, "VulnerabilityID", f"a vulnerability of {where}")
        yield _severity(vulnerability, f"a vulnerability of {where}")
    yield from _misconfigurations(result, where)
    for secret in _listed(result, "Secrets", where):
        yield _severity(secret, f"a secret of {where}")


def _misconfigurations(result: Mapping[str, Any], where: str) -> Iterator[Severity]:
    failed = 0
    for check in _listed(result, "Misconfigurations", where):
        status = _JSON.text(check, "Status", f"a check of {where}", absent="FAIL")
        if status not in _STATUSES:
            _JSON.refuse(f"a check of {where} has {shown(status)} as Status, which Trivy does not know")
        if status == "FAIL":
            failed += 1
            yield _severity(check, f"a check of {where}")
    summary = _JSON.members(result, "MisconfSummary", where, absent={})
    declared = _JSON.count(summary, "Failures", f"the summary of {where}", absent=failed)
    if declared != failed:
        _JSON.refuse(f"the summary of {where} declares {declared} failures, and {failed} are listed")


def _listed(result: Mapping[str, Any], name: str, where: str) -> Iterator[dict[str, Any]]:
    for found in _JSON.items(result, name, where, absent=[]):
        yield _JSON.mapping(found, f"one of the {name} of {where}")


def _severity(found: Mapping[str, Any], where: str) -> Severity:
    severity = _JSON.text(found, "Severity", where, absent="UNKNOWN")
    if severity not in _SEVERITIES:
        _JSON.refuse(f"{where} has {shown(severity)} as Severity, which Trivy does not know")
    return _SEVERITIES[severity]


def _image(metadata: Mapping[str, Any]) -> frozenset[str]:
    """The digests by which the report names the image: of its configuration, and of its manifest in registries."""
    named = [_JSON.text(metadata, "ImageID", "Metadata", absent="")]
    for reference in _JSON.items(metadata, "RepoDigests", "Metadata", absent=[]):
        if not isinstance(reference, str):
            _JSON.refuse(f"Metadata lists {shown(reference)} under RepoDigests, which is no text")
        named.append(reference.rpartition("@")[2])
    return frozenset(digest for digest in named if is_digest(digest))


def _made(report: Mapping[str, Any]) -> datetime | None:
    try:
        return from_text(_JSON.text(report, "CreatedAt", WHOLE, absent=""))
    except (ValueError, OverflowError):
        return None


def _summary(tally: Tally, results: list[dict[str, Any]], metadata: Mapping[str, Any]) -> str:
    said = f"{tally.said()}; {counted(len(results), 'target')} in the image looked at"
    system = _JSON.members(metadata, "OS", "Metadata", absent={})
    if _JSON.flag(system, "EOSL", "Metadata.OS", absent=False):
        said += "; its system is out of support, so that vulnerabilities may be missing"
    return said
