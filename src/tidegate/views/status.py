"""What runs where, what is under way, what waits for whom, and what nobody minds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Hold
from tidegate.core.policy import Act, Policy
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import ACTIVE, Direction, RolloutState
from tidegate.core.rules.actor_permitted import permitted_people
from tidegate.core.verdict import Verdict
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import judge
from tidegate.store import holds, outbox, policies, releases, rollouts
from tidegate.store.outbox import MessageRow
from tidegate.views.attention import attention, who_executes
from tidegate.views.decision import once
from tidegate.views.environments import in_order
from tidegate.views.release import RolloutLine, WaitingView, rollout_lines, waiting_views

MOST_RELEASES = 20
"""How many open releases are judged for what they wait for."""


@dataclass(frozen=True, slots=True)
class Running:
    """What a component runs in an environment, as far as Tidegate brought or adopted it."""

    component: str
    environment: str
    version: str
    since: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class Waits:
    """An open release, and what stands in the way of its next environment."""

    release: str
    environment: str
    verdict: Verdict
    against: tuple[str, ...]
    next_possible: datetime | None


@dataclass(frozen=True, slots=True)
class StatusView:
    """What ``tidegate status`` answers."""

    organization: str
    policy: str
    timezone: str
    rehearsal: str
    now: datetime
    executes: str
    running: tuple[Running, ...]
    under_way: tuple[RolloutLine, ...]
    open_releases: tuple[Waits, ...]
    waiting_starts: tuple[WaitingView, ...]
    holds: tuple[Hold, ...]
    undelivered: tuple[MessageRow, ...]
    attention: tuple[str, ...]


def status_view(house: House) -> StatusView:
    """How everything stands now."""
    unminded = tuple(attention(house))
    with house.database.read() as connection:
        now = house.now()
        book = policies.current(connection)
        busy = {state.value for state in ACTIVE} | {RolloutState.REVERSING.value}
        return StatusView(
            organization=book.policy.organization,
            policy=book.digest,
            timezone=book.policy.timezone,
            rehearsal=book.policy.rehearsal or "",
            now=now,
            executes=who_executes(house) or "",
            running=tuple(_running(connection, book.policy)),
            under_way=tuple(line for line in rollout_lines(connection) if line.state in busy),
            open_releases=tuple(_open_releases(connection, book.policy, now)),
            waiting_starts=tuple(waiting_views(connection)),
            holds=holds.in_force(connection, now),
            undelivered=tuple(outbox.undelivered(connection)),
            attention=unminded,
        )


def _running(connection: sa.Connection, policy: Policy) -> Iterable[Running]:
    for name, component in policy.components.items():
        for environment in in_order(policy):
            if environment not in component.targets:
                continue
            good = rollouts.last_good(connection, name, environment)
            version = good.target.version if good and good.target else "absent"
            yield Running(name, environment, version, good.ended_at if good else None, _by(good))


def _by(rollout: rollouts.Rollout | None) -> str:
    if rollout is None:
        return ""
    return "adopted" if rollout.direction is Direction.ADOPTED else rollout.release


def _open_releases(connection: sa.Connection, policy: Policy, now: datetime) -> Iterable[Waits]:
    rows = [releases.load(connection, name) for name in releases.list_ids(connection)]
    for row in [r for r in rows if r.facts.state is ReleaseState.OPEN][:MOST_RELEASES]:
        environment = _next_environment(connection, policy, row.facts.id, row.facts.items[0].component)
        if not environment:
            continue
        actor = whoever_may(policy, environment)
        decision = judge(connection, row.facts.id, Question(Action.START, actor, environment), now).decision
        against = tuple(finding.message for finding in once(decision.against()))
        yield Waits(row.facts.id, environment, decision.verdict, against, decision.next_possible)


def _next_environment(connection: sa.Connection, policy: Policy, release: str, component: str) -> str:
    """The first environment of the policy, in its order, that the release has not been verified in."""
    done = {
        r.environment
        for r in rollouts.find(connection, release=release, states=[RolloutState.SUCCEEDED])
        if r.direction is Direction.FORWARD
    }
    known = policy.components.get(component)
    targets = known.targets if known else {}
    return next((name for name in in_order(policy) if name in targets and name not in done), "")


def whoever_may(policy: Policy, environment: str) -> Actor:
    """Somebody who may start there, taken as having signed; where nobody may, nobody."""
    people = sorted(permitted_people(policy, Act.START, policy.environments.get(environment)))
    return Actor(people[0] if people else "nobody", "assumed to sign", Assurance.SIGNATURE)
