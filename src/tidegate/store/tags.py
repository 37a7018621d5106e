"""The tags that were set: one for a component and version, for ever."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.tag import TagRecord
from tidegate.errors import ConflictError
from tidegate.store import contents, tables
from tidegate.store.releases import actor_record


def insert(connection: sa.Connection, record: TagRecord, by: Actor) -> None:
    """Record a tag.

    Raises:
        ConflictError: this version was tagged before.
    """
    row: dict[str, object] = {
        "component": record.component,
        "version": record.version,
        "name": record.name,
        "object": record.object,
        "commit": record.commit,
        "content": record.content,
        "release": record.release or None,
        "at": record.at,
        "by": actor_record(by),
    }
    if not contents.insert_once(connection, tables.tag, row):
        raise ConflictError(
            f"{record.component} {record.version} was tagged by somebody else meanwhile",
            remedy=f"look at it: tidegate tag verify {record.component}",
        )


def find(connection: sa.Connection, component: str, version: str) -> TagRecord | None:
    """The tag of a version; None where none was recorded."""
    table = tables.tag
    where = (table.c.component == component) & (table.c.version == version)
    row = connection.execute(sa.select(table).where(where)).first()
    return _record(row) if row is not None else None


def of_component(connection: sa.Connection, component: str = "") -> tuple[TagRecord, ...]:
    """The tags of a component, or of all, in the order in which they were set."""
    table = tables.tag
    query = sa.select(table).order_by(table.c.at, table.c.component, table.c.version)
    if component:
        query = query.where(table.c.component == component)
    return tuple(_record(row) for row in connection.execute(query))


def _record(row: Any) -> TagRecord:
    return TagRecord(
        component=row.component,
        version=row.version,
        name=row.name,
        object=row.object,
        commit=row.commit,
        content=row.content,
        release=row.release or "",
        at=row.at,
        by=row.by["person"],
    )
