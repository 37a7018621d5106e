"""``tidegate deploy``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from tidegate.orchestration.house import House


@command(
    "deploy",
    help="Roll RELEASE out to ENVIRONMENT, if the policy allows it, and follow it to its end; signed.\n\n"
    "It is decided again at this moment; a refusal is recorded and exits with 3. Exits with 0 when it has succeeded, "
    "with 1 when it was taken back, is paused or in doubt. Ctrl-C detaches, and stops nothing that another command "
    "or worker executes.",
    examples=(
        "tidegate deploy billing-1.1.0 production --as rita --key ~/.ssh/id_ed25519",
        "tidegate deploy billing-1.1.0 production --dry-run",
    ),
)
@click.argument("release")
@click.argument("environment")
@click.option("--when-allowed", is_flag=True, help="Wait until the policy allows it, then start.")
@click.option("--detach", is_flag=True, help="Do not follow it.")
@click.option("--dry-run", is_flag=True, help="Print what would be done on each unit; nothing is asked or changed.")
def deploy(release: str, environment: str, when_allowed: bool, detach: bool, dry_run: bool) -> int:
    """The command."""
    from tidegate.orchestration import rollout as rollouts

    run = session()
    house = run.house(executes=not (dry_run or detach))
    if dry_run:
        return _dry_run(house, release, environment)
    if when_allowed:
        return _ask(house, release, environment, detach)
    return _follow(house, rollouts.start(house, release, environment, run.claim()), detach)


def _ask(house: House, release: str, environment: str, detach: bool) -> int:
    from tidegate.cli.executing import Executing
    from tidegate.cli.following import detaching, finish, follow, follow_request
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
            return finish(run, follow(run, executing, house, started))


def _follow(house: House, rollout: str, detach: bool) -> int:
    from tidegate.cli.executing import Executing
    from tidegate.cli.following import detaching, finish, follow

    run = session()
    if detach:
        lines = [f"started {rollout}", f"  follow it: tidegate rollout show {rollout} --follow"]
        run.answer({"rollout": rollout}, lines)
        return 0
    with (
        Executing(run, house) as executing,
        detaching(run, executing, f"rollout {rollout}", f"tidegate rollout show {rollout} --follow"),
    ):
        return finish(run, follow(run, executing, house, rollout))


def _dry_run(house: House, release: str, environment: str) -> int:
    from tidegate.cli.render_rollout import dry_run_lines
    from tidegate.views.dry_run import dry_run_view

    view = dry_run_view(house, release, environment)
    session().answer(view, dry_run_lines(view))
    return 0
