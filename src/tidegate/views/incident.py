"""Incidents for people: what happened, how long it lasted, and what is missing before one can be closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tidegate.orchestration.house import House
from tidegate.orchestration.incident import Demand, demands_of
from tidegate.store import incidents, policies
from tidegate.store.incidents import IncidentPaper, IncidentRow


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """An incident in a list."""

    id: str
    title: str
    component: str
    environment: str
    release: str
    opened_at: datetime
    opened_by: str
    restored_at: datetime | None
    closed_at: datetime | None

    @property
    def state(self) -> str:
        """Where it stands, in a word."""
        if self.closed_at is not None:
            return "closed"
        return "open" if self.restored_at is None else "restored"


@dataclass(frozen=True, slots=True)
class IncidentView:
    """What ``tidegate incident show`` answers. Lengths are in seconds."""

    id: str
    title: str
    component: str
    environment: str
    release: str
    rollback: str
    reverses: str
    facts: Mapping[str, Any]
    opened_at: datetime
    opened_by: str
    began_at: datetime | None
    detected_at: datetime
    restored_at: datetime | None
    detected_after_s: int | None
    restored_after_s: int | None
    closed_at: datetime | None
    closed_by: str
    outcome: str
    papers: tuple[IncidentPaper, ...]
    demands: tuple[Demand, ...]


def incident_lines(connection: sa.Connection, *, release: str = "", only_open: bool = False) -> list[IncidentLine]:
    """Incidents, the newest first."""
    return [_line(row) for row in incidents.everything(connection, release=release, only_open=only_open)]


def _line(row: IncidentRow) -> IncidentLine:
    return IncidentLine(
        row.id,
        row.title,
        row.component,
        row.environment,
        row.release,
        row.opened_at,
        row.opened_by,
        row.restored_at,
        row.closed_at,
    )


def incident_view(house: House, incident: str) -> IncidentView:
    """One incident.

    Raises:
        NotFoundError: there is none of that id.
    """
    with house.database.read() as connection:
        row = incidents.load(connection, incident)
        papers = incidents.papers_of(connection, incident)
        demands = demands_of(policies.current(connection), row, papers)
    return IncidentView(
        id=row.id,
        title=row.title,
        component=row.component,
        environment=row.environment,
        release=row.release,
        rollback=row.rollback,
        reverses=row.reverses,
        facts=row.facts,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        began_at=row.began_at,
        detected_at=row.detected_at,
        restored_at=row.restored_at,
        detected_after_s=_between(row.began_at, row.detected_at),
        restored_after_s=_between(row.detected_at, row.restored_at),
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        outcome=row.outcome,
        papers=tuple(papers),
        demands=tuple(demands),
    )


def _between(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else max(int((end - start).total_seconds()), 0)
