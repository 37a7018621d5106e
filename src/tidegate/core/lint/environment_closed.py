"""An environment to which something is released asks for something."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import listed
from tidegate.core.policy import Policy


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    reached = {environment for component in policy.components.values() for environment in component.targets}
    for name in policy.environments:
        closed = [kind for kind in policy.release_types if name in reached and _asks_nothing(policy, name, kind)]
        if not closed:
            continue
        whom = "any release" if len(closed) == len(policy.release_types) else f"{listed(closed, 'or')} releases"
        yield Found(
            ("environments", name),
            f"{name} asks for nothing of {whom}, and is closed for that: components have targets there to which "
            "nobody can deploy",
            f"add gates:, approvals: or after: to environments.{name}",
            at_key=True,
        )


def _asks_nothing(policy: Policy, environment: str, kind: str) -> bool:
    """As the rule ``requirement.present`` finds it, for any component."""
    of = policy.release_types[kind]
    own = policy.environments[environment].after
    return not (own or asked.gates(policy, environment, of) or asked.approvals(policy, environment, of))


LINT = Lint(
    "environment.closed",
    "An environment to which something is released asks for something.",
    "M2-07",
    Severity.WARNING,
    _check,
)
