"""``npm audit --json``, in both of its versions; pnpm writes the first.

Version 2 lists packages that are vulnerable, by themselves or by what they depend on; each counts once, as npm counts
them. Version 1 lists advisories; each counts once, however many ways lead to it. ``moderate`` is medium, ``info`` low.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.plain import plain
from tidegate.readers.contract import Reading
from tidegate.readers.findings import Severity, Tally, counted
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names, shown
from tidegate.readers.sniff import HEAD_BYTES

FORM = "a report of npm audit"
_JSON = JsonForm(FORM, "make it again with: npm audit --json")
_SEVERITIES = {
    "info": Severity.LOW,
    "low": Severity.LOW,
    "moderate": Severity.MEDIUM,
    "high": Severity.HIGH,
    "critical": Severity.CRITICAL,
}
_ORDER = tuple(_SEVERITIES)
_OF_ERRORS = (b'"summary"', b'"statusCode"')


class NpmAuditReader:
    """Reads the JSON of ``npm audit``."""

    kind = "npm-audit"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        names = outer_names(head)
        if "auditReportVersion" in names or ("advisories" in names and names & {"actions", "muted", "metadata"}):
            return True
        if names >= {"actions"} and b'"resolves"' in head[:HEAD_BYTES]:
            return True
        # What npm writes instead of a report, so that it is refused in words that help.
        return "error" in names and any(sign in head[:HEAD_BYTES] for sign in _OF_ERRORS)

    def read(self, data: bytes) -> Reading:
        report = _JSON.report(data)
        if report.get("error") is not None:
            _refuse_error(report)
        version = _JSON.count(report, "auditReportVersion", WHOLE, absent=1)
        if version not in (1, 2):
            _JSON.refuse(f"its version is {version}, and only 1 and 2 are read")
        metadata = _JSON.members(report, "metadata", WHOLE)
        return _packages(report, metadata) if version == 2 else _advisories(report, metadata)


def _refuse_error(report: Mapping[str, Any]) -> None:
    error = report["error"]
    told = error if isinstance(error, Mapping) else {}
    words = [told.get("code"), told.get("summary"), report.get("message")]
    said = " ".join(word for word in words if isinstance(word, str) and word)
    _JSON.refuse(
        f"npm answered with an error instead of a report: {plain(said[:400], 160) or 'no text'}",
        "see that there is a package-lock.json and that the registry answers, then: npm audit --json",
    )


def _packages(report: Mapping[str, Any], metadata: Mapping[str, Any]) -> Reading:
    found: dict[str, int] = dict.fromkeys(_ORDER, 0)
    for name, package in _JSON.members(report, "vulnerabilities", WHOLE).items():
        where = f"the package {shown(name)}"
        found[_of_package(_JSON.mapping(package, where), where)] += 1
    declared = _JSON.members(metadata, "vulnerabilities", "metadata")
    for severity, number in {**found, "total": sum(found.values())}.items():
        said = _JSON.count(declared, severity, "metadata.vulnerabilities")
        if said != number:
            _JSON.refuse(f"metadata.vulnerabilities declares {said} as {severity}, and {number} are listed")
    dependencies = _JSON.members(metadata, "dependencies", "metadata")
    return _reading(found, "vulnerable package", _JSON.count(dependencies, "total", "metadata.dependencies"))


def _of_package(package: Mapping[str, Any], where: str) -> str:
    """The severity of a package: not less than that of any advisory that speaks of it."""
    severity = _severity(package, where)
    for via in _JSON.items(package, "via", where):
        if isinstance(via, dict):
            other = _severity(via, f"an advisory of {where}")
            if _ORDER.index(other) > _ORDER.index(severity):
                _JSON.refuse(f"{where} is {severity}, and an advisory of it is {other}")
        elif not isinstance(via, str):
            _JSON.refuse(f"{where} lists {shown(via)} under via, which is no advisory and no package")
    return severity


def _advisories(report: Mapping[str, Any], metadata: Mapping[str, Any]) -> Reading:
    found: dict[str, int] = dict.fromkeys(_ORDER, 0)
    for id_, advisory in _JSON.members(report, "advisories", WHOLE).items():
        where = f"the advisory {shown(id_)}"
        found[_severity(_JSON.mapping(advisory, where), where)] += 1
    declared = _JSON.members(metadata, "vulnerabilities", "metadata")
    for severity, number in found.items():
        # What is declared are the ways that lead to a vulnerable package: one or more for each advisory.
        said = _JSON.count(declared, severity, "metadata.vulnerabilities")
        if said < number or (said and not number):
            _JSON.refuse(f"metadata.vulnerabilities declares {said} as {severity}, and {number} are listed")
    return _reading(found, "advisory", _JSON.count(metadata, "totalDependencies", "metadata"))


def _severity(found: Mapping[str, Any], where: str) -> str:
    severity = _JSON.text(found, "severity", where)
    if severity not in _SEVERITIES:
        _JSON.refuse(f"{where} has {shown(severity)} as severity, which npm does not know")
    return severity


def _reading(found: Mapping[str, int], one: str, looked_at: int) -> Reading:
    tally = Tally()
    for severity, number in found.items():
        tally.counts[_SEVERITIES[severity]] += number
    if looked_at == 0:
        _JSON.refuse(
            "npm looked at no package at all", "run it where the package-lock.json is; what has none needs no audit"
        )
    return Reading(
        NpmAuditReader.kind, tally.values(), None, f"{tally.said(one)}; {counted(looked_at, 'package')} looked at"
    )
