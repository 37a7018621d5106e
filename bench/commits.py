"""Counting what was really committed to a database, and committing as barely as it can be done.

A transaction that only reads costs no ``fsync``; counting calls of COMMIT would count it. So the count is taken where
the database itself keeps it, and holds for everybody who writes there: our own pool and the workflow engine's.

- SQLite: the frames of the write-ahead log that end a transaction. Source: SQLite, "WAL File Format", sections 2 and 3:
  the third of the frame header's fields is the size of the database after the commit, and zero in all other frames.
- PostgreSQL: the transaction ids that were handed out; a transaction gets one when it first writes or locks a row.
"""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from tidegate.store.database import Database

_WAL_HEADER, _FRAME_HEADER = 32, 24


def keep_whole_log(database: Database) -> None:
    """Keep SQLite from moving its log into the file, so that all commits stay countable; nothing on PostgreSQL.

    To be called before anything else connects: it concerns connections that are opened from now on.
    """
    if database.kind == "postgresql":
        return
    database.close()
    for engine in (database._main(), database.engine_of_workflows()):
        event.listen(engine, "connect", lambda dbapi, _: dbapi.execute("PRAGMA wal_autocheckpoint=0"))


def committed(database: Database) -> int:
    """How many transactions that wrote were committed so far; only differences mean something."""
    if database.path is not None:
        return _commits_in_log(database.path.with_name(database.path.name + "-wal"))
    with database.read() as connection:
        # The snapshot's upper end is the next id, and asking for it hands out none.
        asked = sa.text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        return int(connection.execute(asked).scalar_one())


def _commits_in_log(path: Path) -> int:
    data = path.read_bytes()
    page_bytes, salt = struct.unpack(">8xI4x8s", data[:24])
    frames = range(_WAL_HEADER, len(data) - _FRAME_HEADER - page_bytes + 1, _FRAME_HEADER + page_bytes)
    headers = (struct.unpack(">II8s", data[at : at + 16]) for at in frames)
    return sum(1 for _, size_after, frame_salt in headers if size_after and frame_salt == salt)


@contextlib.contextmanager
def bare(database: Database) -> Iterator[Callable[[], None]]:
    """One INSERT of 200 bytes and one COMMIT, by the driver alone, as durable as ours, on the same disk or server."""
    opened = _bare_sqlite(database.path) if database.path is not None else _bare_postgres(database)
    with opened as commit:
        yield commit


@contextlib.contextmanager
def _bare_sqlite(beside: Path) -> Iterator[Callable[[], None]]:
    with tempfile.TemporaryDirectory(dir=beside.parent) as folder:
        connection = sqlite3.connect(Path(folder, "bare.db"), isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE bare (number INTEGER PRIMARY KEY, text TEXT)")

        def commit() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO bare (text) VALUES (?)", ("x" * 200,))
            connection.execute("COMMIT")

        try:
            yield commit
        finally:
            connection.close()


@contextlib.contextmanager
def _bare_postgres(database: Database) -> Iterator[Callable[[], None]]:
    import psycopg

    address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bare (number BIGSERIAL PRIMARY KEY, text TEXT)")

        def commit() -> None:
            connection.execute("INSERT INTO bare (text) VALUES (%s)", ("x" * 200,))

        yield commit
