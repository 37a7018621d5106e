"""CycloneDX in JSON and in XML: what an artifact is made of, and the vulnerabilities that are known of it.

Components count, those within components too; the one that the list is about does not. Vulnerabilities are in the
values only where the list has them: one without says nothing of them. One whose analysis says that it is resolved,
false, or does not affect does not count. Of several ratings the worst counts.

Source: CycloneDX Bill of Materials Specification (ECMA-424), versions 1.2 to 1.7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from tidegate.clock import from_text
from tidegate.core.canonical import is_digest
from tidegate.core.evidence_kind import Value
from tidegate.readers.contract import Reading
from tidegate.readers.findings import LARGEST_SCORE, Severity, Tally, counted, of_score, worst
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names, shown
from tidegate.readers.sniff import HEAD_BYTES

FORM = "a CycloneDX bill of materials"
FORMAT = "CycloneDX"
VERSIONS = tuple(f"1.{minor}" for minor in range(2, 8))
NAMESPACE = "http://cyclonedx.org/schema/bom/"
FORM_OF = JsonForm(FORM, "make it again, and give it as the tool wrote it")
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "info": Severity.LOW,
    "none": Severity.LOW,
    "unknown": Severity.UNKNOWN,
}
_SETTLED = frozenset({"resolved", "resolved_with_pedigree", "false_positive", "not_affected"})
_OPEN = frozenset({"exploitable", "in_triage"})
_SCORED = re.compile("CVSS")
_IMAGE_PROPERTIES = frozenset({"aquasecurity:trivy:ImageID", "aquasecurity:trivy:RepoDigest"})


class CycloneDXReader:
    """Reads a bill of materials in JSON or XML."""

    kind = "sbom"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        start = head[:HEAD_BYTES]
        names = outer_names(head)
        # Some tools sort the names, so that `components` comes long before `bomFormat`.
        in_json = "bomFormat" in names or ("components" in names and b'"bom-ref"' in start)
        return in_json or (
            not names and NAMESPACE.encode() in start and re.search(rb"<(\w+:)?bom[\s>]", start) is not None
        )

    def read(self, data: bytes) -> Reading:
        start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if start == b"<":
            from tidegate.readers.cyclonedx_xml import document

            return _read(document(data))
        bom = FORM_OF.report(data)
        if FORM_OF.text(bom, "bomFormat", WHOLE) != FORMAT:
            FORM_OF.refuse(f"its bomFormat is {shown(bom['bomFormat'])}, and only {FORMAT} is read")
        return _read(bom)


def _read(bom: Mapping[str, Any]) -> Reading:
    version = FORM_OF.text(bom, "specVersion", WHOLE)
    if version not in VERSIONS:
        FORM_OF.refuse(f"its version is {shown(version)}, and {VERSIONS[0]} to {VERSIONS[-1]} are read")
    components = sum(1 for _ in _components(bom))
    if not components:
        FORM_OF.refuse("it lists no component, so that nothing was looked at", "see what the tool was told to list")
    values: dict[str, Value] = {"components": components}
    summary = counted(components, "component")
    if "vulnerabilities" in bom:
        tally, settled = _vulnerabilities(bom)
        found = tally.values()
        values |= {**found, "vulnerabilities": tally.total}
        del values["total"]
        summary += f", {tally.said('vulnerability')}"
        if settled:
            summary += f"; {counted(settled, 'vulnerability')} resolved, false or not affecting"
    metadata = FORM_OF.members(bom, "metadata", WHOLE, absent={})
    return Reading(CycloneDXReader.kind, values, _made(metadata), summary, _images(metadata))


def _components(bom: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every component, those within others too.

    A reference that two of them have would say two things of what refers to it, and is refused.
    """
    waiting = [(one, "a component") for one in FORM_OF.items(bom, "components", WHOLE, absent=[])]
    references: set[str] = set()
    while waiting:
        value, where = waiting.pop()
        component = FORM_OF.mapping(value, where)
        name = FORM_OF.text(component, "name", where)
        place = f"the component {shown(name)}"
        reference = FORM_OF.text(component, "bom-ref", place, absent="")
        if reference and reference in references:
            FORM_OF.refuse(f"two components have the bom-ref {shown(reference)}")
        references.add(reference)
        waiting += [(one, f"a part of {place}") for one in FORM_OF.items(component, "components", place, absent=[])]
        yield component


def _vulnerabilities(bom: Mapping[str, Any]) -> tuple[Tally, int]:
    tally, settled = Tally(), 0
    for n, value in enumerate(FORM_OF.items(bom, "vulnerabilities", WHOLE), start=1):
        found = FORM_OF.mapping(value, f"vulnerability {n}")
        where = f"the vulnerability {shown(FORM_OF.text(found, 'id', f'vulnerability {n}', absent=str(n)))}"
        if _is_settled(found, where):
            settled += 1
        else:
            tally.add(_severity(found, where))
    return tally, settled


def _is_settled(found: Mapping[str, Any], where: str) -> bool:
    state = FORM_OF.text(FORM_OF.members(found, "analysis", where, absent={}), "state", where, absent="exploitable")
    if state not in _SETTLED | _OPEN:
        FORM_OF.refuse(f"{where} has {shown(state)} as state of its analysis, which CycloneDX does not know")
    return state in _SETTLED


def _severity(found: Mapping[str, Any], where: str) -> Severity:
    return worst(
        _rated(FORM_OF.mapping(rating, f"a rating of {where}"), f"a rating of {where}")
        for rating in FORM_OF.items(found, "ratings", where, absent=[])
    )


def _rated(rating: Mapping[str, Any], where: str) -> Severity:
    """What a rating says in a word; else by its score, where that is one of CVSS."""
    word = FORM_OF.text(rating, "severity", where, absent="unknown")
    if word not in _SEVERITIES:
        FORM_OF.refuse(f"{where} has {shown(word)} as severity, which CycloneDX does not know")
    score = FORM_OF.number(rating, "score", where, absent=0.0)
    if _SEVERITIES[word] is not Severity.UNKNOWN or not _SCORED.match(FORM_OF.text(rating, "method", where, absent="")):
        return _SEVERITIES[word]
    if not 0 <= score <= LARGEST_SCORE:
        FORM_OF.refuse(f"{where} has {shown(score)} as score, which is no score from 0 to 10")
    return of_score(score)


def _made(metadata: Mapping[str, Any]) -> datetime | None:
    try:
        return from_text(FORM_OF.text(metadata, "timestamp", "metadata", absent=""))
    except (ValueError, OverflowError):
        return None


def _images(metadata: Mapping[str, Any]) -> frozenset[str]:
    """The digests by which it names the image that it is about; none where it is about something else."""
    where, place = "metadata.component", "a property of metadata.component"
    about = FORM_OF.members(metadata, "component", "metadata", absent={})
    purl = unquote(FORM_OF.text(about, "purl", where, absent="").partition("?")[0])
    named = [purl.rpartition("@")[2]] if purl.startswith("pkg:oci/") else []
    if FORM_OF.text(about, "type", where, absent="") == "container":
        named.append(FORM_OF.text(about, "version", where, absent=""))
    for value in FORM_OF.items(about, "properties", where, absent=[]):
        found = FORM_OF.mapping(value, place)
        if FORM_OF.text(found, "name", place, absent="") in _IMAGE_PROPERTIES:
            named.append(FORM_OF.text(found, "value", place, absent="").rpartition("@")[2])
    return frozenset(digest for digest in named if is_digest(digest))
