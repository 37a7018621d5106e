"""Times that are said in a range, and times that are counted from a release: ``2-4 weeks``, ``-7d``, ``+1d``.

A month counts 30 days and a quarter 90: a range is an estimate that people gave, not a date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from tidegate.core.duration import format_duration, parse_duration
from tidegate.core.written import written

_UNITS = {"minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800, "month": 30 * 86_400, "quarter": 90 * 86_400}
_SPAN = re.compile(r"(?:([0-9]{1,4})\s*-\s*)?([0-9]{1,4})\s+(minute|hour|day|week|month|quarter)s?")
_OFFSET = re.compile(r"([+-])([0-9].*)")
_LONGEST = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Span:
    """A time that is said in a range. ``text`` is how it was written."""

    text: str
    least: timedelta
    most: timedelta


def parse_span(text: str) -> Span:
    """The range that ``text`` writes: ``2-4 weeks``, ``4-24 hours``, ``1 day``.

    Raises:
        ValueError: the text is no such range, its end is before its start, or it is longer than ten years.
    """
    match = _SPAN.fullmatch(text)
    if not match:
        raise ValueError(f'"{text[:40]}" is not a range of time; write one such as 2-4 weeks, 4-24 hours, 1 day')
    unit = timedelta(seconds=_UNITS[match[3]])
    most = int(match[2]) * unit
    least = int(match[1]) * unit if match[1] else most
    if least > most:
        raise ValueError(f'"{text[:40]}" ends before it starts; write the shorter time first')
    if most > _LONGEST:
        raise ValueError(f'"{text[:40]}" is longer than ten years; write a shorter time')
    return Span(text, least, most)


def parse_offset(text: str) -> timedelta:
    """How long before (``-7d``) or after (``+1d``) the release; ``0d`` is the release itself.

    Raises:
        ValueError: the text is no such time.
    """
    match = _OFFSET.fullmatch(text)
    if not match and text != "0d":
        raise ValueError(f'"{text[:40]}" is not a time before or after a release; write -7d for before, +1d for after')
    if not match:
        return timedelta(0)
    length = parse_duration(match[2])
    return -length if match[1] == "-" else length


def format_offset(offset: timedelta) -> str:
    """The text that :func:`parse_offset` reads back."""
    if not offset:
        return "0d"
    return f"-{format_duration(-offset)}" if offset < timedelta(0) else f"+{format_duration(offset)}"


def _read(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_offset(value)
    raise ValueError(f"{written(value)} is not a time before or after a release; write -7d for before, +1d for after")


def _is_span(text: str) -> str:
    parse_span(text)
    return text


Offset = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(format_offset, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(0d|[+-]([0-9]+(ms|[wdhms]))+)$", "examples": ["-7d", "+1d"]}),
]

SpanText = Annotated[
    str,
    AfterValidator(_is_span),
    WithJsonSchema({"type": "string", "pattern": f"^{_SPAN.pattern}$", "examples": ["2-4 weeks", "4-24 hours"]}),
]
