"""What should be minded and is not: overdue or unwatched, because nobody executes."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.core.rollout import RolloutState
from tidegate.engine.lease import executors
from tidegate.orchestration.house import House
from tidegate.store import emergencies, joint_rollouts, notices, outbox, requests, rollouts, trains
from tidegate.store.election import ExecutorLock
from tidegate.store.outbox import MessageState
from tidegate.store.rollouts import Rollout
from tidegate.views.moments import counted, length

PATIENCE = timedelta(seconds=30)
"""How long something may be overdue on PostgreSQL, where an executor that has registered may be gone."""

WAY_OUT = "tidegate worker --once"
"""The command that does what is due."""

_NEEDS = (RolloutState.RUNNING, RolloutState.WATCHING, RolloutState.IN_DOUBT)


def executor_lock(house: House) -> ExecutorLock:
    """The lock of whoever executes beside this database."""
    return ExecutorLock(house.state / "executor.lock", clock=house.clock)


def who_executes(house: House) -> str | None:
    """Who executes, as they introduced themselves; None: nobody.

    On PostgreSQL these are the executors that have registered; one that was killed stands there until another one
    has found that it is gone.
    """
    if house.database.kind == "sqlite":
        return executor_lock(house).holder()
    with house.database.read() as connection:
        if not sa.inspect(connection).has_table(executors.name):
            return None
        return ", ".join(connection.execute(sa.select(executors.c.id).order_by(executors.c.id)).scalars()) or None


def attention(house: House) -> list[str]:
    """Sentences about all that should be minded and is not."""
    return [*overdue(house), *left_to_people(house)]


def overdue(house: House) -> list[str]:
    """Sentences about what is overdue or unwatched; empty where somebody executes, or nothing is due."""
    somebody = who_executes(house) is not None
    if somebody and house.database.kind == "sqlite":
        return []
    with house.database.read() as connection:
        now = house.now()
        limit = now - (PATIENCE if somebody else timedelta(0))
        left = [r for r in rollouts.find(connection, states=_NEEDS) if _is_left(r, limit, somebody)]
        late = [r for r in requests.waiting(connection) if r.due_at is not None and r.due_at < limit]
        joint = [joint_rollouts.load(connection, name) for name in joint_rollouts.due(connection, limit)]
        unsent = outbox.due(connection, limit)
        uncalled = emergencies.due(connection, limit)
        untold = notices.count_due(connection, limit)
        waiting = trains.due(connection, limit)
    found = [
        f"{r.component} in {r.environment} is {_WORD[r.state]} and nobody executes; rollout {r.id} "
        f"began {length(now - r.started_at)} ago"
        for r in left
    ]
    found += [f"the start of {r.release} in {r.environment} is overdue and nobody executes" for r in late]
    found += [f"{one.release} in {one.environment} is to go on and nobody executes; rollout {one.id}" for one in joint]
    found += [
        f"{row.calls[row.called].contact} is to be called for {row.emergency.id} and nobody executes"
        for row in uncalled
    ]
    if untold:
        found.append(f"{counted(untold, 'notice')} {'is' if untold == 1 else 'are'} due and nobody executes")
    found += [
        f"the {row.run.train} train of {row.run.departs_at:%Y-%m-%d} waits for somebody to look, and nobody executes"
        for row in waiting
        if row.due_at is not None and row.due_at < limit
    ]
    if unsent:
        are = "is" if len(unsent) == 1 else "are"
        many = f"{len(unsent)} messages or more" if len(unsent) == outbox.AT_ONCE else counted(len(unsent), "message")
        found.append(f"{many} {are} overdue and nobody executes")
    return found


def left_to_people(house: House) -> list[str]:
    """Sentences about messages that nobody can deliver, or of which nobody can tell; executing does not help them."""
    with house.database.read() as connection:
        undeliverable = outbox.how_many(connection, MessageState.UNDELIVERABLE)
        unknown = outbox.how_many(connection, MessageState.UNKNOWN)
    found = []
    if undeliverable:
        are = "is" if undeliverable == 1 else "are"
        found.append(f"{counted(undeliverable, 'message')} {are} undeliverable: tidegate notice list")
    if unknown:
        found.append(f"of {counted(unknown, 'message')} nobody can tell whether it arrived: tidegate notice list")
    return found


def _is_left(rollout: Rollout, limit: datetime, somebody: bool) -> bool:
    """Whether nobody minds a rollout: where somebody may, only what is overdue shows that they do not."""
    if rollout.due_at is None:
        return not somebody
    return rollout.due_at < limit or (rollout.state is RolloutState.RUNNING and not somebody)


_WORD = {
    RolloutState.RUNNING: "rolling out",
    RolloutState.WATCHING: "unwatched",
    RolloutState.IN_DOUBT: "in doubt",
}
