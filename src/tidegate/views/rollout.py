"""A rollout for people: how far it is, unit by unit, and what its watch says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.effect import EffectState
from tidegate.core.migration.way_back import Consequence
from tidegate.core.rollout import ACTIVE, Direction, RolloutState
from tidegate.orchestration.migration import declares, way_back
from tidegate.store import policies, rollouts
from tidegate.store.rollouts import EffectRow, Rollout

ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class UnitView:
    """What became of one unit: its newest effect."""

    unit: str
    wave: int
    state: EffectState
    act: str
    attempt: int
    intended_at: datetime
    dispatched_at: datetime | None
    ended_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class WatchView:
    """How far the watch is."""

    started_at: datetime
    ends_at: datetime
    said: str


@dataclass(frozen=True, slots=True)
class RolloutView:
    """What ``tidegate rollout show`` answers; waves and units in them count from 1 and are in order."""

    id: str
    release: str
    component: str
    environment: str
    direction: Direction
    state: RolloutState
    source: str
    target: str
    package: str
    wave: int
    waves: tuple[tuple[str, ...], ...]
    units: tuple[UnitView, ...]
    watch: WatchView | None
    token: str
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    because: str
    reverses: str
    reversed_by: str
    back: Consequence | None = None


def rollout_view(connection: sa.Connection, rollout: Rollout) -> RolloutView:
    """The view of a rollout."""
    watch = rollouts.watch_of(connection, rollout.id)
    return RolloutView(
        id=rollout.id,
        release=rollout.release,
        component=rollout.component,
        environment=rollout.environment,
        direction=rollout.direction,
        state=rollout.state,
        source=rollout.source.version if rollout.source else ABSENT,
        target=rollout.target.version if rollout.target else ABSENT,
        package=rollout.target.digest if rollout.target else "",
        wave=rollout.wave + 1,
        waves=tuple(wave.units if wave.share is None else (str(wave.share),) for wave in rollout.waves),
        units=_units(rollout, rollouts.effects_of(connection, rollout)),
        watch=WatchView(watch.started_at, watch.ends_at, watch.said) if watch else None,
        token=str(rollout.token),
        started_at=rollout.started_at,
        started_by=rollout.started_by.person,
        ended_at=rollout.ended_at,
        because=rollout.because,
        reverses=rollout.reverses,
        reversed_by=_reversed_by(connection, rollout),
        back=_back(connection, rollout),
    )


def _back(connection: sa.Connection, rollout: Rollout) -> Consequence | None:
    """What going back from it would mean, by what it brought; None where it does not stand, or has no database."""
    policy = policies.current(connection).policy
    standing = rollout.state in (*ACTIVE, RolloutState.SUCCEEDED) and rollout.direction is Direction.FORWARD
    if not standing or rollout.source is None or not declares(policy, rollout.component):
        return None
    return way_back(connection, policy, rollout, rollout.source)


def _units(rollout: Rollout, rows: Sequence[EffectRow]) -> tuple[UnitView, ...]:
    newest = {(row.wave, row.effect.unit): row for row in rows}
    order = {unit: place for place, unit in enumerate(unit for wave in rollout.waves for unit in wave.units)}
    ordered = sorted(newest.values(), key=lambda row: (row.wave, order.get(row.effect.unit, 0)))
    return tuple(
        UnitView(
            unit=row.effect.unit,
            wave=row.wave + 1,
            state=row.state,
            act=row.effect.act.value,
            attempt=row.effect.attempt,
            intended_at=row.intended_at,
            dispatched_at=row.dispatched_at,
            ended_at=row.ended_at,
            detail=row.detail,
        )
        for row in ordered
    )


def _reversed_by(connection: sa.Connection, rollout: Rollout) -> str:
    if rollout.direction is Direction.BACK:
        return ""
    found = rollouts.find(connection, component=rollout.component, environment=rollout.environment)
    return next((other.id for other in found if other.reverses == rollout.id), "")
