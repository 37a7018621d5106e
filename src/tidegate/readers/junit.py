"""JUnit XML: the reports of test runners.

There is no standard, only what runners write. So the test cases themselves are counted; what the suites declare about
them must agree, in one of the ways in which runners count. A test case with an ``<error>`` did not pass: it is in
``failed`` as well as in ``errors``, so that ``tests.failed == 0`` means what it says. In ``failed`` is, too, one whose
status says that it failed though no ``<failure>`` stands in it, and one that CTest could not run and shows as skipped.
One with a ``<warning>``, as PHPUnit up to 9 has it for a class without tests, has not passed: it is in ``skipped``.

    total = passed + failed + skipped        errors <= failed
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from tidegate.clock import from_text
from tidegate.readers.contract import Reading
from tidegate.readers.sniff import HEAD_BYTES
from tidegate.readers.xml_report import DEPTH_LIMIT, XmlForm, demand_report, local, parse

FORM = "a JUnit XML report"
_XML = XmlForm(FORM, "run the tests again and give the report as the runner wrote it", "test runner")
_COUNT = re.compile(r"[0-9]{1,9}")
_SECONDS = re.compile(
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,2})?"
)
_NOT_RUN = {("status", "notrun"), ("result", "suppressed"), ("status", "disabled"), ("status", "skipped")}
_SAID_TO_FAIL = {"fail", "failed", "failure", "error"}
_FAILURE, _ERROR, _SKIP, _SAID, _WARNING = 1, 2, 4, 8, 16
_MARKS = {"failure": _FAILURE, "error": _ERROR, "skipped": _SKIP, "warning": _WARNING}
_WAYS_TO_END = 32
_MEANT_TO_SKIP = "SKIP_"
"""How the message begins where a test itself told CTest to skip it. Any other says why CTest could not run the test, as
"Unable to find executable", for which ``ctest`` fails.

Source: CMake, SKIP_RETURN_CODE and SKIP_REGULAR_EXPRESSION; ``Source/CTest/cmCTestTestHandler.cxx``, WriteJUnitXML.
"""

_NOWHERE, _BETWEEN = -2, -1
"""What stands where the marks of a case do, while none is open: outside of every suite, and in one."""
_TIMES_KEPT = 10_000
_LONGEST_STATUS = 24


@dataclass(slots=True)
class _Counts:
    """Test cases by what stands in them. One can fail, then break while it is taken down: both are counted."""

    cases: int = 0
    passed: int = 0
    with_failure: int = 0
    with_error: int = 0
    with_skip: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0

    def add(self, other: _Counts) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def _counted(cases: list[int]) -> _Counts:
    """The counts of a suite's own cases, of which there are ``cases[marks]`` with each set of marks."""
    counts = _Counts()
    for marks, number in enumerate(cases):
        failure, error, skip = bool(marks & _FAILURE), bool(marks & _ERROR), bool(marks & _SKIP)
        broken = failure or error or bool(marks & _SAID)
        counts.add(
            _Counts(
                cases=number,
                passed=number * (not marks),
                with_failure=number * failure,
                with_error=number * error,
                with_skip=number * skip,
                failed=number * broken,
                errors=number * error,
                skipped=number * ((skip or bool(marks & _WARNING)) and not broken),
            )
        )
    return counts


@dataclass(slots=True)
class _Suite:
    """A suite that is open; ``cases[marks]`` counts its own cases by what stood in them."""

    name: str
    declared: dict[str, int]
    depth: int
    timed: bool = False
    is_container: bool = False
    cases: list[int] = field(default_factory=lambda: [0] * _WAYS_TO_END)
    below: _Counts = field(default_factory=_Counts)


class JUnitReader:
    """Reads a report whose root is ``testsuites`` or ``testsuite``, suites nested as they like."""

    kind = "junit"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        return re.search(rb"<(?:[\w.-]+:)?testsuites?[\s/>]", head[:HEAD_BYTES]) is not None

    def read(self, data: bytes) -> Reading:
        demand_report(data, _XML, claims=self.recognises("", data))
        seen = _Report()
        parse(data, _XML, seen.start, seen.end)
        return seen.reading()


class _Report:
    """Takes in the document element by element.

    A report is test cases nearly all through, mostly with nothing in them: the two functions that every element calls
    do for these what is needed and no more. ``_depth`` leaves out a case that is open.
    """

    __slots__ = (
        "_case_seconds",
        "_cases",
        "_declared_seconds",
        "_depth",
        "_marks",
        "_suites",
        "_times",
        "_unrun",
        "started",
        "total",
    )

    def __init__(self) -> None:
        self.total = _Counts()
        self.started: datetime | None = None
        self._depth = 0
        self._suites: list[_Suite] = []
        self._cases: list[int] = []
        self._marks = _NOWHERE
        self._unrun = False
        self._declared_seconds: list[float] = []
        self._case_seconds = 0.0
        self._times: dict[str, float] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag != "testcase" or self._marks != _BETWEEN:
            self._start_other(local(tag), attributes)
            return
        try:
            self._case_seconds += self._times[attributes["time"]]
        except KeyError:
            self._note_time(attributes)
        if "status" in attributes or "result" in attributes:
            self._marks, self._unrun = _said_of(
                attributes.get("status", "")[:_LONGEST_STATUS], attributes.get("result", "")[:_LONGEST_STATUS]
            )
        else:
            self._marks, self._unrun = 0, False

    def end(self, tag: str) -> None:
        if tag == "testcase":
            self._cases[self._marks] += 1
            self._marks = _BETWEEN
        else:
            self._end_other(local(tag))

    def reading(self) -> Reading:
        counts = self.total
        values: dict[str, int | float | bool | str] = {
            "total": counts.cases,
            "passed": counts.passed,
            "failed": counts.failed,
            "errors": counts.errors,
            "skipped": counts.skipped,
            "duration_s": math.fsum(self._declared_seconds) if self._declared_seconds else self._case_seconds,
        }
        tests = "test" if counts.cases == 1 else "tests"
        summary = f"{counts.cases} {tests}: {counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped"
        if counts.errors:
            summary += f" ({counts.errors} of the failed by an error)"
        return Reading(JUnitReader.kind, values, self.started, summary)

    def _start_other(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._depth >= DEPTH_LIMIT:
            _XML.refuse(f"its elements are nested more than {DEPTH_LIMIT} deep")
        if not self._suites and name not in ("testsuites", "testsuite"):
            _XML.refuse(f"its root is <{name[:60]}>", "give the report that the runner writes as JUnit XML")
        if self._marks >= 0:
            self._inside_case(name, attributes)
        elif name == "testcase":
            # In a namespace, which few runners write.
            self.start(name, attributes)
            return
        elif name in ("testsuites", "testsuite"):
            self._open_suite(name, attributes)
        elif name in ("error", "failure") and self._depth == self._suites[-1].depth:
            _XML.refuse(
                f"<{name}> stands outside of every test case, so the run itself broke", f"mend the run: {_XML.remedy}"
            )
        self._depth += 1

    def _end_other(self, name: str) -> None:
        if name == "testcase":
            self.end(name)
            return
        if self._marks < 0 and self._depth == self._suites[-1].depth:
            self._close_suite()
        self._depth -= 1

    def _inside_case(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in ("testcase", "testsuite", "testsuites"):
            _XML.refuse(f"<{name}> stands inside of a test case")
        if self._depth == self._suites[-1].depth:
            self._marks |= _MARKS.get(name, 0)
            if name == "skipped" and self._unrun and not attributes.get("message", "").startswith(_MEANT_TO_SKIP):
                self._marks |= _SAID

    def _note_time(self, attributes: Mapping[str, str]) -> None:
        """The seconds that a case says. Many cases take equally long, to the digits that runners write."""
        text = attributes.get("time", "")
        seconds = _seconds(text, f"test case {_shown(attributes.get('name', ''))}")
        if len(self._times) < _TIMES_KEPT:
            self._times[text] = seconds
        self._case_seconds += seconds

    def _open_suite(self, tag: str, attributes: Mapping[str, str]) -> None:
        suite = f"the suite {_shown(attributes['name'])}" if "name" in attributes else f"<{tag}>"
        declared = {name: _count(attributes[name], name, suite) for name in _DECLARED if name in attributes}
        timed = any(outer.timed for outer in self._suites)
        if "time" in attributes:
            seconds = _seconds(attributes["time"], suite)
            if not timed:
                self._declared_seconds.append(seconds)
            timed = True
        if "timestamp" in attributes:
            self._note_start(attributes["timestamp"])
        self._enter(_Suite(suite, declared, self._depth + 1, timed, tag == "testsuites"))

    def _enter(self, suite: _Suite) -> None:
        self._suites.append(suite)
        self._cases, self._marks = suite.cases, _BETWEEN

    def _note_start(self, text: str) -> None:
        """The earliest start counts; a time without an offset names no instant."""
        try:
            started = from_text(text)
        except (ValueError, OverflowError):
            return
        self.started = started if self.started is None else min(self.started, started)

    def _close_suite(self) -> None:
        suite = self._suites.pop()
        own = _counted(suite.cases)
        everything = _counted(suite.cases)
        everything.add(suite.below)
        _check_declared(suite, own, everything)
        if self._suites:
            self._suites[-1].below.add(everything)
            self._cases = self._suites[-1].cases
        else:
            self.total = everything


_DECLARED = ("tests", "failures", "errors", "skipped", "skip", "skips", "disabled")


@lru_cache(maxsize=256)
def _said_of(status: str, result: str) -> tuple[int, bool]:
    """What the status of a case says of it before anything that stands in it, and whether it is one that CTest gives to
    what did not run.
    """
    said = {"status": status.lower(), "result": result.lower()}
    if not _SAID_TO_FAIL.isdisjoint(said.values()):
        return _SAID, False
    return _SKIP if _NOT_RUN & set(said.items()) else 0, said["status"] == "notrun" and not result


def _check_declared(suite: _Suite, own: _Counts, everything: _Counts) -> None:
    """Hold what a suite declares against its cases: with those of the suites in it, or its own; both are usual."""
    ways = (everything,) if suite.is_container else (everything, own)
    problems = [_contradiction(suite, counts) for counts in ways]
    if all(problems):
        _XML.refuse(str(problems[0]), f"something was cut from the report or put into it: {_XML.remedy}")


def _contradiction(suite: _Suite, counts: _Counts) -> str:
    """What is declared otherwise than counted; empty where all agrees."""
    declared = suite.declared
    skips = [declared[name] for name in ("skipped", "skip", "skips") if name in declared]
    not_run = declared.get("disabled", 0)
    checks: list[tuple[str, int, set[int]]] = []
    if "tests" in declared:
        checks.append(("tests", declared["tests"], {counts.cases}))
    if "failures" in declared:
        # Some runners count errors as failures, too.
        checks.append(("failures", declared["failures"], {counts.with_failure, counts.failed}))
    if "errors" in declared:
        checks.append(("errors", declared["errors"], {counts.with_error}))
    if skips:
        checks.append(("skipped", skips[0] + not_run, {counts.with_skip, counts.skipped, counts.with_skip + not_run}))
    for name, said, allowed in checks:
        if said not in allowed:
            return f"{suite.name} declares {said} {name}, and {max(allowed)} are in it"
    return ""


def _count(text: str, name: str, suite: str) -> int:
    if not _COUNT.fullmatch(text.strip()):
        _XML.refuse(f"{suite} declares {name}={text[:40]!r}, which is no count")
    return int(text)


def _seconds(text: str, where: str) -> float:
    value = text.strip()
    if not value:
        return 0.0
    if not _SECONDS.fullmatch(value):
        _XML.refuse(f"{where} has the time {text[:40]!r}, which is no number of seconds")
    return float(value.replace(",", ""))


def _shown(name: str) -> str:
    return repr(name[:60])
