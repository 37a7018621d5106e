"""What runs where, what is under way, what waits for whom, and what nobody minds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.core.facts import Hold
from tidegate.core.policy import Policy
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import ACTIVE, Direction, RolloutState
from tidegate.core.verdict import Verdict
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import lay_out
from tidegate.orchestration.restrictions import holds_in_force
from tidegate.orchestration.seen import NOTHING, InGit, look
from tidegate.store import outbox, policies, releases, rollouts
from tidegate.store.outbox import MessageRow
from tidegate.store.releases import ReleaseRow
from tidegate.views.afterwards import FOLLOWING, FollowView, follow_views
from tidegate.views.attention import attention, who_executes
from tidegate.views.environments import in_order
from tidegate.views.incident import IncidentLine, incident_lines
from tidegate.views.joint_rollout import JointView, joint_views
from tidegate.views.release import RolloutLine, WaitingView, rollout_lines, waiting_views
from tidegate.views.road import next_stop

SOON = timedelta(days=1)
"""What is done afterwards is shown when it is due within this time."""
MOST_RELEASES = 20
"""How many open releases are judged for what they wait for."""


MOST_MESSAGES = 50
"""How many undelivered messages are shown; `tidegate notice list` shows more."""


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
    afterwards: tuple[FollowView, ...] = ()
    incidents: tuple[IncidentLine, ...] = ()
    joint_rollouts: tuple[JointView, ...] = ()


def status_view(house: House) -> StatusView:
    """How everything stands now."""
    unminded = tuple(attention(house))
    due = [one for one in follow_views(house, FOLLOWING) if one.due_at <= house.now() + SOON]
    seen = {release: look(house, release) for release in _open_ids(house)}
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
            open_releases=tuple(_open_releases(connection, now, seen)),
            waiting_starts=tuple(waiting_views(connection)),
            holds=holds_in_force(connection, now),
            undelivered=tuple(outbox.undelivered(connection, MOST_MESSAGES)),
            attention=unminded,
            afterwards=tuple(due),
            incidents=tuple(incident_lines(connection, only_open=True)),
            joint_rollouts=tuple(joint_views(connection, over=False)),
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


def _open_ids(house: House) -> list[str]:
    """The open releases that are shown. Where their commits come from is looked at before: Git answers slowly."""
    with house.database.read() as connection:
        return [row.facts.id for row in _open_rows(connection)]


def _open_rows(connection: sa.Connection) -> list[ReleaseRow]:
    rows = [releases.load(connection, name) for name in releases.list_ids(connection)]
    return [row for row in rows if row.facts.state is ReleaseState.OPEN][:MOST_RELEASES]


def _open_releases(connection: sa.Connection, now: datetime, seen: Mapping[str, InGit]) -> Iterable[Waits]:
    for row in _open_rows(connection):
        _, both, facts = lay_out(connection, row.facts.id, now, in_git=seen.get(row.facts.id, NOTHING))
        stop = next_stop(connection, both, facts, now)
        if stop is not None:
            against = tuple(finding.message for finding in stop.against)
            yield Waits(row.facts.id, stop.environment, stop.verdict, against, stop.next_possible)
