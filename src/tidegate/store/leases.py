"""The lease: who may act on a component in an environment, and with which token."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.effect import Token
from tidegate.errors import ConflictError
from tidegate.store import contents, tables


def claim(
    connection: sa.Connection, component: str, environment: str, holder: str, now: datetime, *, take_over: bool = False
) -> Token:
    """Claim the lease and raise its token.

    The caller has locked the lease's row. A rollback takes it over from whoever holds it: the raised token is what
    stops the former holder, here and at the target.

    Raises:
        ConflictError: somebody else holds it.
    """
    table = tables.lease
    epoch = int(connection.execute(_epoch()).scalar_one())
    values = {"component": component, "environment": environment, "holder": holder, "epoch": epoch, "since": now}
    if contents.insert_once(connection, table, {**values, "counter": 1}):
        return Token(epoch, 1)
    here = {"component": component, "environment": environment}
    row = connection.execute(_held(), here).one()
    if row.holder and row.holder != holder and not take_over:
        raise ConflictError(
            f"{component} in {environment} is held by rollout {row.holder}",
            remedy=f"wait for it (tidegate rollout show {row.holder}), or roll it back",
        )
    # Never below what a target has seen, even where that was a token of a store that this one replaced.
    epoch, counter = (epoch, 1) if epoch > row.epoch else (row.epoch, row.counter + 1)
    of = {f"of_{name}": value for name, value in here.items()}
    connection.execute(_take(), {"holder": holder, "epoch": epoch, "counter": counter, "since": now, **of})
    return Token(epoch, counter)


@cache
def _epoch() -> sa.Select[str]:
    return sa.select(tables.meta.c.value).where(tables.meta.c.name == "epoch")


@cache
def _take() -> sa.Update:
    table, names = tables.lease, ("holder", "epoch", "counter", "since")
    taken: dict[str, sa.BindParameter[object]] = {name: sa.bindparam(name) for name in names}
    of_component = table.c.component == sa.bindparam("of_component")
    of_environment = table.c.environment == sa.bindparam("of_environment")
    return sa.update(table).where(of_component, of_environment).values(taken)


def raise_epoch(connection: sa.Connection) -> int:
    """Begin a new epoch: every token from now on outranks all that were given out before. The new one."""
    where = tables.meta.c.name == "epoch"
    epoch = int(connection.execute(sa.select(tables.meta.c.value).where(where)).scalar_one())
    newest = connection.execute(sa.select(sa.func.max(tables.lease.c.epoch))).scalar() or 0
    following = max(epoch, newest) + 1
    connection.execute(sa.update(tables.meta).where(where).values(value=str(following)))
    return following


def raise_to(connection: sa.Connection, component: str, environment: str, token: Token, now: datetime) -> None:
    """Make sure that the next claim outranks ``token``, which was seen at a target.

    Whoever holds the lease under a lower token does so no more: the target would refuse them anyway.
    """
    table = tables.lease
    values = {"epoch": token.epoch, "counter": token.counter}
    row = {"component": component, "environment": environment, "holder": "", "since": now}
    if contents.insert_once(connection, table, {**row, **values}):
        return
    where = (table.c.component == component) & (table.c.environment == environment)
    found = connection.execute(sa.select(table).where(where)).one()
    if (found.epoch, found.counter) < (token.epoch, token.counter):
        connection.execute(sa.update(table).where(where).values(**values))


def token(connection: sa.Connection, component: str, environment: str) -> Token | None:
    """The highest token that was given out; None before the first."""
    table = tables.lease
    query = sa.select(table.c.epoch, table.c.counter).where(
        table.c.component == component, table.c.environment == environment
    )
    row = connection.execute(query).first()
    return Token(row.epoch, row.counter) if row else None


def holds(connection: sa.Connection, component: str, environment: str, holder: str, token: Token) -> bool:
    """Whether ``holder`` still has the lease under that very token."""
    row = connection.execute(_held(), {"component": component, "environment": environment}).first()
    return row is not None and tuple(row) == (holder, token.epoch, token.counter)


@cache
def _held() -> sa.Select[Any]:
    table = tables.lease
    here = (table.c.component == sa.bindparam("component")) & (table.c.environment == sa.bindparam("environment"))
    return sa.select(table.c.holder, table.c.epoch, table.c.counter).where(here)


def raised(connection: sa.Connection, component: str, environment: str, now: datetime) -> Token:
    """A new highest token with nobody holding the lease: for an act so short that it only has to outrank others.

    Raises:
        ConflictError: somebody holds it.
    """
    token = claim(connection, component, environment, _MOMENT, now)
    release(connection, component, environment, _MOMENT)
    return token


_MOMENT = "a moment"


def release(connection: sa.Connection, component: str, environment: str, holder: str) -> None:
    """Give the lease back; nothing happens where somebody else has it."""
    table = tables.lease
    connection.execute(
        sa.update(table)
        .where(table.c.component == component, table.c.environment == environment, table.c.holder == holder)
        .values(holder="")
    )
