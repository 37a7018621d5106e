"""Lengths of time as a policy writes them: ``30d``, ``24h``, ``1h30m``, ``500ms``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from tidegate.core.written import written

_MILLISECONDS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_PATTERN = re.compile(r"(?:[0-9]{1,12}(?:ms|[wdhms])){1,12}")
_PART = re.compile(r"([0-9]+)(ms|[wdhms])")
_LONGEST = timedelta(days=3660)
_HINT = "write a number and a unit, such as 30d, 24h, 90m, 10s"


def parse_duration(text: str) -> timedelta:
    """The length of time that ``text`` writes; a day is 24 hours, whatever the clocks do.

    Raises:
        ValueError: the text is no duration, or longer than ten years.
    """
    if not _PATTERN.fullmatch(text):
        raise ValueError(f'"{text[:40]}" is not a duration; {_HINT}')
    # Summed as whole numbers: a timedelta overflows with an error of its own.
    milliseconds = sum(int(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(text))
    if milliseconds > _LONGEST // timedelta(milliseconds=1):
        raise ValueError(f'"{text[:40]}" is longer than ten years; write a shorter time')
    return timedelta(milliseconds=milliseconds)


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
    raise ValueError(f"{written(value)} is not a duration; {_HINT}")


def _positive(length: timedelta) -> timedelta:
    if not length:
        raise ValueError("0s is no length of time here; write a duration above 0s, or leave the key out")
    return length


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^([0-9]+(ms|[wdhms]))+$", "examples": ["30d", "24h", "90m", "10s"]}),
]

PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
