"""Conditions of gates in words: simple comparisons are said, everything else is quoted as it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType

from tidegate.core.condition import ConditionError
from tidegate.core.condition.grammar import parse
from tidegate.core.condition.syntax import (
    Binary,
    Expression,
    Has,
    Literal,
    Logical,
    Name,
    Not,
    Select,
    conjuncts,
)
from tidegate.core.evidence_kind import KINDS
from tidegate.views.explain.words import all_of, any_of, code, length, number, plain_number

Path = tuple[str, str]

# The one kind whose root is not simply its word: CEL keeps that word for itself.
_PACKAGE = KINDS["package"].root


def _of_bill(one: str, several: str) -> tuple[str, str]:
    return f"{one} in the bill of materials", f"{several} in the bill of materials"


COUNTS: Mapping[Path, tuple[str, str]] = MappingProxyType(
    {
        ("tests", "total"): ("test", "tests"),
        ("tests", "passed"): ("passing test", "passing tests"),
        ("tests", "failed"): ("failed test", "failed tests"),
        ("tests", "errors"): ("test with an error", "tests with errors"),
        ("tests", "skipped"): ("skipped test", "skipped tests"),
        ("coverage", "lines_total"): ("line of code", "lines of code"),
        ("coverage", "lines_covered"): ("covered line", "covered lines"),
        ("smoke", "total"): ("smoke test", "smoke tests"),
        ("smoke", "failed"): ("failed smoke test", "failed smoke tests"),
        ("findings", "critical"): ("critical finding", "critical findings"),
        ("findings", "high"): ("high finding", "high findings"),
        ("findings", "medium"): ("medium finding", "medium findings"),
        ("findings", "low"): ("low finding", "low findings"),
        ("findings", "total"): ("finding", "findings"),
        ("findings", "unknown"): ("finding of unknown severity", "findings of unknown severity"),
        ("findings", "unchecked"): ("package that was not looked at", "packages that were not looked at"),
        ("sbom", "vulnerabilities"): _of_bill("vulnerability", "vulnerabilities"),
        ("sbom", "critical"): _of_bill("critical vulnerability", "critical vulnerabilities"),
        ("sbom", "high"): _of_bill("high vulnerability", "high vulnerabilities"),
        ("sbom", "medium"): _of_bill("medium vulnerability", "medium vulnerabilities"),
        ("sbom", "low"): _of_bill("low vulnerability", "low vulnerabilities"),
        ("sbom", "unknown"): _of_bill("vulnerability of unknown severity", "vulnerabilities of unknown severity"),
        ("sbom", "components"): ("component in the bill of materials", "components in the bill of materials"),
        ("accessibility", "violations"): ("accessibility violation", "accessibility violations"),
        ("accessibility", "critical"): ("critical accessibility violation", "critical accessibility violations"),
        ("accessibility", "serious"): ("serious accessibility violation", "serious accessibility violations"),
        ("accessibility", "moderate"): ("moderate accessibility violation", "moderate accessibility violations"),
        ("accessibility", "minor"): ("minor accessibility violation", "minor accessibility violations"),
        ("accessibility", "incomplete"): (
            "accessibility check for a person to finish",
            "accessibility checks for a person to finish",
        ),
        ("accessibility", "pages"): ("checked page", "checked pages"),
        ("performance", "requests"): ("request under load", "requests under load"),
        ("performance", "thresholds_failed"): ("crossed threshold", "crossed thresholds"),
        ("benchmark", "missing"): ("benchmark that is gone", "benchmarks that are gone"),
        ("benchmark", "total"): ("benchmark", "benchmarks"),
        ("benchmark", "slower"): ("slower benchmark", "slower benchmarks"),
        ("command", "untracked"): ("file that Git does not know", "files that Git does not know"),
        ("reviews", "approved"): ("approving review", "approving reviews"),
        ("reviews", "rejected"): ("rejecting review", "rejecting reviews"),
        ("reviews", "open"): ("open review", "open reviews"),
        ("documents", "required"): ("required document", "required documents"),
        ("documents", "present"): ("document that is there", "documents that are there"),
        ("documents", "unedited"): ("unedited document", "unedited documents"),
        ("documents", "empty_sections"): ("empty section", "empty sections"),
        ("acceptance", "cases"): ("acceptance case", "acceptance cases"),
        ("acceptance", "accepted"): ("accepted case", "accepted cases"),
        ("acceptance", "rejected"): ("rejected case", "rejected cases"),
        ("health", "total"): ("health check", "health checks"),
        ("health", "failing"): ("failing health check", "failing health checks"),
        ("environment", "violations"): (
            "violation of the configuration rules",
            "violations of the configuration rules",
        ),
        ("environment", "drift"): ("setting that drifted", "settings that drifted"),
        (_PACKAGE, "files"): ("file in the package", "files in the package"),
        ("training", "required"): ("required training", "required trainings"),
        ("training", "lacking"): ("lacking training", "lacking trainings"),
        ("plan", "units"): ("unit to take back", "units to take back"),
        ("plan", "online"): ("unit that answers", "units that answer"),
        ("plan", "kept"): ("unit that keeps the earlier version", "units that keep the earlier version"),
        ("plan", "problems"): ("problem on the way back", "problems on the way back"),
    }
)
"""Fields that count things, in singular and plural."""

FACTS: Mapping[Path, tuple[str, str]] = MappingProxyType(
    {
        ("command", "ok"): ("the command succeeds", "the command does not succeed"),
        ("backup", "verified"): ("the backup is verified", "the backup is not verified"),
        ("backup", "offsite"): ("a copy of the backup is elsewhere", "no copy of the backup is elsewhere"),
        ("backup", "restored"): ("the backup was restored for a test", "the backup was not restored for a test"),
        ("drill", "succeeded"): ("the drill succeeded", "the drill did not succeed"),
        ("plan", "valid"): ("the way back is open", "the way back is not open"),
        (_PACKAGE, "valid"): ("the package is valid", "the package is not valid"),
    }
)
"""Fields that are true or false, in words for both."""

MEASURES: Mapping[Path, tuple[str, str]] = MappingProxyType(
    {
        ("coverage", "line"): ("line coverage", "share"),
        ("coverage", "branch"): ("branch coverage", "share"),
        ("performance", "error_rate"): ("the error rate under load", "share"),
        ("performance", "p50_ms"): ("the median response time", "ms"),
        ("performance", "p95_ms"): ("the response time of 95 % of the requests", "ms"),
        ("performance", "p99_ms"): ("the response time of 99 % of the requests", "ms"),
        ("tests", "duration_s"): ("the time that the tests take", "s"),
        ("plan", "returns_to"): ("the version to which it goes back", ""),
        ("drill", "duration_s"): ("the time that the drill takes", "s"),
        ("drill", "acknowledged_s"): ("the time until the drill is acknowledged", "s"),
        ("benchmark", "worst_ratio"): ("the worst benchmark's ratio to the baseline", ""),
        ("command", "exit_code"): ("the exit code of the command", ""),
        ("backup", "bytes"): ("the size of the backup in bytes", ""),
    }
)
"""Fields that measure: what, and in which unit; a share is 0 to 1."""

_IS = {
    "==": "is exactly",
    "!=": "is not",
    "<": "is under",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
}
_FLIPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NONE = "there are no "


def condition_in_words(text: str) -> str:
    """When a gate passes, as the rest of a sentence: ``there is at least one test and there are no failed tests``."""
    try:
        parts = [_said(part) or f"{code(text[part.start : part.end])} holds" for part in conjuncts(parse(text))]
    except ConditionError:
        return f"{code(text)} holds"
    return _all(parts)


def _all(parts: Sequence[str]) -> str:
    """The parts in a list; what is not there is said in one breath."""
    shortened = [
        part.removeprefix("there are ")
        if place and part.startswith(_NONE) and parts[place - 1].startswith(_NONE)
        else part
        for place, part in enumerate(parts)
    ]
    return all_of(dict.fromkeys(shortened))


def _said(node: Expression) -> str:
    """The condition in words; empty where there are none for it."""
    match node:
        case Select():
            return FACTS.get(_path(node), ("", ""))[0]
        case Not(operand=Select() as operand):
            return FACTS.get(_path(operand), ("", ""))[1]
        case Has():
            return f"the report gives {_what((_root(node.operand), node.field))}" if _root(node.operand) else ""
        case Logical(operator="||"):
            return _either([_said(operand) for operand in node.operands])
        case Binary():
            return _compared(node)
    return ""


def _either(parts: Sequence[str]) -> str:
    return f"either {any_of(parts)}" if all(parts) and not any(" or " in part for part in parts) else ""


def _compared(node: Binary) -> str:
    left, right, operator = node.left, node.right, node.operator
    if isinstance(left, Literal):
        left, right, operator = right, left, _FLIPPED.get(operator, "")
    if operator not in _IS or not isinstance(left, Select):
        return ""
    path = _path(left)
    if isinstance(right, Literal):
        return _with_value(path, operator, right.value)
    if (
        isinstance(right, Select)
        and (other := _path(right)) in {**COUNTS, **MEASURES}
        and path in {**COUNTS, **MEASURES}
    ):
        return f"{_what(path)} {_IS[operator].replace('exactly', 'the same as')} {_what(other)}"
    return ""


def _with_value(path: Path, operator: str, value: object) -> str:
    if path in FACTS and isinstance(value, bool) and operator in ("==", "!="):
        return FACTS[path][value is (operator == "!=")]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    if path in COUNTS and value == int(value):
        return _count(*COUNTS[path], operator, int(value))
    if path in MEASURES:
        what, unit = MEASURES[path]
        return f"{what} {_IS[operator]} {_amount(value, unit)}"
    return ""


def _count(one: str, many: str, operator: str, value: int) -> str:
    if (operator, value) in ((">", 0), (">=", 1), ("!=", 0)):
        return f"there is at least one {one}"
    if (operator, value) in (("==", 0), ("<", 1), ("<=", 0)):
        return f"{_NONE}{many}"
    words = {
        "==": "exactly",
        "<": "fewer than",
        "<=": "at most",
        ">": "more than",
        ">=": "at least",
        "!=": "not exactly",
    }
    is_one = value == 1
    return f"there {'is' if is_one else 'are'} {words[operator]} {number(value)} {one if is_one else many}"


def _amount(value: float, unit: str) -> str:
    if unit == "share":
        return f"{plain_number(round(value * 100, 9))} %"
    if unit in ("s", "ms"):
        whole = timedelta(**{"seconds" if unit == "s" else "milliseconds": value})
        if unit == "ms" and value < 10_000 and value == int(value):
            return f"{int(value)} milliseconds"
        if not whole % timedelta(milliseconds=1):
            return length(whole)
        return f"{plain_number(value)} {'seconds' if unit == 's' else 'milliseconds'}"
    return plain_number(value)


def _what(path: Path) -> str:
    if path in COUNTS:
        return f"the number of {COUNTS[path][1]}"
    return MEASURES[path][0] if path in MEASURES else f"{path[0]} {path[1]}".replace("_", " ")


def _path(node: Select) -> Path:
    return (_root(node.operand), node.field)


def _root(node: Expression) -> str:
    return node.name if isinstance(node, Name) else ""
