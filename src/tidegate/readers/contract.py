"""What a reader promises.

A report is written by a tool, carried by a script, and believed by a gate: every byte of it may be hostile. A reader

- reads bytes and nothing else: no file, no network, no reference to either, no clock;
- counts what the report holds and refuses one whose own totals say otherwise, since something was cut or put in;
- leaves out what the report does not say, and never says zero for it;
- answers with values of its kind or raises :class:`~tidegate.errors.UsageError` with what is wrong, and nothing else.

Adding one: a module here, one line in ``registry.py``, and its kind in ``core/evidence_kind.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tidegate.core.evidence_kind import Value
from tidegate.errors import UsageError


@dataclass(frozen=True, slots=True)
class Reading:
    """What a report says.

    ``taken_at`` is when the report says that its work began; None where it names no instant. It is the report's word:
    evidence is never newer than the moment it was added. ``summary`` is one sentence for people. ``images`` are the
    digests by which it names the image that it is about: of the image's manifest, or of its configuration.
    """

    kind: str
    values: Mapping[str, Value]
    taken_at: datetime | None
    summary: str
    images: frozenset[str] = frozenset()


class Reader(Protocol):
    """Reads one form of report into one kind of evidence."""

    @property
    def kind(self) -> str:
        """The name of the kind that it reads into."""

    @property
    def form(self) -> str:
        """What it reads, for people: ``a JUnit XML report``."""

    def recognises(self, name: str, head: bytes) -> bool:
        """Whether a file of this name, beginning with ``head``, claims to be of this form. Never raises."""

    def read(self, data: bytes) -> Reading:
        """What the report says. The same bytes always give the same reading.

        Raises:
            UsageError: it is not of this form, or contradicts itself.
        """


def unreadable(form: str, because: str, remedy: str) -> UsageError:
    """The one way in which a reader refuses."""
    return UsageError(f"this is not {form} that can be relied on: {because}", remedy=remedy)
