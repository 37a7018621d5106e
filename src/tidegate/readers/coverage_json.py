"""Coverage as coverage.py writes it with ``coverage json``.

The ratios are computed from the lines that are listed. The percentages in the report are not read at all, and its
totals only to see that they agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.canonical import LARGEST_INTEGER
from tidegate.readers.contract import Reading
from tidegate.readers.covered import Counts, coverage_reading, nothing_measured, total_of
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names, shown
from tidegate.readers.sniff import HEAD_BYTES

FORM = "a coverage.py JSON report"
_JSON = JsonForm(FORM, "make it again with: coverage json")


class CoverageReader:
    """Reads the JSON report of coverage.py, with or without branches."""

    kind = "coverage"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        return "meta" in outer_names(head) and b'"branch_coverage"' in head[:HEAD_BYTES]

    def read(self, data: bytes) -> Reading:
        report = _JSON.report(data)
        branches = _JSON.flag(_JSON.members(report, "meta", WHOLE), "branch_coverage", "meta")
        files = _JSON.members(report, "files", WHOLE)
        counted = [
            _file(name, _JSON.mapping(file, f"the file {name[:80]!r}"), branches) for name, file in files.items()
        ]
        total = total_of(counted)
        _agree(_JSON.members(report, "totals", WHOLE), total, "the totals", branches)
        if total.lines == 0:
            _JSON.refuse(nothing_measured(len(counted)), "see what coverage.py was told to measure")
        # Its time is local and has no offset, so it names no instant.
        return coverage_reading(total, len(counted))


def _file(name: str, file: Mapping[str, Any], branches: bool) -> Counts:
    where = f"the file {name[:80]!r}"
    covered, missing = _lines(file, "executed_lines", where), _lines(file, "missing_lines", where)
    if both := covered & missing:
        _JSON.refuse(f"{where} lists line {min(both)} as executed and as missing")
    taken = missed = 0
    if branches:
        arcs, lost = _branches(file, "executed_branches", where), _branches(file, "missing_branches", where)
        if twice := arcs & lost:
            _JSON.refuse(f"{where} lists the branch {min(twice)} as executed and as missing")
        taken, missed = len(arcs), len(lost)
    counts = Counts(len(covered) + len(missing), len(covered), taken + missed, taken)
    _agree(_JSON.members(file, "summary", where), counts, where, branches)
    return counts


def _agree(declared: Mapping[str, Any], counted: Counts, where: str, branches: bool) -> None:
    """Refuse where the declared totals are not those of the lines that are listed."""
    pairs = {
        "num_statements": counted.lines,
        "covered_lines": counted.covered,
        "missing_lines": counted.lines - counted.covered,
    }
    if branches:
        pairs |= {"num_branches": counted.branches, "covered_branches": counted.branches_covered}
    for name, count in pairs.items():
        said = _JSON.member(declared, name, where)
        if type(said) is not int or said != count:
            _JSON.refuse(f"{where} declares {name} as {shown(said)}, and {count} are listed")


def _lines(file: Mapping[str, Any], name: str, where: str) -> set[int]:
    listed = _JSON.items(file, name, where)
    for line in listed:
        if type(line) is not int or not 1 <= line <= LARGEST_INTEGER:
            _JSON.refuse(f"{where} lists {shown(line)} under {name}, which is no line")
    return _distinct(listed, name, where)


def _branches(file: Mapping[str, Any], name: str, where: str) -> set[tuple[int, int]]:
    """A branch goes from a line to a line; coverage.py writes the way out of a function as a negative line."""
    listed = _JSON.items(file, name, where)
    for arc in listed:
        if not (isinstance(arc, list) and len(arc) == 2 and all(type(line) is int for line in arc)):
            _JSON.refuse(f"{where} lists {arc!r:.40} under {name}, which is no branch")
    return _distinct([(arc[0], arc[1]) for arc in listed], name, where)


def _distinct(listed: list[Any], name: str, where: str) -> set[Any]:
    found = set(listed)
    if len(found) != len(listed):
        twice = next(one for one in found if listed.count(one) > 1)
        _JSON.refuse(f"{where} lists {twice!r:.40} twice under {name}")
    return found
