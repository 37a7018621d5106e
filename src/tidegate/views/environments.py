"""The order of environments: as they come after each other, since a stored policy keeps its names in the alphabet's."""

from __future__ import annotations

from tidegate.core.policy import Policy, Purpose

_RANK = {purpose: rank for rank, purpose in enumerate(Purpose)}


def in_order(policy: Policy) -> list[str]:
    """The environments of a policy, each after those in which a release must be verified before."""

    def depth(name: str, seen: tuple[str, ...] = ()) -> int:
        known = policy.environments.get(name)
        if known is None or name in seen:
            return 0
        return max((1 + depth(after.environment, (*seen, name)) for after in known.after), default=0)

    return sorted(policy.environments, key=lambda name: (depth(name), _RANK[policy.environments[name].purpose], name))
