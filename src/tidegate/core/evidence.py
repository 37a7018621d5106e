"""Evidence: typed facts about a subject. Append-only; the newest of a kind and source counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one report says of one component.

    ``bound`` holds the digests of the subject's parts that the kind speaks of, as they were when it was added;
    ``report`` is the digest of the report itself; ``environment`` is empty for what holds everywhere.
    """

    component: str
    kind: str
    source: str
    bound: Mapping[str, str]
    values: Mapping[str, object]
    taken_at: datetime
    added_at: datetime
    report: str
    added_by: str
    environment: str = ""

    @property
    def age_key(self) -> tuple[datetime, datetime, str]:
        """Sorts the newest last; evidence of the same moment is ordered by digest, so that order never matters."""
        return (self.taken_at, self.added_at, self.report)


def newest(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The newest piece of each component, kind, source and environment, in that order."""
    found: dict[tuple[str, str, str, str], Evidence] = {}
    for piece in evidence:
        key = (piece.component, piece.kind, piece.source, piece.environment)
        other = found.get(key)
        if other is None or piece.age_key > other.age_key:
            found[key] = piece
    return [found[key] for key in sorted(found)]
