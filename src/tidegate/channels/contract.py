"""The contract of every channel.

A message has an idempotency key. What a channel answers is one of five words (:class:`Outcome`), as an
:class:`Answer`; nothing that the other side does is an exception. The suite in
``tests/contract/test_channel_contract.py`` holds every channel to these promises.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol

from tidegate.clock import Clock, system_clock

Point = Callable[[str], None]
"""Called with the name of a point of a delivery, such as ``send:accepted``; the kill tests stop the process there."""


class Outcome(StrEnum):
    """What became of one attempt to deliver."""

    DELIVERED = "delivered"  #: the other side has taken it
    LATER = "later"  #: nothing was delivered, and the same message may be taken later
    UNSET = "unset"  #: this process lacks a setting or a right without which nothing is delivered there
    REFUSED = "refused"  #: nothing was delivered, and the same message will never be taken
    UNKNOWN = "unknown"  #: everything was sent, and no answer came: it may have been taken


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome; where it is not delivered also why (``what``, ``where``) and what to do (``remedy``).

    ``after`` is how long the other side asks us to wait, where it does.
    """

    outcome: Outcome
    what: str = ""
    remedy: str = ""
    where: str = ""
    after: timedelta | None = None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        todo = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{self.what}{todo}"


DELIVERED = Answer(Outcome.DELIVERED)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message, where the channel can carry one. ``kind`` is its MIME type."""

    name: str
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """What people are invited to. Its ``uid`` never changes; ``sequence`` rises when it is moved or called off."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    sequence: int = 0
    cancelled: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What is delivered. All texts may be a stranger's.

    ``at`` is when it was said, ``html`` a richer form of ``body`` for channels that have one (trusted as markup, and
    written by us alone), ``occasion``, ``say`` and ``release`` what it is about, for machines.
    """

    key: str
    body: str
    at: datetime
    subject: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    event: Event | None = None
    organization: str = ""
    occasion: str = ""
    say: str = ""
    release: str = ""


def nowhere(_: object = "") -> None:
    """Does nothing: at the points of an ordinary delivery, and where nobody keeps a record."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What channels are made with: where paths begin, the settings, the time, and the seam of the kill tests."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    clock: Clock = system_clock
    at: Point = nowhere


class Channel(Protocol):
    """Delivers messages to one address."""

    recognised: ClassVar[bool]
    """Whether who gets the same message twice can tell by its key: an e-mail has the same Message-ID."""

    def deliver(self, message: Message, leaving: Callable[[], None] = nowhere) -> Answer:
        """Deliver ``message``; idempotent by its key where the other side lets us be.

        Args:
            leaving: called right before the first byte by which the other side could come to act; what it raises is
                passed on, and nothing was sent. A channel that never leaves a doubt never calls it.
        """


class Factory(Protocol):
    """Makes the channel for an address such as ``file:NOTICES.md``."""

    def __call__(self, address: str, around: Surroundings) -> Channel:
        """The channel.

        Raises:
            UsageError: the address is none.
            UnsetError: a setting is missing.
        """
