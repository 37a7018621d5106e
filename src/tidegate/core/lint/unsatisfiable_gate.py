"""A gate can pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tidegate.core.condition import Condition, Scalar
from tidegate.core.condition.grammar import parse
from tidegate.core.condition.syntax import Binary, Has, ListLiteral, Literal, Logical, Name, Not, Select, walk
from tidegate.core.evidence_kind import KINDS, SHARES, EvidenceKind
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.reports import values_of
from tidegate.core.verdict import Verdict

_PLAIN = (Binary, Has, ListLiteral, Literal, Logical, Name, Not, Select)
_ARITHMETIC = frozenset("+-*/%")


def _check(given: Given) -> Iterator[Found]:
    for name, gate in given.policy.gates.items():
        condition = given.rulebook.conditions.get(name)
        if condition is None or not _is_plain(condition):
            continue
        kinds = (KINDS[kind] for kind in gate.evidence)
        never = next((found for kind in kinds if (found := _never_met(condition, kind))), None)
        if never is not None:
            yield _found(name, *never)


def _found(name: str, path: str, clauses: tuple[str, ...]) -> Found:
    wanted = " and ".join(clauses) + (" together" if len(clauses) > 1 else "")
    share = f": {path} is a share from 0 to 1" if path in SHARES else ""
    return Found(
        ("gates", name, "pass"),
        f"the gate {name} never passes: no report meets {wanted}{share}",
        "write a condition that a good report meets" + (", with 0.80 for 80 %" if share else ""),
    )


def _is_plain(condition: Condition) -> bool:
    """Whether it compares fields with constants and does nothing else, so that what is tried is all there is."""
    nodes = (node for node, _, _ in walk(parse(condition.text)))
    return all(
        isinstance(node, _PLAIN) and not (isinstance(node, Binary) and node.operator in _ARITHMETIC) for node in nodes
    )


def _never_met(condition: Condition, kind: EvidenceKind) -> tuple[str, tuple[str, ...]] | None:
    """The field of which no value meets what is asked of it, and what that is; None where each has one.

    What is asked of two fields at once is left out: whether it can be met is another matter.
    """
    numbers = [name for name, scalar in kind.fields.items() if scalar is not Scalar.STRING]
    for name in numbers:
        path = f"{kind.root}.{name}"
        if path not in condition.paths:
            continue
        values = values_of(kind, name, condition.text)
        tried = [_answers(condition, kind, path, {name: value}) for value in values]
        if tried[0] and not any(all(answers.values()) for answers in tried):
            return path, _in_the_way(tried)
    return None


def _answers(condition: Condition, kind: EvidenceKind, path: str, report: Mapping[str, object]) -> dict[str, bool]:
    """What is asked of this field alone, and whether the report meets it."""
    clauses = condition.evaluate({kind.root: report}).clauses
    alone = (clause for clause in clauses if [reading.path for reading in clause.readings] == [path])
    return {clause.text: clause.verdict is Verdict.ALLOW for clause in alone}


def _in_the_way(tried: list[dict[str, bool]]) -> tuple[str, ...]:
    """The one clause that no value meets; else all of them, since together they leave none."""
    alone = [clause for clause in tried[0] if not any(answers[clause] for answers in tried)]
    return tuple(alone[:1] or tried[0])


LINT = Lint("gate.unsatisfiable", "A gate can pass.", "M2-07, HD-08", Severity.ERROR, _check)
