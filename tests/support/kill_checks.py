"""What must hold after a crash and the recovery from it: nothing lost, nothing twice, no state that lies."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.support.kill_around import composed
from tests.support.kill_stories import Story
from tests.support.kill_world import KUBECONFIG, World
from tests.support.kubernetes.standing import rollouts_of
from tidegate.core.effect import Act, EffectState, Observation, Presence, Stage
from tidegate.core.rollout import ACTIVE, RolloutState
from tidegate.orchestration import audit, tag
from tidegate.orchestration.configuration import target_settings
from tidegate.orchestration.house import House
from tidegate.store import (
    backups,
    incidents,
    joint_rollouts,
    outbox,
    policies,
    proposals,
    releases,
    rollouts,
    tables,
    tags,
)

ENDED = frozenset({EffectState.CONFIRMED, EffectState.FAILED, EffectState.OVERTAKEN, EffectState.WITHDRAWN})
BY_THE_WAY = frozenset({"rollout.doubted", "rollout.resolved", "rollout.stranded"})
"""Leaves that only a crash brings about."""


@dataclass(frozen=True)
class Ending:
    """How a story ended, as far as it must be the same each time."""

    rollouts: dict[str, str]
    joint: dict[str, str]
    releases: dict[str, str]
    confirmed: dict[str, list[str]]
    leaves: dict[str, int]
    messages: list[str]
    policies: list[str]
    proposals: list[str]
    tags: list[str]
    incidents: list[str]
    backups: list[str]
    around: list[str]

    @classmethod
    def of(cls, world: World, story: Story, house: House) -> Ending:
        """The ending that the rows tell, and what stands around the world."""
        with house.database.read() as connection:
            found = rollouts.find(connection)
            joint = joint_rollouts.find(connection)
            known = [releases.load(connection, i) for i in releases.list_ids(connection)]
            confirmed = {
                r.id: sorted({row.effect.unit for row in rollouts.effects_of(connection, r) if _confirmed(row)})
                for r in found
            }
            adopted = [f"{p.number} {p.digest} {p.active}" for p in policies.history(connection)]
            proposed = [_proposal(connection, row) for row in proposals.everything(connection)]
            incurred = [
                f"{i.reverses} {i.restored_at is not None} {i.outcome}" for i in incidents.everything(connection)
            ]
            kept = [f"{e.name} {e.act} {e.outcome}" for e in backups.every(connection)]
            tagged = [f"{t.name} {t.commit} {t.release}" for t in tags.of_component(connection)]
            told = [m.key for row in known for m in outbox.of_release(connection, row.facts.id)]
            told += [f"{m.occasion} {m.channel}" for m in _messages(connection) if m.release is None]
        leaves = Counter(leaf.kind for leaf in audit.leaves(house) if leaf.kind not in BY_THE_WAY)
        return cls(
            {r.id: r.state.value for r in found},
            {one.id: one.state.value for one in joint},
            {row.facts.id: row.facts.state.value for row in known},
            confirmed,
            dict(sorted(leaves.items())),
            sorted(told),
            adopted,
            proposed,
            tagged,
            incurred,
            kept,
            story.tells(world, house),
        )


def _proposal(connection: sa.Connection, row: proposals.ProposalRow) -> str:
    answers = [
        f"{s.approval.actor.person} {s.approval.answer}" for s in proposals.answers_of(connection, row.proposal.id)
    ]
    return f"{row.proposal.digest} by {row.proposal.by}: {', '.join(answers)}, became {row.adoption}"


def _confirmed(row: rollouts.EffectRow) -> bool:
    return row.state is EffectState.CONFIRMED


def problems(world: World, story: Story, house: House, expected: Ending | None) -> list[str]:
    """Everything that is not as it must be, in sentences; empty where the recovery was complete."""
    return [
        *(
            _differences(Ending.of(world, story, house), expected, WHATEVER if story.repeats else ())
            if expected
            else ()
        ),
        *_of_rows(house),
        *_of_hosts(world, story, house),
        *_of_log(house),
        *_of_messages(world, house),
        *_of_engine(house),
        *_of_tags(house),
    ]


WHATEVER = ("rollouts", "confirmed", "leaves", "messages")
"""What a story has more of that was begun anew."""


def _differences(ending: Ending, expected: Ending, without: Sequence[str]) -> Iterator[str]:
    for name in Ending.__dataclass_fields__.keys() - set(without):
        is_, should = getattr(ending, name), getattr(expected, name)
        if is_ != should:
            yield f"{name}: {is_}, and without a crash: {should}"


def _of_rows(house: House) -> Iterator[str]:
    with house.database.read() as connection:
        for rollout in rollouts.find(connection):
            if rollout.state in ACTIVE or rollout.state is RolloutState.REVERSING:
                yield f"{rollout.id} is {rollout.state.value} ({rollout.because})"
            for row in rollouts.effects_of(connection, rollout):
                if row.state not in ENDED:
                    yield f"{row.effect.key} is {row.state.value} for ever"
                # A command dies with the worker that runs it; the agent of a host does not.
                if row.effect.attempt > 1 and row.effect.environment != "scripted":
                    yield f"{row.effect.key} is a new attempt, and no command was interrupted"
        for lease in connection.execute(sa.select(tables.lease)):
            if lease.holder:
                yield f"the lease of {lease.environment} is held by {lease.holder}"


def restarts(path: Path) -> list[tuple[str, str]]:
    """The restarts of a host, each with the version and the key in whose name it was done."""
    record = path.with_name(f"{path.name}.restarts")
    lines = record.read_text().splitlines() if record.exists() else []
    parts = [line.split(" ", 1) for line in lines]
    return [(version, json.loads(entry)["key"]) for version, entry in parts]


def _of_hosts(world: World, story: Story, house: House) -> Iterator[str]:
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        rows = {row.effect.key: row for r in rollouts.find(connection) for row in rollouts.effects_of(connection, r)}
    for environment, version in story.runs.items():
        settings = target_settings(policy, "shop", environment)
        driver = world.driver("shop", environment, settings)
        for unit in driver.units:
            place = f"{environment}/{unit}"
            if environment in COUNTED:
                yield from _of_counted(world, place, unit, driver.observe(unit), version, rows)
                continue
            done = restarts(world.hosts / environment / unit)
            yield from _of_host(place, driver.observe(unit), done, version, rows)


def _in_the_cluster(world: World, unit: str) -> int:
    return rollouts_of(Path(os.environ[KUBECONFIG]), world.namespace, unit)


COUNTED: dict[str, Callable[[World, str], int]] = {"cluster": _in_the_cluster, "composed": composed}
"""The environments whose platform is asked how often a unit was changed."""


def _of_counted(
    world: World, place: str, unit: str, seen: Observation, version: str, rows: Mapping[str, rollouts.EffectRow]
) -> Iterator[str]:
    running = "absent" if seen.running is Presence.ABSENT else getattr(seen.running, "version", seen.running)
    if running != version:
        yield f"{place} runs {running}, not {version}"
    if seen.last_stage is not Stage.DONE:
        yield f"{place} stopped at {seen.last_stage}"
    environment = place.partition("/")[0]
    acts = [row for row in rows.values() if (row.effect.environment, row.effect.unit) == (environment, unit)]
    done = sum(row.state is EffectState.CONFIRMED for row in acts)
    counted = COUNTED[environment](world, unit)
    if counted != done:
        yield f"{place} was changed {counted} times, and {done} effects are confirmed"


def _of_host(
    place: str, seen: Any, done: list[tuple[str, str]], version: str, rows: dict[str, rollouts.EffectRow]
) -> Iterator[str]:
    running = "absent" if seen.running is Presence.ABSENT else getattr(seen.running, "version", seen.running)
    if running != version:
        yield f"{place} runs {running}, not {version}"
    if seen.last_stage is not Stage.DONE:
        yield f"{place} stopped at {seen.last_stage}"
    if done and done[-1][0] != version:
        yield f"{place} was restarted last as {done[-1][0]}"
    for key, times in Counter(key for _, key in done).items():
        if times > 1:
            yield f"{place} was restarted {times} times for {key}"
        if key not in rows or rows[key].state in (EffectState.INTENDED, EffectState.WITHDRAWN):
            yield f"{place} was restarted for {key}, of which the rows know nothing"
    unit, environment = place.partition("/")[2], place.partition("/")[0]
    applied = {key for _, key in done}
    for key, row in rows.items():
        here = row.effect.unit == unit and row.effect.environment == environment
        # What an attempt that was interrupted has removed already is not removed again by the next.
        removed = row.effect.act is Act.REMOVE and row.effect.attempt > 1
        if here and row.state is EffectState.CONFIRMED and key not in applied and not removed:
            yield f"{key} is confirmed, and {place} was never restarted for it"


def _of_log(house: House) -> Iterator[str]:
    verified = audit.verify(house)
    if not verified.holds:
        yield f"the log does not hold: {verified}"
    for again in audit.rejudge(house):
        if again.problem:
            yield f"leaf {again.index} ({again.kind}): {again.problem}"
    indexes = [leaf.index for leaf in audit.leaves(house)]
    if indexes != list(range(len(indexes))):
        yield f"the log has a gap: {indexes}"


def _messages(connection: sa.Connection) -> list[outbox.MessageRow]:
    """All messages: about releases, and about what is none."""
    return [outbox.MessageRow(**row._asdict()) for row in connection.execute(sa.select(tables.message))]


def _of_messages(world: World, house: House) -> Iterator[str]:
    with house.database.read() as connection:
        if waiting := outbox.undelivered(connection):
            yield f"not delivered: {[message.key for message in waiting]}"
        known = _messages(connection)
    notices = world.repository / "NOTICES.md"
    lines = notices.read_text().splitlines() if notices.exists() else []
    if len(lines) != len(known) or len(set(lines)) != len(lines):
        yield f"{len(known)} messages, and {len(lines)} lines were delivered, {len(set(lines))} of them different"


def _of_tags(house: House) -> Iterator[str]:
    for found in tag.verify(house):
        if found.is_bad:
            yield f"the tag {found.name} is {found.standing.value}: it was {found.was}, and is {found.now}"


def _of_engine(house: House) -> Iterator[str]:
    with house.database.read() as connection:
        found = rollouts.find(connection)
    for rollout in found:
        for leg in range(1, rollout.legs + 1):
            report = house.queue.status(f"{rollout.id}:leg-{leg}")
            if report.state.value != "done":
                yield f"leg {leg} of {rollout.id} is {report.state.value} {report.error}"
