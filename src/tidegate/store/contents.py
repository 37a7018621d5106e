"""What is named by its digest and never changes: policies, facts, decisions, reports, statements."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tidegate.core.canonical import digest
from tidegate.errors import StoreError
from tidegate.store import tables


def insert_once(connection: sa.Connection, table: sa.Table, values: dict[str, object]) -> bool:
    """Insert a row unless one with its key is there; whether it was inserted."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Without the option, the count of an INSERT is only kept by some drivers: psycopg's is -1.
    statement = make(table).values(**values).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return connection.execute(statement).rowcount == 1


def keep(connection: sa.Connection, data: bytes) -> str:
    """Keep ``data`` and return its digest; keeping the same bytes again changes nothing."""
    name = digest(data)
    insert_once(connection, tables.content, {"digest": name, "bytes": data})
    return name


def fetch(connection: sa.Connection, name: str) -> bytes:
    """The bytes of that digest, checked against it.

    Raises:
        StoreError: they are missing, or are not what was kept.
    """
    query = sa.select(tables.raw(tables.content.c.bytes)).where(tables.content.c.digest == name)
    data = connection.execute(query).scalar()
    if data is None:
        raise StoreError(f"the content {name} is missing", where="tg_content", remedy="restore the newest backup")
    if digest(data) != name:
        raise StoreError(f"the content {name} was changed", where="tg_content", remedy="tidegate audit verify")
    return bytes(data)
