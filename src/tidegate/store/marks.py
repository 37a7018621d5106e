"""Marks: what people said of a release's checklists, gates and documents, with the statements that prove it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.mark import Mark, MarkKind
from tidegate.errors import ConflictError
from tidegate.store import contents, tables
from tidegate.store.releases import actor_of, actor_record


@dataclass(frozen=True, slots=True)
class SignedMark:
    """A mark as it is kept: with its release, and with the statement and the signature that prove it."""

    release: str
    mark: Mark
    statement: bytes
    signature: str


def add(connection: sa.Connection, signed: SignedMark) -> None:
    """Record a mark.

    Raises:
        ConflictError: the very same was signed before, or this person has said it already and it stands.
    """
    mark = signed.mark
    row: dict[str, object] = {
        "id": mark.id,
        "release": signed.release,
        "kind": mark.kind.value,
        "name": mark.name,
        "part": mark.part,
        "person": mark.actor.person,
        "actor": actor_record(mark.actor),
        "subject": mark.subject,
        "at": mark.at,
        "until": mark.until,
        "reason": mark.reason,
        "not_needed": mark.not_needed,
        "statement": contents.keep(connection, signed.statement) if signed.statement else "",
        "signature": signed.signature,
    }
    if connection.execute(sa.select(tables.mark.c.id).where(tables.mark.c.id == mark.id)).first():
        raise ConflictError("this very statement was recorded before", remedy="sign a new one: repeat the command")
    if not contents.insert_once(connection, tables.mark, row):
        raise ConflictError(
            f"{mark.actor.person} has said this already, and it stands",
            remedy=f"tidegate release show {signed.release}",
        )


def end(connection: sa.Connection, ids: list[str], now: datetime) -> None:
    """Take marks back."""
    where = tables.mark.c.id.in_(ids) & tables.mark.c.ended_at.is_(None)
    connection.execute(sa.update(tables.mark).where(where).values(ended_at=now))


def of_release(connection: sa.Connection, release: str) -> tuple[SignedMark, ...]:
    """All marks of a release, those that were taken back too, in the order in which they came."""
    return _read(connection.execute(_of_release(), {"release": release}))


def of_kinds(connection: sa.Connection, *kinds: MarkKind) -> tuple[SignedMark, ...]:
    """All marks of these kinds, of all releases, in the order in which they came."""
    return _read(connection.execute(_every().where(tables.mark.c.kind.in_([kind.value for kind in kinds]))))


@cache
def _every() -> sa.Select[Any]:
    table = tables.mark
    return (
        sa.select(table, tables.content.c.bytes)
        # A mark whose statement is gone must not vanish: without proof it does not count, and says so.
        .outerjoin(tables.content, tables.content.c.digest == table.c.statement)
        .order_by(table.c.at, table.c.id)
    )


@cache
def _of_release() -> sa.Select[Any]:
    return _every().where(tables.mark.c.release == sa.bindparam("release"))


def _read(rows: Iterable[Any]) -> tuple[SignedMark, ...]:
    return tuple(
        SignedMark(
            row.release,
            Mark(
                id=row.id,
                kind=MarkKind(row.kind),
                name=row.name,
                part=row.part,
                actor=actor_of(row.actor),
                subject=row.subject,
                at=row.at,
                until=row.until,
                reason=row.reason,
                not_needed=row.not_needed,
                ended_at=row.ended_at,
            ),
            bytes(row.bytes or b""),
            row.signature,
        )
        for row in rows
    )
