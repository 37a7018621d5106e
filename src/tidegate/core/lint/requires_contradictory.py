"""What a component requires of another, some version fulfils."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.requirement import understood


def _check(given: Given) -> Iterator[Found]:
    for name, component in given.policy.components.items():
        for other, text in component.requires.items():
            requirement = understood(text)
            if requirement is not None and requirement.example is None:
                yield Found(
                    ("components", name, "requires", other),
                    f"{name} requires {other} {text}, which no version is: {name} could never be deployed",
                    "write || between what are alternatives, or take one of the comparators out",
                )


LINT = Lint(
    "requires.contradictory",
    "What a component requires of another, some version fulfils.",
    "7D-13",
    Severity.ERROR,
    _check,
)
