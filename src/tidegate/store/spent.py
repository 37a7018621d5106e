"""Signed acts that were done: a statement is spent once."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tidegate.errors import ConflictError
from tidegate.store import contents, tables


def spend(connection: sa.Connection, nonce: str, statement: bytes, now: datetime) -> str:
    """Spend a nonce, and keep the statement that it stands in; the statement's digest.

    Raises:
        ConflictError: it was spent before.
    """
    name = contents.keep(connection, statement)
    if not contents.insert_once(connection, tables.spent, {"nonce": nonce, "statement": name, "at": now}):
        raise ConflictError("this signed statement was used before", remedy="sign a new one: repeat the command")
    return name
