"""What was announced of a release, and from when on its notice counts.

An announcement speaks of the content that the release had when it was said. Its notice period starts when it was
delivered to its whole audience, and it counts for as long as the release breaks nothing of which it did not speak.

Source: 7D-09, TP-13; docs/adr/0046-notices-are-rows-of-a-timeline.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tidegate.core.canonical import digest_of
from tidegate.core.version import Level

if TYPE_CHECKING:
    from tidegate.core.facts import Item


@dataclass(frozen=True, slots=True)
class Announcement:
    """What was told to a whole audience at ``at``, when the last of them had it.

    ``content`` is the digest of what was announced, as :func:`content_of` makes it; ``breaking`` are the breaking
    changes that it spoke of, each as ``component:sha``.
    """

    id: str
    at: datetime
    content: str
    breaking: tuple[str, ...] = ()


def content_of(items: Iterable[Item]) -> str:
    """The digest of what an announcement speaks of: components, versions, their source and what they break."""
    listed = list(items)
    parts = sorted([item.component, item.to_version, item.subject.source] for item in listed)
    return digest_of([parts, list(breaking_of(listed))])


def breaking_of(items: Iterable[Item]) -> tuple[str, ...]:
    """The changes that break something for those who use it, each as ``component:sha``, sorted."""
    return tuple(
        sorted(
            f"{item.component}:{change.sha}"
            for item in items
            for change in item.changes
            if change.breaking or change.level == Level.MAJOR.word
        )
    )


def unannounced(items: Iterable[Item], announced: Announcement) -> tuple[str, ...]:
    """The breaking changes of which an announcement did not speak."""
    return tuple(sorted(set(breaking_of(items)) - set(announced.breaking)))
