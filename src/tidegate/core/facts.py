"""Everything that is known of a release when a question about it is decided: one value, canonical, kept by digest.

Written as canonical JSON and read again, facts are equal and are judged equally: that is how a decision can be made
again years later. All times are UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tidegate.core.announcement import Announcement
from tidegate.core.approval import Approval
from tidegate.core.backup import TakenBackup
from tidegate.core.board import Minutes
from tidegate.core.canonical import digest_of
from tidegate.core.change_request import ChangeRequest
from tidegate.core.debt import Debt
from tidegate.core.delegation import Delegation
from tidegate.core.drill import Drilled
from tidegate.core.emergency import Emergency
from tidegate.core.evidence import Evidence
from tidegate.core.holiday import PublicHolidays
from tidegate.core.mark import Mark
from tidegate.core.migration.hazard import Brought
from tidegate.core.paper import Migrates, Paper
from tidegate.core.release import ReleaseState
from tidegate.core.subject import Subject


@dataclass(frozen=True, slots=True)
class Change:
    """One commit of a release, as far as rules ask. ``kind`` is as in ``feat``, empty where it has none.

    ``level`` is what it asks of the version, as ``minor``, by the rules of the policy under which the release was
    opened; empty in releases that were opened by a version of Tidegate which did not keep it.
    """

    sha: str
    kind: str
    summary: str
    breaking: bool = False
    level: str = ""


@dataclass(frozen=True, slots=True)
class Built:
    """An artifact that was built, by kind and name as the policy declares it; its digest is in the subject.

    ``pushed``: whether its registry has it, read back. What is no image is not pushed anywhere.
    """

    kind: str
    name: str
    digest: str
    pushed: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One component of a release: from which version to which, and what it is made of.

    ``content_at`` is when its parts last changed; a freeze asks for it. ``authors`` are the people, by their id in the
    policy, who wrote what is new in it; ``hands`` tells them apart, as ``author``, ``co-author``, ``committer`` and
    ``last-committer``, and is empty in releases that were opened by a version of Tidegate which did not: then each of
    the authors may be any of these. ``requires`` are the versions of other components without which it does not
    work, as the policy says under which the release was opened. ``built`` is what was built of it besides its package.
    ``packages`` are the SHA-256 digests under which a target may know it: its archive, and the lock of its images.
    """

    component: str
    from_version: str
    to_version: str
    subject: Subject
    content_at: datetime
    changes: tuple[Change, ...] = ()
    authors: tuple[str, ...] = ()
    requires: Mapping[str, str] = field(default_factory=dict)
    built: tuple[Built, ...] = ()
    hands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """A release on its way. ``announced_at`` is when its announcement was delivered, not when it was meant to be.

    ``announcements`` are those that reached their whole audience, each with the content of which it spoke; there are
    none where they were delivered before that was kept.
    ``planned_at`` is for when it is planned, ``criterion`` and ``reason`` say why there is one at all, and ``downtime``
    whether its systems stand still meanwhile; None where nobody has said it. ``template`` is the one from which it was
    opened; empty where it was not.
    """

    id: str
    type: str
    state: ReleaseState
    items: tuple[Item, ...]
    opened_at: datetime
    opened_by: str
    announced_at: datetime | None = None
    planned_at: datetime | None = None
    reason: str = ""
    criterion: str = ""
    downtime: bool | None = None
    announcements: tuple[Announcement, ...] = ()
    template: str = ""

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
class Done:
    """The newest release of a type that was carried to an environment and found good; ``at`` is when it started."""

    component: str
    type: str
    environment: str
    release: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Running:
    """A version that runs in an environment, or that a rollout under way carries there or takes away.

    So a component may have several of these in one environment. ``version`` empty: it is known that there is none.
    ``requires`` are the requirements with which that version was released; an adopted one has those of the policy.
    ``unknown`` says why they cannot be read; else it is empty.
    """

    component: str
    environment: str
    version: str
    requires: Mapping[str, str] = field(default_factory=dict)
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Stands:
    """The version of a component that stands in an environment now; empty: none. A rollback would return to it."""

    component: str
    environment: str
    version: str


@dataclass(frozen=True, slots=True)
class Head:
    """A branch, or a tag, as it was when it was looked at: its name in full, its commit, and whether it has the other.

    ``name`` is ``heads/main``, ``remotes/origin/main`` or ``tags/v1.2.0``. ``contains`` says whether the commit that
    is released can be reached from it; for a tag, whether it is that very commit.
    """

    name: str
    commit: str
    contains: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the commit of a component comes from: the branches and tags that the policies ask about, as they are.

    ``unknown`` says why nobody can tell, or only where it was found, and not where it was not; else it is empty.
    """

    component: str
    commit: str
    heads: tuple[Head, ...] = ()
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Passed:
    """A fix that somebody who may stop the line lets pass a hold; ``subject`` is what it was made of then."""

    release: str
    subject: str
    by: str
    reason: str


CLIENT = "@"
"""What the name of a client begins with where a hold names what it is of; no component has such a name."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Stop the line: for everything, one environment, one component or one client; until lifted or ``expires_at``.

    One of a client names it in ``component``, as ``@acme``, and stops whatever is that client's.
    One that has a ``version`` stops that version of the component alone, in the environment where the rollout
    ``rollback`` took it back; ``package`` is the SHA-256 digest of what was taken back, and ``reason`` says why.
    ``passed`` are the fixes that may pass it all the same; it stops everything else.
    """

    id: str
    reason: str
    by: str
    since: datetime
    expires_at: datetime | None = None
    environment: str = ""
    component: str = ""
    version: str = ""
    package: str = ""
    rollback: str = ""
    passed: tuple[Passed, ...] = ()

    @property
    def place(self) -> str:
        """What it is of, as people say it: a component, or ``client acme``; empty for everything."""
        return self.component.replace(CLIENT, "client ", 1) if self.component.startswith(CLIENT) else self.component

    def concerns(self, component: str, environment: str) -> bool:
        """Whether it stops this component, or client, in this environment, whatever its version; empty means all."""
        return not self.version and self.environment in ("", environment) and self.component in ("", component)


@dataclass(frozen=True, slots=True)
class WayBack:
    """What a rollback would return to. ``version`` empty: to absent, when there was nothing before.

    ``verified_at`` is when that version was found good in this environment (or adopted there); ``loses_data``: None
    when nobody can tell. ``breaks``, likewise: whether that version does not bear the database as it is then.
    ``taken_back`` is how often Tidegate has taken this release back here by itself already. ``database``: whether the
    database goes back with it.
    """

    component: str
    version: str
    verified_at: datetime | None
    loses_data: bool | None
    because: str = ""
    breaks: bool | None = False
    taken_back: int = 0
    database: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that ``decide`` may know. The order of nothing in here matters.

    ``emergencies`` are those of its components that are in force or were lately; ``debts`` what their teams still owe.
    ``backups`` are the newest ones that Tidegate took, of each name and environment.
    ``holidays`` are the days of the places whose holidays the policies ask for, as they were known when it was decided.
    ``brought`` is what the release does to databases, by environment. ``stands`` is what a rollback of it would return
    to, where a policy asks that this was tried out; ``drills`` are the rehearsals that the policies ask for.
    """

    release: Release
    evidence: tuple[Evidence, ...] = ()
    approvals: tuple[Approval, ...] = ()
    verified: tuple[Verified, ...] = ()
    holds: tuple[Hold, ...] = ()
    way_back: tuple[WayBack, ...] = ()
    running: tuple[Running, ...] = ()
    origins: tuple[Origin, ...] = ()
    marks: tuple[Mark, ...] = ()
    papers: tuple[Paper, ...] = ()
    migrates: tuple[Migrates, ...] = ()
    done: tuple[Done, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    minutes: tuple[Minutes, ...] = ()
    change_requests: tuple[ChangeRequest, ...] = ()
    emergencies: tuple[Emergency, ...] = ()
    debts: tuple[Debt, ...] = ()
    holidays: tuple[PublicHolidays, ...] = ()
    brought: tuple[Brought, ...] = ()
    stands: tuple[Stands, ...] = ()
    drills: tuple[Drilled, ...] = ()
    backups: tuple[TakenBackup, ...] = ()
