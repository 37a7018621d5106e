"""Run a release through a pipeline of the policy: look which stages stand, and carry out the next one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Facts, Item
from tidegate.core.joint_rollout import UNDER_WAY
from tidegate.core.pipeline import Brought, StageSeen, Standing, environment_of, filled, judged
from tidegate.core.policy import Pipeline, Policy, Stage, StageKind
from tidegate.core.rollout import Direction, RolloutState
from tidegate.core.rules.rule import Context
from tidegate.errors import ConflictError, NotFoundError, UsageError
from tidegate.orchestration import evidence
from tidegate.orchestration.backup import of_stage
from tidegate.orchestration.evidence_command import Declared, run_command, stamp
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.orchestration.judge import lay_out
from tidegate.orchestration.seen import look as look_in_git
from tidegate.store import joint_rollouts, releases, rollouts


@dataclass(frozen=True, slots=True)
class PipelineSeen:
    """A release in a pipeline: how each stage stands, in their order."""

    pipeline: str
    release: str
    stages: tuple[StageSeen, ...]

    def next(self) -> StageSeen | None:
        """The first stage that does not stand; None where all do that anybody can tell."""
        return next((seen for seen in self.stages if seen.standing not in (Standing.DONE, Standing.SAID)), None)


def look(house: House, release: str, person: str, name: str = "") -> PipelineSeen:
    """How the stages of a pipeline stand for a release. Changes nothing.

    Args:
        person: for whom it is asked what they may do.
        name: the pipeline; without it the only one that the release's components have.

    Raises:
        NotFoundError: there is no such release or pipeline.
        UsageError: there are several pipelines, and none is named.
    """
    in_git = look_in_git(house, release)
    now = house.now()
    with house.database.read() as connection:
        row, both, facts = lay_out(connection, release, now, in_git=in_git)
        chosen, pipeline = _chosen(both.current.policy, facts, name)
        where = {environment_of(pipeline, at) for at in range(len(pipeline.stages))}
        brought = {place: _brought(connection, facts, place) for place in where if place}
    contexts, findings = {}, {}
    for place in where:
        question = Question(Action.START, Actor(person, "asks", Assurance.SIGNATURE), place)
        contexts[place] = Context(question, both.current, facts, now)
        findings[place] = decide(question, both, facts, now).findings
    places = [environment_of(pipeline, at) for at in range(len(pipeline.stages))]
    stages = (
        judged(contexts[place], findings[place], brought, chosen, number, stage)
        for number, (stage, place) in enumerate(zip(pipeline.stages, places, strict=True), 1)
    )
    return PipelineSeen(chosen, row.facts.id, tuple(stages))


def _chosen(policy: Policy, facts: Facts, name: str) -> tuple[str, Pipeline]:
    """The pipeline that is meant."""
    components = {item.component for item in facts.release.items}
    fitting = {key: line for key, line in policy.pipelines.each.items() if not line.of or components <= set(line.of)}
    known = ", ".join(sorted(fitting))
    if name and name not in fitting:
        there = name in policy.pipelines.each
        said = f"is not for {', '.join(sorted(components))}" if there else "is not in the policy"
        raise NotFoundError(
            f'the pipeline "{name[:80]}" {said}',
            remedy=f"name one of: {known}" if known else "declare it under pipelines.each",
        )
    if not fitting:
        raise NotFoundError(
            f"the policy has no pipeline for {', '.join(sorted(components))}",
            remedy="declare one under pipelines.each",
        )
    if not name and len(fitting) > 1:
        raise UsageError(f"there are {len(fitting)} pipelines", remedy=f"say which with --pipeline, one of: {known}")
    chosen = name or next(iter(fitting))
    return chosen, fitting[chosen]


_UNDER_WAY = frozenset(
    {RolloutState.RUNNING, RolloutState.WATCHING, RolloutState.IN_DOUBT, RolloutState.REVERSING, RolloutState.PAUSED}
)


def _brought(connection: sa.Connection, facts: Facts, environment: str) -> Brought:
    """What became of bringing a release to an environment, over all its components."""
    release = facts.release.id
    worst: Brought | None = None
    for item in facts.release.items:
        found = rollouts.find(connection, component=item.component, environment=environment)
        own = [r for r in found if r.release == release and r.direction is Direction.FORWARD]
        if not own:
            return Brought(Standing.OPEN, f"{item.component} {item.to_version} was not brought there")
        newest = own[0]
        remedy = f"tidegate rollout show {newest.id}"
        if newest.state in _UNDER_WAY:
            because = f": {newest.because}" if newest.because else ""
            worst = worst or Brought(Standing.OPEN, f"{newest.id} is {newest.state.said}{because}", remedy)
        elif newest.state is not RolloutState.SUCCEEDED:
            worst = Brought(Standing.FAILED, f"{newest.id} is {newest.state.said}: {newest.because}", remedy)
        elif found[0].id != newest.id:
            worst = worst or Brought(
                Standing.FAILED, f"{found[0].id} came after it", f"tidegate rollout show {found[0].id}"
            )
    return worst or Brought(Standing.DONE, f"{release} was brought there and found good")


def under_way(house: House, release: str, environment: str) -> str:
    """The id of the release's rollout there that is not over, of several components their joint one; else empty."""
    with house.database.read() as connection:
        joint = joint_rollouts.find(connection, release=release, environment=environment, states=UNDER_WAY)
        if joint:
            return joint[0].id
        found = rollouts.find(connection, environment=environment, release=release)
    return next((r.id for r in found if r.direction is Direction.FORWARD and r.state in _UNDER_WAY), "")


def carry(house: House, release: str, seen: StageSeen, claim: Claim) -> None:
    """Carry out what a stage names beside deploying: its command, of each component; or its backups.

    What came of it is evidence, and only that says whether the stage stands.

    Raises:
        UsageError: the command declares neither what it must say nor what it must write.
        ConflictError: what lies here is not what is released; or there is nothing that Tidegate could carry out.
        TidegateError: as :func:`~tidegate.orchestration.evidence_command.run_command` says.
    """
    stage = seen.stage
    if stage.run:
        for item in _items(house, release):
            _command(house, release, seen, item, claim)
    elif stage.does is StageKind.BACKUP:
        of_stage(house, release, seen.environment, claim)
    else:
        raise ConflictError(
            f"stage {seen.number}, {seen.name}, is not Tidegate's to carry out: {seen.because}",
            remedy=seen.remedy or "bring its result as evidence, then repeat",
        )


def _items(house: House, release: str) -> tuple[Item, ...]:
    with house.database.read() as connection:
        return releases.load(connection, release).facts.items


def _command(house: House, release: str, seen: StageSeen, item: Item, claim: Claim) -> None:
    stage: Stage = seen.stage
    if stage.expects is None and stage.report is None:
        raise UsageError(
            f"stage {seen.number}, {seen.name}, runs a command and does not say what it must say or write",
            remedy="give the stage expects: or report: in the policy; an exit code alone is not believed",
        )
    argv = filled(stage.run, release, item, seen.environment)
    (expected,) = filled([stage.expects or ""], release, item, seen.environment)
    house.say(f"{seen.name}: {shlex.join(argv)[:200]}")
    declared = Declared(expected, house.root / stage.report if stage.report else None)
    environment = stage.environment or ""
    before = stamp(declared.report)
    added = run_command(
        house,
        release,
        argv,
        claim,
        declared,
        source=seen.source,
        timeout_s=stage.time_limit.total_seconds(),
        environment=environment,
        component=item.component,
    )
    house.say(f"{seen.name}: {added.summary}")
    # Failed tests are evidence, too; a report that the command did not write is not its own.
    if declared.report is not None and stage.gate is not None and stamp(declared.report) not in (None, before):
        evidence.add(house, release, declared.report, claim, environment=environment, component=item.component)
