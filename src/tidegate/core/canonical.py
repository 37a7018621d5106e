"""One value, one byte string: RFC 8785 canonical JSON, and the digests made from it.

What Tidegate decides about is made of more than JSON knows. Each of our types has one text:

    =======================  ==================================================================================
    value                    canonical JSON
    =======================  ==================================================================================
    frozen dataclass         object by field names; the name of the class is not in it
    enum                     its value
    datetime (aware)         text in UTC with microseconds, as :func:`tidegate.clock.to_text` writes it
    date, civil time         ISO 8601 text, such as ``2026-02-10`` and ``09:00:00``
    timedelta                ISO 8601 duration in seconds: ``PT86400S``, ``PT0.250000S``, ``-PT5S``
    mapping                  object; a key is text, or an enum whose value is text
    tuple, list              array in its order
    frozenset, set           array ordered by the canonical bytes of the members
    None, bool, int, float   as RFC 8785 says: integers within +-(2^53 - 1), finite floats; 1.0 is written 1
    str                      as RFC 8785 says: Unicode without lone surrogates, not normalised
    =======================  ==================================================================================

Anything else is refused. A secret, which hides itself in a type of its own, can therefore be in no digest.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import cache
from typing import Any

import rfc8785

from tidegate.clock import to_text
from tidegate.errors import InternalError, UsageError

Plain = None | bool | int | float | str | list[Any] | dict[str, Any]
"""What JSON can say, in the types that :func:`json.loads` gives."""

LARGEST_INTEGER = 2**53 - 1
"""Above it, neighbouring integers are one and the same JSON number (RFC 8785, appendix D)."""

_REPORT = "this is a fault in Tidegate; report it with the command you ran"


def canonical(value: object) -> bytes:
    """The canonical bytes of ``value``: UTF-8, members in order, no white space.

    Raises:
        UsageError: it holds a number or a text that canonical JSON has no form for; ``where`` is its path.
        InternalError: it holds a type that the table above does not list.

    Source: RFC 8785.
    """
    try:
        return _written(_plain(value, _ROOT))
    except RecursionError as error:
        raise UsageError(
            "the value is nested too deeply to be written as canonical JSON",
            remedy="make it flatter; values of a release have a few levels",
        ) from error


_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))
_WHOLE_FLOAT = re.compile(r"(?:\A|[:,\[])-?[0-9]+\.0(?=[,}\]]|\Z)")
_EXPONENT = re.compile(r"e(?<=[0-9]e)[+-][0-9]")
_OTHER_ORDER = re.compile("[\ud800-\U0010ffff]")


def _written(plain: Plain) -> bytes:
    """The canonical bytes of what is plain: by the standard encoder, which is compiled, wherever it writes the same.

    It writes otherwise in two cases, and both show in what it wrote. Its order of members is that of code points, and
    RFC 8785 sorts by UTF-16 units: the same below the surrogates. Its numbers are Python's, which end in ``.0`` where
    they are whole, and have exponents where ECMAScript has none. A text that only looks so is written the slow way too.
    """
    text = _ENCODER.encode(plain)
    return rfc8785.dumps(plain) if _differs(text) else text.encode()


def _differs(text: str) -> bool:
    # What is cheap to see is looked for first: most texts have none of it, and all are looked through.
    whole = ".0" in text and _WHOLE_FLOAT.search(text)
    return bool(whole or _EXPONENT.search(text) or (not text.isascii() and _OTHER_ORDER.search(text)))


def digest(data: bytes) -> str:
    """The SHA-256 of ``data`` as ``sha256:`` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(value: object) -> str:
    """The digest of the canonical bytes of ``value``; raises what :func:`canonical` raises."""
    return digest(canonical(value))


def is_digest(text: str) -> bool:
    """Whether ``text`` is written as :func:`digest` writes."""
    name, _, value = text.partition(":")
    return name == "sha256" and len(value) == 64 and not set(value) - set("0123456789abcdef")


def parse(data: bytes, *, limit_bytes: int = 1 << 20) -> Plain:
    """Read bytes that must be canonical JSON, so that no two byte strings mean the same.

    Raises:
        UsageError: too long, no UTF-8, no JSON, a member twice, or JSON that is not in canonical form.
    """
    if len(data) > limit_bytes:
        raise _unreadable(f"they are {len(data)} bytes long, and at most {limit_bytes} are read")
    try:
        value: Plain = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_int=_integer, parse_constant=_no_constant
        )
        again = canonical(value)
    except RecursionError as error:
        raise _unreadable("they are nested too deeply") from error
    except ValueError as error:
        raise _unreadable(f"they are no JSON: {error}") from error
    except UsageError as error:
        raise _unreadable(str(error)) from error
    if again != data:
        at = next((i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), min(len(again), len(data)))
        raise _unreadable(f"they are JSON, but not in canonical form (RFC 8785): they differ from it at byte {at}")
    return value


_Path = tuple[Any, ...]
"""Where a value stands: the path of what holds it, and its step; the root is empty. Written out only for an error."""

_ROOT: _Path = ()


def _place(path: _Path) -> str:
    """``$.gates[0]``; a member of a set is ``{}``."""
    steps = []
    while path:
        path, step = path
        steps.append("{}" if step is None else f"[{step}]" if isinstance(step, int) else f".{step}")
    return "".join(("$", *reversed(steps)))


def _plain(value: object, path: _Path) -> Plain:
    kind = type(value)
    if kind is str:
        return _text(value, path)  # type: ignore[arg-type]
    if kind is dict:
        return _object(value, path)  # type: ignore[arg-type]
    if value is None or kind is bool:
        return value  # type: ignore[return-value]
    if kind is int or kind is float:
        return _number(value, path)  # type: ignore[arg-type]
    if isinstance(value, tuple | list):
        return [_plain(member, (path, i)) for i, member in enumerate(value)]
    return _other(value, path)


def _other(value: object, path: _Path) -> Plain:
    """What JSON has no word for, and what is not exactly of a type that it has one for."""
    if isinstance(value, Enum):
        return _plain(value.value, path)
    if isinstance(value, Mapping):
        return _object(value, path)
    if isinstance(value, frozenset | set):
        return sorted((_plain(member, (path, None)) for member in value), key=rfc8785.dumps)
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name), (path, name)) for name in _field_names(type(value))}
    return _scalar(value, path)


def _scalar(value: object, path: _Path) -> Plain:
    """Times, and subclasses of text and number."""
    match value:
        case datetime():
            return _instant(value, path)
        case date():
            return value.isoformat()
        case time() if value.tzinfo is None:
            return value.isoformat()
        case timedelta():
            return duration_text(value)
        case str():
            return _text(str.__str__(value), path)
        case int():
            return _number(int(value), path)
        case float():
            return _number(float(value), path)
    raise InternalError(f"a {type(value).__name__} has no canonical form", where=_place(path), remedy=_REPORT)


def _text(value: str, path: _Path) -> str:
    if value.isascii():
        return value
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the text {value[:60]!a} holds half of a surrogate pair, which no UTF-8 has",
            where=_place(path),
            remedy="give the text in valid Unicode",
        ) from error
    return value


def _number(value: int | float, path: _Path) -> int | float:
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(
            f"{value} is no finite number", where=_place(path), remedy="give a finite number, or leave it out"
        )
    if isinstance(value, int) and not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        shown = str(value) if value.bit_length() < 200 else f"an integer of {value.bit_length()} bits"
        raise UsageError(
            f"{shown} is beyond the integers that JSON can hold exactly (2^53 - 1)",
            where=_place(path),
            remedy="give a smaller number, or give it as text",
        )
    return value


def _instant(value: datetime, path: _Path) -> str:
    try:
        return to_text(value)
    except ValueError as error:
        raise InternalError(str(error), where=_place(path), remedy=_REPORT) from error


def duration_text(value: timedelta) -> str:
    """ISO 8601 in seconds, exact to the microsecond: days differ in length, seconds do not."""
    sign = "-" if value < timedelta(0) else ""
    seconds, micros = divmod(abs(value) // timedelta(microseconds=1), 1_000_000)
    return f"{sign}PT{seconds}.{micros:06d}S" if micros else f"{sign}PT{seconds}S"


def _object(value: Mapping[Any, object], path: _Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, member in value.items():
        name = key if type(key) is str and key.isascii() else _key(key, path)
        if name in found:
            raise InternalError(f"the key {name!r} is in it twice", where=_place(path), remedy=_REPORT)
        found[name] = _plain(member, (path, name))
    return found


def _key(key: object, path: _Path) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return _text(str.__str__(key), path)
    raise InternalError(f"the key {key!r} is no text", where=_place(path), remedy=_REPORT)


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member {twice!r} is in it twice")
    return found


def _integer(text: str) -> int | float:
    """Beyond 2^53 - 1 only a float is written without a point, so that it is read as one."""
    value = int(text) if len(text) <= 17 else float(text)
    return value if abs(value) <= LARGEST_INTEGER else float(text)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _unreadable(because: str) -> UsageError:
    return UsageError(f"the bytes are not canonical JSON: {because}", remedy="give the bytes as Tidegate wrote them")
