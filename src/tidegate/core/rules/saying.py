"""How rules say things to people: times in the policy's zone with the zone's name, lists that end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from tidegate.core.rules.rule import Context

_SHOWN = 8

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def at(context: Context, moment: datetime) -> str:
    """``Tue 1 Dec 2026 10:00 PST``; with seconds where they are not zero, rounded up so that nobody comes too early."""
    return civil(moment, context.rulebook.tz)


def civil(moment: datetime, tz: tzinfo) -> str:
    """As :func:`at`, in a zone."""
    if moment.microsecond:
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    local = moment.astimezone(tz)
    seconds = f":{local.second:02d}" if local.second else ""
    # Not strftime: the names of days and months must not depend on anybody's locale.
    day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{day} {local.hour:02d}:{local.minute:02d}{seconds} {local.tzname()}"


def names(items: Iterable[str], none: str = "nobody") -> str:
    """A list for people: ``alice, bob``, at most eight of them; ``none`` when it is empty."""
    ordered = sorted(items)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more if ordered else none


def article(noun: str) -> str:
    """``a minor``, ``an emergency``."""
    return f"an {noun}" if noun[:1].lower() in tuple("aeiou") else f"a {noun}"


def count(number: int, noun: str) -> str:
    """``1 gate``, ``2 gates``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def askable(people: frozenset[str], wanted: int, group: str) -> str:
    """Who could still say yes; where they are too few, what would change that."""
    if len(people) > wanted:
        return f"one of: {names(people)}" if wanted == 1 else f"{wanted} of: {names(people)}"
    enough = len(people) == wanted
    return names(people) if enough else f"{names(people)}; they are too few: add people to {group} in the policy"
