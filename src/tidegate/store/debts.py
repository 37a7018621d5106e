"""What is owed afterwards: opened once, reminded of twice, settled once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.debt import BLOCKING, Debt, DebtKind
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import contents, tables
from tidegate.store.releases import actor_record

WARNED, OVERDUE = 1, 2
"""How far it was reminded of: soon due, overdue."""
DROPPED = "dropped"
"""The outcome of what nobody need do any more."""


@dataclass(frozen=True, slots=True)
class DebtRow:
    """A debt as it is kept; ``document`` is the digest of what settled it."""

    debt: Debt
    remind_at: datetime | None
    reminded: int
    settled_at: datetime | None = None
    settled_by: str = ""
    document: str = ""
    note: str = ""
    outcome: str = ""


def open_(connection: sa.Connection, debts: Iterable[Debt]) -> list[Debt]:
    """Record debts; those that are there already stay as they are. Which are new."""
    return [debt for debt in debts if contents.insert_once(connection, tables.debt, _values(debt))]


def _values(debt: Debt) -> dict[str, object]:
    return {
        **asdict(debt),
        "kind": debt.kind.value,
        **{name: list(getattr(debt, name)) for name in ("components", "teams", "by", "authors")},
        "remind_at": debt.warn_at,
        "reminded": 0,
        "document": "",
        "statement": "",
        "signature": "",
    }


def _row(found: sa.Row[tuple[object, ...]]) -> DebtRow:
    values = found._mapping
    debt = Debt(
        id=values["id"],
        kind=DebtKind(values["kind"]),
        name=values["name"],
        components=tuple(values["components"]),
        opened_at=values["opened_at"],
        due_at=values["due_at"],
        release=values["release"],
        emergency=values["emergency"],
        teams=tuple(values["teams"]),
        by=tuple(values["by"]),
        authors=tuple(values["authors"]),
        author_may=values["author_may"],
        environment=values["environment"],
        subject=values["subject"],
        says=values["says"] or "",
    )
    settled_by = (values["settled_by"] or {}).get("person", "")
    settled_at, document = values["settled_at"], values["document"]
    note, outcome = values["note"] or "", values["outcome"] or ""
    return DebtRow(debt, values["remind_at"], values["reminded"], settled_at, settled_by, document, note, outcome)


def load(connection: sa.Connection, debt: str) -> DebtRow:
    """The debt of that id.

    Raises:
        NotFoundError: there is none.
    """
    found = connection.execute(sa.select(tables.debt).where(tables.debt.c.id == debt)).first()
    if found is None:
        raise NotFoundError(f'there is no debt "{debt[:80]}"', remedy="tidegate debt list --all")
    return _row(found)


def everything(connection: sa.Connection, kinds: Collection[DebtKind] = BLOCKING) -> list[DebtRow]:
    """All debts, those that are due first before the others.

    Args:
        kinds: what is looked for; without them what is owed, and not what else is done afterwards.
    """
    return [_row(found) for found in connection.execute(_of_kinds(), {"kinds": sorted(kinds)})]


@cache
def _of_kinds() -> sa.Select[Any]:
    table = tables.debt
    wanted = table.c.kind.in_(sa.bindparam("kinds", expanding=True))
    return sa.select(table).where(wanted).order_by(table.c.due_at, table.c.id)


def drop(connection: sa.Connection, release: str, by: Actor, now: datetime, note: str) -> list[str]:
    """Settle what follows a release and is not done, since nobody need do it any more; the ids."""
    left = [row for row in of(connection, release=release) if row.settled_at is None and row.debt.kind not in BLOCKING]
    for row in left:
        settle(connection, row.debt.id, by, now, note=note, outcome=DROPPED)
    return [row.debt.id for row in left]


def of(connection: sa.Connection, *, release: str = "", emergency: str = "") -> list[DebtRow]:
    """The debts of a release or of an emergency, settled or not."""
    table = tables.debt
    column, wanted = (table.c.release, release) if release else (table.c.emergency, emergency)
    query = sa.select(table).where(column == wanted).order_by(table.c.due_at, table.c.id)
    return [_row(found) for found in connection.execute(query)]


def settle(
    connection: sa.Connection,
    debt: str,
    by: Actor,
    now: datetime,
    *,
    document: str = "",
    statement: str = "",
    signature: str = "",
    note: str = "",
    outcome: str = "",
) -> None:
    """Record that it is settled.

    Raises:
        ConflictError: it was settled already.
    """
    table = tables.debt
    changed = connection.execute(
        sa.update(table)
        .where(table.c.id == debt, table.c.settled_at.is_(None))
        .values(
            settled_at=now,
            settled_by=actor_record(by),
            remind_at=None,
            document=document,
            statement=statement,
            signature=signature,
            note=note,
            outcome=outcome,
        )
    )
    if changed.rowcount != 1:
        row = load(connection, debt)
        raise ConflictError(f"{debt} was settled by {row.settled_by}", remedy="tidegate debt list")


def last_due(connection: sa.Connection, kind: DebtKind, name: str) -> datetime | None:
    """When the latest of a kind and name that is of no release is due."""
    table = tables.debt
    where = sa.and_(table.c.kind == kind.value, table.c.name == name, table.c.release == "")
    moment: datetime | None = connection.execute(sa.select(sa.func.max(table.c.due_at)).where(where)).scalar()
    return moment


def due(connection: sa.Connection, now: datetime) -> list[DebtRow]:
    """Those that are to be reminded of now, the longest due first."""
    table = tables.debt
    query = sa.select(table).where(table.c.remind_at.is_not(None), table.c.remind_at <= now)
    return [_row(found) for found in connection.execute(query.order_by(table.c.remind_at, table.c.id))]


def next_due(connection: sa.Connection) -> datetime | None:
    """When something has to be reminded of next."""
    moment: datetime | None = connection.execute(sa.select(sa.func.min(tables.debt.c.remind_at))).scalar()
    return moment


def count_reminder(connection: sa.Connection, row: DebtRow, now: datetime) -> int:
    """Count the next reminder as given: ``WARNED`` or ``OVERDUE``; 0 where it was not ours to give.

    In the transaction that gives it. Whoever comes too late to warn says at once that it is overdue.
    """
    table = tables.debt
    following = OVERDUE if row.debt.due_at <= now else WARNED
    remind_at = row.debt.due_at if following == WARNED else None
    changed = connection.execute(
        sa.update(table)
        .where(
            table.c.id == row.debt.id,
            table.c.reminded == row.reminded,
            table.c.reminded < following,
            table.c.settled_at.is_(None),
        )
        .values(reminded=following, remind_at=remind_at)
    )
    return following if changed.rowcount == 1 else 0
