"""Everything that is known of a release when a question about it is decided: one value, canonical, kept by digest.

Written as canonical JSON and read again, facts are equal and are judged equally: that is how a decision can be made
again years later. All times are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.approval import Approval
from tidegate.core.canonical import digest_of
from tidegate.core.evidence import Evidence
from tidegate.core.release import ReleaseState
from tidegate.core.subject import Subject


@dataclass(frozen=True, slots=True)
class Change:
    """One commit of a release, as far as rules ask. ``kind`` is as in ``feat``, empty where it has none."""

    sha: str
    kind: str
    summary: str
    breaking: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One component of a release: from which version to which, and what it is made of.

    ``content_at`` is when its parts last changed; a freeze asks for it. ``authors`` are the people, by their id in the
    policy, who wrote what is new in it.
    """

    component: str
    from_version: str
    to_version: str
    subject: Subject
    content_at: datetime
    changes: tuple[Change, ...] = ()
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """A release on its way. ``announced_at`` is when its announcement was delivered, not when it was meant to be."""

    id: str
    type: str
    state: ReleaseState
    items: tuple[Item, ...]
    opened_at: datetime
    opened_by: str
    announced_at: datetime | None = None

    def subject_for(self, environment: str) -> str:
        """The digest that approvals of this release for ``environment`` are bound to: all parts of all items."""
        return self.subject_of((item, item.subject.digest_for(environment)) for item in self.items)

    @staticmethod
    def subject_of(items: Iterable[tuple[Item, str]]) -> str:
        """The digest over items whose own digests are known; the order of the items is not in it."""
        return digest_of(sorted([item.component, item.to_version, digest] for item, digest in items))


@dataclass(frozen=True, slots=True)
class Verified:
    """A subject that was deployed to an environment and found good there, by reading it back, at ``at``.

    It stays until another subject of the component is verified in the same environment.
    """

    component: str
    environment: str
    version: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Stop the line: for everything, one environment, or one component; until lifted or ``expires_at``."""

    id: str
    reason: str
    by: str
    since: datetime
    expires_at: datetime | None = None
    environment: str = ""
    component: str = ""

    def concerns(self, component: str, environment: str) -> bool:
        """Whether it stops this component in this environment; empty means all."""
        return self.environment in ("", environment) and self.component in ("", component)


@dataclass(frozen=True, slots=True)
class WayBack:
    """What a rollback would return to. ``version`` empty: to absent, when there was nothing before.

    ``verified_at`` is when that version was found good in this environment (or adopted there); ``loses_data``: None
    when nobody can tell.
    """

    component: str
    version: str
    verified_at: datetime | None
    loses_data: bool | None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that ``decide`` may know. The order of nothing in here matters."""

    release: Release
    evidence: tuple[Evidence, ...] = ()
    approvals: tuple[Approval, ...] = ()
    verified: tuple[Verified, ...] = ()
    holds: tuple[Hold, ...] = ()
    way_back: tuple[WayBack, ...] = ()
