"""What becomes of a joint rollout when a rollout of one of its components ends, or is taken back.

A release of several components is carried to an environment by one rollout for each, one after the other, and taken
back in the reverse order. This module records how far the whole is, in the transaction that ends or begins a part;
what follows from it is begun by the sweep (``joint_moves.py``). A rollout that is part of none is the whole itself.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.joint_rollout import JointEvent, JointState
from tidegate.core.policy import Occasion
from tidegate.core.rollout import ACTIVE, Direction, RolloutState
from tidegate.orchestration.house import House
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, record
from tidegate.store import joint_rollouts, policies, releases, rollouts
from tidegate.store.joint_rollouts import JointRollout
from tidegate.store.rollouts import Rollout

SWEEP = Actor.automation("joint rollout")


def step_on(house: House, connection: sa.Connection, rollout: Rollout, now: datetime) -> bool:
    """A rollout has succeeded: whether the whole has, too. Else the next component is due, if nobody stopped it."""
    if not rollout.joint:
        return True
    joint = joint_rollouts.load(connection, rollout.joint, lock=True)
    if joint.state is not JointState.RUNNING:
        return False  # a part was taken back alone meanwhile: a person decides about the rest
    if joint.is_last:
        joint_rollouts.move(connection, joint, JointEvent.FINISHED, now, because="")
        return True
    joint_rollouts.move(connection, joint, JointEvent.STEPPED, now, place=joint.place + 1, due_at=now, because="")
    facts = releases.load(connection, joint.release).facts
    done, of = joint.place + 1, len(joint.sequence)
    detail = f"{rollout.component} is verified in {joint.environment} ({done} of {of})"
    policy = policies.current(connection).policy
    say(connection, policy, Occasion.PROGRESSED, facts, now, detail=detail, once=f"{rollout.id}.done")
    house.database.after_commit(connection, house.wake)
    return False


def note(
    connection: sa.Connection, joint: JointRollout, kind: str, actor: Actor, now: datetime, **more: object
) -> None:
    """Record a leaf about the whole; nothing may be locked after it."""
    data = {"rollout": joint.id, "environment": joint.environment, **more}
    record(connection, Entry(kind, actor, joint.release, data), now)


def standing_parts(connection: sa.Connection, joint: JointRollout) -> list[Rollout]:
    """The rollouts of a joint one whose versions stand, wholly or in part: what is taken back, in that order.

    A component that another release has reached since, or that was taken back, is none of them any more.
    """
    place = {component: number for number, component in enumerate(joint.sequence)}
    found = [one for one in rollouts.members(connection, joint.id) if _stands(connection, one)]
    return sorted(found, key=lambda one: place[one.component], reverse=True)


def _stands(connection: sa.Connection, rollout: Rollout) -> bool:
    if rollout.direction is not Direction.FORWARD:
        return False
    if rollout.state is not RolloutState.SUCCEEDED:
        return rollout.state in ACTIVE
    good = rollouts.last_good(connection, rollout.component, rollout.environment)
    return good is not None and good.id == rollout.id


def turn_back(
    connection: sa.Connection,
    reversed_: Rollout,
    actor: Actor,
    now: datetime,
    because: str,
    *,
    bad: str,
    accepts_data_loss: bool,
) -> bool:
    """A rollout is taken back, and with it what it is part of: whether this is the first way back of the whole.

    Args:
        bad: the component for whose sake; empty: for the sake of no one in particular.
    """
    if not reversed_.joint:
        return True
    joint = joint_rollouts.load(connection, reversed_.joint, lock=True)
    if joint.state is JointState.RETURNING:
        return False
    joint_rollouts.move(
        connection,
        joint,
        JointEvent.REVERSED,
        now,
        because=because,
        back_of=bad,
        back_by=_record_of(actor),
        accepts_data_loss=accepts_data_loss,
    )
    return True


def _record_of(actor: Actor) -> dict[str, str]:
    return {"person": actor.person, "via": actor.via, "assurance": actor.assurance.value}


def is_bad(connection: sa.Connection, reversed_: Rollout) -> bool:
    """Whether a version that is taken back is itself what the whole is taken back for, and not only beside it."""
    if not reversed_.joint:
        return True
    joint = joint_rollouts.load(connection, reversed_.joint)
    return joint.back_of in ("", reversed_.component)


def leave_behind(connection: sa.Connection, rollback: Rollout, now: datetime) -> None:
    """One component is taken back by itself, and the rest stands: a person decides about that."""
    if not rollback.joint:
        return
    joint = joint_rollouts.load(connection, rollback.joint, lock=True)
    if joint.state not in (JointState.RETURNING, JointState.IN_DOUBT, JointState.ROLLED_BACK):
        because = f"{rollback.component} is taken back alone: {rollback.because}"
        joint_rollouts.move(connection, joint, JointEvent.DOUBTED, now, because=because)


def is_back(house: House, connection: sa.Connection, rollback: Rollout, now: datetime) -> bool:
    """A way back has ended: whether the whole is back, too. Else the next way back is due, if the whole returns."""
    if not rollback.joint:
        return True
    joint = joint_rollouts.load(connection, rollback.joint, lock=True)
    if joint.state is JointState.ROLLED_BACK:
        return False
    if standing_parts(connection, joint):
        if joint.state is JointState.RETURNING:
            joint_rollouts.change(connection, joint.id, due_at=now)
            house.database.after_commit(connection, house.wake)
        return False
    if _is_returning_elsewhere(connection, joint):
        return False
    joint_rollouts.move(connection, joint, JointEvent.RETURNED, now)
    return True


def _is_returning_elsewhere(connection: sa.Connection, joint: JointRollout) -> bool:
    found = rollouts.members(connection, joint.id)
    return any(one.direction is Direction.BACK and one.state in ACTIVE for one in found)
