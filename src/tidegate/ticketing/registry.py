"""The ticketing systems that there are, by the word that chooses them; what has no colon in it is a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tidegate.errors import UsageError
from tidegate.ticketing.contract import Tickets
from tidegate.ticketing.file import FileTickets

SYSTEMS: Mapping[str, Callable[[str], Tickets]] = {
    "file": FileTickets,
}


def tickets(name: str) -> Tickets:
    """The system that ``file:tickets.json``, or ``tickets.json``, names.

    Raises:
        UsageError: there is no such system.
    """
    word, colon, rest = name.partition(":")
    if not colon:
        word, rest = "file", name
    if word not in SYSTEMS:
        raise UsageError(f'there is no ticketing system "{word[:40]}"', remedy=f"name one of: {', '.join(SYSTEMS)}")
    return SYSTEMS[word](rest)
