"""Coverage as coverage.py writes it with ``coverage json``.

The ratios are computed from the lines that are listed. The percentages in the report are not read at all, and its
totals only to see that they agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from tidegate.core.canonical import LARGEST_INTEGER
from tidegate.readers.contract import Reading, unreadable
from tidegate.readers.sniff import HEAD_BYTES, describe

FORM = "a coverage.py JSON report"
_RUN_AGAIN = "make it again with: coverage json"


@dataclass(frozen=True, slots=True)
class _Counts:
    lines: int
    covered: int
    branches: int
    branches_covered: int


class CoverageReader:
    """Reads the JSON report of coverage.py, with or without branches."""

    kind = "coverage"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:HEAD_BYTES]
        return start.startswith(b"{") and b'"meta"' in start and b'"branch_coverage"' in start

    def read(self, data: bytes) -> Reading:
        report = _mapping(_parse(data), "the report")
        meta = _mapping(_member(report, "meta", "the report"), "meta")
        branches = _member(meta, "branch_coverage", "meta")
        if not isinstance(branches, bool):
            _refuse(f"meta.branch_coverage is {branches!r:.40}, and must be true or false")
        files = _mapping(_member(report, "files", "the report"), "files")
        counted = [_file(name, _mapping(file, f"the file {name[:80]!r}"), branches) for name, file in files.items()]
        total = _Counts(
            sum(file.lines for file in counted),
            sum(file.covered for file in counted),
            sum(file.branches for file in counted),
            sum(file.branches_covered for file in counted),
        )
        _agree(_mapping(_member(report, "totals", "the report"), "totals"), total, "the totals", branches)
        return _reading(total, len(counted))


def _reading(total: _Counts, files: int) -> Reading:
    if total.lines == 0:
        _refuse(
            f"it measures no line in {files} files, so that there is no ratio",
            "see what coverage.py was told to measure",
        )
    values: dict[str, int | float | bool | str] = {
        "line": total.covered / total.lines,
        "lines_total": total.lines,
        "lines_covered": total.covered,
    }
    summary = f"{total.covered} of {total.lines} lines covered in {files} {'file' if files == 1 else 'files'}"
    if total.branches:
        values["branch"] = total.branches_covered / total.branches
        summary += f", {total.branches_covered} of {total.branches} branches"
    # Its time is local and has no offset, so it names no instant.
    return Reading(CoverageReader.kind, values, None, summary)


def _file(name: str, file: Mapping[str, Any], branches: bool) -> _Counts:
    where = f"the file {name[:80]!r}"
    covered, missing = _lines(file, "executed_lines", where), _lines(file, "missing_lines", where)
    if both := covered & missing:
        _refuse(f"{where} lists line {min(both)} as executed and as missing")
    taken = missed = 0
    if branches:
        arcs, lost = _branches(file, "executed_branches", where), _branches(file, "missing_branches", where)
        if twice := arcs & lost:
            _refuse(f"{where} lists the branch {min(twice)} as executed and as missing")
        taken, missed = len(arcs), len(lost)
    counts = _Counts(len(covered) + len(missing), len(covered), taken + missed, taken)
    _agree(_mapping(_member(file, "summary", where), f"the summary of {where}"), counts, where, branches)
    return counts


def _agree(declared: Mapping[str, Any], counted: _Counts, where: str, branches: bool) -> None:
    """Refuse where the declared totals are not those of the lines that are listed."""
    pairs = {
        "num_statements": counted.lines,
        "covered_lines": counted.covered,
        "missing_lines": counted.lines - counted.covered,
    }
    if branches:
        pairs |= {"num_branches": counted.branches, "covered_branches": counted.branches_covered}
    for name, count in pairs.items():
        said = _member(declared, name, where)
        if type(said) is not int or said != count:
            _refuse(f"{where} declares {name} as {said!r:.40}, and {count} are listed")


def _lines(file: Mapping[str, Any], name: str, where: str) -> set[int]:
    listed = _list(file, name, where)
    for line in listed:
        if type(line) is not int or not 1 <= line <= LARGEST_INTEGER:
            _refuse(f"{where} lists {line!r:.40} under {name}, which is no line")
    return _distinct(listed, name, where)


def _branches(file: Mapping[str, Any], name: str, where: str) -> set[tuple[int, int]]:
    """A branch goes from a line to a line; coverage.py writes the way out of a function as a negative line."""
    listed = _list(file, name, where)
    for arc in listed:
        if not (isinstance(arc, list) and len(arc) == 2 and all(type(line) is int for line in arc)):
            _refuse(f"{where} lists {arc!r:.40} under {name}, which is no branch")
    return _distinct([(arc[0], arc[1]) for arc in listed], name, where)


def _distinct(listed: list[Any], name: str, where: str) -> set[Any]:
    found = set(listed)
    if len(found) != len(listed):
        twice = next(one for one in found if listed.count(one) > 1)
        _refuse(f"{where} lists {twice!r:.40} twice under {name}")
    return found


def _list(file: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = _member(file, name, where)
    if not isinstance(value, list):
        _refuse(f"{where} has {value!r:.40} as {name}, which is no list")
    return value


def _member(found: Mapping[str, Any], name: str, where: str) -> Any:
    if name not in found:
        _refuse(f"{where} has no {name!r}")
    return found[name]


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        _refuse(f"{where} is {value!r:.40}, and must be an object")
    return value


def _parse(data: bytes) -> object:
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError:
        _refuse("it is nested too deeply")
    except ValueError as error:
        what = describe(data[:HEAD_BYTES])
        _refuse(f"it is no JSON: {error}" + ("" if what == "JSON" else f"; it seems to be {what}"))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the member {name[:60]!r} is in it twice")
        found[name] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _refuse(because: str, remedy: str = _RUN_AGAIN) -> NoReturn:
    raise unreadable(FORM, because, remedy)
