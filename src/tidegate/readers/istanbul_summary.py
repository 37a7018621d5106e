"""Coverage as Istanbul sums it up in ``coverage-summary.json``.

It has a sum per file and nothing below that; the sums are added up, and its total must be theirs. No ``pct`` is read.

Source: istanbul-reports, ``lib/json-summary``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.readers.contract import Reading
from tidegate.readers.covered import Counts, coverage_reading, nothing_measured, total_of
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names
from tidegate.readers.sniff import HEAD_BYTES

FORM = "an Istanbul coverage-summary.json"
_JSON = JsonForm(FORM, "measure again and give the report as Istanbul wrote it")
_WORDS = {
    "lines": "lines",
    "covered": "covered lines",
    "branches": "branches",
    "branches_covered": "covered branches",
}


class IstanbulSummaryReader:
    """Reads ``coverage-summary.json``, the report named ``json-summary``."""

    kind = "coverage"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        start = head[:HEAD_BYTES]
        return "total" in outer_names(head) and b'"lines"' in start and b'"pct"' in start

    def read(self, data: bytes) -> Reading:
        report = _JSON.report(data)
        declared = _sums(_JSON.members(report, "total", WHOLE), "the total")
        files = {name: file for name, file in report.items() if name != "total"}
        total = total_of(_file(name, file) for name, file in files.items())
        for name, words in _WORDS.items():
            said, found = getattr(declared, name), getattr(total, name)
            if said != found:
                _JSON.refuse(f"the total declares {said} {words}, and its files have {found}")
        if total.lines == 0:
            _JSON.refuse(nothing_measured(len(files)), "see what Istanbul was told to measure")
        return coverage_reading(total, len(files))


def _file(name: str, file: object) -> Counts:
    where = f"the file {name[:80]!r}"
    return _sums(_JSON.mapping(file, where), where)


def _sums(file: Mapping[str, Any], where: str) -> Counts:
    found = []
    for name in ("lines", "branches"):
        place = f"the {name} of {where}"
        sums = _JSON.members(file, name, where)
        total, covered = (_JSON.count(sums, member, place) for member in ("total", "covered"))
        if covered > total:
            _JSON.refuse(f"{place}: {covered} of {total} are covered")
        found += [total, covered]
    return Counts(*found)
