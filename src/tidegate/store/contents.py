"""What is named by its digest and never changes: policies, facts, decisions, reports, statements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import sqlalchemy as sa

from tidegate.core.canonical import digest
from tidegate.errors import DamagedRecordError, StoreError
from tidegate.store import tables


def insert_once(connection: sa.Connection, table: sa.Table, values: dict[str, object]) -> bool:
    """Insert a row unless one with its key is there; whether it was inserted."""
    return connection.execute(_insert_unless_there(connection.dialect.name, table), values).rowcount == 1


@cache
def _insert_unless_there(dialect: str, table: sa.Table) -> sa.Insert:
    # Without the option, the count of an INSERT is only kept by some drivers: psycopg's is -1.
    options = {"preserve_rowcount": True}
    # Imported where it is spoken: with PostgreSQL's come the dialects of four drivers, a tenth of a command's start.
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_there

        return insert_there(table).on_conflict_do_nothing().execution_options(**options)
    from sqlalchemy.dialects.sqlite import insert as insert_here

    return insert_here(table).on_conflict_do_nothing().execution_options(**options)


@cache
def _bytes() -> sa.Select[bytes]:
    return sa.select(tables.raw(tables.content.c.bytes)).where(tables.content.c.digest == sa.bindparam("digest"))


def keep_all(connection: sa.Connection, found: Sequence[bytes]) -> None:
    """Keep all of them, as :func:`keep`."""
    rows = [{"digest": digest(data), "bytes": data} for data in found]
    connection.execute(_insert_unless_there(connection.dialect.name, tables.content), rows)


def keep(connection: sa.Connection, data: bytes) -> str:
    """Keep ``data`` and return its digest; keeping the same bytes again changes nothing."""
    name = digest(data)
    insert_once(connection, tables.content, {"digest": name, "bytes": data})
    return name


def fetch(connection: sa.Connection, name: str) -> bytes:
    """The bytes of that digest, checked against it.

    Raises:
        StoreError: they are missing.
        DamagedRecordError: they are not what was kept.
    """
    data = connection.execute(_bytes(), {"digest": name}).scalar()
    if data is None:
        raise StoreError(f"the content {name} is missing", where="tg_content", remedy="restore the newest backup")
    if digest(data) != name:
        raise DamagedRecordError(f"the content {name} was changed", where="tg_content", remedy="tidegate audit verify")
    return bytes(data)
