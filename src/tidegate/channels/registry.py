"""The channels there are, by the scheme of their address. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from tidegate.channels.contract import Channel, Factory, Surroundings
from tidegate.errors import UsageError

CHANNELS: Mapping[str, str] = {
    "calendar": "calendar:CalendarChannel",
    "email": "email:EmailChannel",
    "file": "file:FileChannel",
    "slack": "slack:SlackChannel",
    "webhook": "webhook:WebhookChannel",
    "website": "website:WebsiteChannel",
}
"""Module and class; imported when the first message goes there."""

SEVERAL = frozenset({"calendar", "email"})
"""The schemes whose addresses may be several, with commas between; each gets a message of its own."""


def channel_for(address: str, around: Surroundings) -> Channel:
    """The channel of an address ``scheme:rest``.

    Raises:
        UsageError: there is no such channel, or the address is none.
        UnsetError: a setting is missing.
    """
    scheme, _, rest = address.partition(":")
    if scheme not in CHANNELS or not rest:
        raise UsageError(
            f"there is no channel for {address[:200]!r}", remedy=f"use one of: {', '.join(sorted(CHANNELS))}:..."
        )
    module, _, name = CHANNELS[scheme].partition(":")
    factory = cast(Factory, getattr(import_module(f"tidegate.channels.{module}"), name))
    return factory(rest, around)


def recognised(address: str) -> bool:
    """Whether who gets the same message twice there can tell by its key; not, where there is no such channel."""
    scheme = address.partition(":")[0]
    if scheme not in CHANNELS:
        return False
    module, _, name = CHANNELS[scheme].partition(":")
    return bool(getattr(import_module(f"tidegate.channels.{module}"), name).recognised)


def each(address: str) -> tuple[str, ...]:
    """The addresses in one that names several: of two people, one may have got it and the other not."""
    scheme, _, rest = address.partition(":")
    if scheme not in SEVERAL:
        return (address,)
    found = dict.fromkeys(f"{scheme}:{part.strip()}" for part in rest.split(",") if part.strip())
    return tuple(found) or (address,)
