"""A gate can fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice, product

from tidegate.core.condition import Condition, Scalar, Type
from tidegate.core.condition.grammar import parse
from tidegate.core.condition.syntax import Literal, walk
from tidegate.core.evidence_kind import KINDS, EvidenceKind
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.verdict import Verdict

_LARGE = 10**9

_MOST_TRIED = 5_000
"""How many reports are tried of one condition: a long one has more numbers than anybody could put together."""


def _check(given: Given) -> Iterator[Found]:
    for name, gate in given.policy.gates.items():
        condition = given.rulebook.conditions.get(name)
        if condition is not None and any(_never_fails(condition, KINDS[kind]) for kind in gate.evidence):
            yield Found(
                ("gates", name, "pass"),
                f"the gate {name} always passes: every report meets {gate.condition}",
                "write a condition that a bad report does not meet, such as tests.total > 0 && tests.failed == 0",
            )


def _never_fails(condition: Condition, kind: EvidenceKind) -> bool:
    """Whether no report that could be written fails it.

    Tried, not proved: at and beside every number in the condition, with up to two fields changed at a time against
    reports that are all low and all high. A comparison with a number changes its answer nowhere else.
    """
    tried = islice(_reports(condition, kind), _MOST_TRIED)
    return all(condition.evaluate({kind.root: report}).verdict is Verdict.ALLOW for report in tried)


def _reports(condition: Condition, kind: EvidenceKind) -> Iterator[dict[str, object]]:
    samples = {name: _samples(scalar, condition.text) for name, scalar in kind.fields.items()}
    read = [name for name in samples if any(name in path for path in condition.paths)]
    bases = [{name: values[end] for name, values in samples.items()} for end in (0, -1)]
    yield from bases
    # One field at a time first: of what is cut off, the pairs are what misses least.
    for changed in (1, 2):
        for base, names in product(bases, combinations(read, changed)):
            yield from _varied(base, names, samples)


def _varied(
    base: Mapping[str, object], names: tuple[str, ...], samples: Mapping[str, Sequence[object]]
) -> Iterator[dict[str, object]]:
    first, *others = names
    for value in samples[first]:
        changed = {**base, first: value}
        if others:
            yield from _varied(changed, tuple(others), samples)
        else:
            yield changed


def _samples(kind: Type, text: str) -> Sequence[object]:
    """Values of a kind, the lowest first: at, below and above each that the condition names. None is negative."""
    named = [node.value for node, _, _ in walk(parse(text)) if isinstance(node, Literal)]
    if kind is Scalar.BOOL:
        return [False, True]
    if kind is Scalar.STRING:
        return ["", *(value for value in named if isinstance(value, str)), "~"]
    numbers = [value for value in named if isinstance(value, int | float) and not isinstance(value, bool)]
    step = 1 if kind is Scalar.INT else 0.001
    around = {value + change for value in [0, 1, *numbers] for change in (-step, 0, step)} | {_LARGE}
    if kind is Scalar.INT:
        return sorted({int(value) for value in around if value >= 0})
    return sorted({float(value) for value in around if value >= 0})


LINT = Lint("unsafe.gate", "A gate can fail.", "M2-07, HD-08", Severity.ERROR, _check)
