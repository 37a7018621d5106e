"""Values on a scale: which of two asks for more, by the mark of their key."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from tidegate.core.actor import Assurance
from tidegate.core.duration import parse_duration
from tidegate.core.frequency import parse_frequency
from tidegate.core.limit import parse_limit
from tidegate.core.policy import Stricter
from tidegate.core.span import parse_span
from tidegate.core.strictness.conditions import condition_direction
from tidegate.core.strictness.difference import Direction

Measure: TypeAlias = tuple[str, Any]
"""What is measured, and how much; only what has one unit is compared."""

_GRADES = {grade: number for number, grade in enumerate(Assurance)}
_TIMES_BASELINE = re.compile(r">\s*([0-9.]+)x baseline")
_ABSOLUTE = re.compile(r">\s*([0-9]+(?:ms|s))")


def scalar_direction(mark: Stricter | None, was: Any, now: Any, choices: Sequence[str] = ()) -> Direction:
    """Which way one value was changed, by the mark of its key; None: it was, or is, not given.

    Args:
        choices: the values that the key may have, in their order, where it has few.
    """
    compare = _BY_MARK.get(mark) if mark else None
    return compare(was, now) if compare else _by_order(mark, was, now, choices)


def _stricter_if(stricter: bool) -> Direction:
    return Direction.STRICTER if stricter else Direction.LOOSER


def _given(was: Any, now: Any) -> Direction:
    """Of what asks for something where it is given."""
    return _stricter_if(was is None) if was is None or now is None else Direction.OTHER


def _more(was: Any, now: Any) -> Direction:
    if was is None or now is None:
        return _given(was, now)
    before, after = _measure(was), _measure(now)
    if before is None or after is None or before[0] != after[0] or before[1] == after[1]:
        return Direction.OTHER
    return _stricter_if(after[1] > before[1])


def _less(was: Any, now: Any) -> Direction:
    # What is not given asks for nothing, whichever way the scale points.
    return _given(was, now) if was is None or now is None else _more(was, now).reversed


def _limit(was: str, now: str) -> Direction:
    before, after = parse_limit(was), parse_limit(now)
    if before is None or after is None:
        return _given(before, after)
    stricter = after.is_stricter_than(before)
    return Direction.OTHER if stricter is None else _stricter_if(stricter)


def _always(was: Any, now: Any) -> Direction:
    """Of what is asked ``always``, or only sometimes."""
    return _stricter_if(now == "always") if "always" in (was, now) else Direction.OTHER


_BY_MARK: dict[Stricter, Callable[[Any, Any], Direction]] = {
    Stricter.MORE: _more,
    Stricter.LESS: _less,
    Stricter.DEMANDS: _given,
    Stricter.GIVEN: _given,
    Stricter.GRANTS_WHERE_GIVEN: _given,
    Stricter.GRANTS: lambda was, now: _given(was, now).reversed,
    Stricter.TRUE: lambda _, now: _stricter_if(now is True),
    Stricter.FALSE: lambda _, now: _stricter_if(now is False),
    Stricter.LIMIT: _limit,
    Stricter.CONDITION: condition_direction,
    Stricter.REACH: _always,
}


def _by_order(mark: Stricter | None, was: Any, now: Any, choices: Sequence[str]) -> Direction:
    if mark not in (Stricter.FIRST, Stricter.LAST) or was not in choices or now not in choices:
        return Direction.OTHER
    return _stricter_if((choices.index(now) < choices.index(was)) == (mark is Stricter.FIRST))


def _measure(value: Any) -> Measure | None:
    """A value with its unit; None: it cannot be measured."""
    if isinstance(value, Assurance):
        return "assurance", _GRADES[value]
    if isinstance(value, float):
        return "share", value
    if isinstance(value, int):
        return "count", value
    if isinstance(value, timedelta):
        return "time", value
    if isinstance(value, date):
        return "day", value
    return _measure_text(value) if isinstance(value, str) else None


def _measure_text(text: str) -> Measure | None:
    """Texts that are measured: ``> 2x baseline``, ``> 200ms``, ``every 2 weeks``, ``0-24 hours``."""
    if times := _TIMES_BASELINE.fullmatch(text):
        return "times the baseline", Decimal(times[1])
    if absolute := _ABSOLUTE.fullmatch(text):
        return "response time", parse_duration(absolute[1])
    for unit, read in (("between two", _every), ("due", _due)):
        try:
            return unit, read(text)
        except ValueError:
            continue
    return None


def _every(text: str) -> timedelta:
    every = parse_frequency(text)
    if every.every is None or every.on_demand:
        raise ValueError("nobody knows how often")
    return every.every


def _due(text: str) -> timedelta:
    return parse_span(text).most
