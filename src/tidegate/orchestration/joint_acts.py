"""Pause a rollout and take it on, by the id of one component's, or of the joint rollout that it is part of."""

from __future__ import annotations

import sqlalchemy as sa

from tidegate.core.joint_rollout import JointEvent, JointState
from tidegate.core.rollout import ACTIVE, RolloutState
from tidegate.core.statement import Act
from tidegate.errors import TransitionError
from tidegate.orchestration import joint as joining
from tidegate.orchestration import resuming
from tidegate.orchestration.checkpoint import lock_joint
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import By, demand_permit, person_of, proven_by, shown, spend, stands
from tidegate.orchestration.joint_moves import begin_next
from tidegate.orchestration.refusal import refusals
from tidegate.store import joint_rollouts, policies, rollouts
from tidegate.store.joint_rollouts import JointRollout
from tidegate.store.rollouts import Rollout

State = RolloutState | JointState


def pause(house: House, rollout: str, by: By, because: str) -> State:
    """A person stops a rollout at its next checkpoint; a joint one between two components, or within one.

    Raises:
        NotFoundError: there is no such rollout.
        NotPermittedError: they may not, or are not shown to be who they say.
        TransitionError: it cannot be paused now; a rollback never can.
    """
    joint = _between(house, rollout)
    if not isinstance(joint, JointRollout):
        return resuming.pause_by_person(house, joint, by, because)
    concerns = {"release": joint.release, "environment": joint.environment}
    with refusals(house, "rollout", person_of(by), joint.release, rollout=joint.id):
        proven = proven_by(house, by, Act.PAUSE, **concerns)
        with house.database.write() as connection:
            now = house.now()
            current = lock_joint(connection, joint.id)
            if current.state is JointState.RETURNING:
                raise TransitionError(
                    f"{joint.id} takes a release back: nobody stops that half-way",
                    remedy=f"follow it: tidegate rollout show {joint.id} --follow",
                )
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.PAUSE, **concerns)
            demand_permit(policy, actor, "start", joint.environment, now=now)
            proof = shown(spend(connection, proven, now), proven)
            why = because or f"paused by {actor.person}"
            state = joint_rollouts.move(connection, current, JointEvent.PAUSED, now, because=why)
            joining.note(connection, current, "joint.paused", actor, now, because=why, **proof)
    return state


def resume(house: House, rollout: str, by: By) -> State:
    """A person takes a paused rollout on. Of a joint one that is between two components, the next one begins.

    Who resumes answers for that one component; whether who started it still may is asked again for the next.

    Raises:
        DecisionRefusedError: it may not go on.
        NotFoundError: there is no such rollout.
        NotPermittedError: they may not, or are not shown to be who they say.
        TransitionError: it is not paused.
        TidegateError: the target of the next component does not answer, or something is under way there.
    """
    joint = _between(house, rollout)
    if not isinstance(joint, JointRollout):
        return resuming.resume(house, joint, by)
    with refusals(house, "rollout", person_of(by), joint.release, rollout=joint.id):
        if joint.state not in (JointState.WAITING, JointState.PAUSED):
            raise _not_paused(joint)
        house.queue.migrate()
        proven = proven_by(house, by, Act.RESUME, release=joint.release, environment=joint.environment)
        begin_next(house, joint, proven)
    with house.database.read() as connection:
        return joint_rollouts.load(connection, joint.id).state


def _not_paused(joint: JointRollout) -> TransitionError:
    remedy = f"look at it: tidegate rollout show {joint.id}"
    if joint.state is JointState.IN_DOUBT:
        remedy = f"take back what still stands: tidegate rollback {joint.release} {joint.environment}"
    return TransitionError(f"{joint.id} is {joint.state.value.replace('_', ' ')}, and not paused", remedy=remedy)


def _between(house: House, name: str) -> JointRollout | str:
    """The joint rollout that is meant, where none of its parts is; else the id of the part that is under way."""
    with house.database.read() as connection:
        joint = joint_rollouts.known(connection, name)
        if joint is None:
            part = rollouts.load(connection, name)
            if not part.joint or part.state in ACTIVE:
                return part.id
            joint = joint_rollouts.load(connection, part.joint)
        acting = _acting(connection, joint)
    return acting.id if acting else joint


def _acting(connection: sa.Connection, joint: JointRollout) -> Rollout | None:
    found = rollouts.members(connection, joint.id)
    return next((one for one in reversed(found) if one.state in ACTIVE), None)
