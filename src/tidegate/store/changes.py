"""Change requests: their rows, what people did to them, and what they answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.approval import Answer, Approval
from tidegate.core.change_request import (
    CHANGE,
    ActKind,
    Assessment,
    Bound,
    ChangeAct,
    ChangeAnswer,
    ChangeEvent,
    ChangeRequest,
    ChangeState,
)
from tidegate.core.risk import RiskFacts
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import contents, tables
from tidegate.store.releases import actor_of, actor_record


@dataclass(frozen=True, slots=True)
class SignedAct:
    """An act as it is kept: with the statement and the signature that prove it; empty where nothing was signed."""

    act: ChangeAct
    statement: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """An answer as it is kept, with what proves it."""

    answer: ChangeAnswer
    statement: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change request as it is kept; ``change`` has no acts and answers yet, since nobody has verified them."""

    change: ChangeRequest
    acts: tuple[SignedAct, ...]
    answers: tuple[SignedAnswer, ...]
    closed_at: datetime | None


def next_number(connection: sa.Connection) -> int:
    """The number of the next change request. The caller has locked the organisation."""
    highest = connection.execute(sa.select(sa.func.max(tables.change.c.number))).scalar()
    return (highest or 0) + 1


def insert(connection: sa.Connection, change: ChangeRequest, number: int) -> None:
    """Record a new change request and the releases that it is for."""
    connection.execute(
        sa.insert(tables.change).values(
            id=change.id,
            number=number,
            category=change.category,
            title=change.title,
            reason=change.reason,
            description=change.description,
            entry=change.entry,
            ticket=change.ticket,
            ticket_says=change.ticket_says,
            state=change.state.value,
            opened_at=change.opened_at,
            opened_by=change.opened_by,
        )
    )
    _put_releases(connection, change)


def _put_releases(connection: sa.Connection, change: ChangeRequest) -> None:
    connection.execute(sa.delete(tables.change_release).where(tables.change_release.c.change == change.id))
    for bound in change.releases:
        connection.execute(
            sa.insert(tables.change_release).values(
                change=change.id,
                release=bound.release,
                components=list(bound.components),
                authors=list(bound.authors),
                subjects=dict(bound.subjects),
            )
        )


def put(connection: sa.Connection, change: ChangeRequest) -> None:
    """Record what was assessed and submitted: the assessment, the facts, the releases by their subjects."""
    connection.execute(
        sa.update(tables.change)
        .where(tables.change.c.id == change.id)
        .values(
            assessment=asdict(change.assessment) if change.assessment else None,
            facts=asdict(change.facts) if change.facts else None,
            submitted_at=change.submitted_at,
        )
    )
    _put_releases(connection, change)


def move(
    connection: sa.Connection, change: ChangeRequest, event: ChangeEvent, now: datetime, outcome: str = ""
) -> ChangeState:
    """Take a change request to the state that ``event`` leads to.

    Raises:
        TransitionError: its state does not take this event; nothing has changed.
        ConflictError: somebody else moved it meanwhile.
    """
    following = CHANGE.next(change.state, event)
    changed = connection.execute(
        sa.update(tables.change)
        .where(tables.change.c.id == change.id, tables.change.c.state == change.state.value)
        .values(
            state=following.value,
            closed_at=now if CHANGE.is_final(following) else None,
            outcome=tables.storable(outcome),
        )
    )
    if changed.rowcount != 1:
        raise ConflictError(f"{change.id} was moved by somebody else", remedy="look again, then repeat")
    return following


def add_act(connection: sa.Connection, change: str, act: ChangeAct, statement: str, signature: str) -> None:
    """Append an act; ``statement`` is the digest of what was signed, and empty where nothing was."""
    connection.execute(
        sa.insert(tables.change_act).values(
            change=change,
            kind=act.kind.value,
            name=act.name,
            person=act.by,
            at=act.at,
            how=act.how,
            subject=act.subject,
            statement=statement,
            signature=signature,
        )
    )


def add_answer(connection: sa.Connection, change: str, signed: SignedAnswer) -> None:
    """Record an answer.

    Raises:
        ConflictError: this person has said so already, of this very content.
    """
    given = signed.answer.approval
    row: dict[str, object] = {
        "id": given.id,
        "change": change,
        "person": given.actor.person,
        "actor": actor_record(given.actor),
        "answer": given.answer.value,
        "role": given.role,
        "subject": given.subject,
        "at": given.at,
        "minutes": signed.answer.minutes,
        "statement": contents.keep(connection, signed.statement),
        "signature": signed.signature,
    }
    if not contents.insert_once(connection, tables.change_answer, row):
        raise ConflictError(
            f"{given.actor.person} has said {'yes' if given.answer is Answer.APPROVE else 'no'} to {change} already; "
            "one person fills one seat",
            remedy=f"tidegate change show {change}",
        )


def load(connection: sa.Connection, change: str) -> ChangeRow:
    """The change request of that id.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(sa.select(tables.change).where(tables.change.c.id == change)).first()
    if row is None:
        raise NotFoundError(f'there is no change request "{change[:80]}"', remedy="tidegate change list")
    return _row(connection, row)


def everything(connection: sa.Connection) -> list[ChangeRow]:
    """All change requests, the newest first."""
    rows = connection.execute(sa.select(tables.change).order_by(tables.change.c.number.desc())).all()
    return [_row(connection, row) for row in rows]


def of_release(connection: sa.Connection, release: str) -> list[ChangeRow]:
    """The change requests that are for a release, the first one first."""
    return [_row(connection, row) for row in connection.execute(_of_release(), {"release": release}).all()]


@cache
def _of_release() -> sa.Select[Any]:
    table, link = tables.change, tables.change_release
    query = sa.select(table).join(link, link.c.change == table.c.id)
    return query.where(link.c.release == sa.bindparam("release")).order_by(table.c.number)


def _row(connection: sa.Connection, row: Any) -> ChangeRow:
    change = ChangeRequest(
        id=row.id,
        category=row.category,
        title=row.title,
        reason=row.reason,
        releases=_releases(connection, row.id),
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        state=ChangeState(row.state),
        description=row.description,
        entry=row.entry,
        ticket=row.ticket,
        ticket_says=row.ticket_says,
        assessment=_assessment(row.assessment),
        facts=RiskFacts(**{**row.facts, "unknown": tuple(row.facts["unknown"])}) if row.facts else None,
        submitted_at=row.submitted_at,
        outcome=row.outcome,
    )
    return ChangeRow(change, _acts(connection, row.id), _answers(connection, row.id), row.closed_at)


def _assessment(record: dict[str, Any] | None) -> Assessment | None:
    if record is None:
        return None
    lists = {name: tuple(record[name]) for name in ("components", "clients")}
    return Assessment(**{**record, **lists})


def _releases(connection: sa.Connection, change: str) -> tuple[Bound, ...]:
    table = tables.change_release
    rows = connection.execute(sa.select(table).where(table.c.change == change).order_by(table.c.release))
    return tuple(Bound(row.release, tuple(row.components), tuple(row.authors), row.subjects) for row in rows)


def _acts(connection: sa.Connection, change: str) -> tuple[SignedAct, ...]:
    table = tables.change_act
    rows = connection.execute(_with_statement(table).where(table.c.change == change).order_by(table.c.id))
    return tuple(
        SignedAct(
            ChangeAct(
                kind=ActKind(row.kind), by=row.person, at=row.at, name=row.name, how=row.how, subject=row.subject
            ),
            bytes(row.bytes or b""),
            row.signature,
        )
        for row in rows
    )


def _answers(connection: sa.Connection, change: str) -> tuple[SignedAnswer, ...]:
    table = tables.change_answer
    rows = connection.execute(_with_statement(table).where(table.c.change == change).order_by(table.c.at, table.c.id))
    return tuple(
        SignedAnswer(
            ChangeAnswer(
                Approval(
                    id=row.id,
                    actor=actor_of(row.actor),
                    answer=Answer(row.answer),
                    environment="",
                    subject=row.subject,
                    at=row.at,
                    role=row.role,
                ),
                row.minutes,
            ),
            bytes(row.bytes or b""),
            row.signature,
        )
        for row in rows
    )


def _with_statement(table: sa.Table) -> sa.Select[Any]:
    # As with releases: what was signed may be gone, and then the row does not vanish but counts no more.
    return sa.select(table, tables.content.c.bytes).outerjoin(
        tables.content, tables.content.c.digest == table.c.statement
    )
