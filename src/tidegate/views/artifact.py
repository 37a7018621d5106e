"""The artifacts of a release for people: what is declared, what of it is built, and where it is pushed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidegate.core.image import parse_image_name
from tidegate.orchestration.artifact import IMAGE, Declared, known
from tidegate.orchestration.house import House


@dataclass(frozen=True, slots=True)
class TagLine:
    """A tag, and what became of it at the last push: ``set``, ``kept``, or ``left`` to a newer version."""

    tag: str
    outcome: str
    newer: str


@dataclass(frozen=True, slots=True)
class ArtifactLine:
    """An artifact in a list. ``digest`` is empty where it is not built, ``reference`` where it is not pushed."""

    component: str
    kind: str
    name: str
    digest: str
    size: int
    built_at: datetime | None
    built_by: str
    reference: str
    pushed_at: datetime | None
    tags: tuple[TagLine, ...]


def artifact_lines(house: House, name: str) -> list[ArtifactLine]:
    """What the policy of a release declares, and what became of it.

    Raises:
        NotFoundError: there is no such release.
        UsageError: a component was named that has several open releases.
    """
    return [_line(one) for one in known(house, name).declared]


def _line(one: Declared) -> ArtifactLine:
    artifact, row = one.artifact, one.row
    if row is None:
        return ArtifactLine(one.component, artifact.kind, artifact.name, "", 0, None, "", "", None, ())
    is_pushed = row.kind == IMAGE and row.pushed_at is not None
    return ArtifactLine(
        one.component,
        row.kind,
        row.name,
        row.digest,
        row.size,
        row.built_at,
        row.built_by,
        parse_image_name(row.name).pinned(row.digest) if is_pushed else "",
        row.pushed_at,
        tuple(TagLine(tag["tag"], tag["outcome"], tag["newer"]) for tag in row.tags),
    )
