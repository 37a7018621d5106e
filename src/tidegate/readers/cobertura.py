"""Coverage as Cobertura has it in XML: what coverage.py, Jest, cargo-tarpaulin, PHPUnit, gcovr and .NET write as well.

Only the lines that are listed below a class are counted; those below its methods repeat them. No ``line-rate`` is ever
read. The totals of the root are held against the lines: tools that declare fewer than they list contradict themselves.
Some declare more, since they leave out code outside of classes (PHPUnit) or branches on lines without a statement
(Jest). Nobody can see whether such a line was reached, so that it counts as not reached: a report from which something
was cut never shows more than was covered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tidegate.core.canonical import LARGEST_INTEGER
from tidegate.readers.contract import Reading
from tidegate.readers.covered import Counts, coverage_reading, nothing_measured
from tidegate.readers.sniff import HEAD_BYTES
from tidegate.readers.xml_report import DEPTH_LIMIT, XmlForm, demand_report, local, parse

FORM = "a Cobertura XML report"
_XML = XmlForm(FORM, "measure again and give the report as the tool wrote it", "coverage tool", names_dtd=True)
_COUNT = re.compile(r"[0-9]{1,15}")
_CONDITIONS = re.compile(r"\s*[0-9][0-9.,]{0,30}\s*%?\s*\(([0-9]{1,9})/([0-9]{1,9})\)\s*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_DIGITS, _MILLISECONDS_DIGITS = 10, 13


@dataclass(slots=True)
class _Line:
    """A line of a file. Where classes share it, the least that any of them says of its branches counts."""

    reached: bool = False
    branches: int = 0
    branches_covered: int = 0

    def add(self, reached: bool, covered: int, branches: int) -> None:
        self.reached = self.reached or reached
        self.branches = max(self.branches, branches)
        self.branches_covered = max(self.branches_covered, covered)


@dataclass(slots=True)
class _Report:
    """What was listed so far, and what the root declares."""

    root: Mapping[str, str] = field(default_factory=dict)
    files: dict[tuple[str, str], dict[int, _Line]] = field(default_factory=dict)
    listed: Counts = field(default_factory=lambda: Counts(0, 0))
    _path: list[str] = field(default_factory=list)
    _package: str = ""
    _file: dict[int, _Line] = field(default_factory=dict)
    _where: str = ""
    _sums: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = local(tag)
        if len(self._path) >= DEPTH_LIMIT:
            _XML.refuse(f"its elements are nested more than {DEPTH_LIMIT} deep")
        if not self._path:
            if name != "coverage":
                _XML.refuse(f"its root is <{name[:60]}>", "give the report that the tool writes as Cobertura XML")
            self.root = dict(attributes)
        elif name == "package":
            self._package = attributes.get("name", "")
        elif name == "class":
            self._open_class(attributes)
        elif name == "line" and self._path[-2:] == ["class", "lines"]:
            self._take(attributes)
        self._path.append(name)

    def end(self, tag: str) -> None:
        self._path.pop()

    def counted(self) -> tuple[Counts, Counts]:
        """Lines and branches, each counted once; and as often as they stand there."""
        lines = [line for file in self.files.values() for line in file.values()]
        once = Counts(
            len(lines),
            sum(line.reached for line in lines),
            sum(line.branches for line in lines),
            sum(line.branches_covered for line in lines),
        )
        return once, Counts(*self._sums)

    def _open_class(self, attributes: Mapping[str, str]) -> None:
        name = attributes.get("filename", "")
        if not name:
            _XML.refuse(f"the class {attributes.get('name', '')[:60]!r} has no filename")
        self._where = f"the file {name[:80]!r}"
        # Projects that are measured together each write names from their own root: Program.cs of one is not that of
        # another, and what one reached says nothing of the other.
        self._file = self.files.setdefault((self._package, name), {})

    def _take(self, attributes: Mapping[str, str]) -> None:
        number = _count(attributes, "number", self._where)
        if number < 1:
            _XML.refuse(f"{self._where} lists the line {number}, which is none")
        reached = _count(attributes, "hits", f"{self._where}, line {number}") > 0
        covered, branches = _branches(attributes, f"{self._where}, line {number}")
        self._file.setdefault(number, _Line()).add(reached, covered, branches)
        for at, more in enumerate((1, reached, branches, covered)):
            self._sums[at] += more


class CoberturaReader:
    """Reads a report whose root is ``coverage``, with packages, classes and lines."""

    kind = "coverage"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        start = head[:HEAD_BYTES]
        return re.search(rb"<coverage[\s>]", start) is not None and b"line-rate" in start

    def read(self, data: bytes) -> Reading:
        demand_report(data, _XML, claims=self.recognises("", data))
        report = _Report()
        parse(data, _XML, report.start, report.end)
        once, listed = report.counted()
        lines, covered = _held(report.root, "lines", (once.lines, once.covered), (listed.lines, listed.covered))
        branches, taken = _held(
            report.root,
            "branches",
            (once.branches, once.branches_covered),
            (listed.branches, listed.branches_covered),
        )
        if once.lines == 0:
            _XML.refuse(nothing_measured(len(report.files)), "see what the tool was told to measure")
        # Where no line lists a branch, none was measured: what is declared then is nobody's count.
        total = Counts(lines, covered, branches if once.branches else 0, taken)
        return coverage_reading(total, len(report.files), _time(report.root.get("timestamp", "")))


def _held(root: Mapping[str, str], what: str, once: tuple[int, int], listed: tuple[int, int]) -> tuple[int, int]:
    """How many there are and how many were reached, after holding the root's word against what is listed."""
    if f"{what}-valid" not in root or f"{what}-covered" not in root:
        return once
    declared = (_count(root, f"{what}-valid", "<coverage>"), _count(root, f"{what}-covered", "<coverage>"))
    if declared in (once, listed):
        return once
    for said, found, name in zip(declared, once, (f"{what}-valid", f"{what}-covered"), strict=True):
        if said < found:
            _XML.refuse(f"<coverage> declares {said} as {name}, and {found} are listed")
    unlisted, unlisted_covered = declared[0] - once[0], declared[1] - once[1]
    if unlisted_covered > unlisted:
        _XML.refuse(
            f"<coverage> declares {unlisted_covered} more {what} as covered than are listed, and only {unlisted} "
            "more in all"
        )
    return declared[0], once[1]


def _branches(attributes: Mapping[str, str], where: str) -> tuple[int, int]:
    """How many branches of a line were taken, of how many."""
    if attributes.get("branch", "").lower() != "true" or "condition-coverage" not in attributes:
        return 0, 0
    text = attributes["condition-coverage"]
    found = _CONDITIONS.fullmatch(text)
    if not found or int(found[1]) > int(found[2]):
        _XML.refuse(f"{where} has the condition-coverage {text[:40]!r}, which is no count")
    return int(found[1]), int(found[2])


def _count(attributes: Mapping[str, str], name: str, where: str) -> int:
    if name not in attributes:
        _XML.refuse(f"{where} has no {name}")
    text = attributes[name]
    if not _COUNT.fullmatch(text) or int(text) > LARGEST_INTEGER:
        _XML.refuse(f"{where} has {name}={text[:40]!r}, which is no count")
    return int(text)


def _time(text: str) -> datetime | None:
    """When it was written: tools write seconds or milliseconds since 1970; what is neither names no instant."""
    if not _COUNT.fullmatch(text):
        return None
    if len(text) == _SECONDS_DIGITS:
        return _EPOCH + timedelta(seconds=int(text))
    return _EPOCH + timedelta(milliseconds=int(text)) if len(text) == _MILLISECONDS_DIGITS else None
