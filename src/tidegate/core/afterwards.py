"""What is done after a release without being owed for it: tasks, looks back, judgements of success, improvements.

They are kept as debts are, with a due time and those who may settle them, and are reminded of alike; but nothing waits
for them: whoever is late with one is told so, and may release all the same (``core/debt.BLOCKING``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tidegate.core.debt import WITHIN, Debt, DebtKind, teams_of
from tidegate.core.facts import Release
from tidegate.core.frequency import parse_frequency
from tidegate.core.policy import Policy, Review
from tidegate.core.span import parse_span


def follows(policy: Policy, release: Release, environment: str, now: datetime) -> tuple[Debt, ...]:
    """What follows a release that is done at ``now``, by the policy under which it was opened.

    Source: HD-05, TP-15, TP-16, M1-24.
    """
    return (
        *_tasks(policy, release, environment, now),
        *_looks_back(policy, release, environment, now),
        *_judgements(policy, release, environment, now),
    )


def _tasks(policy: Policy, release: Release, environment: str, now: datetime) -> Iterator[Debt]:
    for name, task in policy.tasks.items():
        if not task.types or release.type in task.types:
            due_at = now + parse_span(task.due).most
            yield _of(policy, release, environment, DebtKind.TASK, name, task.says, task.by, now, due_at)


def _looks_back(policy: Policy, release: Release, environment: str, now: datetime) -> Iterator[Debt]:
    """One that a release type owes is a debt of its releases; the others follow every release."""
    owed = {kind.afterwards.review for kind in policy.release_types.values()}
    for name, review in policy.reviews.items():
        if review.after is not None and name not in owed:
            at = now + review.after
            yield _of(policy, release, environment, DebtKind.LOOK_BACK, name, review.title, review.by, now, at)


def _judgements(policy: Policy, release: Release, environment: str, now: datetime) -> Iterator[Debt]:
    for number, criterion in enumerate(policy.success, start=1):
        at = now + (criterion.after if criterion.after is not None else WITHIN)
        name = str(number)
        yield _of(policy, release, environment, DebtKind.JUDGEMENT, name, criterion.says, criterion.by, now, at)


def _of(
    policy: Policy,
    release: Release,
    environment: str,
    kind: DebtKind,
    name: str,
    says: str,
    by: str | None,
    now: datetime,
    due_at: datetime,
) -> Debt:
    components = tuple(item.component for item in release.items)
    return Debt(
        id=f"{release.id}.{kind.value}.{name}",
        kind=kind,
        name=name,
        components=components,
        opened_at=now,
        due_at=due_at,
        release=release.id,
        teams=teams_of(policy, components),
        by=(by,) if by else (),
        environment=environment,
        says=says,
    )


def next_look_back(policy: Policy, name: str, tz: ZoneInfo, since: datetime) -> Debt | None:
    """The next of a review that recurs, after a moment; None where it does not recur.

    It is due when its period is over: a monthly one at the beginning of the next month.
    """
    review = policy.reviews.get(name)
    if review is None or review.every is None:
        return None
    frequency = parse_frequency(review.every)
    if frequency.every is None:
        return None
    day = frequency.next_day(since.astimezone(tz).date())
    due_at = datetime.combine(day, time(), tz).astimezone(UTC)
    return Debt(
        id=f"{DebtKind.LOOK_BACK.value}.{name}.{day.isoformat()}",
        kind=DebtKind.LOOK_BACK,
        name=name,
        components=(),
        opened_at=since,
        due_at=due_at,
        by=(review.by,) if review.by else (),
        says=review.title,
    )


def improvement_of(review: Debt, number: int, says: str, by: str, now: datetime, within: timedelta) -> Debt:
    """Something that a review decided, to be done within a time; ``by`` is the group or person that does it."""
    return Debt(
        id=f"{review.id}.{number}",
        kind=DebtKind.IMPROVEMENT,
        name=review.name,
        components=review.components,
        opened_at=now,
        due_at=now + within,
        release=review.release,
        teams=review.teams,
        by=(by,) if by else review.by,
        says=says,
    )


def tracks(review: Review | None) -> bool:
    """Whether what a review decides is followed to its end."""
    return review is not None and review.tracks_improvements
