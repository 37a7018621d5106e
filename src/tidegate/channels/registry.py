"""The channels there are, by the scheme of their address. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tidegate.channels.contract import Channel, Factory
from tidegate.channels.file import FileChannel
from tidegate.errors import UsageError

CHANNELS: Mapping[str, Factory] = {"file": FileChannel}


def channel_for(address: str, root: Path) -> Channel:
    """The channel of an address ``scheme:rest``.

    Raises:
        UsageError: there is no such channel.
    """
    scheme, _, rest = address.partition(":")
    factory = CHANNELS.get(scheme)
    if factory is None or not rest:
        raise UsageError(
            f"there is no channel for {address!r}", remedy=f"use one of: {', '.join(sorted(CHANNELS))}:..."
        )
    return factory(rest, root)
