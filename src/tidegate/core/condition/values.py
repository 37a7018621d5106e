"""Values of evidence: read by path, held to their type, written for the explanation.

Every value is untrusted: a report may hold anything in any place. What is not exactly of its type has no value here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import isfinite
from typing import TypeAlias

from tidegate.clock import from_text, to_text
from tidegate.core.condition.errors import CannotTellError
from tidegate.core.condition.types import ListOf, Record, Scalar, Type, describe

MAX_LIST = 500
"""Elements of a list that a condition reads."""

MAX_TEXT = 65_536
"""Characters of a string that a condition reads."""

EXACT = 2**53
"""Up to here a double holds every whole number exactly."""

Values: TypeAlias = Mapping[str, Mapping[str, object]]

_SMALLEST_INT, _LARGEST_INT = -(2**63), 2**63 - 1
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Absent:
    """What stands where a value should: the sentence that says why there is none."""

    reason: str


@dataclass(frozen=True, slots=True)
class Path:
    """A path of the evidence with the type at its end; ``presence`` asks only whether the last field is there."""

    names: tuple[str, ...]
    kind: Type
    presence: bool = False

    @property
    def text(self) -> str:
        """The path as the policy spells it."""
        dotted = ".".join(self.names)
        return f"has({dotted})" if self.presence else dotted


def read(path: Path, values: Values) -> object:
    """The value at a path, in the form that the engine takes, or ``Absent``. Never raises."""
    try:
        found: object = values
        last = len(path.names) - 1
        for place, name in enumerate(path.names):
            found = found.get(name) if isinstance(found, Mapping) else None
            if found is None and place == last and path.presence:
                return False
            if found is None:
                return Absent(f"{'.'.join(path.names[: place + 1])} is missing")
        return True if path.presence else convert(found, path.kind)
    except CannotTellError as error:
        return Absent(f"{path.text} {error}")
    except Exception as error:  # noqa: BLE001 - a value whose own methods fail is no value
        return Absent(f"{path.text} cannot be read: {type(error).__name__}")


def convert(value: object, kind: Type) -> object:
    """A value held to its type.

    Raises:
        CannotTellError: it is of another type, out of range, too large, or not a number. Its sentence has no subject.
    """
    if isinstance(kind, Scalar):
        return _CONVERSIONS[kind](value)
    if isinstance(kind, Record):
        return _record(value, kind)
    if isinstance(kind, ListOf) and isinstance(value, list | tuple):
        return _list(value, kind)
    raise _misfit(value, kind)


def _misfit(value: object, kind: Type) -> CannotTellError:
    return CannotTellError(f"is {type(value).__name__}, expected {describe(kind)}")


def _int(value: object) -> object:
    if type(value) is not int:
        raise _misfit(value, Scalar.INT)
    if not _SMALLEST_INT <= value <= _LARGEST_INT:
        raise CannotTellError("does not fit into 64 bits")
    return value


def _double(value: object) -> object:
    if type(value) is int and -EXACT <= value <= EXACT:
        return float(value)
    if type(value) is int:
        raise CannotTellError("is too large to be held exactly")
    if type(value) is not float:
        raise _misfit(value, Scalar.DOUBLE)
    if not isfinite(value):
        raise CannotTellError(f"is {value}, which is no number to compare")
    return value


def _bool(value: object) -> object:
    if value is True or value is False:
        return value
    raise _misfit(value, Scalar.BOOL)


def _string(value: object) -> object:
    if not isinstance(value, str):
        raise _misfit(value, Scalar.STRING)
    if len(value) > MAX_TEXT:
        raise CannotTellError(f"has {len(value)} characters; at most {MAX_TEXT} are read")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise CannotTellError("is not valid Unicode")
    return value if type(value) is str else str.__str__(value)


def _timestamp(value: object) -> object:
    if not isinstance(value, str | datetime):
        raise _misfit(value, Scalar.TIMESTAMP)
    try:
        return from_text(value) if isinstance(value, str) else _in_utc(value)
    except (ValueError, OverflowError) as error:
        raise CannotTellError("is no RFC 3339 time with an offset") from error


def _in_utc(value: datetime) -> datetime:
    if value.utcoffset() is None:
        raise CannotTellError("is a time without an offset, which names no instant")
    return value.astimezone(UTC)


def _duration(value: object) -> object:
    if not isinstance(value, timedelta):
        raise _misfit(value, Scalar.DURATION)
    return value


def _never(value: object, kind: Scalar) -> object:
    raise _misfit(value, kind)


_CONVERSIONS: Mapping[Scalar, Callable[[object], object]] = {
    Scalar.INT: _int,
    Scalar.DOUBLE: _double,
    Scalar.BOOL: _bool,
    Scalar.STRING: _string,
    Scalar.TIMESTAMP: _timestamp,
    Scalar.DURATION: _duration,
    Scalar.UINT: partial(_never, kind=Scalar.UINT),
    Scalar.BYTES: partial(_never, kind=Scalar.BYTES),
}


def _list(value: list[object] | tuple[object, ...], kind: ListOf) -> object:
    if len(value) > MAX_LIST:
        raise CannotTellError(f"has {len(value)} elements; at most {MAX_LIST} are read")
    return [_within(f"[{place}]", item, kind.element) for place, item in enumerate(value)]


def _record(value: object, kind: Record) -> object:
    """The known fields; those that are null are left out, since null counts as missing."""
    if not isinstance(value, Mapping):
        raise _misfit(value, kind)
    found = {name: value.get(name) for name in kind.fields}
    return {name: _within(f".{name}", item, kind.fields[name]) for name, item in found.items() if item is not None}


def _within(place: str, value: object, kind: Type | None) -> object:
    if value is None or kind is None:
        raise CannotTellError(f"has no value at {place}")
    try:
        return convert(value, kind)
    except CannotTellError as error:
        raise CannotTellError(f"at {place} {error}") from error


def show(value: object) -> str:
    """A value on one line, cut where it is long, with control characters escaped."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return to_text(value)
        case timedelta():
            return str(value)
        case list():
            return f"[{len(value)} elements]"
        case str():
            text = json.dumps(value[: _SHOWN + 1])
            return text if len(value) <= _SHOWN else f'{json.dumps(value[:_SHOWN])[:-1]}..."'
        case _:
            return repr(value)
