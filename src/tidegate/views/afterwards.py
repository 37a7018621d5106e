"""What is done after releases, for people: tasks, reviews with what they decided, judgements, what users said."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.debt import DebtKind, may_settle
from tidegate.core.policy import Policy
from tidegate.orchestration.house import House
from tidegate.store import debts, feedback, policies, releases
from tidegate.store.debts import DROPPED, DebtRow
from tidegate.store.feedback import Feedback


@dataclass(frozen=True, slots=True)
class FollowView:
    """Something that is done afterwards: until when, by whom, and how it stands.

    ``name`` is what it is called at its release; ``by`` are the groups that do it, ``may`` the people. ``standing`` is
    ``open``, ``overdue``, ``done``, ``done late`` or ``dropped``.
    """

    id: str
    kind: str
    release: str
    name: str
    says: str
    by: tuple[str, ...]
    may: tuple[str, ...]
    opened_at: datetime
    due_at: datetime
    standing: str
    done_at: datetime | None
    done_by: str
    note: str
    outcome: str
    document: str


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review, what it looks at, and what it decided to improve."""

    review: FollowView
    looks_at: tuple[str, ...]
    tracks_improvements: bool
    improvements: tuple[FollowView, ...]


@dataclass(frozen=True, slots=True)
class FeedbackView:
    """What users said of a release; ``satisfaction`` is the mean of the scores, None where there are none."""

    release: str
    satisfaction: float | None
    scores: int
    said: tuple[Feedback, ...]


TASKS = (DebtKind.TASK,)
REVIEWS = (DebtKind.LOOK_BACK, DebtKind.REVIEW, DebtKind.IMPROVEMENT)
JUDGEMENTS = (DebtKind.JUDGEMENT,)
FOLLOWING = (DebtKind.TASK, DebtKind.LOOK_BACK, DebtKind.JUDGEMENT, DebtKind.IMPROVEMENT)


def follow_views(
    house: House, kinds: Collection[DebtKind], *, release: str = "", mine: str = "", done: bool = False
) -> list[FollowView]:
    """What there is to do, what is due first before the rest.

    Args:
        release: of this release alone.
        mine: what this person may do alone.
        done: what is done, too.

    Raises:
        NotFoundError: there is no such release.
    """
    with house.database.read() as connection:
        if release:
            releases.load(connection, release)
        policy = policies.current(connection).policy
        rows = debts.everything(connection, kinds)
    now = house.now()
    found = [_view(policy, row, now) for row in rows if not release or row.debt.release == release]
    return [one for one in found if (done or one.done_at is None) and (not mine or mine in one.may)]


def follow_view(house: House, name: str) -> FollowView:
    """One of them.

    Raises:
        NotFoundError: there is none of that id.
    """
    with house.database.read() as connection:
        return _view(policies.current(connection).policy, debts.load(connection, name), house.now())


def review_view(house: House, name: str) -> ReviewView:
    """A review with what it decided.

    Raises:
        NotFoundError: there is none of that id.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        row = debts.load(connection, name)
        rows = debts.everything(connection, [DebtKind.IMPROVEMENT])
    now, said = house.now(), policy.reviews.get(row.debt.name)
    decided = [one for one in rows if one.debt.id.rpartition(".")[0] == row.debt.id]
    return ReviewView(
        _view(policy, row, now),
        said.looks_at if said else (),
        bool(said and said.tracks_improvements),
        tuple(_view(policy, one, now) for one in decided),
    )


def _view(policy: Policy, row: DebtRow, now: datetime) -> FollowView:
    debt = row.debt
    return FollowView(
        id=debt.id,
        kind=debt.kind.value,
        release=debt.release,
        name=debt.name,
        says=debt.says or debt.what,
        by=debt.by or debt.teams,
        may=tuple(sorted(may_settle(policy, debt))),
        opened_at=debt.opened_at,
        due_at=debt.due_at,
        standing=_standing(row, now),
        done_at=row.settled_at,
        done_by=row.settled_by,
        note=row.note,
        outcome=row.outcome,
        document=row.document,
    )


def _standing(row: DebtRow, now: datetime) -> str:
    if row.settled_at is None:
        return "overdue" if row.debt.due_at <= now else "open"
    if row.outcome == DROPPED:
        return DROPPED
    return "done late" if row.settled_at >= row.debt.due_at else "done"


def feedback_view(house: House, release: str) -> FeedbackView:
    """What users said of a release.

    Raises:
        NotFoundError: there is no such release.
    """
    with house.database.read() as connection:
        releases.load(connection, release)
        said = feedback.of_release(connection, release)
    scores = [one.score for one in said if one.score is not None]
    mean = round(sum(scores) / len(scores), 2) if scores else None
    return FeedbackView(release, mean, len(scores), tuple(said))
