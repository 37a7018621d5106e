"""An environment for production has something that takes a bad release back."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity


def _check(given: Given) -> Iterator[Found]:
    for name in asked.production(given.policy):
        if name not in given.policy.watch:
            yield Found(
                ("environments", name),
                f"nothing takes a bad release back from {name}: nobody watches it",
                f"add watch.{name} with roll_back_when: [{{health_check: failed}}], or an error rate",
                at_key=True,
            )


LINT = Lint(
    "unsafe.no-rollback-trigger",
    "An environment for production has something that takes a bad release back.",
    "7D-11, M2-05",
    Severity.WARNING,
    _check,
)
