"""Rollouts, their effects and their watches: rows that say how far everything is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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


def members(connection: sa.Connection, joint: str) -> list[Rollout]:
    """The rollouts that are part of a joint rollout, those that take back among them, the oldest first."""
    table = tables.rollout
    query = sa.select(table).where(table.c.joint == joint).order_by(table.c.started_at, table.c.id)
    return [_rollout(row) for row in connection.execute(query)]


def active(connection: sa.Connection, component: str, environment: str) -> Rollout | None:
    """The rollout that owns this component in this environment, if any."""
    found = find(connection, component=component, environment=environment, states=sorted(ACTIVE))
    return found[0] if found else None


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
        sa.update(table)
        .where(table.c.id == rollout.id, table.c.state == rollout.state.value, table.c.legs == rollout.legs)
        .values(**values)
    )
    if changed.rowcount != 1:
        raise ConflictError(f"rollout {rollout.id} was moved by somebody else", remedy="look again, then repeat")
    return following


def change(connection: sa.Connection, rollout: str, **changes: object) -> None:
    """Record what does not move the rollout."""
    connection.execute(sa.update(tables.rollout).where(tables.rollout.c.id == rollout).values(**changes))


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


def add_effects(connection: sa.Connection, wave: int, effects: Sequence[Effect], now: datetime) -> None:
    """Record effects as intended."""
    if not effects:
        return
    connection.execute(
        sa.insert(tables.effect),
        [
            {
                "key": effect.key,
                "rollout": effect.rollout,
                "wave": wave,
                "unit": effect.unit,
                "attempt": effect.attempt,
                "act": effect.act.value,
                "state": EffectState.INTENDED.value,
                "version": effect.to.version if effect.to else "",
                "package": effect.to.digest if effect.to else "",
                "previous_version": effect.previous.version if effect.previous else "",
                "previous_package": effect.previous.digest if effect.previous else "",
                "share_of": effect.share.of if effect.share else "",
                "share_points": effect.share.points if effect.share else None,
                "intended_at": now,
                "detail": "",
            }
            for effect in effects
        ],
    )


def effects_of(connection: sa.Connection, rollout: Rollout, wave: int | None = None) -> list[EffectRow]:
    """The effects of a rollout (of one of its waves), in order."""
    table = tables.effect
    query = sa.select(table).where(table.c.rollout == rollout.id)
    if wave is not None:
        query = query.where(table.c.wave == wave)
    rows = connection.execute(query.order_by(table.c.wave, table.c.unit, table.c.attempt))
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
    known = [
        {
            "of": after.effect.key,
            "was": before.state.value,
            "state": after.state.value,
            "dispatched_at": after.dispatched_at,
            "ended_at": after.ended_at,
            "detail": after.detail[:2000],
        }
        for (before, _, _), after in zip(moves, moved, strict=True)
    ]
    table = tables.effect
    columns: dict[str, sa.BindParameter[object]] = {
        name: sa.bindparam(name) for name in ("state", "dispatched_at", "ended_at", "detail")
    }
    update = sa.update(table).where(table.c.key == sa.bindparam("of"), table.c.state == sa.bindparam("was"))
    return moved, connection.execute(update.values(columns), known).rowcount == len(moved)


def _moved(row: EffectRow, event: EffectEvent, detail: str, now: datetime) -> EffectRow:
    following = EFFECT.next(row.state, event)
    dispatched = now if following is EffectState.DISPATCHED else row.dispatched_at
    ended = None if following in (EffectState.DISPATCHED, EffectState.UNKNOWN) else now
    return EffectRow(row.effect, row.wave, following, row.intended_at, dispatched, ended, detail)


def verified(connection: sa.Connection, components: Sequence[str]) -> tuple[Verified, ...]:
    """What was found good where: adopted, or carried there by a rollout that succeeded and was not reversed since."""
    table = tables.rollout
    query = sa.select(table).where(
        table.c.component.in_(components),
        table.c.state == RolloutState.SUCCEEDED.value,
        table.c.direction != Direction.BACK.value,
    )
    return tuple(
        Verified(row.component, row.environment, row.to_version, row.subject, row.ended_at)
        for row in connection.execute(query.order_by(table.c.ended_at, table.c.id))
    )


def done(connection: sa.Connection, components: Sequence[str]) -> tuple[Done, ...]:
    """The newest release of each type that each of these components had in each environment, found good there."""
    rollout, release = tables.rollout, tables.release
    query = (
        sa.select(rollout.c.component, release.c.type, rollout.c.environment, release.c.id, rollout.c.started_at)
        .join(release, release.c.id == rollout.c.release)
        .where(
            rollout.c.component.in_(components),
            rollout.c.state == RolloutState.SUCCEEDED.value,
            rollout.c.direction == Direction.FORWARD.value,
        )
        .order_by(rollout.c.started_at, rollout.c.id)
    )
    newest: dict[tuple[str, str, str], Done] = {}
    for row in connection.execute(query):
        newest[row.component, row.type, row.environment] = Done(*row)
    return tuple(newest.values())


def last_good(connection: sa.Connection, component: str, environment: str) -> Rollout | None:
    """The rollout whose version stands there now: carried there (or adopted), found good, and not taken back since.

    After a rollback to an earlier version that is the rollout which had brought that one, even where others of later
    versions were found good in between.
    """
    found = find(connection, component=component, environment=environment, states=[RolloutState.SUCCEEDED])
    if not found or found[0].direction is not Direction.BACK:
        return found[0] if found else None
    returned_to = found[0].target
    brought = (r for r in found if r.direction is not Direction.BACK and r.target is not None)
    return next((r for r in brought if r.target and r.target.same_as(returned_to)), None)


def last_ended(connection: sa.Connection, component: str, environment: str) -> Rollout | None:
    """The rollout, forward or back, that was the last to be carried to its end there: how it left the traffic."""
    found = find(connection, component=component, environment=environment, states=[RolloutState.SUCCEEDED])
    return found[0] if found else None


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
