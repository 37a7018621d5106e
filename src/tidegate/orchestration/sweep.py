"""What is due: watches to look at, doubts to settle, starts that wait, people to call, debts, trains, messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tidegate.core.actor import Actor
from tidegate.core.rollout import RolloutState
from tidegate.errors import ConflictError, InternalError, NotPermittedError, RequestError, TidegateError
from tidegate.orchestration import debt, emergency, joint_moves, leg, timeline, train, watching
from tidegate.orchestration.checkpoint import lock_rollout, pause
from tidegate.orchestration.delivery import deliver
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.orchestration.rollout import end_request, start_waiting
from tidegate.store import debts, emergencies, joint_rollouts, notices, outbox, releases, requests, rollouts, trains
from tidegate.store.requests import Request

CLAIM = timedelta(seconds=30)
"""How long a sweep has for one row before another may take it up."""
MESSAGE = "message "
"""How the name of a job that delivers begins: it may take minutes, and waits for others outside."""
ASK_AGAIN = timedelta(seconds=30)
"""A start that waits for nothing whose time is known is asked again this often; a change asks it at once."""

Job = Callable[[], None]


def due_jobs(house: House, who: str) -> list[tuple[str, Job]]:
    """What is due now, each as a named job that claims its row before it acts.

    Args:
        who: names this executor in claims.
    """
    with house.database.read() as connection:
        now = house.now()
        due_rollouts = rollouts.due(connection, now)
        due_joints = joint_rollouts.due(connection, now)
        due_requests = requests.due(connection, now)
        due_messages = outbox.due(connection, now)
        due_calls = emergencies.due(connection, now)
        due_reminders = debts.due(connection, now)
        due_trains = trains.due(connection, now)
        due_timelines = notices.due(connection, now)
    return [
        *((f"rollout {i}", lambda i=i: sweep_rollout(house, i)) for i in due_rollouts),
        *((f"joint rollout {i}", lambda i=i: joint_moves.sweep(house, i)) for i in due_joints),
        *((f"request {r.id}", lambda r=r: try_start(house, r)) for r in due_requests),
        *((f"call {e.emergency.id}", lambda e=e: emergency.call_due(house, e.emergency.id)) for e in due_calls),
        *((f"debt {d.debt.id}", lambda d=d: debt.remind(house, d.debt.id)) for d in due_reminders),
        *((f"train {t.name}", lambda t=t: train.sweep(house, t.run)) for t in due_trains),
        *((f"timeline {r}", lambda r=r: timeline.work(house, r)) for r in due_timelines),
        *((f"{MESSAGE}{m.key}", lambda m=m: deliver(house, m, who)) for m in due_messages),
    ]


def next_due(house: House) -> datetime | None:
    """When something is due next; None: nothing waits for a time."""
    with house.database.read() as connection:
        tables = (rollouts, joint_rollouts, requests, outbox, emergencies, debts, trains, notices)
        moments = [table.next_due(connection) for table in tables]
    return min((moment for moment in moments if moment is not None), default=None)


def sweep_rollout(house: House, rollout_id: str) -> None:
    """Look at one due rollout: its watch, its doubt, or whether its leg is still carried."""
    with house.database.write() as connection:
        now = house.now()
        if not rollouts.claim_due(connection, rollout_id, now, now + CLAIM):
            return
        state = rollouts.load(connection, rollout_id).state
    try:
        _SWEEPS.get(state, _nothing)(house, rollout_id)
    except (RequestError, InternalError) as error:
        # It will not go away by itself, as a unit that does not answer may: the policy no longer names the target.
        _pause(house, rollout_id, state, error)


_SWEEPS: dict[RolloutState, Callable[[House, str], None]] = {
    RolloutState.RUNNING: leg.look_after,
    RolloutState.WATCHING: watching.look,
    RolloutState.IN_DOUBT: leg.reconcile,
}


def _nothing(house: House, rollout_id: str) -> None:
    """A rollout that waits for a person is due to nobody."""


def _pause(house: House, rollout_id: str, state: RolloutState, error: TidegateError) -> None:
    with house.database.write() as connection:
        rollout = lock_rollout(connection, rollout_id)
        if rollout.state is state:
            because = f"{error} ({error.remedy})"
            pause(connection, rollout, Actor.automation("sweep"), house.now(), because)


def try_start(house: House, request: Request) -> None:
    """Ask again for a start that waits. What refuses it is remembered; only a change or its time asks again."""
    with house.database.write() as connection:
        now = house.now()
        until = now + ASK_AGAIN
        if not requests.claim(connection, request.id, now, until):
            return
    try:
        start_waiting(house, request)
    except DecisionRefusedError as error:
        decision = error.decision
        opens = decision.next_possible if decision.blocked_by_time_only else None
        _postpone(house, request, until, error.what, opens)
    except NotPermittedError as error:
        # The person left, or their key did: nothing that still may change makes this their start again.
        end_request(house, request, error)
    except ConflictError as error:
        if _is_over(house, request.release):
            end_request(house, request, error)
        else:
            _postpone(house, request, until, error.what)
    except TidegateError as error:
        _postpone(house, request, until, error.what)


def _is_over(house: House, release: str) -> bool:
    with house.database.read() as connection:
        return releases.load(connection, release).closed_at is not None


def _postpone(house: House, request: Request, claimed: datetime, because: str, until: datetime | None = None) -> None:
    with house.database.write() as connection:
        requests.postpone(connection, request.id, until or claimed, because, claimed_until=claimed)
