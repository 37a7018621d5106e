"""A clock of milliseconds for the workflow engine's SQL on SQLite.

The engine stamps its rows with ``strftime('%s', 'now')``, which counts whole seconds, or on Python 3.12 and later with
``unixepoch('subsec')``, which is NULL before SQLite 3.42. Both are replaced, on our connections too: a leg is enqueued
inside our transaction. Tidegate's own SQL uses no time functions, so nothing of ours sees the replacement.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from typing import Any


def install(connection: Any) -> None:
    """Replace, on one connection, the time function that the engine's SQL calls on this version of Python."""
    if sys.version_info < (3, 12):
        connection.create_function("strftime", 2, lambda _format, _moment: f"{_milliseconds():.3f}")
    elif sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", 1, lambda _modifier: _milliseconds())


def _milliseconds() -> float:
    return int(time.time() * 1000) / 1000
