"""Where Tidegate starts in production by itself, a person has approved the release."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.rules.saying import article


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    for environment in asked.production(policy):
        if not policy.environments[environment].promotion.automatic:
            continue
        alone = [name for name, kind in policy.release_types.items() if not asked.approvals(policy, environment, kind)]
        if alone:
            releases = f"{article(' or '.join(alone))} release"
            yield Found(
                ("environments", environment, "promotion", "automatic"),
                f"Tidegate starts in {environment} by itself, and nobody approves {releases}",
                f"add approvals: to environments.{environment} or to the release types, or let a person start there",
            )


LINT = Lint(
    "unsafe.promotion",
    "Where Tidegate starts in production by itself, a person has approved the release.",
    "TP-07, TP-01",
    Severity.WARNING,
    _check,
)
