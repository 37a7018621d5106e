"""A newer release takes the place of older open ones: which those are, what locks them, and how it is recorded.

A release is newer than another of the same component where its version is higher, its commit has all that the other's
has and more, and it goes the same way: both ride trains, or both go without. A hotfix leaves the release of the main
line alone, and is left alone by it. What is on its way, or stands in an environment, is never superseded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.facts import Change, Release
from tidegate.core.policy import Freeze, Occasion, Policy
from tidegate.core.release import ReleaseEvent, ReleaseState
from tidegate.core.rollout import Direction, RolloutState
from tidegate.core.train_run import Run, freeze_of, joined_since, not_let_in, rides
from tidegate.core.version import Scheme, Version, parse_version
from tidegate.errors import ConflictError
from tidegate.git.repository import Repository
from tidegate.orchestration import timeline
from tidegate.orchestration.house import House
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, record
from tidegate.store import locks, releases, requests, rollouts, trains


def contained(house: House, repository: Repository, component: str, commit: str) -> list[Release]:
    """The open releases of a component, and of it alone, that a newer one at ``commit`` could supersede.

    Git is asked here, before the transaction that records anything.
    """
    with house.database.read() as connection:
        rows = [releases.load(connection, name).facts for name in releases.open_of(connection, component)]
        waiting = [row for row in rows if len(row.items) == 1 and not has_begun(connection, row)]
    return [one for one in waiting if _has(repository, commit, one.items[0].subject.commit)]


def _has(repository: Repository, commit: str, older: str) -> bool:
    """Whether a commit has everything that an older one has, and more; what the repository does not know, it has not.

    Whoever opens the same content under two versions wants two releases.
    """
    return commit != older and older in repository.common_ancestors([older, commit])


def has_begun(connection: sa.Connection, release: Release) -> bool:
    """Whether a release is on its way to an environment, or stands in one."""
    for rollout in rollouts.find(connection, release=release.id):
        if rollout.direction is not Direction.FORWARD or rollout.state is RolloutState.ROLLED_BACK:
            continue
        if rollout.state is not RolloutState.SUCCEEDED:
            return True
        stands = rollouts.last_good(connection, rollout.component, rollout.environment)
        if stands is not None and stands.id == rollout.id:
            return True
    return False


def going_as(policy: Policy, kind: str, found: Iterable[Release]) -> list[Release]:
    """Those that go the same way as a release of a type: with the trains, or without them."""
    return [one for one in found if rides(policy, one.type) is rides(policy, kind)]


def older_than(number: Version, found: Iterable[Release], scheme: Scheme) -> list[Release]:
    """Those whose version is lower than ``number``."""
    return [one for one in found if parse_version(one.items[0].to_version, scheme) < number]


@dataclass(frozen=True, slots=True)
class Lock:
    """The run of a train that fixes what a release contains, and what its freeze still lets in."""

    run: Run
    freeze: Freeze


def locks_on(connection: sa.Connection, policy: Policy, release: str) -> list[Lock]:
    """What locks a release: each run that it is aboard of, whose freeze has begun and that is not over."""
    found = []
    for row in trains.locked_runs_of(connection, release):
        train = policy.trains.get(row.run.train)
        freeze = freeze_of(policy, train) if train else None
        if freeze is not None:
            found.append(Lock(row.run, freeze))
    return found


def demand_let_in(locks_: Iterable[Lock], release: str, joining: Sequence[Change]) -> None:
    """What joins a locked release is what the freeze of each of its trains still lets in.

    Raises:
        ConflictError: it is not.
    """
    for lock in locks_:
        _demand_let_in(lock, release, joining)


def _demand_let_in(lock: Lock, release: str, joining: Sequence[Change]) -> None:
    late = not_let_in(lock.freeze, joining)
    if not late:
        return
    summary = late[0].summary if len(late[0].summary) <= 40 else f"{late[0].summary[:39]}…"
    more = f" (and {len(late) - 1} more)" if len(late) > 1 else ""
    kinds = " or ".join(sorted(lock.freeze.allow)) or "nothing"
    raise ConflictError(
        f'"{summary}"{more} comes too late: {release} is locked aboard the {lock.run.train} train, '
        f"and {kinds} alone still joins it",
        remedy="leave that out, with --at REVISION, or wait until the train has closed: "
        f"tidegate train show {lock.run.train}",
    )


def content_since(
    connection: sa.Connection, policy: Policy, older: Iterable[Release], changes: Sequence[Change]
) -> datetime | None:
    """Since when the content counts as fixed that joins releases which are locked; None where none of them is.

    What the freeze lets in does not start it again: the newer release rides the train that the older one was aboard of.
    One freeze lets in what another does not: only what each of them lets in leaves the content as fixed as it was.

    Raises:
        ConflictError: something joins that the freeze does not let in.
    """
    since: datetime | None = None
    for one in older:
        joining = joined_since(one, changes)
        locked = locks_on(connection, policy, one.id)
        demand_let_in(locked, one.id, joining)
        if locked and _is_let_in_everywhere(policy, joining):
            fixed = one.items[0].content_at
            since = fixed if since is None else min(since, fixed)
    return since


def _is_let_in_everywhere(policy: Policy, joining: Sequence[Change]) -> bool:
    freezes = [environment.freeze for environment in policy.environments.values() if environment.freeze is not None]
    return not any(not_let_in(freeze, joining) for freeze in freezes)


def supersede(
    connection: sa.Connection, policy: Policy, older: Iterable[Release], newer: Release, actor: Actor, now: datetime
) -> list[str]:
    """Close the older releases that are still open and have not begun, in the transaction that opens the newer one.

    Starts of them that wait end; their approvals stay what they were, and count for nothing any more.
    """
    closed = []
    for one in sorted(older, key=lambda one: one.id):
        locks.lock_release(connection, one.id)
        there = releases.load(connection, one.id).facts
        if there.state is not ReleaseState.OPEN or has_begun(connection, there):
            continue
        releases.move(connection, one.id, ReleaseEvent.SUPERSEDED, now)
        releases.superseded(connection, one.id, newer.id)
        requests.end_all(connection, one.id, now, f"the release was superseded by {newer.id}")
        trains.replace_release(connection, one.id, newer.id, newer.items[0].to_version)
        say(connection, policy, Occasion.SUPERSEDED, there, now, detail=f"superseded by {newer.id}")
        closed.append(one.id)
    # Last: the head of the log is locked after all releases.
    for name in closed:
        record(connection, Entry("release.superseded", actor, name, {"by": newer.id}), now)
        timeline.settle(connection, releases.load(connection, name).facts, now)
    return closed
