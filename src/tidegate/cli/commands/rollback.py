"""``tidegate rollback``, with and without the database."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session


class _Rollback(Group):
    """``tidegate rollback COMPONENT ENVIRONMENT``, beside which there are ``plan`` and ``validate``."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """What does not name one of the others is of the rollback itself."""
        if args and args[0] not in ("-h", "--help") and _first_word(args) not in self.lazy:
            args = [NOW, *args]
        return super().parse_args(context, args)


NOW = "now"
_WITH_VALUE = ("-C", "--directory", "--as", "--key", "--now")


def _first_word(args: list[str]) -> str:
    """The first argument that is neither an option nor the value of one that every command takes."""
    words = iter(args)
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


rollback = _Rollback(
    "rollback",
    lazy={
        "now": ("rollback:now", "Take back what stands in an environment."),
        "plan": ("rollback_plan:plan", "Show how a release would come back, before it goes."),
        "validate": ("rollback_plan:validate", "Try the way back out, dry, against the target."),
    },
    help="Take back what stands in an environment: tidegate rollback COMPONENT ENVIRONMENT is short for tidegate "
    "rollback now COMPONENT ENVIRONMENT. And show beforehand how a release would come back, and try that out.",
    examples=("tidegate rollback billing production --as rita --key ~/.ssh/id_ed25519",),
)


@command(
    "now",
    help="Take back what stands in ENVIRONMENT for COMPONENT, to the version that ran before it; signed.\n\n"
    "What was released together is taken back together, the last component first; a release may be named in place of "
    "a component. With --to, the component goes alone.\n\n"
    "No window, freeze or hold stops it: it asks for permission, a version that was verified there, and whether data "
    "would be lost. With --break-glass it takes one component back from the way back that was written down when the "
    "rollout started, and does not touch the database; what it does joins the log when the database is back.",
    examples=(
        "tidegate rollback billing production --as rita --key ~/.ssh/id_ed25519",
        "tidegate rollback december production --as rita --key ~/.ssh/id_ed25519",
        'tidegate rollback billing production --break-glass --reason "database gone" --as rita --key ~/.ssh/id_ed25519',
    ),
)
@click.argument("component", metavar="COMPONENT|RELEASE")
@click.argument("environment")
@click.option("--to", default="", metavar="VERSION", help="To this version instead of the one before.")
@click.option(
    "--accept-data-loss", is_flag=True, help="Go back although data would be lost; a database that may goes back, too."
)
@click.option("--reason", default="", metavar="TEXT", help="Why; break-glass demands it.")
@click.option("--detach", is_flag=True, help="Do not follow it.")
@click.option("--break-glass", is_flag=True, help="Without the database, by the way back alone.")
@click.option("--file", type=click.Path(path_type=Path), metavar="WAYBACK", help="Break-glass: this way back.")
@click.option("--journal", type=click.Path(path_type=Path), metavar="PATH", help="Break-glass: journal here.")
def now(
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
    from tidegate.cli.following import detaching
    from tidegate.cli.following_joint import follow_to_end
    from tidegate.cli.text import clean, wrapped
    from tidegate.orchestration import rollback as use_case

    run = session()
    house = run.house(executes=True)

    def tell(message: str) -> None:
        for line in wrapped(f"note: {clean(message)}", "  ", first=""):
            run.say(line)

    back = use_case.roll_back(
        house, component, environment, run.claim(), to=to, accepts_data_loss=accept_data_loss, reason=reason, tell=tell
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
        return follow_to_end(run, executing, house, back, back=True)
