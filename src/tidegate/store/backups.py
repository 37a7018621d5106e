"""What was done with backups: rows that are never changed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.backup import BackupAct, BackupEntry
from tidegate.store import tables
from tidegate.store.releases import actor_record

_TABLE = tables.backup


def add(connection: sa.Connection, entry: BackupEntry, by: Actor, statement: str, signature: str) -> None:
    """Record an act. The caller has locked the organisation."""
    connection.execute(
        sa.insert(_TABLE).values(
            id=entry.id,
            backup=entry.backup,
            name=entry.name,
            environment=entry.environment,
            act=entry.act.value,
            at=entry.at,
            outcome=entry.outcome,
            said=entry.said,
            kind=entry.kind,
            size=entry.size,
            sha256=entry.sha256,
            figures=entry.figures,
            report=entry.report,
            by=actor_record(by),
            statement=statement,
            signature=signature,
        )
    )


def newest(connection: sa.Connection, names: Collection[str]) -> list[BackupEntry]:
    """The entries from which it is worked out how the newest backup of each of these names stands."""
    if not names:
        return []
    acts = [act.value for act in (BackupAct.TAKEN, BackupAct.RESTORED)]
    latest = (
        sa.select(_TABLE.c.name, _TABLE.c.environment, _TABLE.c.act, sa.func.max(_TABLE.c.at).label("at"))
        .where(_TABLE.c.name.in_(sorted(names)), _TABLE.c.act.in_(acts))
        .group_by(_TABLE.c.name, _TABLE.c.environment, _TABLE.c.act)
        .subquery()
    )
    same = [_TABLE.c[column] == latest.c[column] for column in ("name", "environment", "act", "at")]
    found = _found(connection, sa.select(_TABLE).join(latest, sa.and_(*same)))
    taken = [entry.backup for entry in found if entry.act is BackupAct.TAKEN]
    checks = sa.select(_TABLE).where(_TABLE.c.backup.in_(taken), _TABLE.c.act.not_in(acts))
    return found + (_found(connection, checks) if taken else [])


def every(connection: sa.Connection, name: str = "", environment: str = "") -> list[BackupEntry]:
    """All entries in their order, or those of a name and an environment."""
    query = sa.select(_TABLE)
    if name:
        query = query.where(_TABLE.c.name == name)
    if environment:
        query = query.where(_TABLE.c.environment == environment)
    return _found(connection, query)


def _found(connection: sa.Connection, query: sa.Select[Any]) -> list[BackupEntry]:
    return [
        BackupEntry(
            row.id,
            row.backup,
            row.name,
            row.environment,
            BackupAct(row.act),
            row.at,
            row.outcome,
            row.said,
            row.kind,
            row.size,
            row.sha256,
            row.figures,
            row.report,
            row.by["person"],
        )
        for row in connection.execute(query.order_by(_TABLE.c.at, _TABLE.c.id))
    ]
