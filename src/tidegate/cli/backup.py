"""A copy of a SQLite database that is in use."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from tidegate.errors import ConflictError, NotFoundError, StoreError


def copy_sqlite(source: Path, target: Path) -> int:
    """Copy the database page by page, by SQLite's own means, to a file that only its owner reads. Its size in bytes.

    Raises:
        NotFoundError: there is no database yet.
        ConflictError: the target exists.
        StoreError: it cannot be read or written.
    """
    if not source.is_file():
        raise NotFoundError("there is no database yet", where=str(source), remedy="run a command that needs it first")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise ConflictError("the file exists", where=str(target), remedy="name another, or move it away") from error
    except OSError as error:
        raise _failed(error.strerror or "no reason given", target) from error
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reader,
            contextlib.closing(sqlite3.connect(target)) as writer,
        ):
            reader.backup(writer)
        return target.stat().st_size
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise _failed(str(error), target) from error


def _failed(reason: str, target: Path) -> StoreError:
    return StoreError(f"the backup failed: {reason}", where=str(target), remedy="free the disk, or name another file")
