"""The outbox: messages that are due, recorded in the transaction that made them due, and sent once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.store import contents, tables


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message to one channel. ``key`` is its idempotency key; ``due_at`` is None once it is delivered."""

    key: str
    release: str | None
    occasion: str
    say: str
    channel: str
    body: str
    created_at: datetime
    due_at: datetime | None
    claimed_by: str | None = None
    attempts: int = 0
    delivered_at: datetime | None = None
    error: str = ""


def put(connection: sa.Connection, message: MessageRow) -> None:
    """Record a message; the same key is recorded once."""
    from dataclasses import asdict

    contents.insert_once(connection, tables.message, asdict(message))


def due(connection: sa.Connection, now: datetime, limit: int = 20) -> list[MessageRow]:
    """The messages to be sent, the oldest first."""
    table = tables.message
    query = sa.select(table).where(table.c.due_at.is_not(None), table.c.due_at <= now)
    rows = connection.execute(query.order_by(table.c.due_at, table.c.key).limit(limit))
    return [MessageRow(**row._asdict()) for row in rows]


def next_due(connection: sa.Connection) -> datetime | None:
    """When a message has to be sent next."""
    due_at: datetime | None = connection.execute(sa.select(sa.func.min(tables.message.c.due_at))).scalar()
    return due_at


def claim(connection: sa.Connection, key: str, by: str, now: datetime, until: datetime) -> bool:
    """Claim a due message by moving its due time ahead; whether it was ours to claim."""
    table = tables.message
    changed = connection.execute(
        sa.update(table)
        .where(table.c.key == key, table.c.due_at.is_not(None), table.c.due_at <= now)
        .values(due_at=until, claimed_by=by, attempts=table.c.attempts + 1)
    )
    return changed.rowcount == 1


def delivered(connection: sa.Connection, key: str, now: datetime) -> bool:
    """Record the delivery; whether this was the first to record it."""
    table = tables.message
    changed = connection.execute(
        sa.update(table)
        .where(table.c.key == key, table.c.delivered_at.is_(None))
        .values(delivered_at=now, due_at=None, error="")
    )
    return changed.rowcount == 1


def failed(connection: sa.Connection, key: str, error: str, again_at: datetime) -> None:
    """Record why it could not be sent, and when it is tried again."""
    table = tables.message
    connection.execute(sa.update(table).where(table.c.key == key).values(error=error[:2000], due_at=again_at))


def of_release(connection: sa.Connection, release: str) -> list[MessageRow]:
    """All messages about a release, in the order in which they became due."""
    table = tables.message
    rows = connection.execute(
        sa.select(table).where(table.c.release == release).order_by(table.c.created_at, table.c.key)
    )
    return [MessageRow(**row._asdict()) for row in rows]


def undelivered(connection: sa.Connection) -> list[MessageRow]:
    """All messages that have not been delivered yet."""
    rows = connection.execute(sa.select(tables.message).where(tables.message.c.due_at.is_not(None)))
    return [MessageRow(**row._asdict()) for row in rows]
