"""Rehearsals: begun, and over once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.canonical import digest_of
from tidegate.core.drill import Drilled
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import tables
from tidegate.store.releases import actor_record


@dataclass(frozen=True, slots=True)
class DrillRow:
    """A rehearsal as it is kept. ``measured`` are the times that were taken, by what was timed (seconds)."""

    id: str
    name: str
    of: str
    environment: str
    began_at: datetime
    began_by: str
    due_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    succeeded: bool | None = None
    seconds: int | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""


@dataclass(frozen=True, slots=True)
class SignedDrill:
    """A rehearsal that is over, with what was signed of it; ``terms`` is the digest that must stand in it."""

    drilled: Drilled
    act: Act
    terms: str
    statement: bytes
    signature: str


def terms_of(
    drill: str, name: str, environment: str, succeeded: bool, seconds: int | None, report: str, measured: object
) -> str:
    """The digest of what is recorded of a rehearsal: what its person signs."""
    return digest_of([drill, name, environment, succeeded, seconds, report, measured])


def acknowledgement_of(drill: str, name: str) -> str:
    """The digest that whoever acknowledges a call signs."""
    return digest_of([drill, name, "acknowledged"])


def begin(connection: sa.Connection, row: DrillRow, by: Actor) -> None:
    """Record that one has begun."""
    connection.execute(
        sa.insert(tables.drill).values(
            id=row.id,
            name=row.name,
            of=row.of,
            environment=row.environment,
            began_at=row.began_at,
            began_by=actor_record(by),
            due_at=row.due_at,
            measured={},
        )
    )


def end(
    connection: sa.Connection,
    drill: str,
    by: Actor,
    now: datetime,
    *,
    succeeded: bool,
    seconds: int | None,
    measured: Mapping[str, Any],
    report: str = "",
    statement: str = "",
    signature: str = "",
) -> None:
    """Record how one ended.

    Raises:
        ConflictError: it is over already.
    """
    table = tables.drill
    changed = connection.execute(
        sa.update(table)
        .where(table.c.id == drill, table.c.ended_at.is_(None))
        .values(
            ended_at=now,
            ended_by=actor_record(by),
            succeeded=succeeded,
            seconds=seconds,
            measured=dict(measured),
            report=report,
            statement=statement,
            signature=signature,
        )
    )
    if changed.rowcount != 1:
        row = load(connection, drill)
        raise ConflictError(f"{drill} was ended by {row.ended_by}", remedy="tidegate drill list")


def load(connection: sa.Connection, drill: str) -> DrillRow:
    """The rehearsal of that id.

    Raises:
        NotFoundError: there is none.
    """
    found = connection.execute(sa.select(tables.drill).where(tables.drill.c.id == drill)).first()
    if found is None:
        raise NotFoundError(f'there is no drill "{drill[:80]}"', remedy="tidegate drill list")
    return _row(found)


def everything(connection: sa.Connection) -> list[DrillRow]:
    """All rehearsals, the newest first."""
    table = tables.drill
    return [_row(found) for found in connection.execute(sa.select(table).order_by(table.c.began_at.desc(), table.c.id))]


def ended(connection: sa.Connection) -> list[SignedDrill]:
    """Those that are over, with what was signed, in the order of time."""
    table, content = tables.drill, tables.content
    query = (
        sa.select(table, content.c.bytes)
        # What is without proof must not vanish: it does not count, and says so.
        .outerjoin(content, content.c.digest == table.c.statement)
        .where(table.c.ended_at.is_not(None))
        .order_by(table.c.ended_at, table.c.id)
    )
    return [_signed(found) for found in connection.execute(query)]


def _signed(found: Any) -> SignedDrill:
    row = _row(found)
    drilled = Drilled(row.id, row.name, row.ended_at or row.began_at, bool(row.succeeded), row.ended_by, row.seconds)
    proof = bytes(found.bytes or b""), found.signature
    if row.of == "emergency":
        return SignedDrill(drilled, Act.ACKNOWLEDGE_DRILL, acknowledgement_of(row.id, row.name), *proof)
    terms = terms_of(
        row.id, row.name, row.environment, bool(row.succeeded), row.seconds, row.report, dict(row.measured)
    )
    return SignedDrill(drilled, Act.RECORD_DRILL, terms, *proof)


def _row(found: Any) -> DrillRow:
    values = found._mapping
    return DrillRow(
        id=values["id"],
        name=values["name"],
        of=values["of"],
        environment=values["environment"],
        began_at=values["began_at"],
        began_by=values["began_by"]["person"],
        due_at=values["due_at"],
        ended_at=values["ended_at"],
        ended_by=(values["ended_by"] or {}).get("person", ""),
        succeeded=values["succeeded"],
        seconds=values["seconds"],
        measured=values["measured"],
        report=values["report"],
    )
