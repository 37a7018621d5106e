"""Evidence: typed facts about a subject. Append-only; the newest of a kind and source counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.canonical import LARGEST_INTEGER


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one report says of one component.

    ``bound`` holds the digests of the subject's parts that the kind speaks of, as they were when it was added;
    ``report`` is the digest of the report itself; ``environment`` is empty for what holds everywhere. ``values`` is
    plain JSON, and kept so that a number is the same value before and after it was written: 1.0 becomes 1.
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

    def __post_init__(self) -> None:
        if not all(_is_settled(value) for value in self.values.values()):
            object.__setattr__(self, "values", {name: _settled(value) for name, value in self.values.items()})


def newest(evidence: Iterable[Evidence], environment: str) -> list[Evidence]:
    """The newest piece of each component, kind and source among those that hold in ``environment``, in that order.

    What was said of another environment is no evidence here, however new it is.
    """
    found: dict[tuple[str, str, str], Evidence] = {}
    for piece in evidence:
        if piece.environment and piece.environment != environment:
            continue
        key = (piece.component, piece.kind, piece.source)
        other = found.get(key)
        if other is None or _is_newer(piece, other):
            found[key] = piece
    return [found[key] for key in sorted(found)]


def _is_newer(piece: Evidence, other: Evidence) -> bool:
    if piece.taken_at != other.taken_at:
        return piece.taken_at > other.taken_at
    return _age_key(piece) > _age_key(other)


def _age_key(piece: Evidence) -> tuple[datetime, str, str, str]:
    """Orders pieces that were taken at one moment, so that the order in which they come never matters.

    The digest decides; the rest is for one report that was added twice in one moment, bound or read differently.
    """
    rest = json.dumps([dict(piece.bound), dict(piece.values)], sort_keys=True, default=repr)
    return (piece.added_at, piece.report, piece.environment, rest)


_SETTLED = (bool, str, type(None))


def _is_settled(value: object) -> bool:
    """Whether a value is read back from canonical JSON as it is."""
    kind = type(value)
    if kind is int:
        return -LARGEST_INTEGER <= value <= LARGEST_INTEGER  # type: ignore[operator]
    return kind in _SETTLED


def _settled(value: object) -> object:
    """The value that canonical JSON gives back; JSON has one kind of number and one kind of list.

    Source: RFC 8785, section 3.2.2.3: numbers are written as ECMAScript writes them.
    """
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) <= LARGEST_INTEGER else value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_INTEGER or value.bit_length() > _LARGEST_WRITTEN else float(value)
    if isinstance(value, Mapping):
        return {name: _settled(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_settled(member) for member in value]
    return value


_LARGEST_WRITTEN = 70
"""Bits of the largest float that ECMAScript writes without an exponent, 1e21, so that it is read as an integer."""
