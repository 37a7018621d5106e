"""A gate can fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice, product

from tidegate.core.condition import Condition
from tidegate.core.evidence_kind import KINDS, EvidenceKind
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.reports import could_be, values_of
from tidegate.core.verdict import Verdict

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
    samples = {name: values_of(kind, name, condition.text) for name in kind.fields}
    read = [name for name in samples if any(name in path for path in condition.paths)]
    bases = [{name: values[end] for name, values in samples.items()} for end in (0, -1)]
    yield from bases
    # One field at a time first: of what is cut off, the pairs are what misses least.
    for changed in (1, 2):
        for base, names in product(bases, combinations(read, changed)):
            yield from (report for report in _varied(base, names, samples) if could_be(kind, report))


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


LINT = Lint("unsafe.gate", "A gate can fail.", "M2-07, HD-08", Severity.ERROR, _check)
