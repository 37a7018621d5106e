"""A release's way through the environments: where it is verified, and what stands in the way of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.decide import decide
from tidegate.core.decision import Action, Finding, Policies, Question
from tidegate.core.facts import Facts
from tidegate.core.policy import Policy
from tidegate.core.release import ReleaseState
from tidegate.core.verdict import Verdict
from tidegate.store import joint_rollouts, rollouts
from tidegate.views.assuming import whoever_may
from tidegate.views.decision import once
from tidegate.views.environments import in_order


@dataclass(frozen=True, slots=True)
class Stop:
    """One environment on the way. ``verified_at`` is set where the release is verified there as it is now.

    ``under_way`` is the rollout that carries it there at this moment; ``runs`` what each component runs there today.
    """

    environment: str
    purpose: str
    verified_at: datetime | None
    under_way: str
    runs: tuple[str, ...]
    verdict: Verdict
    against: tuple[Finding, ...]
    next_possible: datetime | None


def road(connection: sa.Connection, policies: Policies, facts: Facts, now: datetime) -> tuple[Stop, ...]:
    """The environments that a component of the release has a target in, in their order, each decided as of now."""
    names = environments_of(policies.current.policy, facts)
    return tuple(_stop(connection, policies, facts, name, now) for name in names)


def next_stop(connection: sa.Connection, policies: Policies, facts: Facts, now: datetime) -> Stop | None:
    """The first environment where an open release is not verified as it is now; none where it is over."""
    if facts.release.state is not ReleaseState.OPEN:
        return None
    left = (n for n in environments_of(policies.current.policy, facts) if _verified_at(facts, n) is None)
    name = next(left, None)
    return _stop(connection, policies, facts, name, now) if name is not None else None


def environments_of(policy: Policy, facts: Facts) -> list[str]:
    """The environments that a component of the release has a target in, in their order."""
    return [name for name in in_order(policy) if _has_target(policy, facts, name)]


def _has_target(policy: Policy, facts: Facts, environment: str) -> bool:
    known = [policy.components[i.component] for i in facts.release.items if i.component in policy.components]
    return any(environment in component.targets for component in known)


def _stop(connection: sa.Connection, policies: Policies, facts: Facts, environment: str, now: datetime) -> Stop:
    policy = policies.current.policy
    question = Question(Action.START, whoever_may(policy, environment), environment)
    decision = decide(question, policies, facts, now)
    carried = rollouts.find(connection, environment=environment, release=facts.release.id)
    joint = joint_rollouts.find(connection, environment=environment, release=facts.release.id)
    under_way = [one.id for one in joint if one.ended_at is None] + [one.id for one in carried if one.ended_at is None]
    return Stop(
        environment=environment,
        purpose=policy.environments[environment].purpose.value,
        verified_at=_verified_at(facts, environment),
        under_way=next(iter(under_way), ""),
        runs=tuple(_runs(connection, facts, environment)),
        verdict=decision.verdict,
        against=tuple(once(decision.against())),
        next_possible=decision.next_possible,
    )


def _verified_at(facts: Facts, environment: str) -> datetime | None:
    """When the last of its components was verified there, each with the subject that it has now."""
    found = {
        item.component: verified.at
        for item in facts.release.items
        for verified in facts.verified
        if (verified.component, verified.environment) == (item.component, environment)
        and verified.subject == item.subject.digest_for(environment)
    }
    return max(found.values()) if len(found) == len(facts.release.items) else None


def _runs(connection: sa.Connection, facts: Facts, environment: str) -> Sequence[str]:
    versions = []
    for item in facts.release.items:
        good = rollouts.last_good(connection, item.component, environment)
        versions.append(good.target.version if good and good.target else "absent")
    return versions


def first_left(stops: Sequence[Stop], state: ReleaseState) -> Stop | None:
    """Of the stops of a release, the one that :func:`next_stop` would find."""
    if state is not ReleaseState.OPEN:
        return None
    return next((stop for stop in stops if stop.verified_at is None), None)
