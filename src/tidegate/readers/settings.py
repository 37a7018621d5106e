"""An environment's settings, from JSON, YAML or a file of ``NAME=value`` lines.

These files hold secrets. So a mistake is told by its line alone, and never by what stands there; no error carries the
one that led to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tidegate.core.settings import Value, normal
from tidegate.errors import PolicyError, UsageError

LIMIT_BYTES = 1 << 20
MOST_SETTINGS = 10_000
MOST_DEPTH = 32
LONGEST_NAME = 200

_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]{0,199})[ \t]*=[ \t]*(.*)")
_NUMBER = re.compile(r"-?[0-9]{1,15}")
_REMEDY = "write it as JSON, as YAML, or as lines of NAME=value"


def read_settings(name: str, data: bytes, *, as_written: bool = False) -> dict[str, Value]:
    """The settings of a file, each by its normal name, what is nested by its path: ``tls_min_version``.

    Args:
        name: the name of the file, for errors.
        as_written: each by its name as it stands there, with dots in its path: ``TLS.MinVersion``.

    Raises:
        UsageError: it cannot be read, or says one thing twice. The error shows nothing of what is in it.
    """
    text = _decoded(name, data)
    if not text.strip():
        raise _refused(name, "it is empty")
    if text.lstrip().startswith(("{", "[")):
        found = _json(name, text)
    elif _is_lines(text):
        found = dict(_lines(name, text))
    else:
        found = _yaml(name, data)
    if not isinstance(found, dict):
        raise _refused(name, "it is no mapping of settings")
    return _flat(name, found, _written if as_written else _normal)


def _normal(path: tuple[str, ...]) -> str:
    return normal("_".join(path))


def _written(path: tuple[str, ...]) -> str:
    return ".".join(path)


def _refused(name: str, because: str, line: int = 0) -> UsageError:
    where = ascii(name)[1:-1][:200] + (f":{line}" if line else "")
    return UsageError(f"the settings cannot be read: {because}", where=where, remedy=_REMEDY)


def _decoded(name: str, data: bytes) -> str:
    if len(data) > LIMIT_BYTES:
        raise _refused(name, f"it has {len(data)} bytes, and at most {LIMIT_BYTES} are read")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(name, "it is not UTF-8") from None


def _json(name: str, text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise _refused(name, "it is no JSON", error.lineno) from None
    except (ValueError, RecursionError):
        raise _refused(name, "it is no JSON: a name stands twice, or a number is none") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _yaml(name: str, data: bytes) -> object:
    from tidegate.policyfile.tree import plain_value
    from tidegate.policyfile.yaml import read_yaml

    try:
        document = read_yaml(data, "settings")
    except PolicyError as error:
        line = error.where.split(":")[1] if error.where.count(":") >= 2 else "0"
        raise _refused(name, "it is no YAML", int(line) if line.isdigit() else 0) from None
    if document.mistakes:
        raise _refused(name, "it is no YAML", document.mistakes[0].place.line)
    return plain_value(document.root)


def _is_lines(text: str) -> bool:
    """Whether the first line that says something is ``NAME=value``."""
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            return _LINE.fullmatch(line.strip()) is not None
    return False


def _lines(name: str, text: str) -> Iterator[tuple[str, Value]]:
    seen: set[str] = set()
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            raise _refused(name, "a line is no NAME=value", number)
        key, value = match[1], match[2]
        if key in seen:
            raise _refused(name, "a setting stands twice", number)
        seen.add(key)
        quote = value[:1] if value[:1] in ("'", '"') else ""
        if quote:
            yield key, _quoted(name, quote, value[1:], number, lines)
        else:
            yield key, _plain(re.split(r"\s+#", value, maxsplit=1)[0].strip())


def _quoted(name: str, quote: str, value: str, number: int, lines: Iterator[tuple[int, str]]) -> str:
    """A value in quotes, which may go on over several lines, as a private key does."""
    parts = [value]
    while quote not in parts[-1]:
        following = next(lines, None)
        if following is None:
            raise _refused(name, "a quote is opened and not closed", number)
        parts.append(following[1])
    return "\n".join(parts).partition(quote)[0]


def _plain(text: str) -> Value:
    if text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    return int(text) if _NUMBER.fullmatch(text) else text


def _flat(name: str, found: dict[str, Any], called: Callable[[tuple[str, ...]], str]) -> dict[str, Value]:
    settings: dict[str, Value] = {}
    for path, value in _leaves(name, (), found):
        key = called(path)
        if not key or len(key) > LONGEST_NAME or not key.isprintable():
            raise _refused(name, f"a name is empty, longer than {LONGEST_NAME} characters, or cannot be printed")
        if key in settings:
            raise _refused(name, "two names of settings are read as one")
        if len(settings) >= MOST_SETTINGS:
            raise _refused(name, f"it has more than {MOST_SETTINGS} settings")
        settings[key] = value
    return settings


def _leaves(name: str, path: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], Value]]:
    if len(path) > MOST_DEPTH:
        raise _refused(name, f"it is nested more than {MOST_DEPTH} deep")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(name, (*path, str(key)), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(name, (*path, str(index)), inner)
    else:
        yield path, value if isinstance(value, bool | int | float | str) else None
