"""The order in which rows are locked by whoever decides: organisation, release, lease, head of the log.

On SQLite a writing transaction holds the whole database, so there is nothing to lock. On PostgreSQL they are row
locks; taking them in one order everywhere is why two decisions can wait for each other but never deadlock.

Rows to which others refer are locked FOR NO KEY UPDATE. PostgreSQL checks a reference again when a transaction updates
a row twice, by FOR KEY SHARE on what it refers to: a transaction that holds only a waiting start, and none of these
locks, would wait for the release there, against the order. Source: RI_FKey_fk_upd_check_required in ri_triggers.c.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.errors import NotFoundError
from tidegate.store import tables


def holds_all(connection: sa.Connection) -> bool:
    """Whether a writing transaction keeps all others from writing, so that what it reads first stays as it is."""
    return connection.dialect.name == "sqlite"


def lock_organization(connection: sa.Connection, *, exclusive: bool = False) -> None:
    """First. Shared by decisions; exclusive for what changes every decision: adopting a policy, holds."""
    if not holds_all(connection):
        connection.execute(_organization(exclusive)).first()


def lock_release(connection: sa.Connection, release: str) -> None:
    """Second.

    Raises:
        NotFoundError: there is no such release.
    """
    if connection.execute(_release(), {"release": release}).first() is None:
        raise NotFoundError(f'there is no release "{release}"', remedy="tidegate release list")


def lock_lease(connection: sa.Connection, component: str, environment: str) -> None:
    """Third. A lease that was never claimed has no row yet; the unique key settles who makes it."""
    if not holds_all(connection):
        connection.execute(_lease(), {"component": component, "environment": environment}).first()


@cache
def _organization(exclusive: bool) -> sa.Select[Any]:
    query = sa.select(tables.meta.c.value).where(tables.meta.c.name == "organization")
    return query.with_for_update(read=not exclusive)


@cache
def _release() -> sa.Select[Any]:
    query = sa.select(tables.release.c.id).where(tables.release.c.id == sa.bindparam("release"))
    return query.with_for_update(key_share=True)


@cache
def _lease() -> sa.Select[Any]:
    lease = tables.lease
    here = (lease.c.component == sa.bindparam("component")) & (lease.c.environment == sa.bindparam("environment"))
    return sa.select(lease.c.holder).where(here).with_for_update()
