"""Starts that wait until they are allowed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import contents, joint_rollouts, tables
from tidegate.store.releases import actor_of, actor_record


@dataclass(frozen=True, slots=True)
class Request:
    """Somebody asked for a start; it happens when the policy allows it. ``due_at`` is when to ask next.

    ``statement`` and ``signature`` are what they signed; empty where they came otherwise.
    """

    id: str
    release: str
    environment: str
    actor: Actor
    asked_at: datetime
    statement: bytes = b""
    signature: str = ""
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
        "statement": contents.keep(connection, request.statement) if request.statement else "",
        "signature": request.signature,
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
    signed = {"statement": values.pop("bytes") or b"", "actor": actor_of(values["actor"])}
    return Request(**{**values, **signed, "rollout": values["rollout"] or ""})


def _select() -> sa.Select[tuple[object, ...]]:
    table, content = tables.request, tables.content
    # A statement that is gone leaves the request standing, and unproven: it must be refused, not vanish.
    joined = table.outerjoin(content, content.c.digest == table.c.statement)
    return sa.select(table, content.c.bytes).select_from(joined)


def load(connection: sa.Connection, request: str) -> Request:
    """The request of that id.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_select().where(tables.request.c.id == request)).first()
    if row is None:
        raise NotFoundError(f'there is no request "{request}"', remedy="tidegate release list")
    return _request(row)


def waiting(connection: sa.Connection, release: str | None = None) -> list[Request]:
    """The requests that have not ended, the oldest first."""
    if release is None:
        return [_request(row) for row in connection.execute(_waiting())]
    return [_request(row) for row in connection.execute(_waiting_of(), {"release": release})]


@cache
def _waiting() -> sa.Select[tuple[object, ...]]:
    table = tables.request
    return _select().where(table.c.ended_at.is_(None)).order_by(table.c.asked_at, table.c.id)


@cache
def _waiting_of() -> sa.Select[tuple[object, ...]]:
    return _waiting().where(tables.request.c.release == sa.bindparam("release"))


def due(connection: sa.Connection, now: datetime) -> list[Request]:
    """The requests to be asked again now."""
    return [r for r in waiting(connection) if r.due_at is not None and r.due_at <= now]


def touch(connection: sa.Connection, release: str | None, now: datetime) -> bool:
    """Something about the release (None: all) changed: its requests are asked again at once. Whether it has any.

    So is a joint rollout of it that waits for its next component.
    """
    table = tables.request
    concerned = table.c.ended_at.is_(None) if release is None else _waits(release)
    touched = connection.execute(sa.update(table).where(concerned).values(due_at=now)).rowcount > 0
    return joint_rollouts.touch(connection, release, now) or touched


def _waits(release: str) -> sa.ColumnElement[bool]:
    return (tables.request.c.release == release) & tables.request.c.ended_at.is_(None)


def claim(connection: sa.Connection, request: str, now: datetime, until: datetime) -> bool:
    """Claim a due request by moving its due time ahead; whether it was ours to claim."""
    table = tables.request
    changed = connection.execute(
        sa.update(table)
        .where(table.c.id == request, table.c.ended_at.is_(None), table.c.due_at.is_not(None), table.c.due_at <= now)
        .values(due_at=until)
    )
    return changed.rowcount == 1


def postpone(
    connection: sa.Connection, request: str, due_at: datetime, because: str, *, claimed_until: datetime
) -> None:
    """Record why it waits, and until when it need not be asked again.

    Args:
        claimed_until: what :func:`claim` set. Where it is another now, something changed while it was asked: then it is
            due at once again, and stays so.
    """
    table = tables.request
    unchanged = sa.case((table.c.due_at == claimed_until, sa.literal(due_at, tables.Instant)), else_=table.c.due_at)
    connection.execute(
        sa.update(table)
        .where(table.c.id == request, table.c.ended_at.is_(None))
        .values(because=because[:2000], due_at=unchanged)
    )


def end(connection: sa.Connection, request: str, now: datetime, *, rollout: str = "", because: str = "") -> None:
    """It has started, or will not."""
    table = tables.request
    connection.execute(
        sa.update(table)
        .where(table.c.id == request, table.c.ended_at.is_(None))
        .values(ended_at=now, due_at=None, rollout=rollout or None, because=because[:2000])
    )


def end_all(connection: sa.Connection, release: str | None, now: datetime, because: str) -> int:
    """End all that wait (for one release; None: for any); how many there were."""
    table = tables.request
    concerned = table.c.ended_at.is_(None) if release is None else _waits(release)
    changed = connection.execute(
        sa.update(table).where(concerned).values(ended_at=now, due_at=None, because=because[:2000])
    )
    return changed.rowcount


def next_due(connection: sa.Connection) -> datetime | None:
    """When a request has to be asked next."""
    due_at: datetime | None = connection.execute(sa.select(sa.func.min(tables.request.c.due_at))).scalar()
    return due_at
