"""Joint rollouts: rows that say how far the rollouts of a release's components are as a whole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.joint_rollout import JOINT_ROLLOUT, UNDER_WAY, JointEvent, JointState
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import contents, dues, tables
from tidegate.store.releases import actor_of, actor_record


@dataclass(frozen=True, slots=True)
class JointRollout:
    """A joint rollout as it is kept. ``sequence`` are its components in their order, ``place`` counts from 0.

    ``back_of`` is the component for whose sake it is taken back; empty: it is taken back as a whole.
    """

    id: str
    release: str
    environment: str
    state: JointState
    sequence: tuple[str, ...]
    place: int
    granted: str
    started_at: datetime
    started_by: Actor
    strategy: str = ""
    statement: str = ""
    signature: str = ""
    ended_at: datetime | None = None
    due_at: datetime | None = None
    because: str = ""
    back_of: str = ""
    back_by: Actor | None = None
    accepts_data_loss: bool = False

    @property
    def is_last(self) -> bool:
        """Whether no component comes after the present one."""
        return self.place >= len(self.sequence) - 1


def insert(connection: sa.Connection, joint: JointRollout) -> None:
    """Record a joint rollout that was just decided.

    Raises:
        ConflictError: one of this release is under way in this environment.
    """
    row: dict[str, object] = {
        "id": joint.id,
        "release": joint.release,
        "environment": joint.environment,
        "state": joint.state.value,
        "sequence": list(joint.sequence),
        "place": joint.place,
        "strategy": joint.strategy,
        "granted": joint.granted,
        "started_at": joint.started_at,
        "started_by": actor_record(joint.started_by),
        "statement": joint.statement,
        "signature": joint.signature,
        "due_at": joint.due_at,
        "because": joint.because,
        "back_of": joint.back_of,
        "accepts_data_loss": joint.accepts_data_loss,
    }
    if not contents.insert_once(connection, tables.joint_rollout, row):
        raise ConflictError(
            f"a rollout of {joint.release} is under way in {joint.environment}",
            remedy=f"tidegate release show {joint.release}",
        )


def _joint(row: Any) -> JointRollout:
    values = row._asdict()
    values |= {
        "state": JointState(row.state),
        "sequence": tuple(row.sequence),
        "started_by": actor_of(row.started_by),
        "back_by": actor_of(row.back_by) if row.back_by else None,
    }
    return JointRollout(**values)


def load(connection: sa.Connection, joint: str, *, lock: bool = False) -> JointRollout:
    """The joint rollout of that id.

    Raises:
        NotFoundError: there is none.
    """
    found = known(connection, joint, lock=lock)
    if found is None:
        raise NotFoundError(f'there is no rollout "{joint}"', remedy="tidegate rollout list")
    return found


def known(connection: sa.Connection, joint: str, *, lock: bool = False) -> JointRollout | None:
    """The joint rollout of that id, if there is one."""
    query = sa.select(tables.joint_rollout).where(tables.joint_rollout.c.id == joint)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return _joint(row) if row else None


def find(
    connection: sa.Connection,
    *,
    release: str | None = None,
    environment: str | None = None,
    states: Collection[JointState] | None = None,
) -> list[JointRollout]:
    """The joint rollouts that fit, the newest first."""
    table = tables.joint_rollout
    query = sa.select(table).order_by(table.c.started_at.desc(), table.c.id.desc())
    for column, value in ((table.c.release, release), (table.c.environment, environment)):
        if value is not None:
            query = query.where(column == value)
    if states is not None:
        query = query.where(table.c.state.in_(sorted(state.value for state in states)))
    return [_joint(row) for row in connection.execute(query)]


def under_way_with(connection: sa.Connection, component: str, environment: str) -> JointRollout | None:
    """The joint rollout under way in an environment that carries a component, if there is one."""
    found = find(connection, environment=environment, states=UNDER_WAY)
    return next((joint for joint in found if component in joint.sequence), None)


def move(
    connection: sa.Connection, joint: JointRollout, event: JointEvent, now: datetime, **changes: object
) -> JointState:
    """Take a joint rollout to the state that ``event`` leads to, and record ``changes`` with it.

    Raises:
        TransitionError: its state does not take this event; nothing has changed.
        ConflictError: somebody else moved it meanwhile.
    """
    following = JOINT_ROLLOUT.next(joint.state, event)
    table = tables.joint_rollout
    values: dict[str, object] = {"due_at": None, **changes, "state": following.value}
    values["ended_at"] = None if following in UNDER_WAY else now
    changed = connection.execute(
        sa.update(table).where(table.c.id == joint.id, table.c.state == joint.state.value).values(**values)
    )
    if changed.rowcount != 1:
        raise ConflictError(f"rollout {joint.id} was moved by somebody else", remedy="look again, then repeat")
    return following


def change(connection: sa.Connection, joint: str, **changes: object) -> None:
    """Record what does not move it."""
    connection.execute(sa.update(tables.joint_rollout).where(tables.joint_rollout.c.id == joint).values(**changes))


def due(connection: sa.Connection, now: datetime, limit: int = 50) -> list[str]:
    """The ids of those that somebody has to look at, the longest overdue first."""
    return dues.due(connection, tables.joint_rollout, now, limit)


def next_due(connection: sa.Connection) -> datetime | None:
    """When somebody has to look at one next."""
    return dues.next_due(connection, tables.joint_rollout)


def claim(connection: sa.Connection, joint: str, now: datetime, until: datetime) -> bool:
    """Claim one that is due by moving its due time ahead; whether it was ours to claim."""
    return dues.claim(connection, tables.joint_rollout, joint, now, until)


def postpone(connection: sa.Connection, joint: str, due_at: datetime, because: str, *, claimed_until: datetime) -> None:
    """Record why the next component waits, and until when the rules need not be asked again.

    Args:
        claimed_until: what :func:`claim` set. Where it is another now, something changed while it was asked: then it is
            due at once again, and stays so.
    """
    table = tables.joint_rollout
    unchanged = sa.case((table.c.due_at == claimed_until, sa.literal(due_at, tables.Instant)), else_=table.c.due_at)
    connection.execute(
        sa.update(table)
        .where(table.c.id == joint, table.c.state.in_([JointState.WAITING.value, JointState.RETURNING.value]))
        .values(because=because[:2000], due_at=unchanged)
    )


def touch(connection: sa.Connection, release: str | None, now: datetime) -> bool:
    """Something about the release (None: all) changed: what waits is asked again at once. Whether anything does."""
    table = tables.joint_rollout
    waits = table.c.state == JointState.WAITING.value
    concerned = waits if release is None else waits & (table.c.release == release)
    return connection.execute(sa.update(table).where(concerned).values(due_at=now)).rowcount > 0
