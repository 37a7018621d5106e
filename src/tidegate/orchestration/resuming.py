"""A person pauses a rollout, or takes a paused one on."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.decision import Action, Question
from tidegate.core.effect import EffectState
from tidegate.core.rollout import ROLLOUT, Direction, RolloutEvent, RolloutState
from tidegate.core.statement import Act
from tidegate.errors import TransitionError
from tidegate.orchestration.checkpoint import ASKED, effect_on, enqueue, finish, go_on, lock_rollout, pause
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import By, Proven, demand_permit, person_of, proven_by, spend, stands
from tidegate.orchestration.judge import DecisionRefusedError, Judged, judge
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.rollout import refuse
from tidegate.orchestration.sight import SHARED_OTHERWISE
from tidegate.store import leases, policies, rollouts
from tidegate.store.rollouts import Rollout


def pause_by_person(house: House, rollout_id: str, by: By, because: str) -> RolloutState:
    """A person stops a rollout at its next checkpoint; whoever may start may also pause.

    Raises:
        NotPermittedError: they may not, or are not shown to be who they say.
        TransitionError: it cannot be paused now; a rollback never can.
    """
    release, environment = _place_of(house, rollout_id)
    with refusals(house, "rollout", person_of(by), release, rollout=rollout_id):
        concerns = {"release": release, "environment": environment}
        proven = proven_by(house, by, Act.PAUSE, **concerns)
        with house.database.write() as connection:
            now = house.now()
            rollout = lock_rollout(connection, rollout_id)
            if rollout.direction is Direction.BACK:
                raise TransitionError(
                    f"{rollout_id} takes a release back: nobody stops that half-way",
                    remedy=f"follow it: tidegate rollout show {rollout_id} --follow",
                )
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.PAUSE, **concerns)
            demand_permit(policy, actor, "start", rollout.environment, now=house.now())
            spend(connection, proven, now)
            return pause(connection, rollout, actor, now, because or f"paused by {actor.person}")


def _place_of(house: House, rollout_id: str) -> tuple[str, str]:
    with house.database.read() as connection:
        rollout = rollouts.load(connection, rollout_id)
    return rollout.release, rollout.environment


def resume(house: House, rollout_id: str, by: By) -> RolloutState:
    """A person takes a paused rollout on: what failed is tried again, what was inconclusive is accepted.

    A watch that was not over when it was paused begins anew. Who resumes answers for this one checkpoint; at the next
    one it is asked again whether who *started* it still may.

    Raises:
        DecisionRefusedError: it may not continue.
        NotPermittedError: they may not, or are not shown to be who they say.
        TransitionError: it is not paused.
    """
    release, environment = _place_of(house, rollout_id)
    with refusals(house, "rollout", person_of(by), release, rollout=rollout_id):
        house.queue.migrate()
        proven = proven_by(house, by, Act.RESUME, release=release, environment=environment)
        with house.database.write() as connection:
            resumed = _resume(house, connection, rollout_id, proven)
    if isinstance(resumed, DecisionRefusedError):
        raise resumed
    return resumed


def _resume(
    house: House, connection: sa.Connection, rollout_id: str, proven: Proven
) -> RolloutState | DecisionRefusedError:
    now = house.now()
    rollout = lock_rollout(connection, rollout_id)
    ROLLOUT.next(rollout.state, RolloutEvent.RESUMED)
    policy = policies.current(connection).policy
    actor = stands(policy, proven, Act.RESUME, release=rollout.release, environment=rollout.environment)
    # *Continue* does not ask how sure we are of who asks, since that was asked at the start; this is somebody new.
    back = rollout.direction is Direction.BACK
    demand_permit(policy, actor, "rollback" if back else "start", rollout.environment, now=now)
    if back:
        spend(connection, proven, now)
        return _try_again(house, connection, rollout, actor, now, None)
    question = Question(Action.CONTINUE, actor, rollout.environment, granted_subject=rollout.granted)
    judged = judge(connection, rollout.release, question, now)
    if not judged.decision.allowed:
        return refuse(connection, judged, now, proven)
    spend(connection, proven, now)
    shared_otherwise = rollout.because.startswith(SHARED_OTHERWISE)
    if shared_otherwise or _unfinished(connection, rollout) or _unwatched(connection, rollout, now):
        return _try_again(house, connection, rollout, actor, now, judged)
    because = f"accepted by {actor.person}: {rollout.because}"
    if rollout.is_last_wave:
        return finish(house, connection, rollout, now, because, actor)
    return go_on(house, connection, rollout, now, because, judged)


def _unfinished(connection: sa.Connection, rollout: Rollout) -> bool:
    newest = {row.effect.unit: row for row in rollouts.effects_of(connection, rollout, rollout.wave)}
    return any(row.state is not EffectState.CONFIRMED for row in newest.values())


def _unwatched(connection: sa.Connection, rollout: Rollout, now: datetime) -> bool:
    """Whether it was paused before the watch of its present wave was over: the next leg begins it anew."""
    if rollout.environment not in policies.current(connection).policy.watch:
        return False
    if not rollout.waves[rollout.wave].watched or rollout.because.startswith(ASKED):
        return False
    watch = rollouts.watch_of(connection, rollout.id)
    return watch is None or watch.wave != rollout.wave or now < watch.ends_at


def _try_again(
    house: House, connection: sa.Connection, rollout: Rollout, actor: Actor, now: datetime, judged: Judged | None
) -> RolloutState:
    newest = {row.effect.unit: row for row in rollouts.effects_of(connection, rollout, rollout.wave)}
    states = {EffectState.FAILED, EffectState.OVERTAKEN}
    if rollout.because.startswith(SHARED_OTHERWISE):
        states.add(EffectState.CONFIRMED)  # the share is set once more
    again = [row for row in newest.values() if row.state in states]
    rollouts.add_effects(
        connection,
        rollout.wave,
        [effect_on(rollout, rollout.wave, row.effect.unit, row.effect.attempt + 1) for row in again],
        now,
    )
    leg = rollout.legs + 1
    changes: dict[str, object] = {"legs": leg, "because": ""}
    ours = leases.holds(connection, rollout.component, rollout.environment, rollout.id, rollout.token)
    if not ours or any(row.state is EffectState.OVERTAKEN for row in again):
        # Somebody acted under a higher token, so ours is worth nothing at the target: claim anew above it.
        token = leases.claim(connection, rollout.component, rollout.environment, rollout.id, now, take_over=True)
        changes |= {"epoch": token.epoch, "counter": token.counter}
    state = rollouts.move(connection, rollout, RolloutEvent.RESUMED, now, **changes)
    enqueue(house, connection, rollout, leg)
    data = {"rollout": rollout.id, "wave": rollout.wave + 1, "units": [row.effect.unit for row in again]}
    record(connection, Entry("rollout.resumed", actor, rollout.release, data), now, judged)
    return state
