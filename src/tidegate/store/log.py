"""The audit log as rows: appended to under the lock on its head, read in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tidegate.clock import from_text, to_text
from tidegate.core.leaf import Head, Leaf, decode, encode, next_time
from tidegate.core.merkle import Frontier, leaf_hash
from tidegate.errors import StoreError
from tidegate.store import tables
from tidegate.store.releases import actor_of

_PAGE = 1000


def append(
    connection: sa.Connection,
    *,
    kind: str,
    actor: Mapping[str, str],
    release: str,
    question: Mapping[str, Any],
    verdict: str,
    digests: Mapping[str, str],
    versions: Mapping[str, str],
    data: Mapping[str, Any],
    now: datetime,
) -> int:
    """Append a leaf and return its number. Locks the head of the log, the last of all locks, until the commit."""
    head = connection.execute(sa.select(tables.head).where(tables.head.c.id == 1).with_for_update()).one()
    time = next_time(from_text(head.last_at) if head.last_at else None, now)
    leaf = Leaf(
        index=head.size,
        time=time,
        kind=kind,
        actor=actor_of(actor),
        question=question,
        verdict=verdict,
        digests=digests,
        versions=versions,
        data={**({"release": release} if release else {}), **data},
    )
    written = encode(leaf)
    hashed = leaf_hash(written)
    connection.execute(
        sa.insert(tables.leaf).values(
            number=head.size, hash=hashed, bytes=written, kind=kind, at=time, release=release or None
        )
    )
    frontier = Frontier.decode(head.frontier).append(hashed)
    connection.execute(
        sa.update(tables.head)
        .where(tables.head.c.id == 1)
        .values(size=head.size + 1, frontier=frontier.encode(), last_at=to_text(time))
    )
    return int(head.size)


def entries(connection: sa.Connection, start: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, bytes and stored hash of each leaf from ``start`` on, in order."""
    table = tables.leaf
    while True:
        query = sa.select(table.c.number, tables.raw(table.c.bytes), tables.raw(table.c.hash))
        query = query.where(table.c.number >= start)
        rows = connection.execute(query.order_by(table.c.number).limit(_PAGE)).all()
        for row in rows:
            yield row.number, bytes(row.bytes), bytes(row.hash)
        if len(rows) < _PAGE:
            return
        start = rows[-1].number + 1


def filing(connection: sa.Connection) -> Iterator[tuple[int, bytes, tuple[str, str, str | None]]]:
    """Number and bytes of each leaf, and the kind, time and release under which its row can be found."""
    table, start = tables.leaf, 0
    while True:
        at = sa.type_coerce(table.c.at, sa.String)
        columns = (table.c.number, tables.raw(table.c.bytes), table.c.kind, at.label("at"), table.c.release)
        query = sa.select(*columns).where(table.c.number >= start).order_by(table.c.number).limit(_PAGE)
        rows = connection.execute(query).all()
        for row in rows:
            yield row.number, bytes(row.bytes), (row.kind, row.at, row.release)
        if len(rows) < _PAGE:
            return
        start = rows[-1].number + 1


def of_release(connection: sa.Connection, release: str) -> list[bytes]:
    """The bytes of the leaves about a release, in order."""
    table = tables.leaf
    query = sa.select(tables.raw(table.c.bytes)).where(table.c.release == release).order_by(table.c.number)
    return [bytes(data) for data in connection.execute(query).scalars()]


def revoked(connection: sa.Connection, release: str) -> frozenset[str]:
    """The ids of the answers about a release that the log says were taken back, whatever their rows say."""
    table = tables.leaf
    query = sa.select(tables.raw(table.c.bytes)).where(table.c.release == release, table.c.kind == "approval.revoked")
    found = (decode(data).data.get("approvals", ()) for data in connection.execute(query).scalars())
    return frozenset(approval for approvals in found for approval in approvals)


def head(connection: sa.Connection) -> Head:
    """What the log says of itself.

    Raises:
        StoreError: the head is missing, or cannot be read.
    """
    query = sa.select(tables.head.c.size, tables.raw(tables.head.c.frontier)).where(tables.head.c.id == 1)
    row = connection.execute(query).first()
    if row is None:
        raise StoreError("the head of the log is missing", where="tg_head", remedy="restore the newest backup")
    return Head(row.size, Frontier.decode(row.frontier).root())


def origin(connection: sa.Connection) -> str:
    """The name of this log, in its checkpoints."""
    query = sa.select(tables.meta.c.value).where(tables.meta.c.name == "origin")
    return str(connection.execute(query).scalar_one())
