"""Who handed their voice to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.delegation import Delegation
from tidegate.errors import ConflictError
from tidegate.store import contents, tables


@dataclass(frozen=True, slots=True)
class SignedDelegation:
    """A delegation as it is kept: with the statement and the signature that prove it."""

    delegation: Delegation
    statement: bytes
    signature: str


def add(connection: sa.Connection, signed: SignedDelegation) -> None:
    """Record a delegation. The caller has locked the organisation.

    Raises:
        ConflictError: this very statement was recorded before.
    """
    one = signed.delegation
    row = {
        "id": one.id,
        "by": one.by,
        "to": one.to,
        "scope": list(one.scope),
        "at": one.at,
        "until": one.until,
        "reason": one.reason,
        "statement": contents.keep(connection, signed.statement),
        "signature": signed.signature,
    }
    if not contents.insert_once(connection, tables.delegation, row):
        raise ConflictError("this signed statement was used before", remedy="sign a new one: repeat the command")


def revoke(connection: sa.Connection, person: str, to: str, now: datetime) -> Sequence[str]:
    """Take back what a person handed, to ``to`` or, where that is empty, to anybody; the ids of what was taken back."""
    table = tables.delegation
    where = sa.and_(table.c.by == person, table.c.revoked_at.is_(None), table.c.until > now)
    if to:
        where = sa.and_(where, table.c.to == to)
    ids = list(connection.execute(sa.select(table.c.id).where(where).order_by(table.c.at, table.c.id)).scalars())
    connection.execute(sa.update(table).where(where).values(revoked_at=now))
    return ids


def every(connection: sa.Connection, until: datetime | None = None) -> tuple[SignedDelegation, ...]:
    """All delegations that end after ``until``, revoked ones too, in the order in which they came."""
    rows = connection.execute(_every()) if until is None else connection.execute(_ending_after(), {"until": until})
    return tuple(_signed(row) for row in rows)


@cache
def _every() -> sa.Select[Any]:
    table = tables.delegation
    return (
        sa.select(table, tables.content.c.bytes)
        # What is without proof must not vanish: it does not count, and says so.
        .outerjoin(tables.content, tables.content.c.digest == table.c.statement)
        .order_by(table.c.at, table.c.id)
    )


@cache
def _ending_after() -> sa.Select[Any]:
    return _every().where(tables.delegation.c.until > sa.bindparam("until"))


def _signed(row: Any) -> SignedDelegation:
    made = Delegation(
        id=row.id,
        by=row.by,
        to=row.to,
        scope=tuple(row.scope),
        at=row.at,
        until=row.until,
        reason=row.reason,
        revoked_at=row.revoked_at,
    )
    return SignedDelegation(made, bytes(row.bytes or b""), row.signature)
