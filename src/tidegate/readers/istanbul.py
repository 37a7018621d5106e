"""Coverage as Istanbul lists it in ``coverage-final.json``: nyc, Jest, Vitest and c8.

Every statement and branch is there, and both are counted as Istanbul counts them: a line was reached where the
statement that begins on it and ran most often ran at all.

Source: istanbul-lib-coverage, ``lib/file-coverage.js``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.canonical import LARGEST_INTEGER
from tidegate.readers.contract import Reading
from tidegate.readers.covered import Counts, coverage_reading, nothing_measured, total_of
from tidegate.readers.json_report import JsonForm, outer_names, shown
from tidegate.readers.sniff import HEAD_BYTES

FORM = "an Istanbul coverage-final.json"
_JSON = JsonForm(FORM, "measure again and give the report as Istanbul wrote it")


class IstanbulReader:
    """Reads ``coverage-final.json``, the report named ``json``."""

    kind = "coverage"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        return bool(outer_names(head)) and b'"statementMap"' in head[:HEAD_BYTES]

    def read(self, data: bytes) -> Reading:
        report = _JSON.report(data)
        total = total_of(_file(name, _JSON.mapping(file, _place(name))) for name, file in report.items())
        if total.lines == 0:
            _JSON.refuse(nothing_measured(len(report)), "see what Istanbul was told to measure")
        return coverage_reading(total, len(report))


def _file(name: str, file: Mapping[str, Any]) -> Counts:
    where = _place(name)
    lines = _lines(file, where)
    branches = _branches(file, where)
    return Counts(len(lines), sum(lines.values()), len(branches), sum(branches))


def _lines(file: Mapping[str, Any], where: str) -> dict[int, bool]:
    """Whether each line on which a statement begins was reached."""
    hits, places = _pair(file, "s", "statementMap", where)
    lines: dict[int, bool] = {}
    for key in hits:
        reached = _JSON.count(hits, key, f"the statements of {where}") > 0
        statement = f"the statement {key[:20]!r} of {where}"
        start = _JSON.members(_JSON.mapping(places[key], statement), "start", statement)
        line = _JSON.count(start, "line", statement)
        if line < 1:
            _JSON.refuse(f"{statement} begins on the line {line}, which is none")
        lines[line] = reached or lines.get(line, False)
    return lines


def _branches(file: Mapping[str, Any], where: str) -> list[bool]:
    """Whether each way of each branch was taken."""
    hits, places = _pair(file, "b", "branchMap", where)
    taken: list[bool] = []
    for key in hits:
        branch = f"the branch {key[:20]!r} of {where}"
        ways = _JSON.items(hits, key, f"the branches of {where}")
        locations = _JSON.items(_JSON.mapping(places[key], branch), "locations", branch)
        if len(ways) != len(locations):
            _JSON.refuse(f"{branch} has {len(locations)} ways, and {len(ways)} are counted")
        for count in ways:
            if type(count) is not int or not 0 <= count <= LARGEST_INTEGER:
                _JSON.refuse(f"{branch} lists {shown(count)}, which is no count")
            taken.append(count > 0)
    return taken


def _pair(file: Mapping[str, Any], counts: str, places: str, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The counts by key, and what the same keys stand for."""
    hits, found = _JSON.members(file, counts, where), _JSON.members(file, places, where)
    if differing := sorted(hits.keys() ^ found.keys()):
        _JSON.refuse(f"{where} has {differing[0][:20]!r} in only one of {counts} and {places}")
    return hits, found


def _place(name: str) -> str:
    return f"the file {name[:80]!r}"
