"""What cases have shown of a policy: for people, for programs, and as the report that a CI reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tidegate.clock import to_text
from tidegate.core.policytest import Coverage, Judged, Way
from tidegate.core.rulebook import dotted


@dataclass(frozen=True, slots=True)
class CaseView:
    """One case that was asked: in which file, where it stands there, and what came of it."""

    file: str
    line: int
    judged: Judged

    @property
    def name(self) -> str:
        """What it shows."""
        return self.judged.trial.name


@dataclass(frozen=True, slots=True)
class RunView:
    """All cases that were asked of a policy. ``coverage`` is None where only some cases were asked.

    ``least`` is the least coverage that was demanded, in per cent; None where none was.
    """

    policy: str
    cases: Sequence[CaseView]
    coverage: Coverage | None
    least: int | None = None

    @property
    def failed(self) -> list[CaseView]:
        """The cases whose answer is not what they expect."""
        return [case for case in self.cases if not case.judged.passed]

    @property
    def too_little(self) -> bool:
        """Whether the cases try less of the policy than was demanded."""
        return self.least is not None and self.coverage is not None and self.coverage.percent < self.least

    @property
    def good(self) -> bool:
        """Whether all is as expected."""
        return not self.failed and not self.too_little


def record_of(view: RunView) -> dict[str, Any]:
    """The shape of ``--json``."""
    return {
        "ok": view.good,
        "policy": view.policy,
        "passed": len(view.cases) - len(view.failed),
        "failed": len(view.failed),
        "cases": [_case(case) for case in view.cases],
        "coverage": _coverage(view) if view.coverage is not None else None,
    }


def _case(case: CaseView) -> dict[str, Any]:
    return {
        "name": case.name,
        "file": case.file,
        "line": case.line,
        "ok": case.judged.passed,
        "problems": list(case.judged.problems),
        "decision": case.judged.decision.as_dict(),
    }


def _coverage(view: RunView) -> dict[str, Any]:
    coverage = view.coverage
    assert coverage is not None  # noqa: S101  asked by the caller
    return {
        "percent": coverage.percent,
        "tried": coverage.tried,
        "total": coverage.total,
        "least": view.least,
        "demands": [
            {
                "path": dotted(demand.path),
                "rule": demand.rule,
                "what": demand.what,
                "passes": _tried(coverage, demand.path, Way.PASSES, demand.hints),
                "stands_in_the_way": _tried(coverage, demand.path, Way.STANDS, demand.hints),
                "untried": [
                    {"way": way.value, "hint": hint}
                    for way, hint in demand.hints.items()
                    if (demand.path, way) not in coverage.seen
                ],
            }
            for demand in coverage.demands
        ],
    }


def _tried(coverage: Coverage, path: tuple[str | int, ...], way: Way, possible: object) -> bool | None:
    """Whether a way was seen; None where there is no such way."""
    return (path, way) in coverage.seen if way in possible else None  # type: ignore[operator]


_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_of(view: RunView, at: datetime) -> bytes:
    """The run as JUnit XML: a suite for each file, a test case for each case, and one for the coverage demanded.

    Args:
        at: when it ran.
    """
    files = dict.fromkeys(case.file for case in view.cases)
    suites = [_suite(name, [_testcase(c) for c in view.cases if c.file == name], at) for name in files]
    if view.least is not None and view.coverage is not None:
        suites.append(_suite("coverage", [_coverage_case(view, view.coverage, view.least)], at))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<testsuites name="tidegate policy test">', *suites]
    return "\n".join([*lines, "</testsuites>", ""]).encode()


def _suite(name: str, cases: Sequence[tuple[str, bool]], at: datetime) -> str:
    failures = sum(failed for _, failed in cases)
    head = f'<testsuite name={_attribute(name)} tests="{len(cases)}" failures="{failures}" errors="0" skipped="0"'
    return "\n".join([f'{head} timestamp="{to_text(at)}">', *(text for text, _ in cases), "</testsuite>"])


def _testcase(case: CaseView) -> tuple[str, bool]:
    start = f"<testcase classname={_attribute(case.file)} name={_attribute(case.name)}"
    if case.judged.passed:
        return f"{start}/>", False
    problems = case.judged.problems
    found = [f"{f.rule}: {f.verdict}: {f.message}" for f in case.judged.decision.against()]
    text = "\n".join([f"{case.file}:{case.line}", *problems, *found])
    return (
        f"{start}><failure message={_attribute('; '.join(problems))}>{escape(_plain(text))}</failure></testcase>",
        True,
    )


def _coverage_case(view: RunView, coverage: Coverage, least: int) -> tuple[str, bool]:
    start = f'<testcase classname="coverage" name="the cases try at least {least}% of the policy"'
    if not view.too_little:
        return f"{start}/>", False
    message = f"they try {coverage.percent}% of it"
    untried = "\n".join(f"{demand.what}: {way.value}" for demand, way in coverage.untried())
    return f"{start}><failure message={_attribute(message)}>{escape(_plain(untried))}</failure></testcase>", True


def _attribute(text: str) -> str:
    return quoteattr(_plain(text))


def _plain(text: str) -> str:
    """The text without what XML 1.0 cannot hold."""
    return _NO_XML.sub("\ufffd", text)
