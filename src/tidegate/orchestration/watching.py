"""The watch of a rollout: look, judge, and let the rollout go on, pause, or be taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.actor import Actor
from tidegate.core.effect import EffectState, Health, is_shared_so
from tidegate.core.policy import Policy, Watch
from tidegate.core.rollout import RolloutState
from tidegate.core.watch import (
    Action,
    Limits,
    Metric,
    Observation,
    Probes,
    WatchVerdict,
    begin,
    from_record,
    to_record,
    update,
    verdict,
)
from tidegate.core.watch.limits import FLAKE
from tidegate.core.wave import DATABASE
from tidegate.drivers.contract import Driver
from tidegate.errors import NotFoundError, SourceError
from tidegate.orchestration.abreast import abreast
from tidegate.orchestration.checkpoint import ASKED, go_on, lock_rollout, pause
from tidegate.orchestration.house import House
from tidegate.orchestration.rollback import take_back
from tidegate.orchestration.sight import SHARED_OTHERWISE, driver_of, shared
from tidegate.sources.contract import Sample, Source, sample_from_record, sample_record, tally
from tidegate.store import policies, rollouts
from tidegate.store.rollouts import Rollout, WatchRow


def limits_of(watch: Watch, min_watch: timedelta) -> Limits:
    """What the policy's triggers mean as limits of the sequential test.

    An error rate must be proven below its limit before the rollout goes on; health alone must be, where nothing else
    is watched. Where both are, failing probes take back, and clean ones need not be proven for hours.
    """
    rate = next((t.error_rate for t in watch.roll_back_when if t.error_rate is not None), None)
    health = any(t.health_check for t in watch.roll_back_when)
    if rate is None:
        return Limits(
            probe_failure_rate=FLAKE, error_weight=0.0, health_weight=1.0, gates=(Metric.HEALTH,), min_watch=min_watch
        )
    return Limits(
        error_rate=rate,
        probe_failure_rate=FLAKE,
        error_weight=0.85 if health else 1.0,
        health_weight=0.15 if health else 0.0,
        gates=(Metric.ERROR_RATE,),
        min_watch=min_watch,
    )


def begin_watch(
    connection: sa.Connection, policy: Policy, rollout: Rollout, now: datetime, before_wave: Mapping[str, Any]
) -> None:
    """Begin to watch what the present wave brought; the detector of the whole rollout goes on.

    Args:
        before_wave: the counters of the wave's units before they were switched, so that the first errors of the new
            version are not taken for its past.
    """
    watch = policy.watch[rollout.environment]
    wave = rollout.waves[rollout.wave]
    length = watch.lasts if rollout.is_last_wave else wave.lasts or watch.lasts
    before = rollouts.watch_of(connection, rollout.id)
    must_last = length if rollout.is_last_wave or wave.stays else timedelta(0)
    rollouts.save_watch(
        connection,
        WatchRow(
            rollout=rollout.id,
            wave=rollout.wave,
            whole=before.whole if before else to_record(begin(limits_of(watch, timedelta(0)), now)),
            checkpoint=to_record(begin(limits_of(watch, must_last), now)),
            samples={**before_wave, **(before.samples if before else {})},
            started_at=now,
            ends_at=now + length,
        ),
    )


def look(house: House, rollout_id: str) -> None:
    """One look at a rollout under watch, and what follows from it."""
    with house.database.read() as connection:
        rollout = rollouts.load(connection, rollout_id)
        row = rollouts.watch_of(connection, rollout_id)
        policy = policies.current(connection).policy
        effects = rollouts.effects_of(connection, rollout)
    watch = policy.watch.get(rollout.environment)
    if rollout.state is not RolloutState.WATCHING:
        return
    if row is None or watch is None:
        raise NotFoundError(
            f"the policy no longer watches {rollout.environment}",
            remedy=f"declare watch.{rollout.environment}, or resume it as it is",
        )
    confirmed = [e.effect for e in effects if e.state is EffectState.CONFIRMED]
    units = [effect.unit for effect in confirmed if effect.share is None and effect.unit != DATABASE]
    since = min((e.dispatched_at for e in effects if e.dispatched_at), default=rollout.started_at)
    driver = driver_of(house, policy, rollout.component, rollout.environment)
    seen = _observe(house, driver, watch, units, row.samples, since)
    seen.shared_otherwise = _shared_otherwise(driver, rollout)
    _follow(house, rollout_id, row, watch, seen)


class _Seen:
    """What one look gave: the increments, the probes, the samples to go on from, and what could not be read."""

    def __init__(self, observation: Observation, samples: Mapping[str, Any], unhealthy: int, trouble: str) -> None:
        self.observation = observation
        self.samples = samples
        self.unhealthy = unhealthy
        self.trouble = trouble
        self.shared_otherwise = ""


def _shared_otherwise(driver: Driver, rollout: Rollout) -> str:
    """Why what is seen now is not of the share that the present wave has set; empty where it is.

    A switch that does not answer is no such reason: it goes on sharing as it did.
    """
    wave = rollout.waves[rollout.wave]
    if wave.share is None:
        return ""
    seen = driver.observe(wave.units[0])
    if not seen.reachable or seen.busy or is_shared_so(wave.share, seen):
        return ""
    return f"{SHARED_OTHERWISE} ({wave.share}): it is {shared(seen)}"


def _observe(
    house: House, driver: Driver, watch: Watch, units: list[str], samples: Mapping[str, Any], since: datetime
) -> _Seen:
    current, trouble = read_samples(house, driver, watch, units)
    previous = {unit: sample_from_record(record) for unit, record in samples.items()}
    reading = tally(previous, current, since)
    trouble += [f"{unit}: {error.what}" for unit, error in reading.refused.items()]
    probes = abreast(driver.health, units) if any(t.health_check for t in watch.roll_back_when) else []
    answered = [probe for probe in probes if probe is not Health.CANNOT_TELL]
    failed = sum(probe is Health.NO for probe in answered)
    now = house.now()
    observation = Observation(
        sample=to_text(now),
        taken_at=now,
        counts=reading.counts,
        probes=Probes(len(answered), failed) if answered else None,
    )
    return _Seen(observation, sample_records(reading.previous), failed, "; ".join(trouble))


def sample_records(samples: Mapping[str, Sample]) -> dict[str, Any]:
    """Samples as the watch's row keeps them."""
    return {unit: sample_record(sample) for unit, sample in samples.items()}


def read_samples(
    house: House, driver: Driver, watch: Watch, units: Sequence[str]
) -> tuple[dict[str, Sample | None], list[str]]:
    """The counters of the units that answer, and what could not be read."""
    urls = {unit: url for unit in units if (url := driver.counts_source(unit)) is not None}
    if watch.metrics is None or not urls:
        return {}, []
    source = house.source_for(urls, watch.metrics)
    found: dict[str, Sample | None] = {}
    trouble: list[str] = []
    for unit, sample in abreast(lambda unit: (unit, _read(source, unit)), urls):
        if isinstance(sample, SourceError):
            trouble.append(f"{unit}: {sample.what}")
        else:
            found[unit] = sample
    return found, trouble


def _read(source: Source, unit: str) -> Sample | SourceError | None:
    try:
        return source.read(unit)
    except SourceError as error:
        return error


def _follow(house: House, rollout_id: str, row: WatchRow, watch: Watch, seen: _Seen) -> None:
    with house.database.write() as connection:
        rollout = lock_rollout(connection, rollout_id)
        stored = rollouts.watch_of(connection, rollout_id)
        if rollout.state is not RolloutState.WATCHING or stored != row:
            return  # somebody else looked, or the rollout went another way, while we did
        now = max(house.now(), seen.observation.taken_at)
        whole = update(from_record(row.whole), seen.observation)
        checkpoint = update(from_record(row.checkpoint), seen.observation)
        bad = verdict(whole, now, row.ends_at)
        good = verdict(checkpoint, now, row.ends_at)
        said = bad.reason if bad.action is Action.ROLL_BACK else good.reason
        rollouts.save_watch(
            connection,
            WatchRow(
                rollout_id,
                row.wave,
                to_record(whole),
                to_record(checkpoint),
                seen.samples,
                row.started_at,
                row.ends_at,
                said=f"{said}; {seen.trouble}" if seen.trouble else said,
            ),
        )
        _decide(house, connection, rollout, watch, bad, good, seen, now, row.ends_at)


def _decide(
    house: House,
    connection: sa.Connection,
    rollout: Rollout,
    watch: Watch,
    bad: WatchVerdict,
    good: WatchVerdict,
    seen: _Seen,
    now: datetime,
    ends_at: datetime,
) -> None:
    if bad.action is Action.ROLL_BACK:
        refused = take_back(house, connection, rollout, now, bad.reason)
        if refused:
            because = f"{bad.reason}, but it may not go back by itself: {refused}"
            pause(connection, rollout, Actor.automation("watch"), now, because)
    elif seen.shared_otherwise:
        pause(connection, rollout, Actor.automation("watch"), now, seen.shared_otherwise)
    elif good.action is Action.PROMOTE and not seen.unhealthy:
        _promote(house, connection, rollout, now, good.reason)
    elif now >= ends_at:
        because = good.reason if good.action is not Action.PROMOTE else "a unit is not healthy at the end of the watch"
        pause(connection, rollout, Actor.automation("watch"), now, f"inconclusive: {because}")
    else:
        rollouts.change(connection, rollout.id, due_at=min(now + watch.every, ends_at))


def _promote(house: House, connection: sa.Connection, rollout: Rollout, now: datetime, because: str) -> None:
    """Go on to the next wave; or wait for a person, where the step has no time of its own."""
    wave = rollout.waves[rollout.wave]
    if wave.asks and not rollout.is_last_wave:
        pause(connection, rollout, Actor.automation("watch"), now, f"{ASKED}: {wave.name}; {because}")
    else:
        go_on(house, connection, rollout, now, because)
