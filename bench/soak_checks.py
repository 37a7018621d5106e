"""What must hold when everything has come to rest, whatever was done and killed before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa

from tests.support.kill_checks import restarts
from tests.support.kill_world import UNITS, World, all_is_quiet
from tidegate.core.effect import EffectState, Presence
from tidegate.core.rollout import ACTIVE, RolloutState
from tidegate.engine.legs import LegState
from tidegate.orchestration import audit, checkpoint
from tidegate.orchestration.house import House
from tidegate.store import outbox, policies, releases, rollouts, tables
from tidegate.store.rollouts import EffectRow, Rollout

OPEN = frozenset({EffectState.INTENDED, EffectState.DISPATCHED, EffectState.UNKNOWN})
NEVER_TOUCHED = frozenset({EffectState.INTENDED, EffectState.WITHDRAWN})
MOVING = (RolloutState.RUNNING, RolloutState.WATCHING, RolloutState.IN_DOUBT, RolloutState.REVERSING)
ENVIRONMENTS = ("staging", "production")


def problems(world: World, house: House) -> list[str]:
    """All that does not hold."""
    with house.database.read() as connection:
        found = rollouts.find(connection)
        effects = {row.effect.key: row for one in found for row in rollouts.effects_of(connection, one)}
    return [
        *_of_log(house),
        *_of_leases(house, found),
        *_of_effects(found, effects),
        *_of_legs(house, found),
        *_of_messages(world, house),
        *(problem for environment in ENVIRONMENTS for problem in _of_hosts(world, house, environment, found, effects)),
    ]


def at_rest(house: House) -> bool:
    """Whether nothing is under way but what waits for a person: also a rollback can be paused, half-way."""
    if all_is_quiet(house):
        return True
    with house.database.read() as connection:
        waiting = {one.reverses for one in rollouts.find(connection, states=[RolloutState.PAUSED])}
        moving = rollouts.find(connection, states=MOVING)
        undelivered = outbox.undelivered(connection)
        found = rollouts.find(connection)
    stand_still = all(one.state is RolloutState.REVERSING and one.id in waiting for one in moving)
    return stand_still and not undelivered and not any(_of_legs(house, found))


def _of_log(house: House) -> Iterator[str]:
    verified = audit.verify(house)
    if not verified.holds:
        yield f"the log does not hold: {verified}"
    for again in audit.rejudge(house):
        if again.problem:
            yield f"leaf {again.index} ({again.kind}) is judged otherwise: {again.problem}"


def _of_leases(house: House, found: list[Rollout]) -> Iterator[str]:
    """A lease is held by an active rollout, and by each of them, until a person decides what stands still."""
    with house.database.read() as connection:
        held = {(row.component, row.environment): row.holder for row in connection.execute(sa.select(tables.lease))}
    active = {(one.component, one.environment): one.id for one in found if one.state in ACTIVE}
    for place in held.keys() | active.keys():
        if (held.get(place) or "") != active.get(place, ""):
            yield f"{'/'.join(place)}: {held.get(place)!r} holds the lease, and {active.get(place)!r} is active"
    waiting = {one.reverses for one in found if one.state is RolloutState.PAUSED}
    for one in found:
        if one.state in MOVING and not (one.state is RolloutState.REVERSING and one.id in waiting):
            yield f"{one.id} is {one.state.value} for ever ({one.because})"


def _of_effects(found: list[Rollout], effects: dict[str, EffectRow]) -> Iterator[str]:
    over = {one.id for one in found if one.state not in ACTIVE and one.state is not RolloutState.REVERSING}
    for key, row in effects.items():
        if row.effect.rollout in over and row.state in OPEN:
            yield f"{key} is {row.state.value}, and its rollout is over"


def _of_legs(house: House, found: list[Rollout]) -> Iterator[str]:
    for one in found:
        for number in range(1, one.legs + 1):
            report = house.queue.status(checkpoint.leg_id(one.id, number))
            if report.state is not LegState.DONE:
                yield f"leg {number} of {one.id} is {report.state.value}: {report.error}"


def _of_messages(world: World, house: House) -> Iterator[str]:
    with house.database.read() as connection:
        waiting = outbox.undelivered(connection)
        known = [one for name in releases.list_ids(connection) for one in outbox.of_release(connection, name)]
    notices = world.repository / "NOTICES.md"
    lines = notices.read_text().splitlines() if notices.exists() else []
    if waiting:
        yield f"{len(waiting)} messages are not delivered, the first is {waiting[0].key}"
    if len(lines) != len(known) or len(set(lines)) != len(lines):
        yield f"{len(known)} messages, and {len(lines)} lines were delivered, {len(set(lines))} of them different"


def _of_hosts(
    world: World, house: House, environment: str, found: list[Rollout], effects: dict[str, EffectRow]
) -> Iterator[str]:
    here = [one for one in found if one.environment == environment]
    for unit in UNITS:
        rows = {k: r for k, r in effects.items() if (r.effect.environment, r.effect.unit) == (environment, unit)}
        times = Counter(key for _, key in restarts(world.hosts / environment / unit))
        yield from of_restarts(f"{environment}/{unit}", times, rows)
    if not any(one.state in ACTIVE for one in here):
        yield from _of_standing(world, house, environment, here)


def of_restarts(place: str, times: Counter[str], rows: dict[str, EffectRow]) -> Iterator[str]:
    """Each effect restarts its host at most once; a confirmed one did; and no host moves without a row."""
    for key, number in times.items():
        if number > 1:
            yield f"{place} was restarted {number} times for {key}"
        if key not in rows or rows[key].state in NEVER_TOUCHED:
            yield f"{place} was restarted for {key}, of which the rows know nothing"
    for key, row in rows.items():
        # Where nothing ran, nothing is stopped on the way back to that.
        if row.state is EffectState.CONFIRMED and row.effect.to is not None and key not in times:
            yield f"{key} is confirmed, and {place} was never restarted for it"


def _of_standing(world: World, house: House, environment: str, here: list[Rollout]) -> Iterator[str]:
    """Every host runs what the newest rollout that succeeded has brought."""
    standing = next((one for one in here if one.state is RolloutState.SUCCEEDED), None)
    if standing is None:
        return
    with house.database.read() as connection:
        settings = policies.current(connection).policy.components["shop"].targets[environment].model_dump(mode="json")
    driver = world.driver("shop", environment, settings)
    expected = standing.target.version if standing.target else Presence.ABSENT
    for unit in UNITS:
        running = driver.observe(unit).running
        if getattr(running, "version", running) != expected:
            yield f"{environment}/{unit} runs {running}, and {standing.id} brought {expected}"
