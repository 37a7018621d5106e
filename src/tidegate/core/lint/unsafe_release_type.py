"""A release type asks for a gate or an approval before production."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.rules.saying import article


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    for name, kind in policy.release_types.items():
        for environment in asked.production(policy):
            if not asked.gates(policy, environment, kind) and not asked.approvals(policy, environment, kind):
                yield Found(
                    ("release_types", name),
                    f"{article(name)} release goes to {environment} without a gate and without an approval",
                    f"add gates: or approvals: to release_types.{name}, or to environments.{environment}",
                    at_key=True,
                    also=(("environments", environment),),
                )


LINT = Lint(
    "unsafe.release-type",
    "A release type asks for a gate or an approval before production.",
    "M2-02, TP-01",
    Severity.WARNING,
    _check,
)
