"""The audit log as rows: appended to under the lock on its head, read in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.clock import from_text, to_text
from tidegate.core.leaf import Head, Leaf, decode, encode, next_time
from tidegate.core.merkle import Frontier, leaf_hash
from tidegate.errors import StoreError
from tidegate.store import tables
from tidegate.store.releases import actor_of

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Said:
    """What a leaf says, but for its number and time."""

    kind: str
    actor: Mapping[str, str]
    release: str
    question: Mapping[str, Any]
    verdict: str
    digests: Mapping[str, str]
    versions: Mapping[str, str]
    data: Mapping[str, Any]


def append(connection: sa.Connection, said: Sequence[Said], now: datetime) -> range:
    """Append leaves and return their numbers. Locks the head of the log, the last of all locks, until the commit."""
    head = connection.execute(_locked_head()).one()
    time = from_text(head.last_at) if head.last_at else None
    frontier = Frontier.decode(head.frontier)
    rows = []
    for number, each in enumerate(said, head.size):
        time = next_time(time, now)
        written = encode(_leaf(number, time, each))
        hashed = leaf_hash(written)
        frontier = frontier.append(hashed)
        filed = {"kind": each.kind, "at": time, "release": each.release or None}
        rows.append({"number": number, "hash": hashed, "bytes": written, **filed})
    connection.execute(_add_leaves(), rows)
    numbers = range(head.size, head.size + len(rows))
    moved: dict[str, object] = {"size": numbers.stop, "frontier": frontier.encode(), "last_at": to_text(time or now)}
    connection.execute(_move_head(), moved)
    return numbers


@cache
def _locked_head() -> sa.Select[Any]:
    return sa.select(tables.head).where(tables.head.c.id == 1).with_for_update()


@cache
def _move_head() -> sa.Update:
    moved: dict[str, sa.BindParameter[object]] = {name: sa.bindparam(name) for name in ("size", "frontier", "last_at")}
    return sa.update(tables.head).where(tables.head.c.id == 1).values(moved)


@cache
def _add_leaves() -> sa.Insert:
    return sa.insert(tables.leaf)


def _leaf(number: int, time: datetime, said: Said) -> Leaf:
    return Leaf(
        index=number,
        time=time,
        kind=said.kind,
        actor=actor_of(said.actor),
        question=said.question,
        verdict=said.verdict,
        digests=said.digests,
        versions=said.versions,
        data={**({"release": said.release} if said.release else {}), **said.data},
    )


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
    found = connection.execute(_of_release_and_kinds(), {"release": release, "kinds": ["approval.revoked"]})
    revoked = (decode(data).data.get("approvals", ()) for data in found.scalars())
    return frozenset(approval for approvals in revoked for approval in approvals)


@cache
def _of_release_and_kinds() -> sa.Select[bytes]:
    return _of_kinds().where(tables.leaf.c.release == sa.bindparam("release"))


@cache
def _of_kinds() -> sa.Select[bytes]:
    table = tables.leaf
    wanted = table.c.kind.in_(sa.bindparam("kinds", expanding=True))
    return sa.select(tables.raw(table.c.bytes)).where(wanted).order_by(table.c.number)


def ended_marks(connection: sa.Connection, release: str) -> frozenset[str]:
    """The ids of the marks of a release that the log says were taken back or replaced, whatever their rows say."""
    kinds = ["checklist.unticked", "waiver.ended", "waiver.asked", "document.attached"]
    rows = connection.execute(_of_release_and_kinds(), {"release": release, "kinds": kinds})
    found = (decode(data).data for data in rows.scalars())
    return frozenset(mark for data in found for mark in (*data.get("marks", ()), *data.get("ended", ())))


def revoked_delegations(connection: sa.Connection) -> frozenset[str]:
    """The ids of the delegations that the log says were taken back, whatever their rows say."""
    rows = connection.execute(_of_kinds(), {"kinds": ["delegation.revoked"]})
    found = (decode(data).data.get("delegations", ()) for data in rows.scalars())
    return frozenset(one for several in found for one in several)


def ended_emergencies(connection: sa.Connection) -> frozenset[str]:
    """The ids of the emergencies that the log says are over, whatever their rows say."""
    return frozenset(str(leaf.data.get("emergency")) for leaf in of_kinds(connection, "emergency.ended"))


def standing_holds(connection: sa.Connection) -> list[Leaf]:
    """The leaves of the holds that the log does not say were lifted."""
    told = list(of_kinds(connection, "hold.added", "hold.lifted"))
    lifted = {leaf.data.get("hold") for leaf in told if leaf.kind == "hold.lifted"}
    return [leaf for leaf in told if leaf.kind == "hold.added" and leaf.data.get("hold") not in lifted]


def settled_debts(connection: sa.Connection) -> frozenset[str]:
    """The ids of the debts that the log says were settled; a row that says so alone settles nothing."""
    return frozenset(str(leaf.data.get("debt")) for leaf in of_kinds(connection, "debt.settled"))


def last_at(connection: sa.Connection) -> datetime | None:
    """When the newest leaf was written; None while there is none."""
    text = connection.execute(sa.select(tables.head.c.last_at).where(tables.head.c.id == 1)).scalar()
    return from_text(text) if text else None


def of_kinds(connection: sa.Connection, *kinds: str) -> Iterator[Leaf]:
    """The leaves of these kinds, in order.

    Raises:
        DamagedLeafError: one cannot be read.
    """
    rows = connection.execute(_of_kinds(), {"kinds": list(kinds)})
    return (decode(bytes(data)) for data in rows.scalars())


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
