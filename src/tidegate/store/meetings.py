"""The meetings of boards: agendas and minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.board import Point
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import contents, tables
from tidegate.store.releases import actor_of, actor_record


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting as it is kept. What follows ``called_by`` is empty until its minutes are recorded."""

    id: str
    board: str
    at: datetime
    agenda: tuple[Point, ...]
    called_by: Actor
    recorded_at: datetime | None = None
    recorded_by: Actor | None = None
    attended: tuple[str, ...] = ()
    approved: tuple[Point, ...] = ()
    record: str = ""
    statement: bytes = b""
    signature: str = ""

    @property
    def rejected(self) -> tuple[Point, ...]:
        """The points of the agenda that were not approved."""
        return tuple(point for point in self.agenda if point not in self.approved)


def _rows(points: Sequence[Point]) -> list[list[str]]:
    return [[point.release, point.environment, point.subject] for point in points]


def _points(rows: Sequence[Sequence[str]] | None) -> tuple[Point, ...]:
    return tuple(Point(*row) for row in rows or ())


def call(connection: sa.Connection, meeting: Meeting, statement: bytes, signature: str) -> None:
    """Record a meeting that is called. The caller has locked the organisation."""
    row: dict[str, object] = {
        "id": meeting.id,
        "board": meeting.board,
        "at": meeting.at,
        "agenda": _rows(meeting.agenda),
        "called_by": actor_record(meeting.called_by),
        "statement": contents.keep(connection, statement),
        "signature": signature,
    }
    connection.execute(sa.insert(tables.meeting).values(**row))


def record(connection: sa.Connection, meeting: Meeting, by: Actor, statement: bytes, signature: str) -> None:
    """Record the minutes of a meeting, as ``by`` gives them.

    Raises:
        ConflictError: its minutes were recorded already.
    """
    changed = connection.execute(
        sa.update(tables.meeting)
        .where(tables.meeting.c.id == meeting.id, tables.meeting.c.recorded_at.is_(None))
        .values(
            recorded_at=meeting.recorded_at,
            recorded_by=actor_record(by),
            attended=list(meeting.attended),
            approved=_rows(meeting.approved),
            record=meeting.record,
            minutes=contents.keep(connection, statement),
            minutes_signature=signature,
        )
    )
    if changed.rowcount != 1:
        raise ConflictError(
            f"the minutes of {meeting.id} were recorded already",
            remedy="call another meeting, and record what it decides: tidegate board call",
        )


def load(connection: sa.Connection, meeting: str) -> Meeting:
    """The meeting of that id.

    Raises:
        NotFoundError: there is none.
    """
    found = connection.execute(_query().where(tables.meeting.c.id == meeting)).first()
    if found is None:
        raise NotFoundError(f'there is no meeting "{meeting[:80]}"', remedy="tidegate board list")
    return _meeting(found)


def every(connection: sa.Connection) -> tuple[Meeting, ...]:
    """All meetings, the newest first."""
    return tuple(_meeting(row) for row in connection.execute(_newest_first()))


@cache
def _newest_first() -> sa.Select[Any]:
    return _query().order_by(tables.meeting.c.at.desc(), tables.meeting.c.id)


def _query() -> sa.Select[Any]:
    return sa.select(tables.meeting, tables.content.c.bytes).outerjoin(
        tables.content, tables.content.c.digest == tables.meeting.c.minutes
    )


def _meeting(row: Any) -> Meeting:
    return Meeting(
        id=row.id,
        board=row.board,
        at=row.at,
        agenda=_points(row.agenda),
        called_by=actor_of(row.called_by),
        recorded_at=row.recorded_at,
        recorded_by=actor_of(row.recorded_by) if row.recorded_by else None,
        attended=tuple(row.attended or ()),
        approved=_points(row.approved),
        record=row.record or "",
        statement=bytes(row.bytes or b""),
        signature=row.minutes_signature or "",
    )
