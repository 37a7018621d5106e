"""What a database's own exceptions mean, in our tree of errors: what, where and remedy."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

import sqlalchemy as sa

from tidegate.errors import InternalError, StoreBusyError, StoreError, TidegateError

_BUSY_REMEDY = "Try again; `tidegate status` names the process that is at work."


@contextlib.contextmanager
def wrapped(where: str) -> Iterator[None]:
    """Turn what the database raises inside the block into an error of ours; everything else passes."""
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise StoreBusyError("all connections are in use", where=where, remedy=_BUSY_REMEDY) from error
    except sa.exc.DBAPIError as error:
        raise meaning(error, where) from error
    except sa.exc.SQLAlchemyError as error:
        raise InternalError(f"the database was misused: {error}", where=where, remedy="Report this.") from error


@contextlib.contextmanager
def wrapped_commit(where: str) -> Iterator[None]:
    """As ``wrapped``, around a commit: a connection lost there leaves open whether the transaction was recorded."""
    try:
        with wrapped(where):
            yield
    except StoreError as error:
        cause = error.__cause__
        if not (isinstance(cause, sa.exc.DBAPIError) and cause.connection_invalidated):
            raise
        raise StoreError(
            "the connection was lost while committing: whether it was recorded is not known",
            where=where,
            remedy="Look before you repeat it: tidegate status.",
        ) from cause


def meaning(error: sa.exc.DBAPIError, where: str) -> TidegateError:
    """The error of ours for one of SQLAlchemy's, with the database's first line and never a statement's values."""
    original = error.orig
    if isinstance(error, sa.exc.IntegrityError):
        return InternalError(
            f"a rule of the schema stopped a wrong record: {_first_line(original)}", where=where, remedy="Report this."
        )
    if isinstance(original, sqlite3.Error):
        return _sqlite_meaning(original, where)
    return _postgres_meaning(error, str(getattr(original, "sqlstate", None) or ""), where)


def _first_line(original: BaseException | None) -> str:
    return (str(original).strip().splitlines() or ["no reason given"])[0]


def _sqlite_meaning(original: sqlite3.Error, where: str) -> TidegateError:
    # The primary result code is the low byte: SQLITE_BUSY_SNAPSHOT is SQLITE_BUSY, too.
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusyError("the database is locked by another process", where=where, remedy=_BUSY_REMEDY)
    what, remedy = _SQLITE.get(code, (f"the database failed: {_first_line(original)}", "Run: tidegate db check"))
    if "no such table" in str(original) or "no such column" in str(original):
        what, remedy = _OLD_SCHEMA
    return StoreError(what, where=where, remedy=remedy)


_OLD_SCHEMA = ("the database has not the tables of this version", "Run: tidegate db upgrade")
_SQLITE = {
    sqlite3.SQLITE_FULL: ("the disk is full: nothing was recorded", "Free some space, then repeat the command."),
    sqlite3.SQLITE_READONLY: (
        "the database cannot be written",
        "Make the file and its directory writable for this user.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the database file cannot be opened",
        "Check that the path exists and that this user may read and write it.",
    ),
    sqlite3.SQLITE_CORRUPT: ("the database file is damaged", "Restore the newest backup."),
    sqlite3.SQLITE_NOTADB: ("the file is not a database", "Name another file in TIDEGATE_DATABASE."),
    sqlite3.SQLITE_IOERR: ("the disk failed", "Look at the system's log; then run: tidegate db check"),
}


def _postgres_meaning(error: sa.exc.DBAPIError, state: str, where: str) -> TidegateError:
    line = _first_line(error.orig)
    if state in ("40001", "40P01", "55P03"):
        return StoreBusyError("the database is locked by another process", where=where, remedy=_BUSY_REMEDY)
    if state == "25P03":
        # Nothing of it was committed, and the next try may go through.
        return StoreBusyError("the server ended a transaction that stood still", where=where, remedy=_BUSY_REMEDY)
    if state in _POSTGRES:
        what, remedy = _POSTGRES[state]
        return StoreError(what, where=where, remedy=remedy)
    # No state at all: libpq could not connect, or the connection broke before the server could say why.
    if error.connection_invalidated or not state or state[:2] in ("08", "57"):
        return StoreError(f"the server cannot be reached: {line}", where=where, remedy="Start it, or mend the URL.")
    if state[:2] == "28":
        return StoreError("the server refused the login", where=where, remedy="Check the user and the password.")
    return StoreError(f"the database failed: {line}", where=where, remedy="Run: tidegate db check")


_POSTGRES = {
    "53100": ("the server's disk is full: nothing was recorded", "Free some space there, then repeat the command."),
    "53300": ("the server has no connection left", "Raise max_connections, or stop what holds them."),
    "25006": ("the database cannot be written: it is read-only", "Name the primary server in TIDEGATE_DATABASE."),
    "3D000": ("the server has no such database", "Create it with createdb, or mend the URL."),
    "42P01": _OLD_SCHEMA,
    "42703": _OLD_SCHEMA,
    "42501": ("the user may not do this in the database", "Grant the user CREATE on the database and its schema."),
    "XX001": ("the database is damaged", "Restore the newest backup."),
}
