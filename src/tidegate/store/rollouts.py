"""Rollouts, their effects and their watches: rows that say how far everything is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.effect import EFFECT, Act, Effect, EffectEvent, EffectState, Package, Share, Token
from tidegate.core.facts import Done, Verified
from tidegate.core.rollout import ACTIVE, ROLLOUT, Direction, RolloutEvent, RolloutState
from tidegate.core.wave import Wave
from tidegate.errors import ConflictError, NotFoundError
from tidegate.store import contents, dues, tables
from tidegate.store.releases import actor_of, actor_record


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout as it is kept. ``source`` is what ran before it, ``target`` what is to run; None is *absent*.

    ``statement`` is the digest of what ``started_by`` signed; empty where they came otherwise. ``joint`` is the joint
    rollout that it is part of; empty where it is part of none.
    """

    id: str
    release: str
    component: str
    environment: str
    direction: Direction
    state: RolloutState
    subject: str
    granted: str
    source: Package | None
    target: Package | None
    waves: tuple[Wave, ...]
    wave: int
    token: Token
    legs: int
    started_at: datetime
    started_by: Actor
    ended_at: datetime | None = None
    due_at: datetime | None = None
    because: str = ""
    reverses: str = ""
    statement: str = ""
    signature: str = ""
    joint: str = ""

    @property
    def is_last_wave(self) -> bool:
        """Whether no wave follows the present one."""
        return self.wave >= len(self.waves) - 1


@dataclass(frozen=True, slots=True)
class EffectRow:
    """An effect and where it stands."""

    effect: Effect
    wave: int
    state: EffectState
    intended_at: datetime
    dispatched_at: datetime | None = None
    ended_at: datetime | None = None
    detail: str = ""


def package_of(version: str, digest: str) -> Package | None:
    """A package from its columns; an empty version is *absent*."""
    return Package(version, digest) if version else None


def insert(connection: sa.Connection, rollout: Rollout) -> None:
    """Record a rollout that was just decided.

    Raises:
        ConflictError: another rollout of this component is active in this environment.
    """
    row: dict[str, object] = {
        "id": rollout.id,
        "release": rollout.release or None,
        "component": rollout.component,
        "environment": rollout.environment,
        "direction": rollout.direction.value,
        "state": rollout.state.value,
        "subject": rollout.subject,
        "granted": rollout.granted,
        "from_version": rollout.source.version if rollout.source else "",
        "from_package": rollout.source.digest if rollout.source else "",
        "to_version": rollout.target.version if rollout.target else "",
        "to_package": rollout.target.digest if rollout.target else "",
        "waves": [_wave_record(wave) for wave in rollout.waves],
        "wave": rollout.wave,
        "epoch": rollout.token.epoch,
        "counter": rollout.token.counter,
        "legs": rollout.legs,
        "started_at": rollout.started_at,
        "started_by": actor_record(rollout.started_by),
        "ended_at": rollout.ended_at,
        "due_at": rollout.due_at,
        "because": rollout.because,
        "reverses": rollout.reverses or None,
        "statement": rollout.statement,
        "signature": rollout.signature,
        "joint": rollout.joint or None,
    }
    if not contents.insert_once(connection, tables.rollout, row):
        raise ConflictError(
            f"another rollout of {rollout.component} is under way in {rollout.environment}",
            remedy=f"tidegate rollout list --component {rollout.component} --environment {rollout.environment}",
        )


def _rollout(row: Any) -> Rollout:
    return Rollout(
        id=row.id,
        release=row.release or "",
        component=row.component,
        environment=row.environment,
        direction=Direction(row.direction),
        state=RolloutState(row.state),
        subject=row.subject,
        granted=row.granted,
        source=package_of(row.from_version, row.from_package),
        target=package_of(row.to_version, row.to_package),
        waves=tuple(_wave(wave) for wave in row.waves),
        wave=row.wave,
        token=Token(row.epoch, row.counter),
        legs=row.legs,
        started_at=row.started_at,
        started_by=actor_of(row.started_by),
        ended_at=row.ended_at,
        due_at=row.due_at,
        because=row.because,
        reverses=row.reverses or "",
        statement=row.statement,
        signature=row.signature,
        joint=row.joint or "",
    )


def _wave_record(wave: Wave) -> object:
    return {
        "units": list(wave.units),
        "share": [wave.share.of, wave.share.points] if wave.share else None,
        "watched": wave.watched,
        "lasts": wave.lasts.total_seconds() if wave.lasts is not None else None,
        "stays": wave.stays,
        "asks": wave.asks,
    }


def _wave(record: Any) -> Wave:
    if isinstance(record, list):
        return Wave(tuple(record))  # as it was kept before anything but units was in a wave
    lasts = record["lasts"]
    return Wave(
        units=tuple(record["units"]),
        share=Share(*record["share"]) if record["share"] else None,
        watched=record["watched"],
        lasts=timedelta(seconds=lasts) if lasts is not None else None,
        stays=record["stays"],
        asks=record["asks"],
    )


# Built once: a wave loads its rollout several times, and building the statement costs more than running it.
_BY_ID = sa.select(tables.rollout).where(tables.rollout.c.id == sa.bindparam("rollout"))
_BY_ID_LOCKED = _BY_ID.with_for_update(key_share=True)


def load(connection: sa.Connection, rollout: str, *, lock: bool = False) -> Rollout:
    """The rollout of that id.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_BY_ID_LOCKED if lock else _BY_ID, {"rollout": rollout}).first()
    if row is None:
        raise NotFoundError(f'there is no rollout "{rollout}"', remedy="tidegate rollout list")
    return _rollout(row)


def find(
    connection: sa.Connection,
    *,
    component: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    states: Sequence[RolloutState] | None = None,
) -> list[Rollout]:
    """Rollouts that fit all that is given, the newest first.

    Those of one component in one environment are ordered by their tokens, which only ever rise: a clock that was set
    back must not turn the history around.
    """
    table = tables.rollout
    by_token = (table.c.epoch.desc(), table.c.counter.desc()) if component and environment else ()
    query = sa.select(table).order_by(*by_token, table.c.started_at.desc(), table.c.id.desc())
    for column, value in (
        (table.c.component, component),
        (table.c.environment, environment),
        (table.c.release, release),
    ):
        if value is not None:
            query = query.where(column == value)
    if states is not None:
        query = query.where(table.c.state.in_([state.value for state in states]))
    return [_rollout(row) for row in connection.execute(query)]


def count(connection: sa.Connection, release: str, environment: str) -> int:
    """How many rollouts of a release to an environment there were."""
    return int(connection.execute(_count(), {"release": release, "environment": environment}).scalar_one())


@cache
def _count() -> sa.Select[int]:
    table = tables.rollout
    here = (table.c.release == sa.bindparam("release")) & (table.c.environment == sa.bindparam("environment"))
    return sa.select(sa.func.count()).select_from(table).where(here)


def members(connection: sa.Connection, joint: str) -> list[Rollout]:
    """The rollouts that are part of a joint rollout, those that take back among them, the oldest first."""
    table = tables.rollout
    query = sa.select(table).where(table.c.joint == joint).order_by(table.c.started_at, table.c.id)
    return [_rollout(row) for row in connection.execute(query)]


def active(connection: sa.Connection, component: str, environment: str) -> Rollout | None:
    """The rollout that owns this component in this environment, if any."""
    row = connection.execute(_active(), {"component": component, "environment": environment}).first()
    return _rollout(row) if row else None


@cache
def _active() -> sa.Select[Any]:
    table = tables.rollout
    here = (table.c.component == sa.bindparam("component")) & (table.c.environment == sa.bindparam("environment"))
    # Of these there is one at most: a unique index sees to it.
    return sa.select(table).where(here, table.c.state.in_(sorted(state.value for state in ACTIVE)))


def move(
    connection: sa.Connection, rollout: Rollout, event: RolloutEvent, now: datetime, **changes: object
) -> RolloutState:
    """Take a rollout to the state that ``event`` leads to, and record ``changes`` with it.

    Raises:
        TransitionError: its state does not take this event; nothing has changed.
        ConflictError: somebody else moved it meanwhile.
    """
    following = ROLLOUT.next(rollout.state, event)
    table = tables.rollout
    values: dict[str, object] = {"due_at": None, **changes, "state": following.value}
    if following not in ACTIVE and following is not RolloutState.REVERSING:
        values["ended_at"] = now
    changed = connection.execute(
        _change(tuple(values)).where(table.c.state == rollout.state.value, table.c.legs == rollout.legs),
        {"of": rollout.id, **values},
    )
    if changed.rowcount != 1:
        raise ConflictError(f"rollout {rollout.id} was moved by somebody else", remedy="look again, then repeat")
    return following


def change(connection: sa.Connection, rollout: str, **changes: object) -> None:
    """Record what does not move the rollout."""
    connection.execute(_change(tuple(changes)), {"of": rollout, **changes})


@lru_cache(maxsize=64)
def _change(columns: tuple[str, ...]) -> sa.Update:
    changes: dict[str, sa.BindParameter[object]] = {name: sa.bindparam(name) for name in columns}
    return sa.update(tables.rollout).where(tables.rollout.c.id == sa.bindparam("of")).values(changes)


def lengthen(connection: sa.Connection, rollout: Rollout) -> None:
    """Record the waves anew: some were added behind those that were there."""
    change(connection, rollout.id, waves=[_wave_record(wave) for wave in rollout.waves])


def due(connection: sa.Connection, now: datetime, limit: int = 50) -> list[str]:
    """The ids of the rollouts that somebody has to look at, the longest overdue first."""
    return dues.due(connection, tables.rollout, now, limit)


def next_due(connection: sa.Connection) -> datetime | None:
    """When somebody has to look at a rollout next."""
    return dues.next_due(connection, tables.rollout)


def claim_due(connection: sa.Connection, rollout: str, now: datetime, until: datetime) -> bool:
    """Claim a due rollout for this sweep, by moving its due time ahead; whether it was ours to claim."""
    return dues.claim(connection, tables.rollout, rollout, now, until)


def add_effects(
    connection: sa.Connection, wave: int, effects: Sequence[Effect], now: datetime, *, dispatched: bool = False
) -> list[EffectRow]:
    """Record effects as intended, or as dispatched by whoever acts as soon as this is committed; in their order."""
    state = EffectState.DISPATCHED if dispatched else EffectState.INTENDED
    rows = [EffectRow(effect, wave, state, now, now if dispatched else None) for effect in effects]
    if rows:
        connection.execute(_ADD_EFFECTS, [_effect_record(row) for row in rows])
    return rows


_ADD_EFFECTS = sa.insert(tables.effect)


def _effect_record(row: EffectRow) -> dict[str, object]:
    effect = row.effect
    return {
        "key": effect.key,
        "rollout": effect.rollout,
        "wave": row.wave,
        "unit": effect.unit,
        "attempt": effect.attempt,
        "act": effect.act.value,
        "state": row.state.value,
        "version": effect.to.version if effect.to else "",
        "package": effect.to.digest if effect.to else "",
        "previous_version": effect.previous.version if effect.previous else "",
        "previous_package": effect.previous.digest if effect.previous else "",
        "share_of": effect.share.of if effect.share else "",
        "share_points": effect.share.points if effect.share else None,
        "intended_at": row.intended_at,
        "dispatched_at": row.dispatched_at,
        "detail": row.detail,
    }


_EFFECTS = (
    sa.select(tables.effect)
    .where(tables.effect.c.rollout == sa.bindparam("rollout"))
    .order_by(tables.effect.c.wave, tables.effect.c.unit, tables.effect.c.attempt)
)
_EFFECTS_OF_WAVE = _EFFECTS.where(tables.effect.c.wave == sa.bindparam("wave"))


def effects_of(connection: sa.Connection, rollout: Rollout, wave: int | None = None) -> list[EffectRow]:
    """The effects of a rollout (of one of its waves), in order."""
    if wave is None:
        rows = connection.execute(_EFFECTS, {"rollout": rollout.id})
    else:
        rows = connection.execute(_EFFECTS_OF_WAVE, {"rollout": rollout.id, "wave": wave})
    return [_effect(rollout, row) for row in rows]


def _effect(rollout: Rollout, row: Any) -> EffectRow:
    effect = Effect(
        rollout=row.rollout,
        step=step_of(row.wave),
        unit=row.unit,
        attempt=row.attempt,
        component=rollout.component,
        environment=rollout.environment,
        act=Act(row.act),
        to=package_of(row.version, row.package),
        previous=package_of(row.previous_version, row.previous_package),
        share=Share(row.share_of, row.share_points) if row.share_of else None,
    )
    return EffectRow(
        effect, row.wave, EffectState(row.state), row.intended_at, row.dispatched_at, row.ended_at, row.detail
    )


def step_of(wave: int) -> str:
    """The name of a wave's step in keys: waves count from 1 for people."""
    return f"wave-{wave + 1}"


def move_effect(
    connection: sa.Connection, row: EffectRow, event: EffectEvent, now: datetime, detail: str = ""
) -> EffectRow:
    """Take an effect to the state that ``event`` leads to.

    Raises:
        TransitionError: its state does not take this event.
        ConflictError: somebody else moved it meanwhile.
    """
    moved, all_were_ours = move_effects(connection, [(row, event, detail)], now)
    if not all_were_ours:
        raise ConflictError(f"effect {row.effect.key} was moved by somebody else", remedy="look again, then repeat")
    return moved[0]


def move_effects(
    connection: sa.Connection, moves: Sequence[tuple[EffectRow, EffectEvent, str]], now: datetime
) -> tuple[list[EffectRow], bool]:
    """Take effects to the states that their events lead to, in one statement; each with its detail.

    What somebody else moved meanwhile stays as they left it; the second value says whether there was none of that.

    Raises:
        TransitionError: the state of one does not take its event.
    """
    moved = [_moved(row, event, detail, now) for row, event, detail in moves]
    if not moved:
        return [], True
    known = [_move_record(before, after) for (before, _, _), after in zip(moves, moved, strict=True)]
    if len(moved) <= _AT_ONCE and all(record == known[0] for record in known):
        keys = [row.effect.key for row in moved]
        return moved, connection.execute(_move_all(), {**known[0], "keys": keys}).rowcount == len(moved)
    each = [{**record, "of": row.effect.key} for record, row in zip(known, moved, strict=True)]
    return moved, connection.execute(_move_each(), each).rowcount == len(moved)


_AT_ONCE = 1000
"""How many keys one statement names at most: databases take so many parameters and no more."""


def _move_record(before: EffectRow, after: EffectRow) -> dict[str, object]:
    return {
        "was": before.state.value,
        "state": after.state.value,
        "dispatched_at": after.dispatched_at,
        "ended_at": after.ended_at,
        "detail": after.detail,
    }


@cache
def _move_all() -> sa.Update:
    return _move().where(tables.effect.c.key.in_(sa.bindparam("keys", expanding=True)))


@cache
def _move_each() -> sa.Update:
    return _move().where(tables.effect.c.key == sa.bindparam("of"))


def _move() -> sa.Update:
    columns = ("state", "dispatched_at", "ended_at", "detail")
    moved: dict[str, sa.BindParameter[object]] = {name: sa.bindparam(name) for name in columns}
    return sa.update(tables.effect).where(tables.effect.c.state == sa.bindparam("was")).values(moved)


def _moved(row: EffectRow, event: EffectEvent, detail: str, now: datetime) -> EffectRow:
    following = EFFECT.next(row.state, event)
    dispatched = now if following is EffectState.DISPATCHED else row.dispatched_at
    ended = None if following in (EffectState.DISPATCHED, EffectState.UNKNOWN) else now
    return EffectRow(row.effect, row.wave, following, row.intended_at, dispatched, ended, detail[:_LONGEST_DETAIL])


_LONGEST_DETAIL = 2000


def verified(connection: sa.Connection, components: Sequence[str]) -> tuple[Verified, ...]:
    """What was found good where: adopted, or carried there by a rollout that succeeded and was not reversed since."""
    return tuple(
        Verified(row.component, row.environment, row.to_version, row.subject, row.ended_at)
        for row in connection.execute(_verified(), {"components": list(components)})
    )


@cache
def _verified() -> sa.Select[Any]:
    table = tables.rollout
    return (
        sa.select(table.c.component, table.c.environment, table.c.to_version, table.c.subject, table.c.ended_at)
        .where(
            table.c.component.in_(sa.bindparam("components", expanding=True)),
            table.c.state == RolloutState.SUCCEEDED.value,
            table.c.direction != Direction.BACK.value,
        )
        .order_by(table.c.ended_at, table.c.id)
    )


def done(connection: sa.Connection, components: Sequence[str]) -> tuple[Done, ...]:
    """The newest release of each type that each of these components had in each environment, found good there."""
    newest: dict[tuple[str, str, str], Done] = {}
    for row in connection.execute(_done(), {"components": list(components)}):
        newest[row.component, row.type, row.environment] = Done(*row)
    return tuple(newest.values())


@cache
def _done() -> sa.Select[Any]:
    rollout, release = tables.rollout, tables.release
    return (
        sa.select(rollout.c.component, release.c.type, rollout.c.environment, release.c.id, rollout.c.started_at)
        .join(release, release.c.id == rollout.c.release)
        .where(
            rollout.c.component.in_(sa.bindparam("components", expanding=True)),
            rollout.c.state == RolloutState.SUCCEEDED.value,
            rollout.c.direction == Direction.FORWARD.value,
        )
        .order_by(rollout.c.started_at, rollout.c.id)
    )


def last_good(connection: sa.Connection, component: str, environment: str) -> Rollout | None:
    """The rollout whose version stands there now: carried there (or adopted), found good, and not taken back since.

    After a rollback to an earlier version that is the rollout which had brought that one, even where others of later
    versions were found good in between.
    """
    last = last_ended(connection, component, environment)
    if last is None or last.direction is not Direction.BACK:
        return last
    returned_to = last.target
    found = find(connection, component=component, environment=environment, states=[RolloutState.SUCCEEDED])
    brought = (r for r in found if r.direction is not Direction.BACK and r.target is not None)
    return next((r for r in brought if r.target and r.target.same_as(returned_to)), None)


def last_ended(connection: sa.Connection, component: str, environment: str) -> Rollout | None:
    """The rollout, forward or back, that was the last to be carried to its end there: how it left the traffic."""
    row = connection.execute(_last_ended(), {"component": component, "environment": environment}).first()
    return _rollout(row) if row else None


@cache
def _last_ended() -> sa.Select[Any]:
    table = tables.rollout
    return (
        sa.select(table)
        .where(
            table.c.component == sa.bindparam("component"),
            table.c.environment == sa.bindparam("environment"),
            table.c.state == RolloutState.SUCCEEDED.value,
        )
        .order_by(table.c.epoch.desc(), table.c.counter.desc(), table.c.started_at.desc(), table.c.id.desc())
        .limit(1)
    )


@dataclass(frozen=True, slots=True)
class WatchRow:
    """A watch as it is kept: both detectors' states, the last samples by unit, and until when it waits.

    ``whole`` sees the whole rollout and takes back; ``checkpoint`` begins anew with each wave and promotes.
    """

    rollout: str
    wave: int
    whole: Mapping[str, Any]
    checkpoint: Mapping[str, Any]
    samples: Mapping[str, Any]
    started_at: datetime
    ends_at: datetime
    said: str = ""


def save_watch(connection: sa.Connection, watch: WatchRow) -> None:
    """Record how far a watch is, or that it has begun."""
    table = tables.watch
    values = {
        "wave": watch.wave,
        "whole": dict(watch.whole),
        "checkpoint": dict(watch.checkpoint),
        "samples": dict(watch.samples),
        "started_at": watch.started_at,
        "ends_at": watch.ends_at,
        "said": watch.said[:2000],
    }
    changed = connection.execute(sa.update(table).where(table.c.rollout == watch.rollout).values(**values))
    if changed.rowcount == 0:
        connection.execute(sa.insert(table).values(rollout=watch.rollout, **values))


def watch_of(connection: sa.Connection, rollout: str) -> WatchRow | None:
    """The watch of a rollout, if it has begun."""
    table = tables.watch
    row = connection.execute(sa.select(table).where(table.c.rollout == rollout)).first()
    return WatchRow(**row._asdict()) if row else None
