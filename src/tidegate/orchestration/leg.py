"""Carry one wave: dispatch, act, read back, record. The body of every leg.

The order is what makes a crash harmless. *Dispatched* is committed before the target is touched; what the target then
says, not what the call returned, is committed afterwards. Whoever comes again finds *dispatched* and looks before
acting; the key makes a second call to the target do nothing twice, and the token makes a late one do nothing at all.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.effect import (
    EVENT_OF_FINDING,
    EffectEvent,
    EffectState,
    Finding,
    Observation,
    Package,
    Stage,
    judge,
)
from tidegate.core.policy import Policy
from tidegate.core.rollout import Direction, RolloutEvent, RolloutState
from tidegate.drivers.contract import Driver
from tidegate.engine.legs import Json, Leg, LegState
from tidegate.errors import ConflictError, FencedError, StoreError, TargetError, TidegateError
from tidegate.orchestration import homecoming, wayback
from tidegate.orchestration.abreast import AT_ONCE, abreast
from tidegate.orchestration.checkpoint import (
    ASKED,
    BACK_LEG,
    LEG,
    GoingOn,
    effect_on,
    enqueue,
    finish,
    go_on,
    leg_id,
    lock_rollout,
    pause,
    stopped_by_hold,
)
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import Ahead, look_ahead
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.rollback import go_on_back, shift_later, take_back
from tidegate.orchestration.sight import driver_of
from tidegate.orchestration.watching import begin_watch, read_samples, sample_records
from tidegate.store import leases, locks, policies, rollouts
from tidegate.store.rollouts import EffectRow, Rollout

TRIES = 3
"""How often a call is made whose answer was lost and which the unit then says it did not carry out."""

TRY_AGAIN_AFTER_S = 0.3
STAYS_S = 5.0
"""For so long a leg carries one wave after another by itself. A leg of its own costs the engine as much as a wave costs
us; but who has waited for a thread as long as this shall have one."""
DOUBT_AGAIN = timedelta(seconds=1)
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one effect: what its unit said, in words and as a finding."""

    row: EffectRow
    finding: Finding
    detail: str
    seen: Observation | None = None
    begun: bool = True
    """False where the rollout was stopped before its unit's turn came: nothing was asked of it."""


def legs(house: Callable[[], House]) -> dict[str, Callable[[Leg, Json], Json]]:
    """The bodies that the engine runs, by their versioned names; ``house`` is asked when one runs."""

    def carry(leg: Leg, argument: Json) -> Json:
        rollout, number = str(argument["rollout"]), int(argument["leg"])
        result: Json = leg.step("wave", lambda: _carry_or_pause(house(), rollout, number, leg.check))
        return result

    return {LEG: carry, BACK_LEG: carry}


def _carry_or_pause(house: House, rollout_id: str, leg: int, check: Callable[[], None]) -> Json:
    """Carry the wave; what cannot be carried ends in a pause that says why, never in a leg that nobody looks at."""
    begun = time.monotonic()
    try:
        return carry_waves(house, rollout_id, leg, check, lambda: time.monotonic() - begun < STAYS_S)
    except StoreError:
        raise  # waited out, and the step done again
    except TidegateError as error:
        because = f"{error} ({error.remedy})"
    except Exception as error:
        _logger.exception("leg %s of %s failed", leg, rollout_id)
        because = f"Tidegate failed: {type(error).__name__}: {error}"
    with house.database.write() as connection:
        rollout = lock_rollout(connection, rollout_id)
        if rollout.state is RolloutState.RUNNING and rollout.legs == leg:
            pause(connection, rollout, Actor.automation("leg"), house.now(), because)
    return {"paused": because}


def carry_waves(house: House, rollout_id: str, leg: int, check: Callable[[], None], stays: Callable[[], bool]) -> Json:
    """Carry one wave after another to where the rollout waits for something, or is over.

    Args:
        stays: asked between two waves; where it says no, a leg of its own takes the rollout on.
    """
    said, begun = _begin_wave(house, rollout_id, leg)
    while begun is not None:
        check()
        said, begun = _carry_wave(house, begun, stays)
        if begun is None and said.get("state") == RolloutState.RUNNING.value:
            if not stays():
                _hand_over(house, rollout_id, leg)
                return said
            check()
            said, begun = _begin_wave(house, rollout_id, leg)
    return said


@dataclass(frozen=True, slots=True)
class _Begun:
    """A wave whose effects are dispatched, before its units are asked; what was ``again`` may have been asked before.

    ``driver`` is that of the target as ``policy`` has it; ``before_wave`` are the units' counters.
    """

    rollout: Rollout
    policy: Policy
    driver: Driver
    fresh: Sequence[EffectRow]
    again: Sequence[EffectRow] = ()
    before_wave: Mapping[str, Any] = field(default_factory=dict)


def _hand_over(house: House, rollout_id: str, leg: int) -> None:
    """Have another leg carry what comes next; who dies before that is carried again, and hands over then."""
    with house.database.write() as connection:
        rollout = lock_rollout(connection, rollout_id)
        if rollout.state is RolloutState.RUNNING and rollout.legs == leg:
            rollouts.change(connection, rollout.id, legs=leg + 1)
            enqueue(house, connection, rollout, leg + 1)


def _begin_wave(house: House, rollout_id: str, leg: int) -> tuple[Json, _Begun | None]:
    """Dispatch the present wave of a rollout; None, and what is said instead, where there is none to carry."""
    homecoming.bring_home(house)
    with house.database.read() as connection:
        rollout = rollouts.load(connection, rollout_id)
        policy = policies.current(connection).policy
    if rollout.legs != leg or rollout.state is not RolloutState.RUNNING:
        if rollout.legs == leg and rollout.state is RolloutState.PAUSED:
            _read_back(house, driver_of(house, policy, rollout.component, rollout.environment), rollout)
        return {"over": rollout.state.value}, None
    driver = driver_of(house, policy, rollout.component, rollout.environment)
    if rollout.direction is Direction.BACK:
        wayback.leave_if_possible(house, driver, rollout)
    elif refused := _leave_way_back(house, driver, rollout):
        return {"paused": refused}, None
    before_wave = _counters_before(house, driver, policy, rollout)
    fresh, again = _dispatch(house, rollout)
    return {}, _Begun(rollout, policy, driver, fresh, again, before_wave)


def _carry_wave(house: House, begun: _Begun, stays: Callable[[], bool]) -> tuple[Json, _Begun | None]:
    """Carry a wave to where its units are read back; safe to be called again at any point.

    Returns:
        What became of it, and the next wave, where that is dispatched already.
    """
    ready: list[GoingOn] = []

    def gather() -> None:
        if _may_go_on_at_once(begun) and wayback.lies(house.state, begun.rollout):
            ready.append(GoingOn(_gathered_ahead(house, begun.rollout)))

    outcomes = _act_on_all(house, begun, lambda: _stopped(house, begun.rollout), gather)
    # Somebody may have gone back without the database meanwhile: what they did counts before what follows from ours.
    homecoming.bring_home(house)
    going = ready[0] if ready and stays() else None
    said = _conclude(house, begun, outcomes, going)
    if going is None or not going.dispatched:
        return said, None
    following = replace(begun.rollout, wave=begun.rollout.wave + 1, because="")
    return said, _Begun(following, begun.policy, begun.driver, going.dispatched)


def _may_go_on_at_once(begun: _Begun) -> bool:
    """Whether the next wave needs nothing but a yes: no counters are read before it, and there is one."""
    rollout = begun.rollout
    watched = rollout.environment in begun.policy.watch
    return rollout.direction is Direction.FORWARD and not watched and not rollout.is_last_wave


def _gathered_ahead(house: House, rollout: Rollout) -> Ahead | None:
    """What the next checkpoint decides from, gathered while the units are waited for; what fails is asked again there.

    The way back must lie there for it, as it must before every wave.
    """
    with contextlib.suppress(TidegateError):
        return look_ahead(house, rollout.release)
    return None


def _is_still_ours(now: Rollout, begun: Rollout) -> bool:
    """Whether a rollout stands where a leg began its wave.

    Another may carry the same leg meanwhile, if this process was given up, and may have come to a later wave: what was
    seen of this one then says nothing of that.
    """
    return now.state is RolloutState.RUNNING and (now.legs, now.wave) == (begun.legs, begun.wave)


def _counters_before(house: House, driver: Driver, policy: Policy, rollout: Rollout) -> Mapping[str, Any]:
    watch = policy.watch.get(rollout.environment)
    if watch is None or rollout.direction is Direction.BACK:
        return {}
    wave = rollout.waves[rollout.wave]
    if wave.share is not None:
        return {}  # the units have been watched since they changed their version
    found, _ = read_samples(house, driver, watch, wave.units)
    return sample_records({unit: sample for unit, sample in found.items() if sample is not None})


def _read_back(house: House, driver: Driver, rollout: Rollout) -> None:
    """Somebody paused it while this leg acted, and the leg died before it said what became of its effects: ask."""
    with house.database.read() as connection:
        rows = _newest(rollouts.effects_of(connection, rollout, rollout.wave))
    rows = [row for row in rows if row.state is EffectState.DISPATCHED]
    outcomes = abreast(lambda row: _look(driver, rollout, row), rows)
    with house.database.write() as connection:
        now = house.now()
        lock_rollout(connection, rollout.id)
        for outcome in outcomes:
            sight = replace(outcome, finding=Finding.IN_DOUBT) if outcome.finding is Finding.NOT_DONE else outcome
            _record_outcome(connection, sight, now)


def _leave_way_back(house: House, driver: Driver, rollout: Rollout) -> str:
    """Write the way back beside the rollout, here and on each unit, before anything is touched; why not, if not."""
    try:
        wayback.leave(house, driver, rollout)
    except TidegateError as error:
        because = f"the way back could not be written, so nothing was begun: {error}"
        seen = abreast(driver.observe, driver.units) if isinstance(error, FencedError) else []
        with house.database.write() as connection:
            now = house.now()
            current = lock_rollout(connection, rollout.id)
            if _is_still_ours(current, rollout):
                _learn_tokens(connection, current, seen, now)
                pause(connection, current, Actor.automation("leg"), now, because)
        return because
    return ""


MOST_AHEAD = 1_000_000
"""How far above ours a token may be that we believe a unit: a hostile one must not use up the numbers."""


def _learn_tokens(
    connection: sa.Connection, rollout: Rollout, observations: Iterable[Observation | None], now: datetime
) -> None:
    """Have the next claim outrank what the units have seen, so that whoever resumes it is not refused again.

    A token of another epoch is of another store: whether that one still lives, only a person knows.
    """
    ours = rollout.token
    for seen in observations:
        token = seen.token if seen else None
        if token and token > ours and token.epoch == ours.epoch and token.counter <= ours.counter + MOST_AHEAD:
            leases.raise_to(connection, rollout.component, rollout.environment, token, now)


def _dispatch(house: House, begun: Rollout) -> tuple[list[EffectRow], list[EffectRow]]:
    """Commit that the wave's effects are dispatched; those that were dispatched before, apart."""
    with house.database.write() as connection:
        now = house.now()
        locks.lock_lease(connection, begun.component, begun.environment)
        rollout = rollouts.load(connection, begun.id, lock=True)
        ours = leases.holds(connection, rollout.component, rollout.environment, rollout.id, rollout.token)
        if not _is_still_ours(rollout, begun) or not ours:
            return [], []
        newest = _newest(rollouts.effects_of(connection, rollout, rollout.wave))
        again = [row for row in newest if row.state in (EffectState.DISPATCHED, EffectState.UNKNOWN)]
        if not again and (stopped := stopped_by_hold(connection, rollout, now)):
            # Nothing of this wave was asked of any unit: the line was stopped before it came to that.
            pause(connection, rollout, Actor.automation("leg"), now, *stopped)
            return [], []
        intended = [row for row in newest if row.state is EffectState.INTENDED]
        fresh, ours = rollouts.move_effects(connection, [(row, EffectEvent.DISPATCH, "") for row in intended], now)
        if not ours:
            raise ConflictError(f"an effect of {rollout.id} was moved by somebody else", remedy="look again")
    return fresh, again


def _stopped(house: House, begun: Rollout) -> str:
    """Why a unit whose turn comes now, in a wave that is under way, is not begun any more; empty while it is."""
    with house.database.read() as connection:
        rollout = rollouts.load(connection, begun.id)
        if not _is_still_ours(rollout, begun):
            overtaken = rollout.state is RolloutState.RUNNING
            return "another worker carries it" if overtaken else f"the rollout is {rollout.state.value}"
        held = stopped_by_hold(connection, rollout, house.now())
    return held[0] if held else ""


def _newest(rows: Sequence[EffectRow]) -> list[EffectRow]:
    """The last attempt of each unit."""
    return list({row.effect.unit: row for row in rows}.values())


def _act_on_all(
    house: House, begun: _Begun, stopped: Callable[[], str], meanwhile: Callable[[], None]
) -> list[Outcome]:
    rollout, driver, fresh, again = begun.rollout, begun.driver, begun.fresh, begun.again
    rows = [*fresh, *again]
    # These begin at once, and whether they may was asked in the transaction that dispatched them. All others wait for
    # one of these, and much can have been said meanwhile. Nothing stops a rollback, so nothing is asked for one.
    at_once = {row.effect.unit for row in fresh[:AT_ONCE]} if rollout.direction is Direction.FORWARD else driver.units
    asked = {row.effect.unit for row in again}
    package = _package(house, rollout.target)  # once, and not by each of the units

    def act(row: EffectRow) -> Outcome:
        what = row.effect.share or f"{_target(rollout)} on {row.effect.unit}"
        try:
            if row.effect.unit not in at_once and (because := stopped()):
                return _left(driver, rollout, row, because, asked=row.effect.unit in asked)
            house.say(f"{rollout.component} {what} ({rollout.environment})")
            act_on = _look_then_act if row.effect.unit in asked else _act
            return act_on(driver, rollout, row, package)
        except TidegateError as error:
            # One unit that cannot be asked, such as one that is no longer in the policy, must not cost us the answers
            # of the others.
            return Outcome(row, Finding.IN_DOUBT, str(error))

    return abreast(act, rows, meanwhile)


def _left(driver: Driver, rollout: Rollout, row: EffectRow, because: str, *, asked: bool) -> Outcome:
    """A unit that is not begun; one that may have been asked before is looked at, since what was done there was done.

    It stays *dispatched*: whoever takes the rollout on looks before acting, and whoever takes it back undoes it, too.
    """
    if asked:
        seen = driver.observe(row.effect.unit)
        finding = judge(row.effect, seen, rollout.token)
        if finding is not Finding.NOT_DONE:
            return Outcome(row, finding, seen.detail, seen)
    return Outcome(row, Finding.NOT_DONE, f"not begun: {because}", begun=False)


def _target(rollout: Rollout) -> str:
    return rollout.target.version if rollout.target else "absent"


def _look_then_act(driver: Driver, rollout: Rollout, row: EffectRow, package: Path | None) -> Outcome:
    """What was dispatched before is never applied blindly: first the unit is asked how far it came."""
    seen = driver.observe(row.effect.unit)
    finding = judge(row.effect, seen, rollout.token)
    if finding is Finding.NOT_DONE:
        return _act(driver, rollout, row, package)
    return Outcome(row, finding, seen.detail, seen)


def _act(driver: Driver, rollout: Rollout, row: EffectRow, package: Path | None) -> Outcome:
    outcome = _call(driver, rollout, row, package)
    for _ in range(TRIES - 1):
        if outcome.finding is not Finding.NOT_DONE:
            return outcome
        time.sleep(TRY_AGAIN_AFTER_S)
        outcome = _call(driver, rollout, row, package)
    if outcome.finding is not Finding.NOT_DONE:
        return outcome
    # The unit is reachable and says that it was not done, as often as we asked: that is an answer.
    return replace(outcome, finding=Finding.FAILED, detail=f"not carried out: {outcome.detail}")


def _call(driver: Driver, rollout: Rollout, row: EffectRow, package: Path | None) -> Outcome:
    """Call the driver once; what its unit then says is the outcome, whatever the call returned."""
    detail = ""
    try:
        seen = driver.apply(row.effect, package, rollout.token)
    except FencedError as error:
        # Refused now; it may have been done before, by us or by whoever carried the leg while we were frozen.
        seen = driver.observe(row.effect.unit)
        finding = judge(row.effect, seen, rollout.token)
        return Outcome(row, Finding.OVERTAKEN if finding is Finding.NOT_DONE else finding, str(error), seen)
    except TargetError as error:
        detail = str(error)
        seen = driver.observe(row.effect.unit)
    except TidegateError as error:
        # The driver refuses the act itself; the unit was not asked.
        return Outcome(row, Finding.FAILED, f"not carried out: {error}")
    return Outcome(row, judge(row.effect, seen, rollout.token), seen.detail or detail, seen)


def _package(house: House, package: Package | None) -> Path | None:
    path = house.package_path(package.digest) if package else None
    return path if path and path.exists() else None


def _conclude(house: House, wave: _Begun, outcomes: Sequence[Outcome], going: GoingOn | None) -> Json:
    """Commit what the units said, and what follows from it; with ``going`` also that the next wave is dispatched."""
    begun = wave.rollout
    with house.database.write() as connection:
        now = house.now()
        rollout = lock_rollout(connection, begun.id)
        # What another leg or a rollback has recorded meanwhile stands.
        moves = [(o.row, EVENT_OF_FINDING[o.finding], o.detail) for o in outcomes]
        moved, all_were_ours = rollouts.move_effects(connection, moves, now)
        if not _is_still_ours(rollout, begun):
            # A rollback took over while we acted, or another worker: what the units said is recorded, the rest is
            # theirs.
            return {"over": rollout.state.value}
        _learn_tokens(connection, rollout, [o.seen for o in outcomes if o.finding is Finding.OVERTAKEN], now)
        newest = sorted(moved, key=lambda row: row.effect.unit)
        if not all_were_ours or {row.effect.unit for row in moved} != set(rollout.waves[rollout.wave].units):
            newest = _newest(rollouts.effects_of(connection, rollout, rollout.wave))
        left = {o.row.effect.unit: o.detail for o in outcomes if not o.begun}
        following = _follow(house, connection, wave, rollout, newest, now, left, going)
    return {"state": following.value}


def _record_outcome(connection: sa.Connection, outcome: Outcome, now: datetime) -> bool:
    """Whether it was ours to record: what another leg or a rollback has recorded meanwhile stands."""
    with contextlib.suppress(ConflictError):
        rollouts.move_effect(connection, outcome.row, EVENT_OF_FINDING[outcome.finding], now, outcome.detail)
        return True
    return False


def _follow(
    house: House,
    connection: sa.Connection,
    wave: _Begun,
    rollout: Rollout,
    newest: Sequence[EffectRow],
    now: datetime,
    left: Mapping[str, str],
    going: GoingOn | None,
) -> RolloutState:
    states = {row.state for row in newest if row.effect.unit not in left}
    if not leases.holds(connection, rollout.component, rollout.environment, rollout.id, rollout.token):
        return _overtaken(connection, rollout, newest, now)
    if EffectState.OVERTAKEN in states:
        return _overtaken(connection, rollout, newest, now)
    if states & {EffectState.UNKNOWN, EffectState.DISPATCHED}:
        if rollout.direction is Direction.BACK and rollout.waves[rollout.wave].share and not rollout.is_last_wave:
            # The units come back all the same: once they run the earlier version, it matters less who is served.
            return shift_later(house, connection, rollout, now)
        return _doubt(connection, rollout, newest, now)
    if EffectState.FAILED in states:
        return _failed(house, connection, rollout, newest, now)
    if left:
        return _halted(connection, rollout, left, now)
    if rollout.direction is Direction.BACK:
        return go_on_back(house, connection, rollout, now)
    return _confirmed(house, connection, wave, rollout, now, going)


def _halted(connection: sa.Connection, rollout: Rollout, left: Mapping[str, str], now: datetime) -> RolloutState:
    """The line was stopped while the wave was under way: what had begun has ended, the rest was not begun."""
    stopped = stopped_by_hold(connection, rollout, now)
    because, judged = stopped or (next(iter(left.values())), None)
    return pause(connection, rollout, Actor.automation("leg"), now, because, judged)


def _confirmed(
    house: House,
    connection: sa.Connection,
    begun: _Begun,
    rollout: Rollout,
    now: datetime,
    going: GoingOn | None,
) -> RolloutState:
    policy = policies.current(connection).policy
    going = going if policy is begun.policy else None  # else the target may be another one by now
    watch = policy.watch.get(rollout.environment)
    wave = rollout.waves[rollout.wave]
    if watch is None or not (wave.watched or rollout.is_last_wave):
        because = f"read back from {', '.join(wave.units)}"
        if wave.asks:
            return pause(connection, rollout, Actor.automation("leg"), now, f"{ASKED}: {wave.name}")
        return (
            finish(house, connection, rollout, now, because)
            if rollout.is_last_wave
            else go_on(house, connection, rollout, now, because, going=going)
        )
    begin_watch(connection, policy, rollout, now, begun.before_wave)
    state = rollouts.move(connection, rollout, RolloutEvent.WAVE_CONFIRMED, now, due_at=now)
    data = {"rollout": rollout.id, "wave": rollout.wave + 1, "units": list(wave.units)}
    record(connection, Entry("wave.confirmed", Actor.automation("leg"), rollout.release, data), now)
    house.database.after_commit(connection, house.wake)
    return state


def _doubt(connection: sa.Connection, rollout: Rollout, newest: Sequence[EffectRow], now: datetime) -> RolloutState:
    unsure = [row for row in newest if row.state in (EffectState.UNKNOWN, EffectState.DISPATCHED)]
    because = "; ".join(f"{row.effect.unit}: {row.detail or 'it cannot be read back'}" for row in unsure)
    state = rollouts.move(connection, rollout, RolloutEvent.DOUBTED, now, due_at=now + DOUBT_AGAIN, because=because)
    data = {"rollout": rollout.id, "units": [row.effect.unit for row in unsure], "because": because}
    record(connection, Entry("rollout.doubted", Actor.automation("leg"), rollout.release, data), now)
    return state


def _overtaken(connection: sa.Connection, rollout: Rollout, newest: Sequence[EffectRow], now: datetime) -> RolloutState:
    by = [row for row in newest if row.state is EffectState.OVERTAKEN]
    because = "; ".join(f"{row.effect.unit}: {row.detail or 'a higher token was seen there'}" for row in by)
    because = because or "its lease is no longer the one under which it began"
    return pause(connection, rollout, Actor.automation("leg"), now, because)


def _failed(
    house: House, connection: sa.Connection, rollout: Rollout, newest: Sequence[EffectRow], now: datetime
) -> RolloutState:
    bad = [row for row in newest if row.state is EffectState.FAILED]
    because = "; ".join(f"{row.effect.unit}: {row.detail or 'it does not run as it should'}" for row in bad)
    # A restart that was interrupted again and again says nothing about the version: a person looks at the machine.
    told = any(not row.detail.startswith(INTERRUPTED) for row in bad)
    if told and rollout.direction is Direction.FORWARD:
        refused = take_back(house, connection, rollout, now, because)
        if not refused:
            return RolloutState.REVERSING
        because = f"{because}; {refused}"
    return pause(connection, rollout, Actor.automation("leg"), now, because)


def reconcile(house: House, rollout_id: str) -> None:
    """Ask the units of a rollout in doubt again, and take it on as soon as they all answer.

    A unit that was interrupted in its restart says so for ever: it gets a new attempt, under a new key, at most
    ``TRIES`` in all.
    """
    with house.database.read() as connection:
        rollout = rollouts.load(connection, rollout_id)
        policy = policies.current(connection).policy
        rows = _newest(rollouts.effects_of(connection, rollout, rollout.wave)) if _in_doubt(rollout) else []
    driver = driver_of(house, policy, rollout.component, rollout.environment) if rows else None
    unsure = [row for row in rows if row.state in _UNSURE]
    looked = abreast(lambda row: _look(driver, rollout, row), unsure) if driver else []
    with house.database.write() as connection:
        now = house.now()
        rollout = lock_rollout(connection, rollout_id)
        if not _in_doubt(rollout):
            return
        for outcome in looked:
            if _record_outcome(connection, outcome, now):
                _attempt_again(connection, rollout, outcome, now)
        newest = _newest(rollouts.effects_of(connection, rollout, rollout.wave))
        if any(row.state is EffectState.UNKNOWN for row in newest):
            rollouts.change(connection, rollout.id, due_at=now + _patience(rollout, now))
            return
        _resolve(house, connection, rollout, now)


_UNSURE = (EffectState.UNKNOWN, EffectState.DISPATCHED)
INTERRUPTED = "interrupted while "
"""How the detail of an effect begins whose unit says that a command was begun, and nobody knows how it ended."""


def _in_doubt(rollout: Rollout) -> bool:
    return rollout.state is RolloutState.IN_DOUBT


def _look(driver: Driver, rollout: Rollout, row: EffectRow) -> Outcome:
    seen = driver.observe(row.effect.unit)
    finding = judge(row.effect, seen, rollout.token)
    commanded = seen.last_key == row.effect.key and seen.last_stage in (Stage.RESTARTING, Stage.STOPPING)
    if finding is Finding.IN_DOUBT and seen.reachable and not seen.busy and commanded:
        # What interrupted it, such as a time-out, was known when it was lost sight of.
        why = f": {row.detail}" if row.detail and not row.detail.startswith(INTERRUPTED) else ""
        return Outcome(row, Finding.FAILED, f"{INTERRUPTED}{seen.last_stage}{why}", seen)
    return Outcome(row, finding, seen.detail, seen)


def _attempt_again(connection: sa.Connection, rollout: Rollout, outcome: Outcome, now: datetime) -> None:
    interrupted = outcome.finding is Finding.FAILED and outcome.detail.startswith(INTERRUPTED)
    if interrupted and outcome.row.effect.attempt < TRIES:
        again = effect_on(rollout, rollout.wave, outcome.row.effect.unit, outcome.row.effect.attempt + 1)
        rollouts.add_effects(connection, rollout.wave, [again], now)


def _patience(rollout: Rollout, now: datetime) -> timedelta:
    """Ask again after a second at first, and every half minute when it has lasted."""
    lasted = now - rollout.started_at
    return min(max(lasted / 10, DOUBT_AGAIN), timedelta(seconds=30))


def _resolve(house: House, connection: sa.Connection, rollout: Rollout, now: datetime) -> None:
    leg = rollout.legs + 1
    rollouts.move(connection, rollout, RolloutEvent.RESOLVED, now, legs=leg, because="")
    enqueue(house, connection, replace(rollout, legs=leg), leg)
    entry = Entry("rollout.resolved", Actor.automation("sweep"), rollout.release, {"rollout": rollout.id})
    record(connection, entry, now)


def look_after(house: House, rollout_id: str) -> None:
    """A rollout has been running for long: see that the engine still has its leg.

    A leg ends in the transaction that moves its rollout. One that ended without that, or that the engine does not know
    (its rows were restored apart, or removed), is carried once more; if that ends so too, the rollout is paused.
    """
    with house.database.read() as connection:
        seen = rollouts.load(connection, rollout_id)
    report = house.queue.status(leg_id(seen.id, seen.legs))
    if report.state in (LegState.QUEUED, LegState.RUNNING):
        return
    with house.database.write() as connection:
        now = house.now()
        rollout = lock_rollout(connection, rollout_id)
        if rollout.state is not RolloutState.RUNNING or rollout.legs != seen.legs:
            return
        why = f"leg {rollout.legs} is {report.state.value}{': ' + report.error if report.error else ''}"
        if rollout.because.startswith(STRANDED):
            pause(connection, rollout, Actor.automation("sweep"), now, f"{STRANDED}: {why}")
            return
        leg = rollout.legs + 1
        rollouts.change(connection, rollout.id, legs=leg, because=f"{STRANDED}: {why}")
        enqueue(house, connection, rollout, leg)
        data = {"rollout": rollout.id, "because": why[:500]}
        record(connection, Entry("rollout.stranded", Actor.automation("sweep"), rollout.release, data), now)


STRANDED = "nobody carried it any more"
