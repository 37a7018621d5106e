"""What rollouts brought to databases: the revision of the schema in each environment, and what it was made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from tidegate.core.canonical import canonical
from tidegate.core.migration.hazard import Brought
from tidegate.store import contents, tables


@dataclass(frozen=True, slots=True)
class Revision:
    """What one rollout brought. ``digest`` is that of all migrations of the version, ``brought`` what is new.

    From ``at`` on they may have been run; ``settled_at`` is when the rollout had succeeded with them, None before;
    ``undone_at`` is when the database was taken back over them.
    """

    rollout: str
    component: str
    environment: str
    version: str
    digest: str
    brought: Brought
    at: datetime
    settled_at: datetime | None = None
    undone_at: datetime | None = None


_BROUGHT = TypeAdapter(Brought)


def insert(connection: sa.Connection, revision: Revision) -> None:
    """Record what a rollout brings, in the transaction that starts it."""
    row: dict[str, object] = {
        "rollout": revision.rollout,
        "component": revision.component,
        "environment": revision.environment,
        "version": revision.version,
        "digest": revision.digest,
        "newest": revision.brought.scripts[-1][:200] if revision.brought.scripts else "",
        "brought": contents.keep(connection, canonical(revision.brought)),
        "at": revision.at,
    }
    contents.insert_once(connection, tables.database, row)


def settle(connection: sa.Connection, rollout: str, now: datetime) -> None:
    """The rollout has succeeded, and its migrations with it."""
    table = tables.database
    connection.execute(sa.update(table).where(table.c.rollout == rollout).values(settled_at=now))


def undo(connection: sa.Connection, rollouts: Sequence[str], now: datetime) -> None:
    """The database was read back as it was before these rollouts."""
    table = tables.database
    still = table.c.rollout.in_(rollouts), table.c.undone_at.is_(None)
    connection.execute(sa.update(table).where(*still).values(undone_at=now))


def of(connection: sa.Connection, rollouts: Sequence[str]) -> Mapping[str, Revision]:
    """What these rollouts brought, by rollout; those of whose migrations nobody knew anything are not among them."""
    table = tables.database
    rows = connection.execute(sa.select(table).where(table.c.rollout.in_(rollouts))) if rollouts else ()
    return {row.rollout: _revision(connection, row) for row in rows}


def standing(connection: sa.Connection, component: str, environment: str) -> Revision | None:
    """The newest revision that a database has come to, unless it was taken back over it; None where none is recorded.

    Where only the application was taken back, the database stays where it was.
    """
    table = tables.database
    here = table.c.component == component, table.c.environment == environment, table.c.undone_at.is_(None)
    query = sa.select(table).where(*here)
    row = connection.execute(query.order_by(table.c.at.desc(), table.c.rollout.desc()).limit(1)).first()
    return _revision(connection, row) if row is not None else None


def _revision(connection: sa.Connection, row: Any) -> Revision:
    return Revision(
        row.rollout,
        row.component,
        row.environment,
        row.version,
        row.digest,
        _BROUGHT.validate_python(json.loads(contents.fetch(connection, row.brought))),
        row.at,
        row.settled_at,
        row.undone_at,
    )
