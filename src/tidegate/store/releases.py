"""Releases and what is known of them: items, evidence, approvals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.canonical import digest
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Change, Item, Release
from tidegate.core.release import RELEASE, ReleaseEvent, ReleaseState
from tidegate.core.subject import Subject
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import contents, notices, tables


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release as it is kept: the facts of it, its pinned policy, its packages and its notes."""

    facts: Release
    policy: str
    packages: Mapping[str, str]
    notes: str
    closed_at: datetime | None
    superseded_by: str = ""


def actor_record(actor: Actor) -> dict[str, str]:
    """An actor as rows and leaves keep it."""
    return {"person": actor.person, "via": actor.via, "assurance": actor.assurance.value}


def actor_of(record: Mapping[str, str]) -> Actor:
    """The actor that :func:`actor_record` wrote."""
    return Actor(record["person"], record["via"], Assurance(record["assurance"]))


def insert(
    connection: sa.Connection,
    release: Release,
    *,
    policy: str,
    opened_by: Actor,
    packages: Mapping[str, str],
    notes: str,
) -> None:
    """Record a new release.

    Raises:
        ConflictError: there is one of that id already.
    """
    row: dict[str, object] = {
        "id": release.id,
        "type": release.type,
        "state": release.state.value,
        "policy": policy,
        "opened_at": release.opened_at,
        "opened_by": actor_record(opened_by),
        "announced_at": release.announced_at,
        "notes": notes,
        "planned_at": release.planned_at,
        "reason": release.reason or None,
        "criterion": release.criterion or None,
        "downtime": release.downtime,
        "template": release.template or None,
    }
    if not contents.insert_once(connection, tables.release, row):
        raise ConflictError(
            f"there is a release {release.id} already",
            remedy=f"look at it (tidegate release show {release.id}); a version is released once, so name another one",
        )
    for ordinal, item in enumerate(release.items):
        connection.execute(
            sa.insert(tables.item).values(
                release=release.id,
                component=item.component,
                ordinal=ordinal,
                from_version=item.from_version,
                to_version=item.to_version,
                subject=asdict(item.subject),
                content_at=item.content_at,
                changes=[asdict(change) for change in item.changes],
                authors=list(item.authors),
                hands={hand: list(people) for hand, people in item.hands.items()},
                package=packages[item.component],
            )
        )


def change_item(
    connection: sa.Connection,
    release: str,
    component: str,
    *,
    subject: Subject,
    package: str,
    content_at: datetime | None = None,
) -> None:
    """Record that a part of an item is another now; ``content_at``: and that its content is new since then."""
    where = (tables.item.c.release == release) & (tables.item.c.component == component)
    fixed = {} if content_at is None else {"content_at": content_at}
    connection.execute(sa.update(tables.item).where(where).values(subject=asdict(subject), package=package, **fixed))


def load(connection: sa.Connection, release: str) -> ReleaseRow:
    """The release of that id.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_by_id(), {"release": release}).first()
    if row is None:
        raise NotFoundError(f'there is no release "{release}"', remedy="tidegate release list")
    items = connection.execute(_items(), {"release": release}).all()
    facts = Release(
        id=row.id,
        type=row.type,
        state=ReleaseState(row.state),
        items=tuple(_item(i) for i in items),
        opened_at=row.opened_at,
        opened_by=row.opened_by["person"],
        announced_at=row.announced_at,
        planned_at=row.planned_at,
        reason=row.reason or "",
        criterion=row.criterion or "",
        downtime=row.downtime,
        announcements=notices.announcements(connection, release),
        template=row.template or "",
    )
    packages = {i.component: i.package for i in items}
    return ReleaseRow(facts, row.policy, packages, row.notes, row.closed_at, row.superseded_by or "")


@cache
def _by_id() -> sa.Select[Any]:
    return sa.select(tables.release).where(tables.release.c.id == sa.bindparam("release"))


@cache
def _items() -> sa.Select[Any]:
    table = tables.item
    return sa.select(table).where(table.c.release == sa.bindparam("release")).order_by(table.c.ordinal)


def _item(row: Any) -> Item:
    return Item(
        component=row.component,
        from_version=row.from_version,
        to_version=row.to_version,
        subject=Subject(**row.subject),
        content_at=row.content_at,
        changes=tuple(Change(**change) for change in row.changes),
        authors=tuple(row.authors),
        hands={hand: tuple(people) for hand, people in row.hands.items()},
    )


def list_ids(connection: sa.Connection) -> list[str]:
    """All releases, the newest first."""
    query = sa.select(tables.release.c.id).order_by(tables.release.c.opened_at.desc(), tables.release.c.id)
    return list(connection.execute(query).scalars())


def open_of(connection: sa.Connection, component: str) -> list[str]:
    """The releases of a component that are open, the newest first."""
    query = (
        sa.select(tables.release.c.id)
        .join(tables.item, tables.release.c.id == tables.item.c.release)
        .where(tables.item.c.component == component, tables.release.c.state == ReleaseState.OPEN.value)
        .order_by(tables.release.c.opened_at.desc(), tables.release.c.id)
    )
    return list(connection.execute(query).scalars())


def not_over_of(connection: sa.Connection, component: str) -> list[str]:
    """The releases of a component that are open or rolling, the newest first."""
    query = (
        sa.select(tables.release.c.id)
        .join(tables.item, tables.release.c.id == tables.item.c.release)
        .where(tables.item.c.component == component, tables.release.c.closed_at.is_(None))
        .order_by(tables.release.c.opened_at.desc(), tables.release.c.id.desc())
    )
    return list(connection.execute(query).scalars())


def closed_versions(connection: sa.Connection, component: str) -> frozenset[str]:
    """The versions of a component whose releases are over, however they ended."""
    query = (
        sa.select(tables.item.c.to_version)
        .join(tables.release, tables.release.c.id == tables.item.c.release)
        .where(tables.item.c.component == component, tables.release.c.closed_at.is_not(None))
    )
    return frozenset(connection.execute(query).scalars())


def of_version(connection: sa.Connection, component: str, version: str) -> str | None:
    """The release of a component at a version, the newest where there are several; None where there is none."""
    query = (
        sa.select(tables.release.c.id)
        .join(tables.item, tables.release.c.id == tables.item.c.release)
        .where(tables.item.c.component == component, tables.item.c.to_version == version)
        .order_by(tables.release.c.opened_at.desc(), tables.release.c.id)
    )
    return connection.execute(query).scalars().first()


def versions(connection: sa.Connection, component: str) -> frozenset[str]:
    """Every version for which a release of a component was opened, however it ended."""
    query = sa.select(tables.item.c.to_version).where(tables.item.c.component == component)
    return frozenset(connection.execute(query).scalars())


def move(connection: sa.Connection, release: str, event: ReleaseEvent, now: datetime) -> ReleaseState:
    """Take a release to the state that ``event`` leads to.

    Raises:
        TransitionError: its state does not take this event; nothing has changed.
        ConflictError: somebody else moved it meanwhile.
    """
    state = ReleaseState(connection.execute(_state(), {"release": release}).scalar_one())
    following = RELEASE.next(state, event)
    ended = following not in (ReleaseState.OPEN, ReleaseState.ROLLING)
    moved = {"of": release, "was": state.value, "state": following.value, "closed_at": now if ended else None}
    if connection.execute(_move(), moved).rowcount != 1:
        raise ConflictError(f"release {release} was moved by somebody else", remedy="look again, then repeat")
    return following


@cache
def _state() -> sa.Select[str]:
    return sa.select(tables.release.c.state).where(tables.release.c.id == sa.bindparam("release"))


@cache
def _move() -> sa.Update:
    table = tables.release
    moved: dict[str, sa.BindParameter[object]] = {name: sa.bindparam(name) for name in ("state", "closed_at")}
    here = table.c.id == sa.bindparam("of"), table.c.state == sa.bindparam("was")
    return sa.update(table).where(*here).values(moved)


def amend(connection: sa.Connection, release: str, said: Mapping[str, Any]) -> None:
    """Record what people now say of a release: ``planned_at``, ``reason``, ``criterion``, ``downtime``."""
    connection.execute(sa.update(tables.release).where(tables.release.c.id == release).values(**said))


def superseded(connection: sa.Connection, release: str, by: str) -> None:
    """Record which newer release took the place of one."""
    connection.execute(sa.update(tables.release).where(tables.release.c.id == release).values(superseded_by=by))


def pin(connection: sa.Connection, release: str, policy: str) -> None:
    """Move a release to another pinned policy."""
    connection.execute(sa.update(tables.release).where(tables.release.c.id == release).values(policy=policy))


def announced(connection: sa.Connection, release: str, now: datetime) -> None:
    """Record that the announcement has been delivered; the first delivery counts."""
    connection.execute(
        sa.update(tables.release)
        .where(tables.release.c.id == release, tables.release.c.announced_at.is_(None))
        .values(announced_at=now)
    )


def notes(connection: sa.Connection, release: str) -> str:
    """The notes of a release; empty where there is none of that id."""
    found: str | None = connection.execute(
        sa.select(tables.release.c.notes).where(tables.release.c.id == release)
    ).scalar()
    return found or ""


def add_evidence(connection: sa.Connection, release: str, evidence: Evidence) -> None:
    """Append a piece of evidence."""
    connection.execute(
        sa.insert(tables.evidence).values(
            release=release,
            component=evidence.component,
            kind=evidence.kind,
            source=evidence.source,
            environment=evidence.environment,
            bound=dict(evidence.bound),
            values=dict(evidence.values),
            taken_at=evidence.taken_at,
            added_at=evidence.added_at,
            report=evidence.report,
            added_by=evidence.added_by,
        )
    )


def evidence_of(connection: sa.Connection, release: str) -> tuple[Evidence, ...]:
    """All evidence of a release, in the order in which it was added."""
    rows = connection.execute(_evidence(), {"release": release})
    return tuple(
        Evidence(
            component=row.component,
            kind=row.kind,
            source=row.source,
            bound=row.bound,
            values=row._mapping["values"],
            taken_at=row.taken_at,
            added_at=row.added_at,
            report=row.report,
            added_by=row.added_by,
            environment=row.environment,
        )
        for row in rows
    )


@cache
def _evidence() -> sa.Select[Any]:
    table = tables.evidence
    return sa.select(table).where(table.c.release == sa.bindparam("release")).order_by(table.c.id)


@dataclass(frozen=True, slots=True)
class SignedApproval:
    """An approval as it is kept: with the statement and the signature that prove it."""

    approval: Approval
    statement: bytes
    signature: str


def add_approvals(
    connection: sa.Connection,
    release: str,
    signed: Sequence[SignedApproval],
    renew: Callable[[Approval], bool] = lambda _: False,
) -> list[ConflictError | None]:
    """Record answers to one release, whose lock the caller holds; for each, why it is not recorded, or None.

    Args:
        renew: takes back what the same person answered before, where the new answer may take its place; whether it did.
    """
    if not signed:
        return []
    table = tables.approval
    ids = table.c.id.in_([each.approval.id for each in signed])
    recorded = set(connection.execute(sa.select(table.c.id).where(ids)).scalars())
    people = table.c.person.in_([each.approval.actor.person for each in signed])
    standing = sa.select(table.c.person, table.c.environment, table.c.subject).where(
        table.c.release == release, people, table.c.revoked_at.is_(None)
    )
    answered = {tuple(row) for row in connection.execute(standing)}
    refused: list[ConflictError | None] = []
    added: list[SignedApproval] = []
    for each in signed:
        approval = each.approval
        seat = (approval.actor.person, approval.environment, approval.subject)
        seated = seat in answered and approval.id not in recorded and not renew(approval)
        refused.append(_not_again(release, approval, recorded, seated))
        if refused[-1] is None:
            recorded.add(approval.id)
            answered.add(seat)
            added.append(each)
    if added:
        contents.keep_all(connection, [each.statement for each in added])
        connection.execute(sa.insert(table), [_approval_row(release, each) for each in added])
    return refused


def _not_again(release: str, approval: Approval, recorded: Collection[str], seated: bool) -> ConflictError | None:
    if approval.id in recorded:
        return ConflictError(
            "this very statement was recorded before: a signed answer counts once, also after it was taken back",
            remedy=f"sign a new one: tidegate approve {release} --for {approval.environment}",
        )
    if seated:
        return ConflictError(
            f"{approval.actor.person} has answered for {release} in {approval.environment} already; "
            "one person fills one seat",
            remedy=f"take the first answer back: tidegate revoke {release} --for {approval.environment}",
        )
    return None


def _approval_row(release: str, signed: SignedApproval) -> dict[str, object]:
    approval = signed.approval
    return {
        "id": approval.id,
        "release": release,
        "environment": approval.environment,
        "person": approval.actor.person,
        "actor": actor_record(approval.actor),
        "answer": approval.answer.value,
        "role": approval.role,
        "subject": approval.subject,
        "at": approval.at,
        "statement": digest(signed.statement),
        "signature": signed.signature,
    }


def revoke_approval(
    connection: sa.Connection, release: str, environment: str, person: str, now: datetime
) -> Sequence[str]:
    """Take back this person's standing answers; the ids of those taken back."""
    table = tables.approval
    where = sa.and_(
        table.c.release == release,
        table.c.environment == environment,
        table.c.person == person,
        table.c.revoked_at.is_(None),
    )
    ids = list(connection.execute(sa.select(table.c.id).where(where)).scalars())
    connection.execute(sa.update(table).where(where).values(revoked_at=now))
    return ids


def approvals_of(connection: sa.Connection, release: str) -> tuple[SignedApproval, ...]:
    """All answers about a release, revoked ones too, in the order in which they came."""
    return tuple(
        SignedApproval(
            Approval(
                id=row.id,
                actor=actor_of(row.actor),
                answer=Answer(row.answer),
                environment=row.environment,
                subject=row.subject,
                at=row.at,
                role=row.role,
                revoked_at=row.revoked_at,
            ),
            bytes(row.bytes or b""),
            row.signature,
        )
        for row in connection.execute(_approvals(), {"release": release})
    )


@cache
def _approvals() -> sa.Select[Any]:
    table = tables.approval
    return (
        sa.select(table, tables.content.c.bytes)
        # An answer whose statement is gone must not vanish: without proof it does not count, and says so.
        .outerjoin(tables.content, tables.content.c.digest == table.c.statement)
        .where(table.c.release == sa.bindparam("release"))
        .order_by(table.c.at, table.c.id)
    )
