"""Incidents: opened, restored, closed; and what people attached to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import tables
from tidegate.store.releases import actor_record

DOCUMENT, EVIDENCE = "document", "evidence"


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident as it is kept. ``began_at`` is when the bad version began to run, where that is known."""

    id: str
    title: str
    component: str
    environment: str
    release: str
    reverses: str
    rollback: str
    facts: Mapping[str, Any]
    opened_at: datetime
    opened_by: str
    detected_at: datetime
    began_at: datetime | None = None
    restored_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class IncidentPaper:
    """What somebody attached: a document by its name in the policy, or a report by its kind, with what it says."""

    kind: str
    name: str
    file: str
    digest: str
    values: Mapping[str, Any]
    taken_at: datetime
    at: datetime
    by: str


def add(connection: sa.Connection, row: IncidentRow, by: Actor) -> None:
    """Record an incident."""
    connection.execute(
        sa.insert(tables.incident).values(
            id=row.id,
            title=row.title,
            component=row.component,
            environment=row.environment,
            release=row.release,
            reverses=row.reverses,
            rollback=row.rollback,
            facts=dict(row.facts),
            opened_at=row.opened_at,
            opened_by=actor_record(by),
            began_at=row.began_at,
            detected_at=row.detected_at,
            restored_at=row.restored_at,
        )
    )


def of_reversed(connection: sa.Connection, rollout: str) -> IncidentRow | None:
    """The incident that was opened when this rollout was taken back, if there is one."""
    if not rollout:
        return None
    query = sa.select(tables.incident).where(tables.incident.c.reverses == rollout)
    found = connection.execute(query.order_by(tables.incident.c.opened_at).limit(1)).first()
    return _row(found) if found else None


def restored(connection: sa.Connection, incident: str, now: datetime) -> bool:
    """Record that what ran before runs again; whether that is new."""
    table = tables.incident
    changed = connection.execute(
        sa.update(table).where(table.c.id == incident, table.c.restored_at.is_(None)).values(restored_at=now)
    )
    return changed.rowcount == 1


def close(
    connection: sa.Connection, incident: str, by: Actor, now: datetime, *, outcome: str, statement: str, signature: str
) -> None:
    """Record that it is closed.

    Raises:
        ConflictError: it is closed already.
    """
    table = tables.incident
    changed = connection.execute(
        sa.update(table)
        .where(table.c.id == incident, table.c.closed_at.is_(None))
        .values(closed_at=now, closed_by=actor_record(by), outcome=outcome, statement=statement, signature=signature)
    )
    if changed.rowcount != 1:
        row = load(connection, incident)
        raise ConflictError(f"{incident} was closed by {row.closed_by}", remedy=f"tidegate incident show {incident}")


def load(connection: sa.Connection, incident: str) -> IncidentRow:
    """The incident of that id.

    Raises:
        NotFoundError: there is none.
    """
    found = connection.execute(sa.select(tables.incident).where(tables.incident.c.id == incident)).first()
    if found is None:
        raise NotFoundError(f'there is no incident "{incident[:80]}"', remedy="tidegate incident list")
    return _row(found)


def everything(connection: sa.Connection, *, release: str = "", only_open: bool = False) -> list[IncidentRow]:
    """Incidents, the newest first: all, those of a release, or those that nobody has closed."""
    table = tables.incident
    query = sa.select(table).order_by(table.c.opened_at.desc(), table.c.id)
    if release:
        query = query.where(table.c.release == release)
    if only_open:
        query = query.where(table.c.closed_at.is_(None))
    return [_row(found) for found in connection.execute(query)]


def attach(
    connection: sa.Connection, incident: str, paper: IncidentPaper, by: Actor, *, statement: str, signature: str
) -> None:
    """Keep what somebody attached."""
    connection.execute(
        sa.insert(tables.incident_paper).values(
            incident=incident,
            kind=paper.kind,
            name=paper.name,
            file=paper.file,
            digest=paper.digest,
            values=dict(paper.values),
            taken_at=paper.taken_at,
            at=paper.at,
            by=actor_record(by),
            statement=statement,
            signature=signature,
        )
    )


def papers_of(connection: sa.Connection, incident: str) -> list[IncidentPaper]:
    """What was attached to an incident, in order."""
    table = tables.incident_paper
    query = sa.select(table).where(table.c.incident == incident).order_by(table.c.id)
    return [
        IncidentPaper(
            row.kind, row.name, row.file, row.digest, row._mapping["values"], row.taken_at, row.at, row.by["person"]
        )
        for row in connection.execute(query)
    ]


def _row(found: Any) -> IncidentRow:
    return IncidentRow(
        id=found.id,
        title=found.title,
        component=found.component,
        environment=found.environment,
        release=found.release,
        reverses=found.reverses,
        rollback=found.rollback,
        facts=found.facts,
        opened_at=found.opened_at,
        opened_by=found.opened_by["person"],
        detected_at=found.detected_at,
        began_at=found.began_at,
        restored_at=found.restored_at,
        closed_at=found.closed_at,
        closed_by=(found.closed_by or {}).get("person", ""),
        outcome=found.outcome,
    )
