"""A release for people: what it is made of, what is known of it, and how it stands in each environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.approval import Answer
from tidegate.core.bundle import order_of_items
from tidegate.core.change_request import ChangeRequest
from tidegate.core.evidence import Evidence, newest
from tidegate.core.facts import Facts, Item
from tidegate.core.migration.hazard import Brought
from tidegate.core.migration.way_back import Consequence
from tidegate.core.release import ReleaseState
from tidegate.core.subject import Part
from tidegate.core.train_run import IS_LOCKED, Passenger
from tidegate.core.verdict import Verdict
from tidegate.orchestration.checklist import Shown, shown_of
from tidegate.orchestration.document import DocumentLine, documents_of
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import lay_out
from tidegate.orchestration.migration import chosen_here
from tidegate.orchestration.seen import look
from tidegate.orchestration.waiver import WaiverLine, all_waivers
from tidegate.store import artifacts, releases, requests, rollouts, trains
from tidegate.store.artifacts import ArtifactRow
from tidegate.store.trains import RunRow
from tidegate.views.incident import IncidentLine, incident_lines
from tidegate.views.joint_rollout import JointView, joint_views
from tidegate.views.road import Stop, road


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A release in a list; of several components, each is named, and so is its version."""

    id: str
    component: str
    version: str
    type: str
    state: ReleaseState
    opened_at: datetime
    opened_by: str


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """A piece of evidence, and whether it is still bound to what the release is made of.

    ``superseded``: there is a newer one of the same kind and source, and that one counts.
    """

    component: str
    kind: str
    source: str
    environment: str
    values: dict[str, object]
    taken_at: datetime
    added_at: datetime
    added_by: str
    report: str
    holds: bool
    superseded: bool


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
class Placed:
    """A component of a release at its place in the order, and what it requires of others, as ``platform >=3.1.0``.

    ``after`` are the components of the same release that go before it because of that. ``place`` counts from 1; it is
    0 where components that require each other leave it none.
    """

    place: int
    component: str
    version: str
    requires: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArtifactView:
    """Something that was built of a release; ``pushed_at`` is None where it is in no registry."""

    component: str
    kind: str
    name: str
    digest: str
    pushed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PaperView:
    """A document or a checklist of a release: how it stands, in a few words, and whether anything is left to do."""

    name: str
    title: str
    stands: str
    done: bool


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A change request for a release."""

    id: str
    category: str
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class Ride:
    """A run of a train that a release is or was aboard of; ``locked``: its content is fixed by it now."""

    train: str
    departs_at: datetime
    state: str
    standing: str
    locked: bool


@dataclass(frozen=True, slots=True)
class BackView:
    """What going back from the release would mean in an environment, to the version that runs there."""

    component: str
    environment: str
    to: str
    means: Consequence


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
    order: tuple[Placed, ...]
    subjects: dict[str, str]
    environments: tuple[Stop, ...]
    artifacts: tuple[ArtifactView, ...]
    evidence: tuple[EvidenceView, ...]
    documents: tuple[PaperView, ...]
    checklists: tuple[PaperView, ...]
    change_requests: tuple[ChangeLine, ...]
    waivers: tuple[WaiverLine, ...]
    approvals: tuple[ApprovalView, ...]
    rollouts: tuple[RolloutLine, ...]
    waiting: tuple[WaitingView, ...]
    superseded_by: str = ""
    trains: tuple[Ride, ...] = ()
    ways_back: tuple[BackView, ...] = ()
    incidents: tuple[IncidentLine, ...] = ()
    joint_rollouts: tuple[JointView, ...] = ()
    template: str = ""


def release_lines(house: House) -> list[ReleaseLine]:
    """All releases, the newest first."""
    with house.database.read() as connection:
        rows = [releases.load(connection, name) for name in releases.list_ids(connection)]
    return [
        ReleaseLine(
            row.facts.id,
            ", ".join(item.component for item in row.facts.items),
            ", ".join(item.to_version for item in row.facts.items),
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
    waivers = all_waivers(house, release)
    in_git = look(house, release)
    with house.database.read() as connection:
        now = house.now()
        row, both, facts = lay_out(connection, release, now, in_git=in_git)
        book = both.current
        item, counting = facts.release.items[0], _counting(facts)
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
            order=order_of(facts.release.items),
            subjects={name: facts.release.subject_for(name) for name in book.policy.environments},
            environments=road(connection, both, facts, now),
            artifacts=tuple(_artifact(built) for built in artifacts.of(connection, release)),
            evidence=tuple(_evidence(facts, piece, counting) for piece in facts.evidence),
            documents=tuple(_document(line) for line in documents_of(book, facts, now) if line.finding is not None),
            checklists=tuple(_checklist(shown) for shown in shown_of(book, facts, now)),
            change_requests=tuple(_change(change) for change in facts.change_requests),
            waivers=tuple(waivers),
            approvals=_approvals(facts),
            rollouts=tuple(rollout_lines(connection, release=release)),
            waiting=tuple(waiting_views(connection, release)),
            superseded_by=row.superseded_by,
            template=row.facts.template,
            trains=tuple(_ride(run, one) for run, one in trains.runs_of(connection, release)),
            ways_back=tuple(
                BackView(one.component, one.environment, one.since, chosen_here(book.policy, one))
                for one in facts.brought
                if _stands(facts, one) and (one.scripts or one.hazards or one.unknown)
            ),
            incidents=tuple(incident_lines(connection, release=release)),
            joint_rollouts=tuple(joint_views(connection, release)),
        )


def _stands(facts: Facts, one: Brought) -> bool:
    """Whether what it was compared with is recorded there, so that one could go back to it."""
    where = (one.component, one.environment, one.since)
    return any((v.component, v.environment, v.version) == where for v in facts.verified)


def _ride(row: RunRow, one: Passenger) -> Ride:
    return Ride(row.run.train, row.run.departs_at, row.state.value, one.standing.value, row.state in IS_LOCKED)


def order_of(items: Sequence[Item]) -> tuple[Placed, ...]:
    """The components of a release in the order in which they go; those that have no place come last, by name."""
    sequence = order_of_items(items)
    places = {component: place for place, component in enumerate(sequence, 1)}
    known = {item.component for item in items}
    ordered = sorted(items, key=lambda item: (places.get(item.component, len(items) + 1), item.component))
    return tuple(
        Placed(
            places.get(item.component, 0),
            item.component,
            item.to_version,
            tuple(f"{other} {text}" for other, text in sorted(item.requires.items())),
            tuple(sorted(known & item.requires.keys())),
        )
        for item in ordered
    )


def _document(line: DocumentLine) -> PaperView:
    """A document: where it lies; one that is there and does not count says what is wrong with it elsewhere."""
    done = line.finding is not None and line.finding.verdict is Verdict.ALLOW
    return PaperView(line.name, line.title, line.where if line.digest else f"{line.where}: not there", done)


def _checklist(shown: Shown) -> PaperView:
    asked = [point for point in shown.points if point.asked]
    ticked = sum(point.ticked for point in asked)
    return PaperView(shown.name, shown.title, f"{ticked} of {len(asked)} are ticked", ticked == len(asked))


def _change(change: ChangeRequest) -> ChangeLine:
    return ChangeLine(change.id, change.category, change.title, change.state.value)


def _artifact(row: ArtifactRow) -> ArtifactView:
    return ArtifactView(row.component, row.kind, row.name, row.digest, row.pushed_at)


def _counting(facts: Facts) -> frozenset[int]:
    """The pieces that count somewhere, by their identity: the newest of each kind and source."""
    places = {"", *(piece.environment for piece in facts.evidence)}
    return frozenset(id(piece) for place in places for piece in newest(facts.evidence, place))


def _evidence(facts: Facts, piece: Evidence, counting: frozenset[int]) -> EvidenceView:
    item = next(item for item in facts.release.items if item.component == piece.component)
    bound = item.subject.binding([Part(part) for part in piece.bound], piece.environment)
    return EvidenceView(
        component=piece.component,
        kind=piece.kind,
        source=piece.source,
        environment=piece.environment,
        values=dict(piece.values),
        taken_at=piece.taken_at,
        added_at=piece.added_at,
        added_by=piece.added_by,
        report=piece.report,
        holds=dict(bound) == dict(piece.bound),
        superseded=id(piece) not in counting,
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
