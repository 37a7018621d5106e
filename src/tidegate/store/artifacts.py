"""What was built of a release, and where it was pushed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.store import tables


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """One artifact of a release as it is kept. ``tags``: what each became when it was last pushed."""

    component: str
    kind: str
    name: str
    digest: str
    size: int
    file: str
    built_at: datetime
    built_by: str
    pushed_at: datetime | None = None
    tags: tuple[Mapping[str, Any], ...] = ()

    @property
    def key(self) -> str:
        """Its name in the subject: no package's name has a colon."""
        return f"{self.kind}:{self.name}"


def of(connection: sa.Connection, release: str) -> tuple[ArtifactRow, ...]:
    """All artifacts of a release, by component, kind and name."""
    return tuple(
        ArtifactRow(
            component=row.component,
            kind=row.kind,
            name=row.name,
            digest=row.digest,
            size=row.size,
            file=row.file,
            built_at=row.built_at,
            built_by=row.built_by,
            pushed_at=row.pushed_at,
            tags=tuple(row.tags),
        )
        for row in connection.execute(_of_release(), {"release": release})
    )


@cache
def _of_release() -> sa.Select[Any]:
    table = tables.artifact
    wanted = table.c.release == sa.bindparam("release")
    return sa.select(table).where(wanted).order_by(table.c.component, table.c.kind, table.c.name)


def replace(connection: sa.Connection, release: str, rows: Iterable[ArtifactRow]) -> None:
    """Record artifacts in the place of those of the same kind and name."""
    table = tables.artifact
    for row in rows:
        connection.execute(sa.delete(table).where(_is(release, row)))
        connection.execute(
            sa.insert(table).values(
                release=release,
                component=row.component,
                kind=row.kind,
                name=row.name,
                digest=row.digest,
                size=row.size,
                file=row.file,
                built_at=row.built_at,
                built_by=row.built_by,
                pushed_at=row.pushed_at,
                tags=list(row.tags),
            )
        )


def pushed(
    connection: sa.Connection, release: str, row: ArtifactRow, tags: Iterable[Mapping[str, Any]], now: datetime
) -> bool:
    """Record that an artifact is pushed; False where another was built in its place meanwhile."""
    table = tables.artifact
    where = _is(release, row) & (table.c.digest == row.digest)
    done = connection.execute(sa.update(table).where(where).values(pushed_at=now, tags=list(tags)))
    return done.rowcount == 1


def _is(release: str, row: ArtifactRow) -> sa.ColumnElement[bool]:
    table = tables.artifact
    return sa.and_(
        table.c.release == release,
        table.c.component == row.component,
        table.c.kind == row.kind,
        table.c.name == row.name,
    )
