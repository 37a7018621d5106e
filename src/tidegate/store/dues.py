"""What is due: rows with an ``id`` and a ``due_at``, looked for and claimed by whoever sweeps first."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa


def due(connection: sa.Connection, table: sa.Table, now: datetime, limit: int) -> list[str]:
    """The ids of those that somebody has to look at, the longest overdue first."""
    query = sa.select(table.c.id).where(table.c.due_at.is_not(None), table.c.due_at <= now)
    return list(connection.execute(query.order_by(table.c.due_at).limit(limit)).scalars())


def next_due(connection: sa.Connection, table: sa.Table) -> datetime | None:
    """When somebody has to look at one next."""
    due_at: datetime | None = connection.execute(sa.select(sa.func.min(table.c.due_at))).scalar()
    return due_at


def claim(connection: sa.Connection, table: sa.Table, row: str, now: datetime, until: datetime) -> bool:
    """Claim one that is due by moving its due time ahead; whether it was ours to claim."""
    changed = connection.execute(
        sa.update(table)
        .where(table.c.id == row, table.c.due_at.is_not(None), table.c.due_at <= now)
        .values(due_at=until)
    )
    return changed.rowcount == 1
