"""A release for people: what it is made of, what is known of it, and how it stands in each environment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.approval import Answer
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Facts
from tidegate.core.release import ReleaseState
from tidegate.core.subject import Part
from tidegate.orchestration.facts import gather
from tidegate.orchestration.house import House
from tidegate.store import policies, releases, requests, rollouts


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A release in a list."""

    id: str
    component: str
    version: str
    type: str
    state: ReleaseState
    opened_at: datetime
    opened_by: str


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """A piece of evidence, and whether it is still bound to what the release is made of."""

    kind: str
    source: str
    environment: str
    values: dict[str, object]
    taken_at: datetime
    added_at: datetime
    added_by: str
    report: str
    holds: bool


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """An answer, and why it does not count where it does not."""

    person: str
    answer: Answer
    environment: str
    role: str
    at: datetime
    assurance: str
    holds: bool
    because: str


@dataclass(frozen=True, slots=True)
class RolloutLine:
    """A rollout in a list."""

    id: str
    release: str
    component: str
    environment: str
    direction: str
    state: str
    source: str
    target: str
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    because: str


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A start that waits until it is allowed."""

    id: str
    release: str
    environment: str
    asked_by: str
    asked_at: datetime
    due_at: datetime | None
    because: str


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """What ``tidegate release show`` answers."""

    id: str
    component: str
    source: str
    version: str
    type: str
    state: ReleaseState
    policy: str
    policy_is_current: bool
    opened_at: datetime
    opened_by: str
    announced_at: datetime | None
    closed_at: datetime | None
    commit: str
    package: str
    changes: int
    subjects: dict[str, str]
    evidence: tuple[EvidenceView, ...]
    approvals: tuple[ApprovalView, ...]
    rollouts: tuple[RolloutLine, ...]
    waiting: tuple[WaitingView, ...]


def release_lines(house: House) -> list[ReleaseLine]:
    """All releases, the newest first."""
    with house.database.read() as connection:
        rows = [releases.load(connection, name) for name in releases.list_ids(connection)]
    return [
        ReleaseLine(
            row.facts.id,
            row.facts.items[0].component,
            row.facts.items[0].to_version,
            row.facts.type,
            row.facts.state,
            row.facts.opened_at,
            row.facts.opened_by,
        )
        for row in rows
    ]


def release_view(house: House, release: str) -> ReleaseView:
    """The view of a release.

    Raises:
        NotFoundError: there is none.
    """
    with house.database.read() as connection:
        row = releases.load(connection, release)
        book = policies.current(connection)
        facts = gather(connection, row, book.policy, house.now())
        item = facts.release.items[0]
        return ReleaseView(
            id=row.facts.id,
            component=item.component,
            source=item.from_version,
            version=item.to_version,
            type=row.facts.type,
            state=row.facts.state,
            policy=row.policy,
            policy_is_current=row.policy == book.digest,
            opened_at=row.facts.opened_at,
            opened_by=row.facts.opened_by,
            announced_at=row.facts.announced_at,
            closed_at=row.closed_at,
            commit=item.subject.commit,
            package=row.packages[item.component],
            changes=len(item.changes),
            subjects={name: facts.release.subject_for(name) for name in book.policy.environments},
            evidence=tuple(_evidence(facts, piece) for piece in facts.evidence),
            approvals=_approvals(facts),
            rollouts=tuple(rollout_lines(connection, release=release)),
            waiting=tuple(waiting_views(connection, release)),
        )


def _evidence(facts: Facts, piece: Evidence) -> EvidenceView:
    item = facts.release.items[0]
    bound = item.subject.binding([Part(part) for part in piece.bound], piece.environment)
    return EvidenceView(
        kind=piece.kind,
        source=piece.source,
        environment=piece.environment,
        values=dict(piece.values),
        taken_at=piece.taken_at,
        added_at=piece.added_at,
        added_by=piece.added_by,
        report=piece.report,
        holds=dict(bound) == dict(piece.bound),
    )


def _approvals(facts: Facts) -> tuple[ApprovalView, ...]:
    views = []
    for approval in facts.approvals:
        because = approval.invalid
        if approval.revoked_at is not None:
            because = "taken back"
        elif approval.subject != facts.release.subject_for(approval.environment):
            because = because or "what is released has changed since"
        views.append(
            ApprovalView(
                person=approval.actor.person,
                answer=approval.answer,
                environment=approval.environment,
                role=approval.role,
                at=approval.at,
                assurance=approval.actor.assurance.value,
                holds=not because,
                because=because,
            )
        )
    return tuple(views)


def rollout_lines(
    connection: sa.Connection,
    *,
    component: str | None = None,
    environment: str | None = None,
    release: str | None = None,
) -> list[RolloutLine]:
    """Rollouts that fit what is given, the newest first."""
    found = rollouts.find(connection, component=component, environment=environment, release=release)
    return [
        RolloutLine(
            id=r.id,
            release=r.release,
            component=r.component,
            environment=r.environment,
            direction=r.direction.value,
            state=r.state.value,
            source=r.source.version if r.source else "absent",
            target=r.target.version if r.target else "absent",
            started_at=r.started_at,
            started_by=r.started_by.person,
            ended_at=r.ended_at,
            because=r.because,
        )
        for r in found
    ]


def waiting_views(connection: sa.Connection, release: str | None = None) -> list[WaitingView]:
    """Starts that wait."""
    return [
        WaitingView(r.id, r.release, r.environment, r.actor.person, r.asked_at, r.due_at, r.because)
        for r in requests.waiting(connection, release)
    ]
