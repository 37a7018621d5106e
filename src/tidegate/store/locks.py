"""The order in which rows are locked by whoever decides: organisation, release, lease, head of the log.

On SQLite a writing transaction holds the whole database, so these are plain reads there. On PostgreSQL they are row
locks; taking them in one order everywhere is why two decisions can wait for each other but never deadlock.
"""

from __future__ import annotations

import sqlalchemy as sa

from tidegate.errors import NotFoundError
from tidegate.store import tables


def lock_organization(connection: sa.Connection, *, exclusive: bool = False) -> None:
    """First. Shared by decisions; exclusive for what changes every decision: adopting a policy, holds."""
    query = sa.select(tables.meta.c.value).where(tables.meta.c.name == "organization")
    connection.execute(query.with_for_update(read=not exclusive)).first()


def lock_release(connection: sa.Connection, release: str) -> None:
    """Second.

    Raises:
        NotFoundError: there is no such release.
    """
    query = sa.select(tables.release.c.id).where(tables.release.c.id == release).with_for_update()
    if connection.execute(query).first() is None:
        raise NotFoundError(f'there is no release "{release}"', remedy="tidegate release list")


def lock_lease(connection: sa.Connection, component: str, environment: str) -> None:
    """Third. A lease that was never claimed has no row yet; the unique key settles who makes it."""
    lease = tables.lease
    query = sa.select(lease.c.holder).where(lease.c.component == component, lease.c.environment == environment)
    connection.execute(query.with_for_update()).first()
