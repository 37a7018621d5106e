"""Coverage: ratios from the lines that are listed, whatever the report says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.readers.coverage_json import CoverageReader
from tidegate.readers.registry import read_report


def report(branches: bool = True) -> dict[str, Any]:
    summary: dict[str, Any] = {"covered_lines": 3, "num_statements": 4, "missing_lines": 1, "percent_covered": 100.0}
    file: dict[str, Any] = {"executed_lines": [1, 2, 4], "missing_lines": [3], "excluded_lines": []}
    if branches:
        summary |= {"num_branches": 2, "covered_branches": 1, "missing_branches": 1}
        file |= {"executed_branches": [[2, 4]], "missing_branches": [[2, -1]]}
    meta = {"format": 3, "version": "7.17.3", "timestamp": "2026-02-10T18:00:00", "branch_coverage": branches}
    return {"meta": meta, "files": {"a.py": file | {"summary": dict(summary)}}, "totals": summary}


def data(changed: dict[str, Any]) -> bytes:
    return json.dumps(changed).encode()


def test_ratios_are_computed_and_not_believed() -> None:
    reading = read_report("coverage.json", data(report()))
    assert reading.values == {"line": 0.75, "branch": 0.5, "lines_total": 4, "lines_covered": 3}
    assert (reading.kind, reading.taken_at) == ("coverage", None)
    assert reading.summary == "3 of 4 lines covered in 1 file, 1 of 2 branches"


def test_without_branches_there_is_no_branch_ratio() -> None:
    assert "branch" not in read_report("c", data(report(branches=False))).values
    none = report()
    for summary in (none["totals"], none["files"]["a.py"]["summary"]):
        summary |= {"num_branches": 0, "covered_branches": 0}
    none["files"]["a.py"] |= {"executed_branches": [], "missing_branches": []}
    assert "branch" not in read_report("c", data(none)).values


def changed(path: str, value: Any) -> bytes:
    """The report with one member changed; ``...`` takes it out."""
    whole = report()
    *folders, name = path.split("/")
    place: Any = whole
    for folder in folders:
        place = place[folder]
    place[name] = value
    if value is ...:
        del place[name]
    return data(whole)


FILE = "files/a.py"
NO_JSON = "it is no JSON: Expecting value: line 1 column 1 (char 0)"
NO_TEXT = "it is no JSON: 'utf-8' codec can't decode byte 0x8b in position 1: invalid start byte"
ONE_LINE = {
    "executed_lines": [9],
    "missing_lines": [],
    "executed_branches": [],
    "missing_branches": [],
    "summary": {"covered_lines": 1, "num_statements": 1, "missing_lines": 0, "num_branches": 0, "covered_branches": 0},
}
IN_FILE = "the file 'a.py'"


@pytest.mark.parametrize(
    ("broken", "because"),
    [
        (b"", f"{NO_JSON}; it seems to be an empty file"),
        (b"<html></html>", f"{NO_JSON}; it seems to be an HTML page"),
        (b"<coverage/>", f"{NO_JSON}; it seems to be XML with the root <coverage>"),
        (b"\x1f\x8b\x08\0", f"{NO_TEXT}; it seems to be a gzip file"),
        (b'{"totals": 1, "totals": 2}', "it is no JSON: the member 'totals' is in it twice"),
        (b'{"a": NaN}', "it is no JSON: NaN is no JSON"),
        (b"[" * 100_000, "it is nested more than 100 deep"),
        (b"[]", "the report is [], and must be an object"),
        (b"{}", "the report has no 'meta'"),
        (changed("meta/branch_coverage", ...), "meta has no 'branch_coverage'"),
        (changed("meta/branch_coverage", 1), "meta has 1 as branch_coverage, which is neither true nor false"),
        (changed("files", ...), "the report has no 'files'"),
        (changed("files", []), "the report has [] as files, which is no object"),
        (changed("totals", ...), "the report has no 'totals'"),
        (changed("totals/covered_lines", 4), "the totals declares covered_lines as 4, and 3 are listed"),
        (changed("totals/num_statements", 3), "the totals declares num_statements as 3, and 4 are listed"),
        (changed("totals/num_statements", True), "the totals declares num_statements as true, and 4 are listed"),
        (changed("totals/covered_lines", 3.0), "the totals declares covered_lines as 3.0, and 3 are listed"),
        (changed("totals/covered_branches", 2), "the totals declares covered_branches as 2, and 1 are listed"),
        (changed("totals/missing_lines", ...), "the totals has no 'missing_lines'"),
        (changed(f"{FILE}/summary", ...), f"{IN_FILE} has no 'summary'"),
        (changed(f"{FILE}/summary/covered_lines", 4), f"{IN_FILE} declares covered_lines as 4, and 3 are listed"),
        (changed(f"{FILE}/executed_lines", [1, 2, 3, 4]), f"{IN_FILE} lists line 3 as executed and as missing"),
        (changed(f"{FILE}/executed_lines", [1, 2, 2]), f"{IN_FILE} lists 2 twice under executed_lines"),
        (changed(f"{FILE}/executed_lines", [1, 2, -4]), f"{IN_FILE} lists -4 under executed_lines, which is no line"),
        (
            changed(f"{FILE}/executed_lines", [1, 2, True]),
            f"{IN_FILE} lists true under executed_lines, which is no line",
        ),
        (changed(f"{FILE}/executed_lines", 3), f"{IN_FILE} has 3 as executed_lines, which is no list"),
        (changed(f"{FILE}/missing_lines", []), f"{IN_FILE} declares num_statements as 4, and 3 are listed"),
        (changed(f"{FILE}/missing_branches", ...), f"{IN_FILE} has no 'missing_branches'"),
        (changed(f"{FILE}/missing_branches", [[2]]), f"{IN_FILE} lists [2] under missing_branches, which is no branch"),
        (
            changed(f"{FILE}/missing_branches", [[2, 4]]),
            f"{IN_FILE} lists the branch (2, 4) as executed and as missing",
        ),
        (changed(FILE, None), f"{IN_FILE} is null, and must be an object"),
        (changed("files/b.py", ONE_LINE), "the totals declares num_statements as 4, and 5 are listed"),
    ],
)
def test_a_broken_or_hostile_report_is_refused_with_its_sentence(broken: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        CoverageReader().read(broken)
    assert caught.value.what == f"this is not a coverage.py JSON report that can be relied on: {because}"
    assert caught.value.remedy == "make it again with: coverage json"


def test_a_report_of_nothing_has_no_ratio() -> None:
    nothing = {"covered_lines": 0, "num_statements": 0, "missing_lines": 0}
    empty = {"meta": {"branch_coverage": False}, "files": {}, "totals": nothing}
    with pytest.raises(UsageError) as caught:
        CoverageReader().read(data(empty))
    assert caught.value.what.endswith("it measures no line in 0 files, so that there is no ratio")
    assert caught.value.remedy == "see what coverage.py was told to measure"


@given(st.binary(max_size=60))
def test_reading_is_total(noise: bytes) -> None:
    reader = CoverageReader()
    assert reader.recognises("x", noise) in (True, False)
    with pytest.raises(UsageError):
        reader.read(noise)
