"""A joint rollout for people: how far it is, component by component."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.joint_rollout import UNDER_WAY, JointState
from tidegate.core.rollout import Direction, RolloutState
from tidegate.store import joint_rollouts, rollouts
from tidegate.store.joint_rollouts import JointRollout
from tidegate.store.rollouts import Rollout
from tidegate.views.rollout import ABSENT

TO_COME = "to come"
"""How a component stands whose turn has not come."""


@dataclass(frozen=True, slots=True)
class PartView:
    """One component of it. ``rollout`` and ``back`` are the ids of its rollout and of what takes that back; empty:
    there is none."""

    place: int
    component: str
    state: str
    source: str
    target: str
    rollout: str
    back: str
    because: str


@dataclass(frozen=True, slots=True)
class JointView:
    """What ``tidegate rollout show`` answers of a joint rollout; places count from 1.

    ``due_at`` is when the rules are asked about the next component again, where it waits.
    """

    id: str
    release: str
    environment: str
    state: JointState
    place: int
    parts: tuple[PartView, ...]
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    due_at: datetime | None
    because: str
    back_by: str

    @property
    def next(self) -> str:
        """The component whose turn it is."""
        return self.parts[self.place - 1].component


def joint_view(connection: sa.Connection, joint: JointRollout) -> JointView:
    """The view of a joint rollout."""
    found = rollouts.members(connection, joint.id)
    return JointView(
        id=joint.id,
        release=joint.release,
        environment=joint.environment,
        state=joint.state,
        place=joint.place + 1,
        parts=tuple(_part(number, name, found) for number, name in enumerate(joint.sequence, start=1)),
        started_at=joint.started_at,
        started_by=joint.started_by.person,
        ended_at=joint.ended_at,
        due_at=joint.due_at,
        because=joint.because,
        back_by=joint.back_by.person if joint.back_by else "",
    )


def _part(place: int, component: str, found: list[Rollout]) -> PartView:
    mine = [one for one in found if one.component == component]
    forward = next((one for one in mine if one.direction is Direction.FORWARD), None)
    if forward is None:
        return PartView(place, component, TO_COME, "", "", "", "", "")
    back = next((one for one in reversed(mine) if one.reverses == forward.id), None)
    # A way back that waits for a person is what is to be seen, and not that its rollout is being taken back.
    acting = back if back is not None and forward.state is RolloutState.REVERSING else forward
    state = forward.state if acting is forward or acting.state is RolloutState.RUNNING else acting.state
    return PartView(
        place=place,
        component=component,
        state=state.value,
        source=forward.source.version if forward.source else ABSENT,
        target=forward.target.version if forward.target else ABSENT,
        rollout=forward.id,
        back=back.id if back else "",
        because=acting.because,
    )


def joint_views(connection: sa.Connection, release: str | None = None, *, over: bool = True) -> list[JointView]:
    """The joint rollouts (of a release), the newest first; ``over``: those that have ended among them."""
    found = joint_rollouts.find(connection, release=release, states=None if over else UNDER_WAY)
    return [joint_view(connection, joint) for joint in found]
