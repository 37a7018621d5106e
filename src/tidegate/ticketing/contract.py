"""What a ticketing system promises.

A change request may name a ticket elsewhere, as in Jira or ServiceNow. Whoever answers for it

- answers with what the system says of that very ticket, neither guessed nor completed, or raises;
- never answers for a ticket that it does not have;
- changes nothing there.

Every text in an answer is a stranger's. Adding one: a module here, and one line in ``registry.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it is now. ``status`` and ``url`` are empty where the system says none."""

    name: str
    title: str
    status: str = ""
    url: str = ""


class Tickets(Protocol):
    """Tells the tickets of one system."""

    def ticket(self, name: str) -> Ticket:
        """The ticket of that name.

        Raises:
            NotFoundError: it has none of that name.
            UsageError: what it was given cannot be understood.
            WorldError: the system does not answer.
        """
