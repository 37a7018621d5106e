"""The lead time that is aimed at leaves room for the soak and the freeze that are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tidegate.core.limit import Limit, parse_limit
from tidegate.core.lint import asked
from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.lint.saying import length, listed
from tidegate.core.naming import Path
from tidegate.core.policy import Metric, Policy

_METRICS = {Metric.LEAD_TIME}


def _check(given: Given) -> Iterator[Found]:
    policy = given.policy
    for name, target in policy.targets.items():
        limit = parse_limit(target.limit)
        if limit is None or limit.unit != "s" or not limit.bounds_above or (target.metric or name) not in _METRICS:
            continue
        slow = {kind: why for kind in _types(policy, target.types) if (why := _why(policy, kind, limit))}
        if slow:
            yield Found(
                ("targets", name),
                f"{name} shall be {target.limit}, and the policy itself asks for more: {_told(slow)}",
                "raise the target, say with types: which releases it is of, or shorten the soak and the freeze",
                at_key=True,
                also=_places(policy),
            )


def _types(policy: Policy, named: tuple[str, ...]) -> list[str]:
    return list(named or policy.release_types)


def _why(policy: Policy, kind: str, limit: Limit) -> str:
    """How long a change of this type takes at the least, and why; empty where that is within the limit."""
    for environment in asked.production(policy):
        soak = asked.soak(policy, environment, policy.release_types[kind])
        frozen = asked.frozen(policy, environment, policy.release_types[kind])
        least = soak + frozen
        if least and not _within(least, limit):
            parts = [f"{length(soak)} of soak"] * bool(soak) + [f"{length(frozen)} of freeze"] * bool(frozen)
            return f"{length(least)} ({' and '.join(parts)})"
    return ""


def _within(least: timedelta, limit: Limit) -> bool:
    seconds = least.total_seconds()
    return seconds < limit.value if limit.operator == "<" else seconds <= limit.value


def _told(slow: dict[str, str]) -> str:
    return "; ".join(
        f"{listed(k for k in slow if slow[k] == why)} at least {why}" for why in dict.fromkeys(slow.values())
    )


def _places(policy: Policy) -> tuple[Path, ...]:
    found: list[Path] = []
    for environment in asked.production(policy):
        found += [("environments", environment, key) for key in ("after", "freeze")]
    return tuple(found)


LINT = Lint(
    "contradiction.lead-time",
    "The lead time that is aimed at leaves room for the soak and the freeze that are asked for.",
    "7D-18",
    Severity.WARNING,
    _check,
)
