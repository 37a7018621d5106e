"""Go back: by the watch, or by a person; always to a version that was verified there, or to absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.decision import Action, Question
from tidegate.core.effect import EffectEvent, EffectState, Package
from tidegate.core.facts import WayBack
from tidegate.core.policy import Occasion
from tidegate.core.release import ReleaseEvent, ReleaseState
from tidegate.core.rollout import ACTIVE, Direction, RolloutEvent, RolloutState
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import By, Proven, person_of, proven_by, shown, spend, stands
from tidegate.orchestration.judge import DecisionRefusedError, Judged, judge
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.rollout import driver_of, effect_on, enqueue, lock_rollout, rollout_name
from tidegate.store import leases, policies, releases, requests, rollouts
from tidegate.store.rollouts import Rollout


@dataclass(frozen=True, slots=True)
class Return:
    """Where a rollback leads: the rollout that is taken back, and what is to run again; None is *absent*."""

    reversed: Rollout
    target: Package | None
    verified_at: datetime | None


def standing_rollout(connection: sa.Connection, component: str, environment: str) -> Rollout:
    """The rollout whose version is there, wholly or in part: what a rollback takes back.

    Raises:
        NotFoundError: nothing was ever rolled out there.
        ConflictError: a rollback is under way already.
    """
    active = rollouts.active(connection, component, environment)
    if active is not None and active.direction is Direction.BACK:
        raise ConflictError(
            f"{component} in {environment} is being taken back already",
            remedy=f"tidegate rollout show {active.id}",
        )
    standing = active or rollouts.last_good(connection, component, environment)
    if standing is None or standing.direction is not Direction.FORWARD:
        raise NotFoundError(
            f"no rollout of {component} stands in {environment}: there is nothing to take back",
            remedy=f"tidegate rollout list --component {component} --environment {environment}",
        )
    return standing


def return_of(connection: sa.Connection, rollout: Rollout, to: str = "") -> Return:
    """Where going back from ``rollout`` leads: to version ``to``, else to what ran before it."""
    found = rollouts.find(
        connection,
        component=rollout.component,
        environment=rollout.environment,
        states=[RolloutState.SUCCEEDED],
    )
    good = [r for r in found if r.direction is not Direction.BACK and r.id != rollout.id]
    if to:
        match = next((r for r in good if r.target is not None and r.target.version == to), None)
        package = match.target if match else Package(to, "0" * 64)
        return Return(rollout, package, match.ended_at if match else None)
    if rollout.source is None:
        return Return(rollout, None, None)
    match = next((r for r in good if rollout.source.same_as(r.target)), None)
    return Return(rollout, rollout.source, match.ended_at if match else None)


def way_back_of(back: Return) -> WayBack:
    """The return as a fact. A host keeps files: going back to an earlier version of them loses no data."""
    return WayBack(
        component=back.reversed.component,
        version=back.target.version if back.target else "",
        verified_at=back.verified_at,
        loses_data=False,
        because="the driver switches versions and leaves data where it is",
    )


def roll_back(
    house: House,
    component: str,
    environment: str,
    by: By,
    *,
    to: str = "",
    accepts_data_loss: bool = False,
    reason: str = "",
) -> str:
    """Take back what stands in an environment. The id of the rollback's rollout.

    Args:
        reason: why, in the person's words; part of what a claim signs, and kept with the rollback.

    Raises:
        DecisionRefusedError: not permitted, not to that version, or data would be lost; the refusal is recorded.
        NotPermittedError: they are not shown to be who they say.
        NotFoundError: nothing stands there.
        ConflictError: it is being taken back already.
    """
    concerns = {"component": component, "environment": environment}
    with refusals(house, "rollback", person_of(by), **concerns):
        with house.database.read() as connection:
            standing = standing_rollout(connection, component, environment)
        proven = proven_by(house, by, Act.ROLLBACK, **concerns, reason=reason)
        house.queue.migrate()
        with house.database.write() as connection:
            outcome = _roll_back(house, connection, standing, proven, to, accepts_data_loss, reason)
    if isinstance(outcome, DecisionRefusedError):
        raise outcome
    return outcome


def _roll_back(
    house: House,
    connection: sa.Connection,
    standing: Rollout,
    proven: Proven,
    to: str,
    accepts_data_loss: bool,
    reason: str,
) -> str | DecisionRefusedError:
    now = house.now()
    rollout = lock_rollout(connection, standing.id)
    component, environment = rollout.component, rollout.environment
    if standing_rollout(connection, component, environment).id != rollout.id:
        raise ConflictError(
            f"what stands in {environment} changed meanwhile",
            remedy=f"look at it (tidegate rollout list --component {component}), then repeat",
        )
    policy = policies.current(connection).policy
    actor = stands(policy, proven, Act.ROLLBACK, component=component, environment=environment)
    back = return_of(connection, rollout, to)
    question = Question(Action.ROLLBACK, actor, environment, accepts_data_loss=accepts_data_loss)
    judged = judge(connection, rollout.release, question, now, [way_back_of(back)])
    proof = shown(spend(connection, proven, now), proven)
    if judged.decision.allowed:
        because = f"asked for by {actor.person}" + (f": {reason[:500]}" if reason else "")
        return begin_return(house, connection, back, judged, actor, now, because, proof)
    return _denied(connection, rollout, judged, now, proof)


def _denied(
    connection: sa.Connection, rollout: Rollout, judged: Judged, now: datetime, proof: Mapping[str, str]
) -> DecisionRefusedError:
    data = {"action": "rollback", "rollout": rollout.id, **proof}
    record(connection, Entry("decision.denied", judged.question.actor, rollout.release, data), now, judged)
    return DecisionRefusedError(judged)


def take_back(house: House, connection: sa.Connection, rollout: Rollout, now: datetime, because: str) -> bool:
    """The watch, or a failed wave, takes a rollout back by itself, where the policy lets it; whether it did."""
    back = return_of(connection, rollout)
    actor = Actor.automation("watch")
    question = Question(Action.ROLLBACK, actor, rollout.environment)
    judged = judge(connection, rollout.release, question, now, [way_back_of(back)])
    if not judged.decision.allowed:
        _denied(connection, rollout, judged, now, {})
        return False
    begin_return(house, connection, back, judged, actor, now, because)
    return True


def begin_return(
    house: House,
    connection: sa.Connection,
    back: Return,
    judged: Judged,
    actor: Actor,
    now: datetime,
    because: str,
    proof: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Take over the lease and record the rollback that was allowed; its id. The caller holds the locks."""
    reversed_ = back.reversed
    units = _units(house, connection, back, judged)
    number = len(rollouts.find(connection, component=reversed_.component, environment=reversed_.environment))
    rollout_id = rollout_name(reversed_.id, "back", str(number))
    token = leases.claim(connection, reversed_.component, reversed_.environment, rollout_id, now, take_over=True)
    rollouts.move(connection, reversed_, RolloutEvent.REVERSED, now, because=because)
    withdraw(connection, reversed_, now, "the rollout was taken back")
    rollout = Rollout(
        id=rollout_id,
        release=reversed_.release,
        component=reversed_.component,
        environment=reversed_.environment,
        direction=Direction.BACK,
        state=RolloutState.RUNNING,
        subject=reversed_.subject,
        granted=judged.decision.subject,
        source=reversed_.target,
        target=back.target,
        waves=(units,),
        wave=0,
        token=token,
        legs=1,
        started_at=now,
        started_by=actor,
        because=because,
        reverses=reversed_.id,
    )
    rollouts.insert(connection, rollout)
    rollouts.add_effects(connection, 0, [effect_on(rollout, 0, unit) for unit in units], now)
    enqueue(house, connection, rollout, 1)
    data = {
        "rollout": rollout_id,
        "reverses": reversed_.id,
        "component": reversed_.component,
        "environment": reversed_.environment,
        "from": reversed_.target.version if reversed_.target else "absent",
        "to": back.target.version if back.target else "absent",
        "token": str(token),
        "because": because,
        **proof,
    }
    record(connection, Entry("rollback.started", actor, reversed_.release, data), now, judged)
    return rollout_id


def withdraw(connection: sa.Connection, rollout: Rollout, now: datetime, because: str) -> None:
    """Withdraw what was intended and never dispatched: somebody else answers for the units from here on."""
    for row in rollouts.effects_of(connection, rollout):
        if row.state is EffectState.INTENDED:
            rollouts.move_effect(connection, row, EffectEvent.WITHDRAW, now, because)


def _units(house: House, connection: sa.Connection, back: Return, judged: Judged) -> tuple[str, ...]:
    """The units to be taken back: those that may have been touched; all, where it goes to yet another version.

    A unit that was never dispatched runs the earlier version still, and is left alone.
    """
    reversed_ = back.reversed
    driver = driver_of(house, judged.policies.current.policy, reversed_.component, reversed_.environment)
    untouched = (EffectState.INTENDED, EffectState.WITHDRAWN)
    touched = {row.effect.unit for row in rollouts.effects_of(connection, reversed_) if row.state not in untouched}
    same = back.target is None if reversed_.source is None else reversed_.source.same_as(back.target)
    return tuple(unit for unit in driver.units if unit in touched or not same)


def finish_return(house: House, connection: sa.Connection, rollout: Rollout, now: datetime) -> None:
    """Every unit was read back as it is to be: the rollback is over, and so is what it took back."""
    rollouts.move(connection, rollout, RolloutEvent.FINISHED, now)
    leases.release(connection, rollout.component, rollout.environment, rollout.id)
    _end_what_was_reversed(connection, rollout, now)
    policy = policies.current(connection).policy
    row = releases.load(connection, rollout.release)
    _close_release(connection, row.facts.state, rollout, policy.environments.get(rollout.environment), now)
    target = rollout.target.version if rollout.target else "absent"
    detail = f"{rollout.environment} runs {target} again: {rollout.because}"
    say(connection, policy, Occasion.ROLLED_BACK, row.facts, now, detail=detail, once=rollout.id)
    data = {"rollout": rollout.id, "reverses": rollout.reverses, "environment": rollout.environment, "to": target}
    record(connection, Entry("rollback.succeeded", rollout.started_by, rollout.release, data), now)
    house.database.after_commit(connection, house.wake)


def _end_what_was_reversed(connection: sa.Connection, rollout: Rollout, now: datetime) -> None:
    """What this rollback took back is over: the rollout, and a rollback of it that break-glass has overtaken."""
    where = {"component": rollout.component, "environment": rollout.environment}
    for reversed_ in rollouts.find(connection, **where, states=[RolloutState.REVERSING]):
        for row in rollouts.effects_of(connection, reversed_):
            if row.state in (EffectState.DISPATCHED, EffectState.UNKNOWN):
                # Whoever dispatched it died, or was refused, before saying so; it will not be carried out any more.
                rollouts.move_effect(connection, row, EffectEvent.OVERTAKE, now, f"{rollout.id} answers for the unit")
        rollouts.move(connection, reversed_, RolloutEvent.RETURNED, now)


def _close_release(
    connection: sa.Connection, state: ReleaseState, rollout: Rollout, environment: object, now: datetime
) -> None:
    from tidegate.core.policy import Environment, Purpose

    production = isinstance(environment, Environment) and environment.purpose is Purpose.PRODUCTION
    if rollouts.find(connection, release=rollout.release, states=sorted(ACTIVE)):
        return  # another environment's rollout of this release goes on, and will say how it ends
    if state is ReleaseState.ROLLING:
        releases.move(connection, rollout.release, ReleaseEvent.TAKEN_BACK if production else ReleaseEvent.STOPPED, now)
    elif state is ReleaseState.RELEASED and production:
        releases.move(connection, rollout.release, ReleaseEvent.TAKEN_BACK, now)
    if production:
        requests.end_all(connection, rollout.release, now, "the release was taken back")
    else:
        requests.touch(connection, rollout.release, now)
