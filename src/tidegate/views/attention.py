"""What should be minded and is not: overdue or unwatched, because nobody executes."""

from __future__ import annotations

from datetime import timedelta

from tidegate.core.rollout import RolloutState
from tidegate.orchestration.house import House
from tidegate.store import outbox, requests, rollouts
from tidegate.store.election import ExecutorLock
from tidegate.views.moments import counted, length

PATIENCE = timedelta(seconds=30)
"""How long something may be overdue on PostgreSQL, where nobody can ask who executes, before it is said."""

WAY_OUT = "tidegate worker --once"
"""The command that does what is due."""

_NEEDS = (RolloutState.RUNNING, RolloutState.WATCHING, RolloutState.IN_DOUBT)


def executor_lock(house: House) -> ExecutorLock:
    """The lock of whoever executes beside this database."""
    return ExecutorLock(house.state / "executor.lock", clock=house.clock)


def who_executes(house: House) -> str | None:
    """Who executes, as they introduced themselves; None: nobody, or nobody can tell (PostgreSQL)."""
    return executor_lock(house).holder() if house.database.kind == "sqlite" else None


def attention(house: House) -> list[str]:
    """Sentences about what is overdue or unwatched; empty where somebody executes, or nothing is due."""
    if who_executes(house) is not None:
        return []
    with house.database.read() as connection:
        now = house.now()
        patience = timedelta(0) if house.database.kind == "sqlite" else PATIENCE
        active = rollouts.find(connection, states=_NEEDS)
        back = [r for r in active if r.state is RolloutState.RUNNING or r.due_at is None or r.due_at + patience < now]
        late = [r for r in requests.waiting(connection) if r.due_at is not None and r.due_at + patience < now]
        unsent = outbox.due(connection, now - patience)
    if house.database.kind != "sqlite":
        back = [r for r in back if r.due_at is not None]
    found = [
        f"{r.component} in {r.environment} is {_WORD[r.state]} and nobody executes; rollout {r.id} "
        f"began {length(now - r.started_at)} ago"
        for r in back
    ]
    found += [f"the start of {r.release} in {r.environment} is overdue and nobody executes" for r in late]
    if unsent:
        found.append(
            f"{counted(len(unsent), 'message')} {'is' if len(unsent) == 1 else 'are'} overdue and nobody executes"
        )
    return found


_WORD = {
    RolloutState.RUNNING: "rolling out",
    RolloutState.WATCHING: "unwatched",
    RolloutState.IN_DOUBT: "in doubt",
}
