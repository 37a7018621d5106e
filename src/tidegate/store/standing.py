"""What runs everywhere, by the record: the last version that was found good, and what rollouts under way carry."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.rollout import ACTIVE, Direction, RolloutState
from tidegate.store import tables

_MOVING = (*ACTIVE, RolloutState.REVERSING)


@dataclass(frozen=True, slots=True)
class Standing:
    """A version that stands in an environment, or that a rollout under way carries there or takes away.

    ``version`` empty: none. ``policy`` is the digest of the policy that the release was opened under which brought it;
    empty where it was adopted, or where nobody knows.
    """

    component: str
    environment: str
    version: str
    policy: str


def standing(connection: sa.Connection) -> tuple[Standing, ...]:
    """Everything that stands, each version once, in an order.

    A component that was never carried to an environment, nor adopted there, is not among them: nobody knows what runs.
    """
    versions: dict[tuple[str, str, str], str] = {}
    for row in connection.execute(_newest()):
        place = (row.component, row.environment)
        brought = _policy_of(connection, row)
        versions[(*place, row.to_version)] = brought or versions.get((*place, row.to_version), "")
        if row.state != RolloutState.SUCCEEDED.value:
            versions.setdefault((*place, row.from_version), "")
    return tuple(Standing(*place, policy) for place, policy in sorted(versions.items()))


@cache
def _newest() -> sa.Select[Any]:
    """For each component and environment: the last rollout that succeeded, by its token, and all that are under way."""
    table, release = tables.rollout, tables.release
    settled = table.c.state == RolloutState.SUCCEEDED.value
    place = sa.func.row_number().over(
        partition_by=(table.c.component, table.c.environment, settled),
        # Tokens only ever rise: a clock that was set back must not turn the history around.
        order_by=(table.c.epoch.desc(), table.c.counter.desc(), table.c.started_at.desc(), table.c.id.desc()),
    )
    of = (table.c.component, table.c.environment, table.c.state, table.c.direction)
    versions = (table.c.from_version, table.c.to_version, table.c.to_package)
    states = [RolloutState.SUCCEEDED, *_MOVING]
    inner = (
        sa.select(*of, *versions, release.c.policy, place.label("place"))
        .join_from(table, release, release.c.id == table.c.release, isouter=True)
        .where(table.c.state.in_(sorted(state.value for state in states)))
        .subquery()
    )
    rank = inner.c.state == RolloutState.SUCCEEDED.value
    newest_first = sa.select(inner).where(sa.or_(inner.c.place == 1, sa.not_(rank)))
    return newest_first.order_by(inner.c.component, inner.c.environment, sa.desc(rank))


def _policy_of(connection: sa.Connection, row: Any) -> str:
    """Under which policy the release was opened that brought the version to which a rollout leads."""
    if row.direction != Direction.BACK.value:
        return row.policy or ""
    table, release = tables.rollout, tables.release
    brought = (
        sa.select(release.c.policy)
        .join_from(table, release, release.c.id == table.c.release)
        .where(
            table.c.component == row.component,
            table.c.environment == row.environment,
            table.c.direction == Direction.FORWARD.value,
            table.c.to_version == row.to_version,
            table.c.to_package == row.to_package,
        )
        .order_by(table.c.epoch.desc(), table.c.counter.desc())
        .limit(1)
    )
    return connection.execute(brought).scalar() or ""
