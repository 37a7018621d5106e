"""What a figure is held against: ``< 24h``, ``>= 80%``, ``> 4.5/5``, ``< 200ms``, ``daily``, ``0``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from tidegate.core.duration import parse_duration
from tidegate.core.frequency import parse_frequency

UNDECIDED = "undecided"
"""In place of a limit: there shall be one, and nobody has said which."""

_LIMIT = re.compile(r"(<=?|>=?|=)\s*(.+)")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%")
_GRADE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)/([0-9]{1,3})")
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Limit:
    """A comparison with a number. ``unit``: ``s`` (seconds), ``share`` (0 to 1), ``days`` (between two), or empty.

    ``operator`` is one of ``<``, ``<=``, ``>``, ``>=``, ``=``; of a frequency it is ``<=``: so often or more often.
    """

    text: str
    operator: str
    value: Decimal
    unit: str

    @property
    def bounds_above(self) -> bool:
        """Whether less is better."""
        return self.operator in ("<", "<=")

    def is_stricter_than(self, other: Limit) -> bool | None:
        """Whether this asks for more than ``other``; None: they cannot be compared, or ask for the same."""
        if self.unit != other.unit or self.bounds_above != other.bounds_above or "=" in (self.operator, other.operator):
            return None
        if self.value == other.value:
            return None if self.operator == other.operator else "=" not in self.operator
        return (self.value < other.value) == self.bounds_above


def parse_limit(text: str) -> Limit | None:
    """Read a limit; None for ``undecided``.

    Raises:
        ValueError: it is none; the message shows some that are.
    """
    if text == UNDECIDED:
        return None
    match = _LIMIT.fullmatch(text)
    if match:
        value, unit = _amount(match[2].strip(), text)
        return Limit(text, match[1], value, unit)
    try:
        every = parse_frequency(text).every
    except ValueError:
        every = None
    if every is None:
        raise ValueError(_not_a_limit(text))
    return Limit(text, "<=", Decimal(every.days), "days")


def _amount(written: str, text: str) -> tuple[Decimal, str]:
    if share := _SHARE.fullmatch(written):
        return Decimal(share[1]) / 100, "share"
    if (grade := _GRADE.fullmatch(written)) and int(grade[2]):
        return Decimal(grade[1]) / Decimal(grade[2]), "share"
    if _NUMBER.fullmatch(written):
        return Decimal(written), ""
    try:
        return Decimal(str(parse_duration(written).total_seconds())), "s"
    except ValueError as error:
        raise ValueError(_not_a_limit(text)) from error


def _not_a_limit(text: str) -> str:
    return f'"{text[:40]}" is not a limit; write one such as "< 24h", ">= 80%", "> 4.5/5", daily, or undecided'


def _is_limit(text: str) -> str:
    parse_limit(text)
    return text


LimitText = Annotated[
    str,
    AfterValidator(_is_limit),
    WithJsonSchema({"type": "string", "examples": ["< 24h", ">= 80%", "> 4.5/5", "daily", UNDECIDED]}),
]
