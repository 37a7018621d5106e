"""Boards: a meeting with an agenda and minutes, that decides about releases as they are.

The agenda fixes what comes before the board; the minutes say who was there and what was decided, and keep the digest
of the written record. Both are signed by a member of the board.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.canonical import digest_of


@dataclass(frozen=True, slots=True)
class Point:
    """One point of an agenda: a release for an environment, as it is."""

    release: str
    environment: str
    subject: str


@dataclass(frozen=True, slots=True)
class Minutes:
    """What a meeting of ``board`` decided at ``at``: ``approved`` or not, of one point, with who was there.

    ``record`` is the digest of the written minutes; ``invalid`` says why their signature does not hold any more.
    """

    id: str
    board: str
    at: datetime
    attended: tuple[str, ...]
    point: Point
    approved: bool
    by: str
    record: str
    invalid: str = ""


def agenda_digest(board: str, at: str, points: Iterable[Point]) -> str:
    """The digest of an agenda, which the statement of whoever calls the meeting names as its subject."""
    listed = sorted([each.release, each.environment, each.subject] for each in points)
    return digest_of({"board": board, "at": at, "agenda": listed})


def minutes_digest(
    meeting: tuple[str, str, str],
    record: str,
    attended: Iterable[str],
    approved: Iterable[Point],
    rejected: Iterable[Point],
) -> str:
    """The digest of minutes, which the statement of whoever records them names as its subject.

    Args:
        meeting: its id, the board, and when it met, as RFC 3339.
    """

    def listed(points: Iterable[Point]) -> list[list[str]]:
        return sorted([each.release, each.environment, each.subject] for each in points)

    return digest_of(
        {
            "meeting": list(meeting),
            "record": record,
            "attended": sorted(set(attended)),
            "approved": listed(approved),
            "rejected": listed(rejected),
        }
    )
