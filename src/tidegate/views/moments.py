"""Moments and lengths of time in words, in the policy's time zone."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def civil(at: datetime, tz: tzinfo) -> str:
    """A moment as people write it: ``Tue 1 Dec 2026 10:00 PST``."""
    local = at.astimezone(tz)
    return f"{local:%a} {local.day} {local:%b %Y %H:%M %Z}"


def civil_seconds(at: datetime, tz: tzinfo) -> str:
    """A moment to the second, without its year, for lists: ``1 Dec 10:00:05``."""
    local = at.astimezone(tz)
    return f"{local.day:>2} {local:%b %H:%M:%S}"


def length(span: timedelta) -> str:
    """A length of time, rounded to its largest unit: ``10 days``, ``1 hour``."""
    seconds = max(0, round(span.total_seconds()))
    for size, name in _UNITS:
        # Rounded up to the next unit only where nearly all of it is there: 47 hours are 2 days, 25 are 1.
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {name}{'s' if count != 1 else ''}"
    return "less than a second"


def counted(count: int, noun: str) -> str:
    """A number of things: ``1 change``, ``2 changes``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def dated(at: datetime, tz: tzinfo) -> str:
    """A moment to the second, with its date, for logs: ``2026-12-01 10:00:05``."""
    return f"{at.astimezone(tz):%Y-%m-%d %H:%M:%S}"


def distance(at: datetime, now: datetime) -> str:
    """How far off a moment is: ``in 10 days``, ``3 minutes ago``, ``now``."""
    if abs(at - now) < timedelta(seconds=1):
        return "now"
    return f"in {length(at - now)}" if at > now else f"{length(now - at)} ago"


def moment(at: datetime, tz: tzinfo, now: datetime) -> str:
    """A moment and how far off it is: ``Tue 1 Dec 2026 10:00 PST (in 10 days)``."""
    return f"{civil(at, tz)} ({distance(at, now)})"
