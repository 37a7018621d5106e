"""JUnit XML: the reports of test runners.

There is no standard, only what runners write. So the test cases themselves are counted; what the suites declare about
them must agree, in one of the ways in which runners count. A test case with an ``<error>`` did not pass: it is in
``failed`` as well as in ``errors``, so that ``tests.failed == 0`` means what it says.

    total = passed + failed + skipped        errors <= failed
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from tidegate.clock import from_text
from tidegate.readers.contract import Reading, unreadable
from tidegate.readers.sniff import HEAD_BYTES, describe, is_html

FORM = "a JUnit XML report"
DEPTH_LIMIT = 64
_CHUNK_BYTES = 1 << 16
_COUNT = re.compile(r"[0-9]{1,9}")
_SECONDS = re.compile(
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,2})?"
)
_RUN_AGAIN = "run the tests again and give the report as the runner wrote it"
_NOT_RUN = {("status", "notrun"), ("result", "suppressed"), ("status", "disabled"), ("status", "skipped")}


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

    def add_case(self, marks: frozenset[str]) -> None:
        self.cases += 1
        self.with_failure += "failure" in marks
        self.with_error += "error" in marks
        self.with_skip += "skipped" in marks
        broken = bool(marks & {"failure", "error"})
        self.failed += broken
        self.errors += "error" in marks
        self.skipped += "skipped" in marks and not broken
        self.passed += not marks


@dataclass(slots=True)
class _Suite:
    name: str
    declared: dict[str, int]
    timed: bool = False
    is_container: bool = False
    own: _Counts = field(default_factory=_Counts)
    below: _Counts = field(default_factory=_Counts)


class JUnitReader:
    """Reads a report whose root is ``testsuites`` or ``testsuite``, suites nested as they like."""

    kind = "junit"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        return re.search(rb"<(?:[\w.-]+:)?testsuites?[\s/>]", head[:HEAD_BYTES]) is not None

    def read(self, data: bytes) -> Reading:
        if is_html(data[:HEAD_BYTES]) and not self.recognises("", data):
            _refuse("it is an HTML page", "see whether the address or the login was right, and give the report itself")
        if not data.strip():
            _refuse("it is empty", "see whether the runner could write it: " + _RUN_AGAIN)
        seen = _Report()
        _parse(data, seen)
        return seen.reading()


class _Report:
    """Takes in the document element by element, so that its size never becomes memory."""

    def __init__(self) -> None:
        self.total = _Counts()
        self.seconds = 0.0
        self.started: datetime | None = None
        self._path: list[str] = []
        self._suites: list[_Suite] = []
        self._marks: set[str] | None = None
        self._declared_seconds: list[float] = []
        self._case_seconds = 0.0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if len(self._path) >= DEPTH_LIMIT:
            _refuse(f"its elements are nested more than {DEPTH_LIMIT} deep", _RUN_AGAIN)
        if not self._path and name not in ("testsuites", "testsuite"):
            _refuse(f"its root is <{name[:60]}>", "give the report that the runner writes as JUnit XML")
        if self._marks is not None:
            self._inside_case(name)
        elif name in ("testsuites", "testsuite"):
            self._open_suite(name, attributes)
        elif name == "testcase":
            self._open_case(attributes)
        elif name in ("error", "failure") and self._path[-1] in ("testsuites", "testsuite"):
            _refuse(
                f"<{name}> stands outside of every test case, so the run itself broke", "mend the run: " + _RUN_AGAIN
            )
        self._path.append(name)

    def end(self, tag: str) -> None:
        name = self._path.pop()
        if name == "testcase":
            assert self._marks is not None  # noqa: S101  opened by start(), and none is inside another
            self._suites[-1].own.add_case(frozenset(self._marks))
            self._marks = None
        elif name in ("testsuites", "testsuite") and self._marks is None:
            self._close_suite()

    def data(self, text: str) -> None:
        """Output and traces are nobody's evidence."""

    def close(self) -> None:
        """The document is over; :meth:`reading` says what it said."""

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

    def _inside_case(self, name: str) -> None:
        if name in ("testcase", "testsuite", "testsuites"):
            _refuse(f"<{name}> stands inside of a test case", _RUN_AGAIN)
        if name in ("failure", "error", "skipped") and self._path[-1] == "testcase":
            assert self._marks is not None  # noqa: S101  asked by the caller
            self._marks.add(name)

    def _open_case(self, attributes: dict[str, str]) -> None:
        if not self._suites:
            _refuse("a test case stands outside of every suite", _RUN_AGAIN)
        self._marks = {"skipped"} if _NOT_RUN & {(k, v.lower()) for k, v in attributes.items()} else set()
        self._case_seconds += _seconds(attributes.get("time", "0"), f"test case {_shown(attributes.get('name', ''))}")

    def _open_suite(self, tag: str, attributes: dict[str, str]) -> None:
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
        self._suites.append(_Suite(suite, declared, timed, tag == "testsuites"))

    def _note_start(self, text: str) -> None:
        """The earliest start counts; a time without an offset names no instant."""
        try:
            started = from_text(text)
        except (ValueError, OverflowError):
            return
        self.started = started if self.started is None else min(self.started, started)

    def _close_suite(self) -> None:
        suite = self._suites.pop()
        everything = _Counts()
        everything.add(suite.own)
        everything.add(suite.below)
        _check_declared(suite, everything)
        if self._suites:
            self._suites[-1].below.add(everything)
        else:
            self.total = everything


_DECLARED = ("tests", "failures", "errors", "skipped", "skip", "skips", "disabled")


def _check_declared(suite: _Suite, everything: _Counts) -> None:
    """Hold what a suite declares against its cases: with those of the suites in it, or its own; both are usual."""
    ways = (everything,) if suite.is_container else (everything, suite.own)
    problems = [_contradiction(suite, counts) for counts in ways]
    if all(problems):
        _refuse(str(problems[0]), "something was cut from the report or put into it: " + _RUN_AGAIN)


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
        _refuse(f"{suite} declares {name}={text[:40]!r}, which is no count", _RUN_AGAIN)
    return int(text)


def _seconds(text: str, where: str) -> float:
    value = text.strip()
    if not value:
        return 0.0
    if not _SECONDS.fullmatch(value):
        _refuse(f"{where} has the time {text[:40]!r}, which is no number of seconds", _RUN_AGAIN)
    return float(value.replace(",", ""))


def _parse(data: bytes, target: _Report) -> None:
    # Imported here: it takes 20 ms, and most commands read no report.
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped, unused-ignore]
    from defusedxml.ElementTree import (  # type: ignore[import-untyped, unused-ignore]
        DefusedXMLParser,
        ParseError,
    )

    parser: Any = DefusedXMLParser(target=target, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        for start in range(0, len(data), _CHUNK_BYTES):
            parser.feed(data[start : start + _CHUNK_BYTES])
        parser.close()
    except DefusedXmlException as error:
        _refuse(
            f"it declares a document type or entities ({type(error).__name__}), which no test runner does", _RUN_AGAIN
        )
    except ParseError as error:
        what = describe(data[:HEAD_BYTES])
        seems = "" if what.startswith("XML") else f"; it seems to be {what}"
        _refuse(f"it is not well-formed XML: {error}{seems}", _RUN_AGAIN)
    except (ValueError, LookupError) as error:
        _refuse(f"its encoding cannot be read: {error}", "write it in UTF-8")


def _shown(name: str) -> str:
    return repr(name[:60])


def _refuse(because: str, remedy: str) -> NoReturn:
    raise unreadable(FORM, because, remedy)
