"""Starts that wait until they are allowed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.errors import ConflictError
from tidegate.store import contents, tables
from tidegate.store.releases import actor_of, actor_record


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asked for a start; it happens when the policy allows it. ``due_at`` is when to ask next."""

    id: str
    release: str
    environment: str
    actor: Actor
    asked_at: datetime
    due_at: datetime | None = None
    rollout: str = ""
    ended_at: datetime | None = None
    because: str = ""


def put(connection: sa.Connection, request: Request) -> None:
    """Record a request.

    Raises:
        ConflictError: one for the same release and environment waits already.
    """
    row = {
        "id": request.id,
        "release": request.release,
        "environment": request.environment,
        "actor": actor_record(request.actor),
        "asked_at": request.asked_at,
        "due_at": request.due_at,
        "because": request.because,
    }
    if not contents.insert_once(connection, tables.request, row):
        raise ConflictError(
            f"a start of {request.release} in {request.environment} waits already",
            remedy=f"tidegate release show {request.release}",
        )


def _request(row: sa.Row[tuple[object, ...]]) -> Request:
    values = row._asdict()
    return Request(**{**values, "actor": actor_of(values["actor"]), "rollout": values["rollout"] or ""})


def waiting(connection: sa.Connection, release: str | None = None) -> list[Request]:
    """The requests that have not ended, the oldest first."""
    table = tables.request
    query = sa.select(table).where(table.c.ended_at.is_(None)).order_by(table.c.asked_at)
    if release is not None:
        query = query.where(table.c.release == release)
    return [_request(row) for row in connection.execute(query)]


def due(connection: sa.Connection, now: datetime) -> list[Request]:
    """The requests to be asked again now."""
    return [r for r in waiting(connection) if r.due_at is not None and r.due_at <= now]


def touch(connection: sa.Connection, release: str, now: datetime) -> bool:
    """Something about the release changed: its requests are asked again at once. Whether there are any."""
    table = tables.request
    changed = connection.execute(
        sa.update(table).where(table.c.release == release, table.c.ended_at.is_(None)).values(due_at=now)
    )
    return changed.rowcount > 0


def postpone(connection: sa.Connection, request: str, due_at: datetime | None, because: str) -> None:
    """Record why it waits, and until when it need not be asked again."""
    table = tables.request
    connection.execute(sa.update(table).where(table.c.id == request).values(due_at=due_at, because=because[:2000]))


def end(connection: sa.Connection, request: str, now: datetime, *, rollout: str = "", because: str = "") -> None:
    """It has started, or will not."""
    table = tables.request
    connection.execute(
        sa.update(table)
        .where(table.c.id == request)
        .values(ended_at=now, due_at=None, rollout=rollout or None, because=because[:2000])
    )


def next_due(connection: sa.Connection) -> datetime | None:
    """When a request has to be asked next."""
    due_at: datetime | None = connection.execute(sa.select(sa.func.min(tables.request.c.due_at))).scalar()
    return due_at
