"""``tidegate pipeline``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import Group, command, session

if TYPE_CHECKING:
    from tidegate.core.pipeline import StageSeen
    from tidegate.orchestration.house import House
    from tidegate.orchestration.pipeline import PipelineSeen

pipeline = Group(
    "pipeline",
    lazy={
        "show": ("pipeline:show", "Say which stages of a pipeline stand for a release."),
        "run": ("pipeline:run_", "Take a release through the stages of a pipeline."),
    },
    help="Take releases through the pipelines of the policy: build, test, security scan, approval, backup, deploy, "
    "smoke.",
)

_PIPELINE = click.option("--pipeline", "name", default="", metavar="NAME", help="Which one, where there are several.")


@command(
    "show",
    help="Say which stages of a pipeline stand for RELEASE, which comes next, and why one does not stand.\n\n"
    "A stage is judged by what is recorded: its gate, its command's newest evidence of what is released now, the "
    "answers, the backups, the rollout. Nothing is changed. Exits with 0 when all stand, else with 1.",
    examples="tidegate pipeline show billing-1.1.0",
)
@click.argument("release")
@_PIPELINE
def show(release: str, name: str) -> int:
    """The command."""
    from tidegate.orchestration.pipeline import look

    run = session()
    seen = look(run.house(), release, run.person, name)
    run.answer(_record(seen), _lines(seen))
    return 1 if seen.next() else 0


@command(
    "run",
    help="Take RELEASE through the stages of a pipeline, in order, from the first that does not stand; signed.\n\n"
    "A stage with a command runs it here, in the folder of the policy, and how it went is evidence; one that deploys "
    "starts the rollout and follows it; one that backs up takes the backups. It ends at the first stage that does not "
    "stand afterwards, so that it can be repeated: with 1 if something failed, with 3 if the policy refuses or people "
    "are still to answer.",
    examples="tidegate pipeline run billing-1.1.0 --as ci --key ~/.ssh/id_ed25519",
)
@click.argument("release")
@_PIPELINE
@click.option("--until", default=None, type=int, metavar="N", help="End after this stage.")
def run_(release: str, name: str, until: int | None) -> int:
    """The command."""
    from tidegate.core.pipeline import Standing
    from tidegate.orchestration.pipeline import look

    run = session()
    house = run.house(executes=True)
    claim = run.claim()
    seen = look(house, release, claim.person, name)
    carried: set[int] = set()
    while (stage := seen.next()) and (until is None or stage.number <= until):
        if stage.number in carried:
            break
        carried.add(stage.number)
        run.say(f"{stage.number} {stage.name}")
        code = _carry(house, release, stage)
        seen = look(house, release, claim.person, name)
        if code != 0:
            run.answer(_record(seen), _lines(seen))
            return code
    run.answer(_record(seen), _lines(seen))
    left = seen.next()
    if left is None or (until is not None and left.number > until):
        return 0
    return 1 if left.standing is Standing.FAILED else 3


def _carry(house: House, release: str, seen: StageSeen) -> int:
    """Carry a stage out; 0 where it is to be looked at again, else the exit code."""
    from tidegate.core.policy import StageKind
    from tidegate.orchestration import pipeline as use_case

    stage = seen.stage
    if stage.does is StageKind.DEPLOY and stage.environment:
        return _deploy(house, release, stage.environment)
    if stage.run or stage.does is StageKind.BACKUP:
        use_case.carry(house, release, seen, session().claim())
    # Of what only people or other tools can bring, the look that follows tells what is missing.
    return 0


def _deploy(house: House, release: str, environment: str) -> int:
    from tidegate.cli.executing import Executing
    from tidegate.cli.following import detaching
    from tidegate.cli.following_joint import follow_any
    from tidegate.orchestration import pipeline as use_case
    from tidegate.orchestration import rollout as rollouts
    from tidegate.orchestration.backup import before_release

    run = session()
    claim = run.claim()
    started = use_case.under_way(house, release, environment)
    if not started:
        before_release(house, release, environment, claim)
        started = rollouts.start(house, release, environment, claim)
    with (
        Executing(run, house) as executing,
        detaching(run, executing, f"rollout {started}", f"tidegate pipeline run {release}"),
    ):
        return follow_any(run, executing, house, started).exit_code


def _record(seen: PipelineSeen) -> dict[str, object]:
    following = seen.next()
    return {
        "pipeline": seen.pipeline,
        "release": seen.release,
        "next": following.number if following else None,
        "stages": [
            {
                "number": stage.number,
                "does": stage.stage.does.value,
                "environment": stage.stage.environment,
                "standing": stage.standing.value,
                "because": stage.because,
                "remedy": stage.remedy,
            }
            for stage in seen.stages
        ],
    }


def _lines(seen: PipelineSeen) -> list[str]:
    from tidegate.cli.text import bad, clean, good, wrapped
    from tidegate.core.pipeline import Standing

    signs = {Standing.DONE: good("✓"), Standing.FAILED: bad("✗"), Standing.OPEN: "·", Standing.SAID: "-"}
    following = seen.next()
    lines = [f"{clean(seen.pipeline)} of {clean(seen.release)}"]
    for stage in seen.stages:
        first = f"{stage.number} {clean(stage.name)}"
        told = wrapped(clean(stage.because), "      ")
        lines += [f"  {signs[stage.standing]} {first}", *told]
        if stage is following and stage.remedy:
            lines += wrapped(clean(stage.remedy), "        ", first="      > ")
    if following is None:
        lines.append("all stages stand that anybody can tell")
    else:
        lines.append(f"next: stage {following.number}, {clean(following.name)}")
    return lines
