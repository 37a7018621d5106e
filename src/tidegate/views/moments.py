"""Moments and lengths of time in words, in the policy's time zone."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

from tidegate.clock import from_text

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


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z")


def in_zone(text: str, tz: tzinfo) -> str:
    """The text with its moments, which it writes in UTC, as people of the zone write them."""
    return _MOMENT.sub(lambda found: civil(from_text(found[0]), tz), text)


def moment(at: datetime, tz: tzinfo, now: datetime) -> str:
    """A moment and how far off it is: ``Tue 1 Dec 2026 10:00 PST (in 10 days)``; one that is near, to the second."""
    near = abs(at - now) < _NEAR and at.replace(second=0, microsecond=0) != at
    # Rounded up: whoever comes at the moment that was named must not come too early.
    text = _to_the_second(at + timedelta(microseconds=999_999), tz) if near else civil(at, tz)
    return f"{text} ({distance(at, now)})"


_NEAR = timedelta(minutes=10)


def _to_the_second(at: datetime, tz: tzinfo) -> str:
    local = at.astimezone(tz)
    return f"{local:%a} {local.day} {local:%b %Y %H:%M:%S %Z}"
