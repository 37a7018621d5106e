"""After the database was restored from a backup: what happened since the backup is not known, and nobody may guess.

    the backup is taken ---- rollouts, approvals, holds, revocations ---- the disaster; the backup is put back
                             all of this is missing now, and the targets remember it

Nothing in the database can tell that it is an older one, so a person says so. From then on every token is of a higher
epoch than all that were given out before: what was begun by the lost part of the history is refused at the targets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.effect import EffectEvent, EffectState
from tidegate.core.joint_rollout import JointEvent, JointState
from tidegate.core.rollout import ACTIVE, RolloutEvent, RolloutState
from tidegate.core.statement import Act
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_listed, demand_permit, proven_by, shown, spend, stands
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import joint_rollouts, leases, locks, policies, requests, rollouts
from tidegate.store.joint_rollouts import JointRollout
from tidegate.store.rollouts import Rollout

BECAUSE = "the database was restored from a backup: what was done since then is not known"


@dataclass(frozen=True, slots=True)
class Restored:
    """What saying so did: the new epoch, the rollouts that wait for a person now, and how many starts were ended."""

    epoch: int
    paused: tuple[str, ...]
    ended: int


def restored(house: House, claim: Claim, reason: str = "") -> Restored:
    """Say that the database was restored from a backup.

    Every rollout that was under way when the backup was taken waits for a person: its effects that were not confirmed
    then may have been carried out since, so they are UNKNOWN, and are read back before anything else is done. Starts
    that wait are ended: approvals may have been revoked and holds set that this database knows nothing of.

    Nothing may execute meanwhile; stop the workers first.

    Raises:
        NotPermittedError: the policy does not let this person adopt policies, which is what this compares to.
    """
    with refusals(house, "store", claim.person):
        with house.database.read() as connection:
            demand_listed(policies.current(connection).policy, claim.person, "adopt", now=house.now())
        proven = proven_by(house, claim, Act.RESTORE, reason=reason)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            now = house.now()
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.RESTORE, reason=reason)
            demand_permit(policy, actor, "adopt", now=house.now())
            epoch = leases.raise_epoch(connection)
            paused = tuple(_stop(connection, rollout, now) for rollout in _under_way(connection))
            paused += tuple(_stop_joint(connection, joint, now) for joint in _between(connection))
            ended = requests.end_all(connection, None, now, BECAUSE)
            proof = shown(spend(connection, proven, now), proven)
            data = {"epoch": epoch, "paused": list(paused), "ended": ended, "reason": reason, **proof}
            record(connection, Entry("store.restored", actor, data=data), now)
    return Restored(epoch, paused, ended)


def _under_way(connection: sa.Connection) -> list[Rollout]:
    return sorted(rollouts.find(connection, states=sorted(ACTIVE)), key=lambda r: (r.component, r.environment))


def _between(connection: sa.Connection) -> list[JointRollout]:
    return sorted(joint_rollouts.find(connection, states=_GO_ON_ALONE.keys()), key=lambda joint: joint.id)


_GO_ON_ALONE = {JointState.WAITING: JointEvent.PAUSED, JointState.RETURNING: JointEvent.DOUBTED}
"""What stops a joint rollout that would go on by itself, and how."""


def _stop_joint(connection: sa.Connection, joint: JointRollout, now: datetime) -> str:
    """Leave a joint rollout where the backup has it to a person; its id."""
    joint_rollouts.move(connection, joint, _GO_ON_ALONE[joint.state], now, because=BECAUSE)
    return joint.id


def _stop(connection: sa.Connection, rollout: Rollout, now: datetime) -> str:
    """Stop one rollout where the backup has it; its id."""
    locks.lock_lease(connection, rollout.component, rollout.environment)
    token = leases.claim(connection, rollout.component, rollout.environment, rollout.id, now, take_over=True)
    # A leg of the engine that comes back with the backup finds another number, and ends.
    leg = rollout.legs + 1
    rollouts.change(connection, rollout.id, epoch=token.epoch, counter=token.counter, legs=leg)
    rollout = replace(rollout, token=token, legs=leg)
    for row in rollouts.effects_of(connection, rollout, rollout.wave):
        dispatched = row
        if row.state is EffectState.INTENDED:
            dispatched = rollouts.move_effect(connection, row, EffectEvent.DISPATCH, now)
        if dispatched.state is EffectState.DISPATCHED:
            rollouts.move_effect(connection, dispatched, EffectEvent.LOSE_SIGHT, now, BECAUSE)
    if rollout.state is RolloutState.PAUSED:
        rollouts.change(connection, rollout.id, because=BECAUSE)
    else:
        rollouts.move(connection, rollout, RolloutEvent.PAUSED, now, because=BECAUSE)
    return rollout.id
