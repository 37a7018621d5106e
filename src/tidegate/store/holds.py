"""Holds: stop the line now, with a reason, until it is lifted or expires."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.facts import Hold
from tidegate.errors import NotFoundError
from tidegate.store import tables
from tidegate.store.releases import actor_record


def add(connection: sa.Connection, hold: Hold, by: Actor) -> None:
    """Record a hold. The caller has locked the organisation."""
    connection.execute(
        sa.insert(tables.hold).values(
            id=hold.id,
            reason=hold.reason,
            by=actor_record(by),
            since=hold.since,
            expires_at=hold.expires_at,
            environment=hold.environment,
            component=hold.component,
            version=hold.version,
            package=hold.package,
            rollback=hold.rollback,
        )
    )


def lift(connection: sa.Connection, hold: str, by: Actor, now: datetime) -> None:
    """Lift a hold.

    Raises:
        NotFoundError: there is no such hold in force.
    """
    changed = connection.execute(
        sa.update(tables.hold)
        .where(tables.hold.c.id == hold, tables.hold.c.lifted_at.is_(None))
        .values(lifted_at=now, lifted_by=actor_record(by))
    )
    if changed.rowcount != 1:
        raise NotFoundError(f'there is no hold "{hold}" in force', remedy="tidegate hold list")


def in_force(connection: sa.Connection, now: datetime) -> tuple[Hold, ...]:
    """The holds that nobody has lifted and that have not expired at ``now``."""
    return _found(connection.execute(_in_force(), {"now": now}))


def every(connection: sa.Connection) -> tuple[Hold, ...]:
    """All holds, those too that were lifted or have expired."""
    return _found(connection.execute(_every()))


@cache
def _every() -> sa.Select[Any]:
    return sa.select(tables.hold).order_by(tables.hold.c.since, tables.hold.c.id)


@cache
def _in_force() -> sa.Select[Any]:
    table = tables.hold
    expired = table.c.expires_at.is_not(None) & (table.c.expires_at <= sa.bindparam("now"))
    return _every().where(table.c.lifted_at.is_(None), ~expired)


def _found(rows: Iterable[Any]) -> tuple[Hold, ...]:
    return tuple(
        Hold(
            row.id,
            row.reason,
            row.by["person"],
            row.since,
            row.expires_at,
            row.environment,
            row.component,
            row.version,
            row.package,
            row.rollback,
        )
        for row in rows
    )
