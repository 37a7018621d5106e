"""Istanbul: coverage-final.json and coverage-summary.json."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.readers.istanbul import IstanbulReader
from tidegate.readers.istanbul_summary import IstanbulSummaryReader
from tidegate.readers.registry import read_report


def place(line: int) -> dict[str, Any]:
    return {"start": {"line": line, "column": 0}, "end": {"line": line, "column": 9}}


def final() -> dict[str, Any]:
    file = {
        "path": "/p/a.js",
        "statementMap": {"0": place(1), "1": place(1), "2": place(2), "3": place(7)},
        "fnMap": {},
        "branchMap": {"0": {"loc": place(2), "type": "if", "locations": [place(2), place(2)]}},
        "s": {"0": 0, "1": 3, "2": 1, "3": 0},
        "f": {},
        "b": {"0": [1, 0]},
    }
    return {"/p/a.js": file}


def sums(lines: tuple[int, int], branches: tuple[int, int]) -> dict[str, Any]:
    return {
        name: {"total": total, "covered": covered, "skipped": 0, "pct": 100}
        for name, (total, covered) in {"lines": lines, "branches": branches}.items()
    }


def summary() -> dict[str, Any]:
    return {
        "total": sums((5, 4), (4, 3)),
        "/p/a.js": sums((3, 2), (2, 1)),
        "/p/b.js": sums((2, 2), (2, 2)),
    }


def changed(whole: dict[str, Any], path: str, value: Any) -> bytes:
    """One member changed; ``...`` takes it out."""
    *folders, name = path.split(" ")
    here: Any = whole
    for folder in folders:
        here = here[folder]
    here[name] = value
    if value is ...:
        del here[name]
    return json.dumps(whole).encode()


def test_a_line_was_reached_where_one_of_its_statements_ran() -> None:
    reading = read_report("coverage-final.json", json.dumps(final()).encode())
    assert reading.values == {"line": 2 / 3, "branch": 0.5, "lines_total": 3, "lines_covered": 2}
    assert reading.summary == "2 of 3 lines covered in 1 file, 1 of 2 branches"


def test_the_sums_of_the_files_are_added_and_no_percentage_is_read() -> None:
    reading = read_report("coverage-summary.json", json.dumps(summary()).encode())
    assert reading.values == {"line": 0.8, "branch": 0.75, "lines_total": 5, "lines_covered": 4}


FILE = "the file '/p/a.js'"
NO_COUNT = "which is no count"


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"", "it is no JSON: Expecting value: line 1 column 1 (char 0); it seems to be an empty file"),
        (b"{}", "it measures no line in 0 files, so that there is no ratio"),
        (changed(final(), "/p/a.js", 1), f"{FILE} is 1, and must be an object"),
        (changed(final(), "/p/a.js s", ...), f"{FILE} has no 's'"),
        (changed(final(), "/p/a.js s 3", ...), f"{FILE} has '3' in only one of s and statementMap"),
        (changed(final(), "/p/a.js b 1", [1]), f"{FILE} has '1' in only one of b and branchMap"),
        (changed(final(), "/p/a.js s 3", -1), f"the statements of {FILE} has -1 as 3, {NO_COUNT}"),
        (changed(final(), "/p/a.js s 3", 1.5), f"the statements of {FILE} has 1.5 as 3, {NO_COUNT}"),
        (changed(final(), "/p/a.js s 3", True), f"the statements of {FILE} has true as 3, {NO_COUNT}"),
        (
            changed(final(), "/p/a.js statementMap 3", place(0)),
            f"the statement '3' of {FILE} begins on the line 0, which is none",
        ),
        (changed(final(), "/p/a.js statementMap 3", []), f"the statement '3' of {FILE} is [], and must be an object"),
        (changed(final(), "/p/a.js b 0", [1]), f"the branch '0' of {FILE} has 2 ways, and 1 are counted"),
        (changed(final(), "/p/a.js b 0", [1, -1]), f"the branch '0' of {FILE} lists -1, {NO_COUNT}"),
        (changed(final(), "/p/a.js b 0", 1), f"the branches of {FILE} has 1 as 0, which is no list"),
    ],
)
def test_a_broken_report_is_refused_with_its_sentence(data: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        IstanbulReader().read(data)
    assert caught.value.what == f"this is not an Istanbul coverage-final.json that can be relied on: {because}"


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"[]", "the report is [], and must be an object"),
        (changed(summary(), "total", ...), "the report has no 'total'"),
        (changed(summary(), "/p/b.js", ...), "the total declares 5 lines, and its files have 3"),
        (changed(summary(), "total lines covered", 5), "the total declares 5 covered lines, and its files have 4"),
        (
            changed(summary(), "total branches covered", 4),
            "the total declares 4 covered branches, and its files have 3",
        ),
        (changed(summary(), "/p/a.js lines covered", 9), f"the lines of {FILE}: 9 of 3 are covered"),
        (
            changed(summary(), "/p/a.js lines total", "Unknown"),
            f"the lines of {FILE} has 'Unknown' as total, {NO_COUNT}",
        ),
        (changed(summary(), "/p/a.js lines", ...), f"{FILE} has no 'lines'"),
        (
            json.dumps({"total": sums((0, 0), (0, 0))}).encode(),
            "it measures no line in 0 files, so that there is no ratio",
        ),
    ],
)
def test_a_broken_summary_is_refused_with_its_sentence(data: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        IstanbulSummaryReader().read(data)
    assert caught.value.what == f"this is not an Istanbul coverage-summary.json that can be relied on: {because}"


@given(st.binary(max_size=60))
def test_reading_is_total(noise: bytes) -> None:
    for reader in (IstanbulReader(), IstanbulSummaryReader()):
        assert reader.recognises("x", noise) in (True, False)
        with pytest.raises(UsageError):
            reader.read(noise)
