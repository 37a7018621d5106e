"""The contract of every channel."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Channel(Protocol):
    """Delivers messages to one address."""

    def deliver(self, key: str, body: str) -> None:
        """Deliver ``body``; idempotent by ``key``: a second call with the same key delivers nothing more.

        Returns only when it is delivered, as far as the channel can tell.

        Raises:
            WorldError: it could not be delivered, or nobody can tell.
        """


class Factory(Protocol):
    """Makes the channel for an address such as ``file:NOTICES.md``; paths are relative to ``root``."""

    def __call__(self, address: str, root: Path) -> Channel:
        """The channel.

        Raises:
            UsageError: the address is none.
        """
