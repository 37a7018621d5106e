"""The adopted policies: rows, resolved, named by digest. The file is only a proposal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.rulebook import Rulebook, rulebook_of
from tidegate.errors import NotFoundError
from tidegate.store import contents, tables


@dataclass(frozen=True, slots=True)
class Adoption:
    """One adopted policy: its place in the order, its digest, when, and by whom."""

    number: int
    digest: str
    adopted_at: datetime
    adopted_by: Mapping[str, Any]
    active: bool


def active(connection: sa.Connection) -> Adoption | None:
    """The adoption in force; None before the first."""
    row = connection.execute(_active()).first()
    return Adoption(**row._asdict()) if row else None


@cache
def _active() -> sa.Select[Any]:
    return sa.select(tables.policy).where(tables.policy.c.active.is_(True))


def history(connection: sa.Connection) -> list[Adoption]:
    """All adoptions, the first one first."""
    rows = connection.execute(sa.select(tables.policy).order_by(tables.policy.c.number))
    return [Adoption(**row._asdict()) for row in rows]


def adopt(connection: sa.Connection, resolved: bytes, now: datetime, by: object) -> str:
    """Make ``resolved`` the active policy; its digest. The caller has locked the organisation.

    Raises:
        DamagedRecordError: something else lies under its digest.
    """
    name = contents.keep(connection, resolved)
    contents.fetch(connection, name)
    last = connection.execute(sa.select(sa.func.max(tables.policy.c.number))).scalar() or 0
    connection.execute(sa.update(tables.policy).where(tables.policy.c.active.is_(True)).values(active=False))
    connection.execute(
        sa.insert(tables.policy).values(number=last + 1, digest=name, adopted_at=now, adopted_by=by, active=True)
    )
    return name


def rulebook(connection: sa.Connection, digest: str) -> Rulebook:
    """The compiled policy of that digest; compiled once per digest and process."""
    return _cached(digest) or _remember(digest, rulebook_of(contents.fetch(connection, digest), digest))


def current(connection: sa.Connection) -> Rulebook:
    """The active policy, compiled.

    Raises:
        NotFoundError: none was adopted yet.
    """
    adoption = active(connection)
    if adoption is None:
        raise NotFoundError("no policy has been adopted yet", remedy="tidegate policy adopt")
    return rulebook(connection, adoption.digest)


_CACHE: dict[str, Rulebook] = {}
_CACHE_LIMIT = 64


def _cached(digest: str) -> Rulebook | None:
    return _CACHE.get(digest)


def _remember(digest: str, book: Rulebook) -> Rulebook:
    if len(_CACHE) >= _CACHE_LIMIT:
        _CACHE.pop(next(iter(_CACHE)))
    _CACHE[digest] = book
    return book
