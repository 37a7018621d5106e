"""Go back: by the watch, or by a person; always to a version that was verified there, or to absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.decision import Action, Question
from tidegate.core.effect import EffectEvent, EffectState, Package
from tidegate.core.facts import WayBack
from tidegate.core.joint_rollout import GOES_ON, JointState
from tidegate.core.policy import Occasion, Policy
from tidegate.core.release import ReleaseEvent, ReleaseState
from tidegate.core.rollout import ACTIVE, Direction, RolloutEvent, RolloutState
from tidegate.core.rules.requires import BESIDE
from tidegate.core.statement import Act
from tidegate.core.wave import DATABASE, TRAFFIC, Wave, waves_back
from tidegate.errors import ConflictError, NotFoundError, UsageError
from tidegate.orchestration import afterwards, debt, incident, migration, timeline
from tidegate.orchestration import joint as joining
from tidegate.orchestration.checkpoint import (
    LOOK_AFTER_LEG,
    effect_on,
    enqueue,
    lock_joint,
    lock_rollout,
    rollout_name,
)
from tidegate.orchestration.held import hold_back
from tidegate.orchestration.house import House, nobody
from tidegate.orchestration.identity import By, Proven, person_of, proven_by, shown, spend, stands
from tidegate.orchestration.judge import DecisionRefusedError, Judged, judge
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, digests_of, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.sight import driver_of
from tidegate.store import joint_rollouts, leases, policies, releases, requests, rollouts
from tidegate.store.joint_rollouts import JointRollout
from tidegate.store.rollouts import Rollout


@dataclass(frozen=True, slots=True)
class Return:
    """Where a rollback leads: the rollout that is taken back, and what is to run again; None is *absent*."""

    reversed: Rollout
    target: Package | None
    verified_at: datetime | None


class Extent(StrEnum):
    """How a rollback stands to the joint rollout that what it takes back is part of, if it is part of one."""

    WITH_ALL = "with-all"
    """It takes the others back with it, or is one of the others."""
    FIRST = "first"
    """It is the first of all, which are taken back already."""
    ALONE = "alone"
    """The others stay."""


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
    if standing is not None and standing.direction is Direction.ADOPTED and standing.target is not None:
        what = f"{component} {standing.target.version}"
        raise NotFoundError(
            f"{what} was adopted as it ran in {environment}: there is nothing to take back",
            remedy=f"tidegate rollout list --component {component} --environment {environment}",
        )
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


def way_back_of(connection: sa.Connection, policy: Policy, back: Return, *, accepts: bool = False) -> WayBack:
    """The return as a fact: whether it loses data, or breaks on the database, by what was brought to that since.

    Args:
        accepts: whether a person accepts that data is lost: then the database goes back with it, where it may.
    """
    after = migration.way_back(connection, policy, back.reversed, back.target, accepts=accepts)
    return migration.as_fact(back.reversed.component, back.target, back.verified_at, after)


def roll_back(
    house: House,
    name: str,
    environment: str,
    by: By,
    *,
    to: str = "",
    accepts_data_loss: bool = False,
    reason: str = "",
    tell: Callable[[str], None] = nobody,
) -> str:
    """Take back what stands in an environment. The id of the rollback's rollout; of several, that of their joint one.

    What was released together is taken back together, the last component first; ``to`` takes one back alone.

    Args:
        name: a component, or a release.
        reason: why, in the person's words; part of what a claim signs, and kept with the rollback.
        tell: is told, once it was allowed, each component that may break without what is taken back.

    Raises:
        DecisionRefusedError: not permitted, not to that version, or data would be lost; the refusal is recorded.
        NotPermittedError: they are not shown to be who they say.
        NotFoundError: nothing stands there.
        ConflictError: it is being taken back already.
        UsageError: a release of several components cannot be taken back to one version.
    """
    known = _is_release(house, name)
    concerns = {"release" if known else "component": name, "environment": environment}
    refused = {"environment": environment} if known else concerns
    with refusals(house, "rollback", person_of(by), name if known else "", **refused):
        with house.database.read() as connection:
            standing = _what_stands(connection, name, environment, to, is_release=known)
        proven = proven_by(house, by, Act.ROLLBACK, **concerns, reason=reason)
        house.queue.migrate()
        asked = _Asked(proven, concerns, to, accepts_data_loss, reason)
        with house.database.write() as connection:
            outcome = (
                _roll_back(house, connection, standing, asked)
                if isinstance(standing, Rollout)
                else _roll_back_whole(house, connection, standing, asked)
            )
    if isinstance(outcome, DecisionRefusedError):
        raise outcome
    rollout_id, judged = outcome
    for finding in judged.decision.findings:
        if finding.rule.startswith((BESIDE, "rollback.schema")):
            tell(finding.message)
    for way in judged.facts.way_back:
        if way.database:
            tell(f"the database of {way.component} goes back after its units")
    return rollout_id


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a person asks for, with what they signed."""

    proven: Proven
    concerns: Mapping[str, str]
    to: str
    accepts_data_loss: bool
    reason: str

    def because(self, actor: Actor) -> str:
        """Why it is taken back, as it is kept."""
        return f"asked for by {actor.person}" + (f": {self.reason[:500]}" if self.reason else "")


def _is_release(house: House, name: str) -> bool:
    """Whether a name is that of a release, and of no component, which comes first."""
    with house.database.read() as connection:
        if name in policies.current(connection).policy.components:
            return False
        return name in releases.list_ids(connection)


def _what_stands(
    connection: sa.Connection, name: str, environment: str, to: str, *, is_release: bool
) -> Rollout | JointRollout:
    """What is to be taken back: one rollout, or the joint one with which it came.

    Raises:
        NotFoundError: nothing stands there.
        ConflictError: it is being taken back already.
        UsageError: a release of several components cannot be taken back to one version.
    """
    if is_release:
        return _of_release(connection, name, environment, to)
    if to:
        return standing_rollout(connection, name, environment)
    joint = joint_rollouts.under_way_with(connection, name, environment)
    if joint is None:
        standing = standing_rollout(connection, name, environment)
        if not standing.joint:
            return standing
        joint = joint_rollouts.load(connection, standing.joint)
    return _not_on_its_way_back(joint)


def _of_release(connection: sa.Connection, release: str, environment: str, to: str) -> Rollout | JointRollout:
    items = releases.load(connection, release).facts.items
    if len(items) == 1:
        standing = standing_rollout(connection, items[0].component, environment)
        if standing.release == release:
            return standing
    elif to:
        raise UsageError(
            f"{release} has {len(items)} components, which have no version in common",
            remedy=f"take one back alone: tidegate rollback now COMPONENT {environment} --to VERSION",
        )
    found = joint_rollouts.find(connection, release=release, environment=environment)
    if not found or found[0].state is JointState.ROLLED_BACK:
        raise NotFoundError(
            f"nothing of {release} stands in {environment}: there is nothing to take back",
            remedy=f"tidegate rollout list --environment {environment}",
        )
    return _not_on_its_way_back(found[0])


def _not_on_its_way_back(joint: JointRollout) -> JointRollout:
    if joint.state is JointState.RETURNING:
        raise ConflictError(
            f"{joint.release} in {joint.environment} is being taken back already",
            remedy=f"tidegate rollout show {joint.id}",
        )
    return joint


def _roll_back(
    house: House, connection: sa.Connection, standing: Rollout, asked: _Asked
) -> tuple[str, Judged] | DecisionRefusedError:
    now = house.now()
    rollout = lock_rollout(connection, standing.id)
    component, environment = rollout.component, rollout.environment
    if standing_rollout(connection, component, environment).id != rollout.id:
        raise _changed(component, environment)
    policy = policies.current(connection).policy
    actor = stands(policy, asked.proven, Act.ROLLBACK, **asked.concerns)
    back = return_of(connection, rollout, asked.to)
    question = Question(Action.ROLLBACK, actor, environment, accepts_data_loss=asked.accepts_data_loss)
    way = way_back_of(connection, policy, back, accepts=asked.accepts_data_loss)
    judged = judge(connection, rollout.release, question, now, [way])
    proof = shown(spend(connection, asked.proven, now), asked.proven)
    if judged.decision.allowed:
        because = asked.because(actor)
        return begin_return(house, connection, back, judged, actor, now, because, proof, extent=Extent.ALONE), judged
    return _denied(connection, rollout, judged, now, proof)


def _changed(component: str, environment: str) -> ConflictError:
    return ConflictError(
        f"what stands in {environment} changed meanwhile",
        remedy=f"look at it (tidegate rollout list --component {component}), then repeat",
    )


def _roll_back_whole(
    house: House, connection: sa.Connection, standing: JointRollout, asked: _Asked
) -> tuple[str, Judged] | DecisionRefusedError:
    """Decide about the way back of all that came together, and begin with the last; the sweep begins the others."""
    now = house.now()
    joint = lock_joint(connection, standing.id)
    if (joint.state, joint.place) != (standing.state, standing.place):
        raise _changed(joint.sequence[0], joint.environment)
    parts = joining.standing_parts(connection, joint)
    if not parts:
        raise NotFoundError(
            f"nothing of {joint.release} stands in {joint.environment}: there is nothing to take back",
            remedy=f"tidegate rollout show {joint.id}",
        )
    policy = policies.current(connection).policy
    actor = stands(policy, asked.proven, Act.ROLLBACK, **asked.concerns)
    backs = [return_of(connection, part) for part in parts]
    question = Question(Action.ROLLBACK, actor, joint.environment, accepts_data_loss=asked.accepts_data_loss)
    ways = [way_back_of(connection, policy, back, accepts=asked.accepts_data_loss) for back in backs]
    judged = judge(connection, joint.release, question, now, ways)
    proof = shown(spend(connection, asked.proven, now), asked.proven)
    if not judged.decision.allowed:
        return _denied(connection, parts[0], judged, now, proof)
    because = asked.because(actor)
    bad = asked.concerns.get("component", "")
    joining.turn_back(connection, parts[0], actor, now, because, bad=bad, accepts_data_loss=asked.accepts_data_loss)
    data = {"components": [part.component for part in parts], "because": because}
    begin_return(house, connection, backs[0], judged, actor, now, because, proof, extent=Extent.FIRST)
    joining.note(connection, joint, "joint.reversed", actor, now, **data)
    return joint.id, judged


def _denied(
    connection: sa.Connection, rollout: Rollout, judged: Judged, now: datetime, proof: Mapping[str, str]
) -> DecisionRefusedError:
    data = {"action": "rollback", "rollout": rollout.id, **proof}
    record(connection, Entry("decision.denied", judged.question.actor, rollout.release, data), now, judged)
    return DecisionRefusedError(judged)


def take_back(house: House, connection: sa.Connection, rollout: Rollout, now: datetime, because: str) -> str:
    """The watch, or a failed wave, takes a rollout back by itself; why the policy does not let it, else empty."""
    back = return_of(connection, rollout)
    actor = Actor.automation("watch")
    question = Question(Action.ROLLBACK, actor, rollout.environment)
    policy = policies.current(connection).policy
    way = replace(way_back_of(connection, policy, back), taken_back=taken_back_by_itself(connection, rollout))
    judged = judge(connection, rollout.release, question, now, [way])
    if not judged.decision.allowed:
        _denied(connection, rollout, judged, now, {})
        return judged.decision.against()[0].message
    begin_return(house, connection, back, judged, actor, now, because)
    return ""


def taken_back_by_itself(connection: sa.Connection, rollout: Rollout) -> int:
    """How often Tidegate itself has taken this release back in this environment."""
    found = rollouts.find(
        connection, component=rollout.component, environment=rollout.environment, release=rollout.release
    )
    return sum(r.direction is Direction.BACK and r.started_by.is_automation for r in found)


def begin_return(
    house: House,
    connection: sa.Connection,
    back: Return,
    judged: Judged,
    actor: Actor,
    now: datetime,
    because: str,
    proof: Mapping[str, str] = MappingProxyType({}),
    *,
    extent: Extent = Extent.WITH_ALL,
) -> str:
    """Take over the lease and record the rollback that was allowed; its id. The caller holds the locks.

    What the reversed rollout is part of is taken back with it, beginning here, unless it is taken back alone.
    """
    reversed_ = back.reversed
    rollout = _claimed(house, connection, back, judged, actor, now, because)
    rollouts.move(connection, reversed_, RolloutEvent.REVERSED, now, because=because)
    withdraw(connection, reversed_, now, "the rollout was taken back")
    turned = extent is Extent.WITH_ALL and joining.turn_back(
        connection, reversed_, actor, now, because, bad=reversed_.component, accepts_data_loss=False
    )
    rollouts.insert(connection, rollout)
    if extent is Extent.ALONE:
        joining.leave_behind(connection, rollout, now)
    first = rollout.waves[0].units
    rollouts.add_effects(connection, 0, [effect_on(rollout, 0, unit) for unit in first], now)
    enqueue(house, connection, rollout, 1)
    entry = Entry("rollback.started", actor, reversed_.release, {**_told(rollout), **proof})
    record(connection, entry, now, judged)
    if extent is Extent.ALONE or joining.is_bad(connection, reversed_):
        hold_back(connection, rollout, actor, now)
    if turned or extent is not Extent.WITH_ALL:
        incident.open_for(connection, judged.policies.current.policy, rollout, actor, now, digests_of(judged))
    return rollout.id


def _claimed(
    house: House, connection: sa.Connection, back: Return, judged: Judged, actor: Actor, now: datetime, because: str
) -> Rollout:
    """The rollback as it is to be recorded, under the lease that it has taken over."""
    reversed_ = back.reversed
    way = _waves(house, connection, back, judged)
    number = len(rollouts.find(connection, component=reversed_.component, environment=reversed_.environment))
    rollout_id = rollout_name(reversed_.id, "back", str(number))
    token = leases.claim(connection, reversed_.component, reversed_.environment, rollout_id, now, take_over=True)
    return Rollout(
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
        waves=way,
        wave=0,
        token=token,
        legs=1,
        started_at=now,
        started_by=actor,
        because=because,
        reverses=reversed_.id,
        joint=reversed_.joint,
    )


def _told(rollout: Rollout) -> dict[str, str]:
    """What the leaf of a rollback says of it."""
    return {
        "rollout": rollout.id,
        **({"joint": rollout.joint} if rollout.joint else {}),
        "reverses": rollout.reverses,
        "component": rollout.component,
        "environment": rollout.environment,
        "from": rollout.source.version if rollout.source else "absent",
        "to": rollout.target.version if rollout.target else "absent",
        "token": str(rollout.token),
        "because": rollout.because,
    }


def withdraw(connection: sa.Connection, rollout: Rollout, now: datetime, because: str) -> None:
    """Withdraw what was intended and never dispatched: somebody else answers for the units from here on.

    Raises:
        ConflictError: somebody else moved one meanwhile.
    """
    intended = [row for row in rollouts.effects_of(connection, rollout) if row.state is EffectState.INTENDED]
    _, ours = rollouts.move_effects(connection, [(row, EffectEvent.WITHDRAW, because) for row in intended], now)
    if not ours:
        raise ConflictError(f"an effect of {rollout.id} was moved by somebody else", remedy="look again, then repeat")


def _waves(house: House, connection: sa.Connection, back: Return, judged: Judged) -> tuple[Wave, ...]:
    """The way back in waves: what was shifted first, then the units that may have been touched, all at once.

    A unit that was never dispatched runs the earlier version still, and is left alone. Where the way leads to yet
    another version, all units are taken; of pools, the one that was changed.
    """
    reversed_ = back.reversed
    driver = driver_of(house, judged.policies.current.policy, reversed_.component, reversed_.environment)
    untouched = (EffectState.INTENDED, EffectState.WITHDRAWN)
    touched = {row.effect.unit for row in rollouts.effects_of(connection, reversed_) if row.state not in untouched}
    same = back.target is None if reversed_.source is None else reversed_.source.same_as(back.target)
    pooled = any(wave.units == (TRAFFIC,) for wave in reversed_.waves)
    units = [unit for unit in driver.units if unit in touched or not (same or pooled)]
    database = driver.abilities.database_goes_back and any(way.database for way in judged.facts.way_back)
    return waves_back(reversed_.waves, units, to_other=not same, database=database) or (Wave(()),)


def go_on_back(house: House, connection: sa.Connection, rollout: Rollout, now: datetime) -> RolloutState:
    """A wave of the way back is confirmed: begin the next, or finish. Nothing is asked: nothing stops a rollback."""
    if rollout.waves[rollout.wave].units == (DATABASE,):
        migration.undone(connection, rollout, now)
    if rollout.is_last_wave:
        finish_return(house, connection, rollout, now)
        return RolloutState.SUCCEEDED
    wave = rollout.wave + 1
    rollouts.change(connection, rollout.id, wave=wave, due_at=now + LOOK_AFTER_LEG)
    units = rollout.waves[wave].units
    rollouts.add_effects(connection, wave, [effect_on(rollout, wave, unit) for unit in units], now)
    data = {"rollout": rollout.id, "wave": wave + 1, "units": list(units)}
    record(connection, Entry("rollback.continued", Actor.automation("leg"), rollout.release, data), now)
    return RolloutState.RUNNING


def shift_later(house: House, connection: sa.Connection, rollout: Rollout, now: datetime) -> RolloutState:
    """The switch does not answer: take the units back first, and shift after them. It is not done until it is read."""
    again = rollout.waves[rollout.wave]
    longer = replace(rollout, waves=(*rollout.waves, again))
    rollouts.lengthen(connection, longer)
    return go_on_back(house, connection, longer, now)


def finish_return(house: House, connection: sa.Connection, rollout: Rollout, now: datetime) -> None:
    """Every unit was read back as it is to be: the rollback is over, and so is what it took back."""
    rollouts.move(connection, rollout, RolloutEvent.FINISHED, now)
    leases.release(connection, rollout.component, rollout.environment, rollout.id)
    _end_what_was_reversed(connection, rollout, now)
    whole = joining.is_back(house, connection, rollout, now)
    if whole:
        conclude_return(connection, rollout, now)
    data = {
        "rollout": rollout.id,
        "reverses": rollout.reverses,
        "environment": rollout.environment,
        "to": _version(rollout.target),
    }
    record(connection, Entry("rollback.succeeded", rollout.started_by, rollout.release, data), now)
    if whole:
        _note_return(connection, rollout, now)
    house.database.after_commit(connection, house.wake)


def _version(package: Package | None) -> str:
    return package.version if package else "absent"


def conclude_return(connection: sa.Connection, rollout: Rollout, now: datetime) -> None:
    """Everything that a release brought to an environment is back: it is over, or stopped; whoever is told, is told.

    Args:
        rollout: the last way back.
    """
    policy = policies.current(connection).policy
    row = releases.load(connection, rollout.release)
    _close_release(connection, row.facts.state, rollout, policy.environments.get(rollout.environment), now)
    if releases.load(connection, rollout.release).facts.state is ReleaseState.ROLLED_BACK:
        # It was in production, or on its way there: what it skipped is paid for all the same.
        afterwards.drop_for(connection, rollout.release, now)
        debt.open_for(connection, row, rollout.environment, policy, now)
    detail = f"{rollout.environment} runs {_runs_again(connection, rollout)} again: {rollout.because}"
    say(connection, policy, Occasion.ROLLED_BACK, row.facts, now, detail=detail, once=rollout.joint or rollout.id)


def _runs_again(connection: sa.Connection, rollout: Rollout) -> str:
    """What runs again: a version; of several components, each with its own."""
    if not rollout.joint:
        return _version(rollout.target)
    back = {
        one.component: one for one in rollouts.members(connection, rollout.joint) if one.direction is Direction.BACK
    }
    return ", ".join(f"{component} {_version(one.target)}" for component, one in sorted(back.items()))


def _note_return(connection: sa.Connection, rollout: Rollout, now: datetime) -> None:
    """Record that the whole is back, and since when what ran before runs again."""
    if not rollout.joint:
        incident.restored(connection, rollout, now)
        return
    joint = joint_rollouts.load(connection, rollout.joint)
    joining.note(connection, joint, "joint.returned", rollout.started_by, now, because=joint.because[:500])
    for one in rollouts.members(connection, rollout.joint):
        if one.direction is Direction.BACK:
            incident.restored(connection, one, now)


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
    others = joint_rollouts.find(connection, release=rollout.release, states=GOES_ON)
    if others or rollouts.find(connection, release=rollout.release, states=sorted(ACTIVE)):
        return  # another environment's rollout of this release goes on, and will say how it ends
    if state is ReleaseState.ROLLING:
        releases.move(connection, rollout.release, ReleaseEvent.TAKEN_BACK if production else ReleaseEvent.STOPPED, now)
    elif production and state in (ReleaseState.RELEASED, ReleaseState.OPEN):  # open: it waited for the other regions
        releases.move(connection, rollout.release, ReleaseEvent.TAKEN_BACK, now)
    timeline.settle(connection, releases.load(connection, rollout.release).facts, now)
    if production:
        requests.end_all(connection, rollout.release, now, "the release was taken back")
    else:
        requests.touch(connection, rollout.release, now)
