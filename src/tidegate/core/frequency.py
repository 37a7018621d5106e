"""How often something is done: ``monthly``, ``every 2 weeks``, ``quarterly or as needed``, ``on demand``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

_NAMED_UNITS = {
    "daily": (1, "day"),
    "weekly": (1, "week"),
    "biweekly": (2, "week"),
    "monthly": (1, "month"),
    "quarterly": (1, "quarter"),
    "yearly": (1, "year"),
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_UNITS = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
_ON_DEMAND = ("as needed", "on demand", "emergency only")
_REGULAR = re.compile(
    r"(?:(daily|weekly|biweekly|monthly|quarterly|yearly)|every ([0-9]{1,3}) (day|week|month|quarter|year)s)"
)


@dataclass(frozen=True, slots=True)
class Frequency:
    """``every`` is the time between two, None where nothing recurs; ``on_demand`` whether there may be others.

    ``number`` and ``unit`` say the same as it was written: 2 and ``week``.
    """

    text: str
    every: timedelta | None
    on_demand: bool
    number: int = 0
    unit: str = ""

    def next_day(self, last: date) -> date:
        """The first day on which there may be another after one on ``last``.

        Weeks and days are counted; of months, quarters and years each has one, wherever in it that is: what goes on the
        first Tuesday of each month goes four weeks after the last one now and then.
        """
        if self.unit not in _MONTHS:
            return last + (self.every or timedelta(0))
        length = _MONTHS[self.unit]
        first = (last.year * 12 + last.month - 1) // length * length + length * self.number
        return date(first // 12, first % 12 + 1, 1)


def parse_frequency(text: str) -> Frequency:
    """Read a frequency; a month counts 30 days, a quarter 90, a year 365.

    Raises:
        ValueError: it is none; the message shows some that are.
    """
    regular = text
    on_demand = False
    for words in _ON_DEMAND:
        if text == words:
            return Frequency(text, None, True)
        if text.endswith(f" or {words}"):
            regular, on_demand = text.removesuffix(f" or {words}"), True
    match = _REGULAR.fullmatch(regular)
    number, unit = 0, ""
    if match:
        number, unit = _NAMED_UNITS[match[1]] if match[1] else (int(match[2]), match[3])
    if not number:
        raise ValueError(
            f'"{text[:40]}" is not a frequency; write one such as monthly, every 2 weeks, quarterly or as needed'
        )
    return Frequency(text, timedelta(days=number * _UNITS[unit]), on_demand, number, unit)


def _is_frequency(text: str) -> str:
    parse_frequency(text)
    return text


FrequencyText = Annotated[
    str,
    AfterValidator(_is_frequency),
    WithJsonSchema(
        {"type": "string", "examples": ["daily", "monthly", "every 2 weeks", "quarterly or as needed", "on demand"]}
    ),
]
