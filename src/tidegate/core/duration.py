"""Lengths of time as a policy writes them: ``30d``, ``24h``, ``1h30m``, ``500ms``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_PATTERN = re.compile(r"(?:\d+(?:ms|[wdhms]))+")
_PART = re.compile(r"(\d+)(ms|[wdhms])")
_LONGEST = timedelta(days=3660)


def parse_duration(text: str) -> timedelta:
    """The length of time that ``text`` writes; a day is 24 hours, whatever the clocks do.

    Raises:
        ValueError: the text is no duration, or longer than ten years.
    """
    if not _PATTERN.fullmatch(text):
        raise ValueError(f'"{text}" is not a duration; write a number and a unit, such as 30d, 24h, 90m, 10s')
    length = sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in _PART.findall(text)), timedelta())
    if length > _LONGEST:
        raise ValueError(f'"{text}" is longer than ten years')
    return length


def format_duration(length: timedelta) -> str:
    """The shortest text that ``parse_duration`` reads back as ``length``; ``0s`` for nothing."""
    rest = length // timedelta(milliseconds=1)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def _read(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError(f"{value!r} is not a duration; write a number and a unit, such as 30d, 24h, 90m, 10s")


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(ms|[wdhms]))+$", "examples": ["30d", "24h", "90m", "10s"]}),
]
