"""Emergencies that were declared: who is called next, whether somebody has acknowledged, and how they ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.clock import from_text, to_text
from tidegate.core.actor import Actor
from tidegate.core.emergency import Emergency
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import contents, tables
from tidegate.store.releases import actor_record


@dataclass(frozen=True, slots=True)
class Planned:
    """A contact with the time at which it is called, if nobody has acknowledged by then."""

    contact: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EmergencyRow:
    """An emergency as it is kept. ``called`` of its ``calls`` were made; ``due_at`` is when the next one is."""

    emergency: Emergency
    acknowledge_by: datetime | None
    calls: tuple[Planned, ...]
    called: int = 0
    due_at: datetime | None = None
    ended_by: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class SignedEmergency:
    """An emergency with what its declarer signed, as it is kept; nothing where that is gone."""

    emergency: Emergency
    statement: bytes
    signature: str


def add(connection: sa.Connection, row: EmergencyRow, by: Actor, statement: bytes, signature: str) -> None:
    """Record a declaration with its proof. The caller has locked the organisation."""
    one = row.emergency
    connection.execute(
        sa.insert(tables.emergency).values(
            id=one.id,
            incident=one.incident,
            reason=one.reason,
            criterion=one.criterion,
            components=list(one.components),
            declared_at=one.declared_at,
            declared_by=actor_record(by),
            expires_at=one.expires_at,
            acknowledge_by=row.acknowledge_by,
            calls=[{"contact": call.contact, "at": to_text(call.at)} for call in row.calls],
            called=row.called,
            due_at=row.due_at,
            statement=contents.keep(connection, statement),
            signature=signature,
        )
    )


def _row(found: sa.Row[tuple[object, ...]]) -> EmergencyRow:
    values = found._mapping
    one = Emergency(
        id=values["id"],
        incident=values["incident"],
        reason=values["reason"],
        criterion=values["criterion"],
        components=tuple(values["components"]),
        declared_by=values["declared_by"]["person"],
        declared_at=values["declared_at"],
        expires_at=values["expires_at"],
        acknowledged_by=(values["acknowledged_by"] or {}).get("person", ""),
        acknowledged_at=values["acknowledged_at"],
        ended_at=values["ended_at"],
    )
    return EmergencyRow(
        one,
        values["acknowledge_by"],
        tuple(Planned(call["contact"], from_text(call["at"])) for call in values["calls"]),
        values["called"],
        values["due_at"],
        (values["ended_by"] or {}).get("person", ""),
        values["outcome"],
    )


def load(connection: sa.Connection, emergency: str) -> EmergencyRow:
    """The emergency of that id.

    Raises:
        NotFoundError: there is none.
    """
    found = connection.execute(sa.select(tables.emergency).where(tables.emergency.c.id == emergency)).first()
    if found is None:
        raise NotFoundError(f'there is no emergency "{emergency[:80]}"', remedy="tidegate emergency list")
    return _row(found)


def everything(connection: sa.Connection) -> list[EmergencyRow]:
    """All emergencies, the newest first."""
    table = tables.emergency
    query = sa.select(table).order_by(table.c.declared_at.desc(), table.c.id)
    return [_row(found) for found in connection.execute(query)]


def recent(connection: sa.Connection, since: datetime) -> list[SignedEmergency]:
    """The emergencies that were in force at some moment after ``since``, as far as their time goes."""
    return [
        SignedEmergency(_row(found).emergency, bytes(found.bytes or b""), found.signature)
        for found in connection.execute(_recent(), {"since": since})
    ]


@cache
def _recent() -> sa.Select[Any]:
    table = tables.emergency
    return (
        sa.select(table, tables.content.c.bytes)
        # What is without proof must not vanish: it does not count, and says so.
        .outerjoin(tables.content, tables.content.c.digest == table.c.statement)
        .where(table.c.expires_at > sa.bindparam("since"))
        .order_by(table.c.declared_at, table.c.id)
    )


def acknowledge(connection: sa.Connection, emergency: str, by: Actor, now: datetime) -> None:
    """Record that somebody has taken it on; nobody else is called.

    Raises:
        ConflictError: somebody has acknowledged it already, or it is over.
    """
    table = tables.emergency
    changed = connection.execute(
        sa.update(table)
        .where(table.c.id == emergency, table.c.acknowledged_at.is_(None), table.c.ended_at.is_(None))
        .values(acknowledged_at=now, acknowledged_by=actor_record(by), due_at=None)
    )
    if changed.rowcount != 1:
        one = load(connection, emergency).emergency
        what = "is over" if one.ended_at else f"was acknowledged by {one.acknowledged_by}"
        raise ConflictError(f"{emergency} {what}", remedy=f"tidegate emergency show {emergency}")


def end(connection: sa.Connection, emergency: str, by: Actor, outcome: str, now: datetime) -> None:
    """Record that it is over.

    Raises:
        ConflictError: it is over already.
    """
    table = tables.emergency
    changed = connection.execute(
        sa.update(table)
        .where(table.c.id == emergency, table.c.ended_at.is_(None))
        .values(ended_at=now, ended_by=actor_record(by), outcome=outcome, due_at=None)
    )
    if changed.rowcount != 1:
        raise ConflictError(f"{emergency} is over already", remedy=f"tidegate emergency show {emergency}")


def due(connection: sa.Connection, now: datetime) -> list[EmergencyRow]:
    """Those whose next contact is to be called now, the longest overdue first."""
    table = tables.emergency
    query = sa.select(table).where(table.c.due_at.is_not(None), table.c.due_at <= now)
    return [_row(found) for found in connection.execute(query.order_by(table.c.due_at, table.c.id))]


def next_due(connection: sa.Connection) -> datetime | None:
    """When somebody has to be called next."""
    due_at: datetime | None = connection.execute(sa.select(sa.func.min(tables.emergency.c.due_at))).scalar()
    return due_at


def count_call(connection: sa.Connection, row: EmergencyRow) -> bool:
    """Count the next call as made; whether it was ours to make.

    In the transaction that makes it: then it is made once, whoever else looks at the same time and whoever dies.
    """
    table, following = tables.emergency, row.called + 1
    due_at = row.calls[following].at if following < len(row.calls) else None
    changed = connection.execute(
        sa.update(table)
        .where(
            table.c.id == row.emergency.id,
            table.c.called == row.called,
            table.c.due_at.is_not(None),
            table.c.acknowledged_at.is_(None),
            table.c.ended_at.is_(None),
        )
        .values(called=following, due_at=due_at)
    )
    return changed.rowcount == 1
