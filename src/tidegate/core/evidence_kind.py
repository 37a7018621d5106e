"""The kinds of evidence: what each may say, in which types, and which parts of a subject it speaks of.

A condition of a gate names the fields below the root: ``tests.failed == 0``. A field that a report does not give is
absent, never zero, so that a condition on it cannot tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tidegate.core.canonical import LARGEST_INTEGER
from tidegate.core.condition.types import Scalar
from tidegate.core.subject import Part
from tidegate.errors import UsageError

Value = int | float | bool | str


@dataclass(frozen=True, slots=True)
class EvidenceKind:
    """One kind. ``root`` is its name in conditions; ``optional`` lists the fields that a report may leave out."""

    name: str
    root: str
    fields: Mapping[str, Scalar]
    binds: frozenset[Part]
    optional: frozenset[str] = frozenset()


def _kind(name: str, root: str, fields: str, binds: str) -> EvidenceKind:
    """A kind from one line: fields as ``name:type``, with ``?`` where the field is optional."""
    pairs = [field.split(":") for field in fields.split()]
    typed = {name.rstrip("?"): Scalar(kind) for name, kind in pairs}
    optional = frozenset(name.rstrip("?") for name, _ in pairs if name.endswith("?"))
    return EvidenceKind(name, root, MappingProxyType(typed), frozenset(map(Part, binds.split())), optional)


_FINDINGS = "critical:int high:int medium:int low:int total:int unknown?:int unchecked?:int"
"""Of ``critical`` are those whose severity is ``unknown``; ``unchecked`` are the packages that nobody looked at."""

_ALL = (
    _kind("junit", "tests", "total:int passed:int failed:int errors:int skipped:int duration_s:double", "source"),
    _kind("coverage", "coverage", "line:double branch?:double lines_total:int lines_covered:int", "source"),
    _kind("smoke", "smoke", "total:int failed:int", "source artifacts"),
    *(
        _kind(name, "findings", _FINDINGS, binds)
        for name, binds in (
            ("sarif", "source"),
            ("npm-audit", "source"),
            ("pip-audit", "source"),
            ("image-scan", "artifacts"),
        )
    ),
    _kind(
        "sbom",
        "sbom",
        "components:int vulnerabilities?:int critical?:int high?:int medium?:int low?:int unknown?:int",
        "artifacts",
    ),
    _kind(
        "accessibility",
        "accessibility",
        "violations:int critical?:int serious?:int moderate?:int minor?:int incomplete?:int pages?:int",
        "source",
    ),
    _kind(
        "performance",
        "performance",
        "p50_ms?:double p95_ms:double p99_ms?:double error_rate?:double requests?:int thresholds_failed?:int",
        "artifacts",
    ),
    _kind("benchmark", "benchmark", "total:int slower?:int worst_ratio?:double missing?:int", "source"),
    _kind("reviews", "reviews", "approved:int rejected:int open?:int", "source"),
    _kind("command", "command", "exit_code:int ok:bool untracked?:int", "source"),
    _kind("documents", "documents", "required:int present:int unedited:int empty_sections:int", "source"),
    _kind("acceptance", "acceptance", "cases:int accepted:int rejected:int", "artifacts"),
    _kind("backup", "backup", "verified:bool offsite:bool restored?:bool bytes?:int", "targets"),
    _kind(
        "rollback-plan",
        "plan",
        "valid:bool units:int online:int kept:int problems:int returns_to:string",
        "source artifacts migrations configuration targets",
    ),
    _kind("drill", "drill", "succeeded:bool duration_s?:double acknowledged_s?:double", ""),
    _kind("health", "health", "total:int failing:int", "targets"),
    _kind("environment", "environment", "violations:int drift?:int", "configuration targets"),
    _kind("package", "packages", "valid:bool files:int", "artifacts"),
    _kind("training", "training", "required:int lacking:int", ""),
)

KINDS: Mapping[str, EvidenceKind] = MappingProxyType({kind.name: kind for kind in _ALL})
"""Every kind by its name."""

SHARES = frozenset({"coverage.line", "coverage.branch", "performance.error_rate"})
"""What is a share of a whole, from 0 to 1: 0.80 is 80 %."""

PARTS: Mapping[str, tuple[str, frozenset[str]]] = MappingProxyType(
    {
        "tests": ("total", frozenset({"passed", "failed", "errors", "skipped"})),
        "smoke": ("total", frozenset({"failed"})),
        "findings": ("total", frozenset({"critical", "high", "medium", "low", "unknown"})),
        "coverage": ("lines_total", frozenset({"lines_covered"})),
        "acceptance": ("cases", frozenset({"accepted", "rejected"})),
        "health": ("total", frozenset({"failing"})),
        "training": ("required", frozenset({"lacking"})),
    }
)
"""By root, which count has which others as its parts, none of which is larger."""

STATED = ("acceptance", "backup", "drill", "environment", "health", "package", "performance", "smoke", "training")
"""The kinds that a script or a person may state, since no tool reports them in a form of its own that is known."""

_PYTHON: Mapping[Scalar, tuple[type, ...]] = {
    Scalar.INT: (int,),
    Scalar.DOUBLE: (float, int),
    Scalar.BOOL: (bool,),
    Scalar.STRING: (str,),
}


def typed_values(kind: EvidenceKind, values: Mapping[str, object], *, whole: bool = True) -> dict[str, Value]:
    """``values`` as this kind has them: every field there, of its type, and no other.

    Args:
        whole: whether no field may be missing that the kind must have.

    Raises:
        UsageError: a field is missing, unknown, of another type, negative or not finite.
    """
    if unknown := sorted(values.keys() - kind.fields.keys()):
        raise _mistake(kind, f"has no field {unknown[0]!r}; its fields are {', '.join(kind.fields)}")
    if whole and (missing := [n for n in kind.fields if n not in values and n not in kind.optional]):
        raise _mistake(kind, f"needs {missing[0]!r}, and it is not given")
    return {name: _typed(kind, name, value) for name, value in values.items()}


def _typed(kind: EvidenceKind, name: str, value: object) -> Value:
    expected = kind.fields[name]
    if type(value) not in _PYTHON[expected]:
        raise _mistake(kind, f"has {name} as {expected.value}, and {value!r:.60} is given")
    if isinstance(value, int | float) and not (math.isfinite(value) and 0 <= value <= LARGEST_INTEGER):
        raise _mistake(kind, f"has {name} as a number from 0, and {value!r:.60} is given")
    if expected is Scalar.DOUBLE and isinstance(value, int):
        return float(value)
    return value  # type: ignore[return-value]  # the table above lists nothing else


def _mistake(kind: EvidenceKind, because: str) -> UsageError:
    return UsageError(f"evidence of kind {kind.name} {because}", remedy=f"give {_form(kind)}")


def _form(kind: EvidenceKind) -> str:
    return ", ".join(f"{name} ({scalar.value})" for name, scalar in kind.fields.items())
