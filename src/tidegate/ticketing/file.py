"""Tickets from a file that a job writes: a JSON list of objects with ``name`` and ``title``, and, where they have one,
``status`` and ``url``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from tidegate.errors import NotFoundError, UsageError
from tidegate.ticketing.contract import Ticket

MAX_BYTES = 16 << 20
"""The most that a file may hold."""

_FIELDS = ("name", "title", "status", "url")


class FileTickets:
    """Reads the file whenever it is asked."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def ticket(self, name: str) -> Ticket:
        """The ticket of that name; see :class:`tidegate.ticketing.contract.Tickets`."""
        found = [ticket for ticket in self._all() if ticket.name == name]
        if not found:
            raise NotFoundError(
                f'there is no ticket "{name[:80]}"', where=str(self._path), remedy="name one that is there"
            )
        if len(found) > 1:
            self._wrong(f'the ticket "{name[:80]}" is there twice')
        return found[0]

    def _all(self) -> list[Ticket]:
        document = self._document()
        if not isinstance(document, list):
            self._wrong("it is no list of tickets")
        return [self._ticket(number, entry) for number, entry in enumerate(document, start=1)]

    def _document(self) -> Any:
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UsageError(
                f"the file cannot be read: {error.strerror}", where=str(self._path), remedy="name a file that is there"
            ) from error
        if len(content) > MAX_BYTES:
            self._wrong(f"it has more than {MAX_BYTES} bytes")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            self._wrong(f"it is no JSON: {str(error)[:200]}")

    def _ticket(self, number: int, entry: Any) -> Ticket:
        if not isinstance(entry, dict):
            self._wrong(f"entry {number} is no object")
        values = {field: entry.get(field) or "" for field in _FIELDS}
        for field, value in values.items():
            if not isinstance(value, str):
                self._wrong(f"entry {number} has a {field} that is no text")
        if not values["name"] or not values["title"]:
            self._wrong(f"entry {number} has no {'title' if values['name'] else 'name'}")
        return Ticket(**values)

    def _wrong(self, what: str) -> NoReturn:
        raise UsageError(
            f"these are no tickets: {what}",
            where=str(self._path),
            remedy='write a list such as [{"name": "CHG-1", "title": "Pay by card", "status": "approved"}]',
        )
