"""``tidegate rollback``, with and without the database."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import command, session


@command(
    "rollback",
    help="Take back what stands in ENVIRONMENT for COMPONENT, to the version that ran before it; signed.\n\n"
    "No window, freeze or hold stops it: it asks for permission, a version that was verified there, and whether data "
    "would be lost. With --break-glass it works from the way back that was written down when the rollout started, "
    "and does not touch the database; what it does joins the log when the database is back.",
    examples=(
        "tidegate rollback billing production --as rita --key ~/.ssh/id_ed25519",
        'tidegate rollback billing production --break-glass --reason "database gone" --as rita --key ~/.ssh/id_ed25519',
    ),
)
@click.argument("component")
@click.argument("environment")
@click.option("--to", default="", metavar="VERSION", help="To this version instead of the one before.")
@click.option("--accept-data-loss", is_flag=True, help="Go back although data would be lost.")
@click.option("--reason", default="", metavar="TEXT", help="Why; break-glass demands it.")
@click.option("--detach", is_flag=True, help="Do not follow it.")
@click.option("--break-glass", is_flag=True, help="Without the database, by the way back alone.")
@click.option("--file", type=click.Path(path_type=Path), metavar="WAYBACK", help="Break-glass: this way back.")
@click.option("--journal", type=click.Path(path_type=Path), metavar="PATH", help="Break-glass: journal here.")
def rollback(
    component: str,
    environment: str,
    to: str,
    accept_data_loss: bool,
    reason: str,
    detach: bool,
    break_glass: bool,
    file: Path | None,
    journal: Path | None,
) -> int:
    """The command."""
    if break_glass:
        if to or accept_data_loss or detach:
            raise click.UsageError(
                "--break-glass goes back to what the way back names: leave out --to, --accept-data-loss and --detach"
            )
        if not reason:
            raise click.UsageError("--break-glass needs a --reason: the log will hold it")
        from tidegate.cli.glass import break_the_glass

        return break_the_glass(session(), component, environment, reason, file, journal)
    if file or journal:
        raise click.UsageError("--file and --journal go with --break-glass")
    return _rollback(component, environment, to, accept_data_loss, reason, detach)


def _rollback(component: str, environment: str, to: str, accept_data_loss: bool, reason: str, detach: bool) -> int:
    from tidegate.cli.executing import Executing
    from tidegate.cli.following import detaching, finish, follow
    from tidegate.cli.text import clean
    from tidegate.orchestration import rollback as use_case

    run = session()
    house = run.house(executes=True)
    back = use_case.roll_back(
        house, component, environment, run.claim(), to=to, accepts_data_loss=accept_data_loss, reason=reason
    )
    if detach:
        run.answer(
            {"rollout": back}, [f"started {clean(back)}", f"  follow it: tidegate rollout show {clean(back)} --follow"]
        )
        return 0
    with (
        Executing(run, house) as executing,
        detaching(run, executing, f"rollback {back}", f"tidegate rollout show {back} --follow"),
    ):
        return finish(run, follow(run, executing, house, back))
