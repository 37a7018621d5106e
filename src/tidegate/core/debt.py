"""What a release or an emergency still owes when it is done: the price of what it skipped.

A debt is due at a time. Until then it is reminded of; from then on it is overdue, and the team that owes it starts no
ordinary release any more (rule ``debts``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tidegate.core.emergency import Emergency, people_listed
from tidegate.core.policy import OWNERS, Policy

if TYPE_CHECKING:
    from tidegate.core.facts import Release

WITHIN = timedelta(days=5)
"""Within how long something is owed for which the policy says no time."""

LONGEST_WARNING = timedelta(days=1)
"""How long before it is due a debt is reminded of, at most; at half of its time, where that is shorter."""


class DebtKind(StrEnum):
    """What is owed. An approval is settled by a signature, everything else by a document.

    The kinds from ``task`` on are done afterwards without being owed for anything (``core/afterwards.py``).
    """

    POST_MORTEM = "post-mortem"
    APPROVAL = "approval"
    DOCUMENT = "document"
    REVIEW = "review"
    TASK = "task"
    LOOK_BACK = "look-back"
    JUDGEMENT = "judgement"
    IMPROVEMENT = "improvement"


BLOCKING = frozenset({DebtKind.POST_MORTEM, DebtKind.APPROVAL, DebtKind.DOCUMENT, DebtKind.REVIEW})
"""What stops the next ordinary release of a team while it is overdue."""


@dataclass(frozen=True, slots=True)
class Debt:
    """Something that is owed. It is overdue from ``due_at`` on.

    ``release`` or ``emergency`` says whose it is; ``name`` which document, review or group. ``teams`` are the groups
    that own the components, ``by`` the groups that may settle it; none: whoever is in the teams or may open releases.
    ``authors`` wrote what was released; they approve nothing afterwards, unless ``author_may``. ``subject`` is the
    digest that an approval is bound to. ``says`` is what is done, where the kind alone does not say it.
    """

    id: str
    kind: DebtKind
    name: str
    components: tuple[str, ...]
    opened_at: datetime
    due_at: datetime
    release: str = ""
    emergency: str = ""
    teams: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    author_may: bool = False
    environment: str = ""
    subject: str = ""
    says: str = ""

    def is_of(self, component: str, owners: str) -> bool:
        """Whether the team that owns a component owes it; without an owner, whether the component itself does."""
        return component in self.components or bool(owners and owners in self.teams)

    @property
    def what(self) -> str:
        """What is owed, in words: ``the post-mortem of billing-1.1.1``."""
        whose = self.release or self.emergency
        if self.kind is DebtKind.POST_MORTEM:
            return f"the post-mortem of {whose}"
        if self.kind is DebtKind.APPROVAL:
            return f"an approval of {whose} from {self.name}"
        if self.says:
            return f'"{self.says}"{f" of {whose}" if whose else ""}'
        return f"the {self.kind.value} {self.name} of {whose}"

    @property
    def warn_at(self) -> datetime:
        """When it is reminded of before it is due."""
        return self.due_at - min(LONGEST_WARNING, (self.due_at - self.opened_at) / 2)


def may_settle(policy: Policy, debt: Debt) -> frozenset[str]:
    """The people who may settle a debt by this policy. Who wrote what was released approves nothing afterwards."""
    people = people_listed(policy, debt.by or [*debt.teams, *policy.permits.open])
    barred = debt.kind is DebtKind.APPROVAL and not debt.author_may
    return people - frozenset(debt.authors) if barred else people


def owed_by_release(
    policy: Policy, release: Release, environment: str, subject: str, now: datetime, emergency: Emergency | None = None
) -> tuple[Debt, ...]:
    """What a release owes that is done at ``now``, by the policy under which it was opened.

    Args:
        environment: where it went; ``subject`` is the digest that approvals of it there are bound to.
        emergency: the one by which it went.

    Source: 7D-02, M1-15, HD-12.
    """
    kind = policy.release_types.get(release.type)
    if kind is None:
        return ()
    owed, base = kind.afterwards, _Base(policy, release, environment, subject, now, emergency)
    written = owed.post_mortem if owed.post_mortem is not None else WITHIN
    debts = list(base.approvals())
    if owed.post_mortem is not None:
        debts.append(base.debt(DebtKind.POST_MORTEM, "", owed.post_mortem))
    debts += [base.debt(DebtKind.DOCUMENT, name, written) for name in owed.documents]
    if owed.review:
        review = policy.reviews.get(owed.review)
        after = review.after if review and review.after else WITHIN
        by = (review.by,) if review and review.by else ()
        debts.append(base.debt(DebtKind.REVIEW, owed.review, after, by=by))
    return tuple(debts)


def owed_by_emergency(policy: Policy, emergency: Emergency, now: datetime) -> Debt | None:
    """The post-mortem that an emergency owes when it is over at ``now``; None: the policy asks for none."""
    within = policy.emergency.post_mortem
    if within is None:
        return None
    return Debt(
        id=f"{emergency.id}.{DebtKind.POST_MORTEM.value}",
        kind=DebtKind.POST_MORTEM,
        name="",
        components=emergency.components,
        opened_at=now,
        due_at=now + within,
        emergency=emergency.id,
        teams=teams_of(policy, emergency.components),
    )


def teams_of(policy: Policy, components: Iterable[str]) -> tuple[str, ...]:
    """The groups that own components, each once."""
    owners = (policy.components[name].owners for name in components if name in policy.components)
    return tuple(sorted({owner for owner in owners if owner}))


def overdue(debts: Iterable[Debt], now: datetime) -> list[Debt]:
    """Those that are overdue at ``now``, the oldest first."""
    return sorted((debt for debt in debts if debt.due_at <= now), key=lambda debt: (debt.due_at, debt.id))


@dataclass(frozen=True, slots=True)
class _Base:
    """What all debts of one release have in common."""

    policy: Policy
    release: Release
    environment: str
    subject: str
    now: datetime
    emergency: Emergency | None

    def debt(
        self,
        kind: DebtKind,
        name: str,
        within: timedelta,
        *,
        by: tuple[str, ...] = (),
        seat: str = "",
        author_may: bool = False,
    ) -> Debt:
        """One debt; ``seat`` tells several of one kind and name apart."""
        components = tuple(item.component for item in self.release.items)
        return Debt(
            id=".".join(filter(None, (self.release.id, kind.value, name, seat))),
            kind=kind,
            name=name,
            components=components,
            opened_at=self.now,
            due_at=self.now + within,
            release=self.release.id,
            emergency=self.emergency.id if self.emergency else "",
            teams=teams_of(self.policy, components),
            by=by,
            authors=tuple(sorted({author for item in self.release.items for author in item.authors})),
            author_may=author_may,
            environment=self.environment,
            subject=self.subject,
        )

    def approvals(self) -> Iterator[Debt]:
        """One debt for each seat: different people fill them."""
        owed = self.policy.release_types[self.release.type].afterwards
        within = owed.approval_within if owed.approval_within is not None else WITHIN
        for number, rule in enumerate(owed.retrospective_approval, start=1):
            owners = teams_of(self.policy, (item.component for item in self.release.items))
            # Where nobody owns what was released, nobody can settle it: that must show, not vanish.
            for group in (owners or (OWNERS,)) if rule.group == OWNERS else (rule.group,):
                for seat in range(1, rule.count + 1):
                    yield self.debt(
                        DebtKind.APPROVAL,
                        group,
                        within,
                        by=(group,),
                        seat=f"{number}-{seat}",
                        author_may=rule.author_may,
                    )
