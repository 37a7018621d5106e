"""What a policy asks of a release of some type on its way to an environment, as several rules need it."""

from __future__ import annotations

from datetime import timedelta

from tidegate.core.policy import ApprovalRule, Policy, Purpose, ReleaseType, Skippable

NOTHING = timedelta(0)


def production(policy: Policy) -> list[str]:
    """The environments for production."""
    return [name for name, environment in policy.environments.items() if environment.purpose is Purpose.PRODUCTION]


def gates(policy: Policy, environment: str, kind: ReleaseType) -> tuple[str, ...]:
    """The gates that a release of that type passes before an environment, each once."""
    where = policy.environments[environment]
    own = kind.gates if where.purpose is Purpose.PRODUCTION else ()
    return tuple(dict.fromkeys(where.gates + own))


def approvals(policy: Policy, environment: str, kind: ReleaseType) -> tuple[ApprovalRule, ...]:
    """The approvals that it needs there."""
    where = policy.environments[environment]
    every = where.approvals + (kind.approvals if where.purpose is Purpose.PRODUCTION else ())
    return tuple(rule for rule in every if concerns(policy, rule, kind))


def concerns(policy: Policy, rule: ApprovalRule, kind: ReleaseType) -> bool:
    """Whether a demand is asked of releases of that type."""
    return not rule.types or any(policy.release_types.get(name) is kind for name in rule.types)


def soak(policy: Policy, environment: str, kind: ReleaseType) -> timedelta:
    """The least time that it spends in the environments before, one after the other."""
    return NOTHING if Skippable.SOAK in kind.skips else _soak(policy, environment, frozenset())


def _soak(policy: Policy, environment: str, above: frozenset[str]) -> timedelta:
    where = policy.environments.get(environment)
    if where is None or environment in above:
        return NOTHING
    ways = [(after.soak or NOTHING) + _soak(policy, after.environment, above | {environment}) for after in where.after]
    return max(ways, default=NOTHING)


def frozen(policy: Policy, environment: str, kind: ReleaseType) -> timedelta:
    """How long before it goes the last change of its bump must have joined; nothing where the freeze lets it in."""
    freeze = policy.environments[environment].freeze
    if freeze is None or Skippable.FREEZE in kind.skips or _may_join(kind, freeze.allow):
        return NOTHING
    return freeze.before


def _may_join(kind: ReleaseType, allowed: tuple[str, ...]) -> bool:
    return set(kind.allows or _KINDS[kind.bump.value]) <= set(allowed)


def may_be_of(kind: ReleaseType, allowed: tuple[str, ...]) -> bool:
    """Whether a release of the type may hold nothing but changes of ``allowed`` kinds; what breaks never is of one."""
    return kind.bump.value != "major" and not set(allowed).isdisjoint(kind.allows or _KINDS[kind.bump.value])


_KINDS = {"major": ("feat",), "minor": ("feat",), "patch": ("fix",)}
"""The kind of change that makes a release so large, where the type does not say which it contains."""
