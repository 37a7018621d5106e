"""Days and moments in words, in a civil zone, whatever anybody's locale is."""

from __future__ import annotations

from datetime import datetime, tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_text(moment: datetime, tz: tzinfo) -> str:
    """The civil day of a moment: ``Tue 1 Dec 2026``."""
    local = moment.astimezone(tz)
    return f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"


def time_text(moment: datetime, tz: tzinfo) -> str:
    """The civil time of a moment, with its zone: ``10:00 PST``."""
    local = moment.astimezone(tz)
    return f"{local.hour:02d}:{local.minute:02d} {local.tzname()}"


def moment_text(moment: datetime, tz: tzinfo) -> str:
    """Both: ``Tue 1 Dec 2026 10:00 PST``."""
    return f"{day_text(moment, tz)} {time_text(moment, tz)}"
