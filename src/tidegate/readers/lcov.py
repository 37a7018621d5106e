"""LCOV tracefiles: what lcov, Istanbul, coverage.py, cargo-llvm-cov, Dart and many others write.

One record per source file and test, a line of it per line of code: ``DA:12,3``. A file that several records tell of
is merged. Lines and branches are counted; where a record says how many it holds (LF, LH, BRF, BRH), it must hold them.

Source: geninfo(1), "Files".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from tidegate.core.canonical import LARGEST_INTEGER
from tidegate.readers.contract import Reading, unreadable
from tidegate.readers.covered import Counts, coverage_reading, nothing_measured, total_of
from tidegate.readers.sniff import HEAD_BYTES, describe

FORM = "an LCOV tracefile"
_RUN_AGAIN = "measure again and give the tracefile as the tool wrote it"
_COUNT = re.compile(rb"[0-9]{1,20}")
_KEYWORD = re.compile(rb"[A-Z]{2,8}")
_DECLARED = (b"LF", b"LH", b"BRF", b"BRH")

_Branch = tuple[bytes, bytes, bytes]


@dataclass(slots=True)
class _Record:
    """What one record lists; ``lines`` and ``branches`` say whether they were reached, the other counts tell
    what stands there, so that a tool may count one that it lists twice in either way.
    """

    where: str
    lines: dict[int, bool] = field(default_factory=dict)
    branches: dict[_Branch, bool] = field(default_factory=dict)
    declared: dict[bytes, int] = field(default_factory=dict)
    lines_listed: int = 0
    lines_hit: int = 0
    branches_listed: int = 0
    branches_hit: int = 0

    def add_line(self, number: int, reached: bool) -> None:
        self.lines[number] = reached or self.lines.get(number, False)
        self.lines_listed += 1
        self.lines_hit += reached

    def add_branch(self, branch: _Branch, reached: bool) -> None:
        self.branches[branch] = reached or self.branches.get(branch, False)
        self.branches_listed += 1
        self.branches_hit += reached


class LcovReader:
    """Reads a tracefile of one or more records."""

    kind = "coverage"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:HEAD_BYTES]
        lines = (line for line in start.splitlines() if line.strip() and not line.startswith(b"#"))
        return next(lines, b"").startswith((b"TN:", b"SF:"))

    def read(self, data: bytes) -> Reading:
        if not data.strip():
            _refuse("it is empty", f"see whether the tool could write it: {_RUN_AGAIN}")
        if not self.recognises("", data[:HEAD_BYTES]):
            _refuse(f"it seems to be {describe(data[:HEAD_BYTES])}")
        files: dict[bytes, _Record] = {}
        for name, record in _records(data):
            _agree(record)
            _merge(files.setdefault(name, record), record)
        total = total_of(_counts(file) for file in files.values())
        if total.lines == 0:
            _refuse(nothing_measured(len(files)), "see what the tool was told to measure")
        return coverage_reading(total, len(files))


def _counts(record: _Record) -> Counts:
    return Counts(len(record.lines), sum(record.lines.values()), len(record.branches), sum(record.branches.values()))


def _merge(into: _Record, record: _Record) -> None:
    if into is record:
        return
    for number, reached in record.lines.items():
        into.add_line(number, reached)
    for branch, reached in record.branches.items():
        into.add_branch(branch, reached)


def _records(data: bytes) -> Iterator[tuple[bytes, _Record]]:
    """Each record with the name of its file."""
    record: _Record | None = None
    name = b""
    for at, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        keyword, _, rest = line.strip().partition(b":")
        if record is not None:
            if keyword == b"DA":
                _take_line(record, rest, at)
            elif keyword == b"BRDA":
                _take_branch(record, rest, at)
            elif keyword in _DECLARED:
                record.declared[keyword] = _count(rest, at)
            elif keyword == b"end_of_record":
                yield name, record
                record = None
            elif keyword == b"SF":
                _refuse(f"line {at} begins a record before {record.where} has ended")
            else:
                _pass_over(keyword, at)
        elif keyword == b"SF":
            name = rest
            record = _Record(f"the record of {rest[:80].decode('utf-8', 'replace')!a}")
        elif keyword in (b"DA", b"BRDA", *_DECLARED, b"end_of_record"):
            _refuse(f"line {at} is {keyword.decode()} outside of every record")
        else:
            _pass_over(keyword, at)
    if record is not None:
        _refuse(f"{record.where} has no end, so that something was cut")


def _pass_over(keyword: bytes, at: int) -> None:
    """What says nothing of lines and branches: names, versions, functions, comments."""
    if keyword and not keyword.startswith(b"#") and not _KEYWORD.fullmatch(keyword):
        _refuse(f"line {at} begins with {_text(keyword)}, which is no keyword")


def _take_line(record: _Record, rest: bytes, at: int) -> None:
    number, _, hits = rest.partition(b",")
    hits = hits.partition(b",")[0]
    record.add_line(_line(number, at), _count(hits, at) > 0)


def _take_branch(record: _Record, rest: bytes, at: int) -> None:
    # The name of a branch may be a text with commas in it.
    number, _, branch = rest.partition(b",")
    block, _, branch = branch.partition(b",")
    branch, comma, taken = branch.rpartition(b",")
    if not comma:
        _refuse(f"line {at} is {_text(b'BRDA:' + rest)}, which is no branch")
    _line(number, at)
    record.add_branch((number, block, branch), taken != b"-" and _count(taken, at) > 0)


def _agree(record: _Record) -> None:
    """Refuse a record that does not hold what it says."""
    counts = _counts(record)
    allowed = {
        b"LF": {counts.lines, record.lines_listed},
        b"LH": {counts.covered, record.lines_hit},
        b"BRF": {counts.branches, record.branches_listed},
        b"BRH": {counts.branches_covered, record.branches_hit},
    }
    for keyword, said in record.declared.items():
        if said not in allowed[keyword]:
            _refuse(
                f"{record.where} declares {keyword.decode()}:{said}, and {max(allowed[keyword])} are listed",
                f"something was cut from the report or put into it: {_RUN_AGAIN}",
            )


def _line(text: bytes, at: int) -> int:
    number = _count(text, at)
    if not 1 <= number <= LARGEST_INTEGER:
        _refuse(f"line {at} tells of the line {number}, which is none")
    return number


def _count(text: bytes, at: int) -> int:
    if not _COUNT.fullmatch(text):
        _refuse(f"line {at} has {_text(text)}, which is no count")
    return int(text)


def _text(found: bytes) -> str:
    return ascii(found[:40].decode("utf-8", "replace"))


def _refuse(because: str, remedy: str = _RUN_AGAIN) -> NoReturn:
    raise unreadable(FORM, because, remedy)
