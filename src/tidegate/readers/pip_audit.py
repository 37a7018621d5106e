"""``pip-audit -f json``.

It gives no severities, so each vulnerability is of unknown severity, and counts as the highest. What it skipped was not
looked at: that is in ``unchecked``, and a report in which nothing was looked at is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.readers.contract import Reading
from tidegate.readers.findings import Severity, Tally, counted
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names, shown
from tidegate.readers.sniff import HEAD_BYTES

FORM = "a report of pip-audit"
_JSON = JsonForm(FORM, "make it again with: pip-audit -f json")
_SIGNS = (b'"vulns"', b'"skip_reason"', b'"fixes"')


class PipAuditReader:
    """Reads the JSON of pip-audit since 2.0."""

    kind = "pip-audit"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        start = head[:HEAD_BYTES]
        return "dependencies" in outer_names(head) and any(sign in start for sign in _SIGNS)

    def read(self, data: bytes) -> Reading:
        report = _JSON.report(data)
        tally, checked, skipped = Tally(), 0, 0
        for n, dependency in enumerate(_JSON.items(report, "dependencies", WHOLE), start=1):
            found = _JSON.mapping(dependency, f"dependency {n}")
            where = f"the dependency {shown(_JSON.text(found, 'name', f'dependency {n}'))}"
            if "skip_reason" in found:
                _hold_skipped(found, where)
                skipped += 1
            else:
                _count(found, where, tally)
                checked += 1
        if not checked:
            _refuse_nothing(skipped)
        return _reading(tally, checked, skipped)


def _count(dependency: Mapping[str, Any], where: str, tally: Tally) -> None:
    _JSON.text(dependency, "version", where)
    ids = set()
    for vulnerability in _JSON.items(dependency, "vulns", where):
        place = f"a vulnerability of {where}"
        id_ = _JSON.text(_JSON.mapping(vulnerability, place), "id", place)
        if id_ in ids:
            _JSON.refuse(f"{where} lists {shown(id_)} twice")
        ids.add(id_)
        tally.add(Severity.UNKNOWN)


def _hold_skipped(dependency: Mapping[str, Any], where: str) -> None:
    _JSON.text(dependency, "skip_reason", where)
    if "vulns" in dependency:
        _JSON.refuse(f"{where} was skipped, and has vulnerabilities")


def _refuse_nothing(skipped: int) -> None:
    _JSON.refuse(
        f"it looked at no package: {skipped} were skipped" if skipped else "it lists no package that was looked at",
        "see that pip-audit reaches its advisories and is given the project's requirements",
    )


def _reading(tally: Tally, checked: int, skipped: int) -> Reading:
    values = {**tally.values(), "unchecked": skipped}
    summary = f"{tally.said('vulnerability')}; {counted(checked, 'package')} looked at"
    if skipped:
        summary += f", {skipped} skipped"
    return Reading(PipAuditReader.kind, values, None, summary)
