"""Reports that could be written, by which conditions of gates are tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from tidegate.core.condition import Scalar
from tidegate.core.condition.grammar import parse
from tidegate.core.condition.syntax import Literal, walk
from tidegate.core.evidence_kind import PARTS, SHARES, EvidenceKind

_LARGE = 10**9


def values_of(kind: EvidenceKind, name: str, text: str) -> Sequence[object]:
    """Values of a field, the lowest first: at, below, above and between those that the condition ``text`` names.

    None is negative, and a share is 1 at most. A comparison with a constant changes its answer nowhere else.
    """
    named = [node.value for node, _, _ in walk(parse(text)) if isinstance(node, Literal)]
    scalar = kind.fields[name]
    if scalar is Scalar.BOOL:
        return [False, True]
    if scalar is Scalar.STRING:
        return ["", *(value for value in named if isinstance(value, str)), "~"]
    numbers = sorted({0, 1, *(n for n in named if isinstance(n, int | float) and not isinstance(n, bool))})
    between = [(low + high) / 2 for low, high in pairwise(numbers)]
    step = 1 if scalar is Scalar.INT else 0.001
    around = {number + change for number in numbers for change in (-step, 0, step)} | {*between, _LARGE}
    if scalar is Scalar.INT:
        return sorted({int(value) for value in around if value >= 0})
    largest = 1 if f"{kind.root}.{name}" in SHARES else _LARGE
    return sorted({float(value) for value in around if 0 <= value <= largest})


def could_be(kind: EvidenceKind, report: Mapping[str, object]) -> bool:
    """Whether no part of a report is larger than the whole: more tests that failed than there are."""
    whole, parts = PARTS.get(kind.root, ("", frozenset()))
    total = report.get(whole)
    return not isinstance(total, int) or all(
        isinstance(count := report.get(part, 0), int) and count <= total for part in parts
    )
