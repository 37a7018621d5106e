"""Of components that require each other, one can be the first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tidegate.core.bundle import in_order
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.naming import Path


def _check(given: Given) -> Iterator[Found]:
    components = given.policy.components
    order = in_order({name: component.requires for name, component in components.items()})
    for cycle in order.cycles:
        first, *others = [_place(one, other) for one, other in pairwise(cycle)]
        yield Found(
            first,
            f"none of them can be the first in an environment: {', which requires '.join(_shown(cycle))}",
            "take one of these requirements out, and let that component work without the other",
            at_key=True,
            also=tuple(others),
        )


def _place(component: str, other: str) -> Path:
    return ("components", component, "requires", other)


def _shown(cycle: tuple[str, ...]) -> tuple[str, ...]:
    return cycle if len(cycle) <= 8 else (*cycle[:4], "...", *cycle[-3:])


LINT = Lint(
    "requires.cycle", "Of components that require each other, one can be the first.", "7D-13", Severity.ERROR, _check
)
