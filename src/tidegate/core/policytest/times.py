"""Times as a case writes them: civil times in the policy's zone, instants with an offset, or counted from the case."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

from tidegate.core.calendar import instant
from tidegate.core.policy.base import FIRST_DAY, LAST_DAY, reads
from tidegate.core.span import parse_offset

NEVER = "never"
"""What has not happened."""

NOW = "now"
"""The moment of the case itself."""

_DATED = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_OFFSET = re.compile(r"[+-][0-9].*|0d")
_HINT = "write 2026-12-01T10:00 (in the policy's zone) or 2026-12-01T18:00:00Z"

Read: TypeAlias = timedelta | datetime
"""A time that was read: counted from the case, or a moment; one without a zone is meant in the policy's."""


def read_time(text: str) -> Read:
    """What a time of a case says.

    Raises:
        ValueError: the text is no time, or out of reach.
    """
    if text == NOW:
        return timedelta(0)
    if _OFFSET.fullmatch(text):
        return _offset(text)
    return read_moment(text)


def read_moment(text: str) -> datetime:
    """A moment by itself: a day, a civil time, or an instant.

    Raises:
        ValueError: the text is no such moment, or out of reach.
    """
    match = _DATED.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text[:40]}" is not a time; {_HINT}')
    try:
        day = date.fromisoformat(match[1])
        moment = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}{match[3] or ''}")
    except ValueError as error:
        raise ValueError(f'"{text[:40]}" is no day or time that there is; {_HINT}') from error
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{day} is out of reach; write a day from {FIRST_DAY} to {LAST_DAY}")
    return moment


def _offset(text: str) -> timedelta:
    try:
        return parse_offset(text)
    except ValueError as error:
        raise ValueError(f'"{text[:40]}" is not a time; write -7d for before the case, +2h for after it') from error


def resolved(text: str, tz: ZoneInfo, at: datetime) -> datetime:
    """The instant, in UTC, that a time says in a case at ``at``.

    Raises:
        ValueError: the text is no time.
    """
    read = read_time(text)
    if isinstance(read, timedelta):
        return at + read
    return absolute(read, tz)


def skipped(text: str, tz: ZoneInfo) -> datetime | None:
    """The moment at which the clocks are set forward over the civil time that a text says; None where it exists.

    A day by itself is its beginning, also where the clocks are set forward at midnight.
    """
    match = _DATED.fullmatch(text)
    if match is None or match[2] is None or match[3] is not None:
        return None
    try:
        civil = read_moment(text)
    except ValueError:
        return None
    found = absolute(civil, tz)
    return None if found.astimezone(tz).replace(tzinfo=None) == civil else found


def absolute(moment: datetime, tz: ZoneInfo) -> datetime:
    """The instant of a moment; one without a zone is a civil time in ``tz``."""
    if moment.tzinfo is None:
        return instant(moment.date(), moment.time(), tz)
    return moment.astimezone(UTC)


def _read_or_never(text: str) -> None:
    if text != NEVER:
        read_time(text)


At = Annotated[str, reads(read_moment, max_length=60)]
When = Annotated[str, reads(read_time, max_length=60)]
WhenOrNever = Annotated[str, reads(_read_or_never, max_length=60)]
