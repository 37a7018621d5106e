"""Drills: what is rehearsed, when it was done last, and when it is due again.

Source: M2-05 (rollbacks rehearsed every quarter), HD-08 (rollback tested and ready), HD-14 (emergency procedures
drilled, the acknowledgement measured).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tidegate.core.frequency import parse_frequency
from tidegate.core.policy import Drill


@dataclass(frozen=True, slots=True)
class Drilled:
    """A drill that was held: ``name`` is the policy's, ``at`` when it was over.

    ``seconds`` is what was measured: how long the way back took, or how long the call went unacknowledged; None where
    nothing was. ``invalid`` says why the record does not count: its signature is not its person's any more.
    """

    id: str
    name: str
    at: datetime
    succeeded: bool
    by: str
    seconds: int | None = None
    invalid: str = ""


def last_good(drills: Iterable[Drilled], name: str, now: datetime) -> Drilled | None:
    """The newest of that name that succeeded, and counts, and is not of the future."""
    good = [one for one in drills if one.name == name and one.succeeded and not one.invalid and one.at <= now]
    return max(good, key=lambda one: (one.at, one.id), default=None)


def due_at(drill: Drill, last: datetime, tz: ZoneInfo) -> datetime | None:
    """When it is due again after ``last``: one period later, at the same time by the policy's clocks; None: never.

    Quarterly after 30 November is 28 February: a month that is too short ends it.
    """
    frequency = parse_frequency(drill.every)
    if frequency.every is None:
        return None
    there = last.astimezone(tz)
    months = _MONTHS.get(frequency.unit, 0) * frequency.number
    if not months:
        return (there + frequency.every).astimezone(UTC)
    count = there.year * 12 + there.month - 1 + months
    year, month = count // 12, count % 12 + 1
    day = min(there.day, monthrange(year, month)[1])
    return there.replace(year=year, month=month, day=day).astimezone(UTC)


_MONTHS = {"month": 1, "quarter": 3, "year": 12}
