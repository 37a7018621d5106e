"""Moments, days and lengths of time as people say them, whatever the locale."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo

from tidegate.core.duration import format_duration

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MOST = 8
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def spoken(moment: datetime, tz: tzinfo, now: datetime) -> str:
    """``Tuesday 1 December 10:00``; with the year where it is another one, ``at once`` where it is now.

    Rounded up to the minute: whoever comes at the moment that was named must not come too early.
    """
    if moment <= now:
        return "at once"
    if moment.second or moment.microsecond:
        moment = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    local = moment.astimezone(tz)
    year = f" {local.year}" if local.year != now.astimezone(tz).year else ""
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]}{year} {local.hour:02d}:{local.minute:02d}"


def short_day(day: date) -> str:
    """``Tue 1 Dec``."""
    return f"{DAYS[day.weekday()][:3]} {day.day} {MONTHS[day.month - 1][:3]}"


def spell(length: timedelta, *, possessive: bool = False) -> str:
    """``30 days``, ``24 hours``, ``90 minutes``; possessive, as ``30 days' notice`` has it."""
    for unit, name, least in ((_DAY, "day", 2), (_HOUR, "hour", 1), (timedelta(minutes=1), "minute", 1)):
        if length >= least * unit and not length % unit:
            count = length // unit
            words = f"{count} {name}{'' if count == 1 else 's'}"
            return f"{words}{chr(39) if count != 1 else chr(39) + 's'}" if possessive else words
    words = format_duration(length)
    return f"{words} of" if possessive else words


def listed(words: Iterable[str], last: str = "and") -> str:
    """``a, b and c``; after eight of them, how many more."""
    names = list(dict.fromkeys(words))
    if len(names) > _MOST:
        return f"{', '.join(names[:_MOST])} and {len(names) - _MOST} more"
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
