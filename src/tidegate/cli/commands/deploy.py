"""``tidegate deploy``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import command, session
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.orchestration.house import House


@command(
    "deploy",
    help="Roll RELEASE out to ENVIRONMENT, if the policy allows it, and follow it to its end; signed.\n\n"
    "It is decided again at this moment; a refusal is recorded and exits with 3. Exits with 0 when it has succeeded, "
    "with 1 when it was taken back, is paused or in doubt. Several components go one after the other, what is required "
    "before what requires it; the next one waits as long as the policy does not allow it. Ctrl-C detaches, and stops "
    "nothing that another command or worker executes.",
    examples=(
        "tidegate deploy billing-1.1.0 production --as rita --key ~/.ssh/id_ed25519",
        "tidegate deploy billing-1.1.0 production --strategy canary --dry-run",
        "tidegate deploy december production --strategy portal=canary --strategy billing=blue --dry-run",
    ),
)
@click.argument("release")
@click.argument("environment")
@click.option("--when-allowed", is_flag=True, help="Wait until the policy allows it, then start.")
@click.option("--detach", is_flag=True, help="Do not follow it.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, also to its configuration.")
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    metavar="NAME",
    help="One that the policy lets a release choose there; for one component of several: COMPONENT=NAME.",
)
def deploy(
    release: str, environment: str, when_allowed: bool, detach: bool, dry_run: bool, strategies: tuple[str, ...]
) -> int:
    """The command."""
    from tidegate.orchestration import rollout as rollouts

    run = session()
    strategy = _chosen(strategies)
    house = run.house(executes=not (dry_run or detach))
    if dry_run:
        return _dry_run(house, release, environment, strategy)
    if when_allowed and strategy:
        raise UsageError(
            "a start that waits takes the environment's own strategy",
            remedy="leave out --strategy, or --when-allowed",
        )
    if when_allowed:
        return _ask(house, release, environment, detach)
    _back_up(house, release, environment)
    return _follow(house, rollouts.start(house, release, environment, run.claim(), strategy=strategy), detach)


def _chosen(strategies: tuple[str, ...]) -> str:
    """What was chosen, as it is signed: one name, or one for each of some components."""
    each = [text.partition("=") for text in strategies]
    names = [component for component, equals, _ in each if equals]
    if len(strategies) > 1 and (len(names) < len(strategies) or len(set(names)) < len(names)):
        raise click.UsageError("--strategy more than once is COMPONENT=NAME, once for each component")
    if any(
        "," in text or (equals and not (component and name))
        for text, (component, equals, name) in zip(strategies, each, strict=True)
    ):
        raise click.UsageError("--strategy is a NAME, or COMPONENT=NAME")
    return ",".join(strategies)


def _back_up(house: House, release: str, environment: str) -> None:
    """Take the backups that are taken before each release. One that is not good is told by the refusal that follows."""
    from tidegate.orchestration.backup import before_release

    run = session()
    for entry in before_release(house, release, environment, run.claim()):
        run.say(f"{entry.backup}: {entry.act.value}: {entry.said}")


def _ask(house: House, release: str, environment: str, detach: bool) -> int:
    from tidegate.cli.executing import Executing
    from tidegate.cli.following import detaching, follow_request
    from tidegate.cli.following_joint import follow_to_end
    from tidegate.cli.text import clean
    from tidegate.orchestration import rollout as rollouts

    run = session()
    request = rollouts.ask_start(house, release, environment, run.claim())
    if detach:
        said = f"{clean(release)} goes to {clean(environment)} as soon as the policy allows it ({request})"
        run.answer({"request": request, "release": release, "environment": environment}, [said])
        return 0
    with Executing(run, house) as executing:
        with detaching(run, executing, f"the wait for {release} in {environment}", f"tidegate release show {release}"):
            started = follow_request(run, executing, house, request)
        with detaching(run, executing, f"rollout {started}", f"tidegate rollout show {started} --follow"):
            return follow_to_end(run, executing, house, started)


def _follow(house: House, rollout: str, detach: bool) -> int:
    from tidegate.cli.executing import Executing
    from tidegate.cli.following import detaching
    from tidegate.cli.following_joint import follow_to_end

    run = session()
    if detach:
        lines = [f"started {rollout}", f"  follow it: tidegate rollout show {rollout} --follow"]
        run.answer({"rollout": rollout}, lines)
        return 0
    with (
        Executing(run, house) as executing,
        detaching(run, executing, f"rollout {rollout}", f"tidegate rollout show {rollout} --follow"),
    ):
        return follow_to_end(run, executing, house, rollout)


def _dry_run(house: House, release: str, environment: str, strategy: str) -> int:
    from tidegate.cli.render_rollout import dry_run_lines
    from tidegate.views.dry_run import dry_run_views

    views = dry_run_views(house, release, environment, strategy)
    several = len(views) > 1
    lines = [f"{len(views)} components, in this order", ""] if several else []
    for number, view in enumerate(views):
        lines += [*([""] if number else []), *dry_run_lines(view)]
    record = {"release": release, "environment": environment, "components": views} if several else views[0]
    session().answer(record, lines)
    return 0
