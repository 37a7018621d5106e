"""What users said of releases, and how satisfied they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.store import tables
from tidegate.store.releases import actor_of, actor_record


@dataclass(frozen=True, slots=True)
class Feedback:
    """One thing that was said. ``score`` is from 1 to 5; None where there is none. ``whose`` may be empty."""

    id: str
    release: str
    score: int | None
    text: str
    whose: str
    at: datetime
    by: Actor
    statement: str = ""
    signature: str = ""


def add(connection: sa.Connection, feedback: Feedback) -> None:
    """Append it."""
    connection.execute(sa.insert(tables.feedback).values(**{**asdict(feedback), "by": actor_record(feedback.by)}))


def of_release(connection: sa.Connection, release: str) -> list[Feedback]:
    """All that was said of a release, in the order in which it was recorded."""
    table = tables.feedback
    query = sa.select(table).where(table.c.release == release).order_by(table.c.at, table.c.id)
    return [Feedback(**{**row._asdict(), "by": actor_of(row.by)}) for row in connection.execute(query)]
