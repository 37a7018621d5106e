"""How findings say things: days with their weekday, lengths of time, lists that end."""

from __future__ import annotations

from datetime import date, timedelta

from tidegate.core.duration import format_duration
from tidegate.core.spoken import DAYS, MONTHS, listed

__all__ = ["length", "listed", "long_day", "weekday"]


def weekday(day: date) -> str:
    """``Wednesday``."""
    return DAYS[day.weekday()]


def long_day(day: date) -> str:
    """``Tuesday 10 February 2026``."""
    return f"{weekday(day)} {day.day} {MONTHS[day.month - 1]} {day.year}"


def length(time: timedelta) -> str:
    """``24h`` for a day, and days where there are several: ``3d``."""
    return "24h" if time == timedelta(days=1) else format_duration(time)
