"""``tidegate hold``."""

from __future__ import annotations

from datetime import timedelta

import click

from tidegate.cli.framework import Group, command, session

hold = Group(
    "hold",
    lazy={
        "add": ("hold:add", "Stop the line."),
        "pass": ("hold:pass_", "Let a fix pass a hold."),
        "lift": ("hold:lift", "Let the line go on."),
        "list": ("hold:list_", "List the holds in force."),
    },
    help="Stop the line, and let it go on. A hold stops what goes forward, at once; it never stops a rollback.",
)


def _length(text: str | None) -> timedelta | None:
    from tidegate.core.duration import parse_duration

    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@command(
    "add",
    help="Stop the line: everywhere, in one environment, for one component or client; at once, and signed.\n\n"
    "What is in flight stops at its next checkpoint. Rollbacks go on.",
    examples='tidegate hold add --reason "payments fail" --for 4h --as rita --key ~/.ssh/id_ed25519',
)
@click.option("--reason", required=True, metavar="TEXT", help="Why; everybody who is stopped reads it.")
@click.option("--environment", default="", metavar="ENVIRONMENT", help="Only there.")
@click.option("--component", default="", metavar="COMPONENT", help="Only for it.")
@click.option("--client", default="", metavar="CLIENT", help="Only for what is this client's.")
@click.option("--for", "lasts", default=None, metavar="DURATION", help="Until then, such as 4h; else until lifted.")
@click.option("--incident", default="", metavar="ID", help="The incident for which it is.")
def add(reason: str, environment: str, component: str, client: str, lasts: str | None, incident: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, strong
    from tidegate.orchestration import hold as use_case

    run = session()
    span = _length(lasts)
    made = use_case.add(
        run.house(),
        run.claim(),
        reason,
        environment=environment,
        component=component,
        client=client,
        lasts=span,
        incident=incident,
    )
    scope = " ".join(filter(None, (made.place and f"for {made.place}", made.environment and f"in {made.environment}")))
    lines = [
        f"the line stands still {clean(scope) or 'everywhere'}: {strong(made.id)}",
        f"  lift it: tidegate hold lift {made.id}",
    ]
    run.answer(made, lines)
    return 0


@command(
    "pass",
    help="Let RELEASE pass the hold ID, signed, where it contains nothing but fixes; all else stands still.\n\n"
    "Whoever may stop the line may. It holds for the release as it is, and shows in every decision about it.",
    examples='tidegate hold pass hold-1a2b3c4d billing-1.1.1 --reason "mends the incident" --as rita '
    "--key ~/.ssh/id_ed25519",
)
@click.argument("hold", metavar="ID")
@click.argument("release")
@click.option("--reason", required=True, metavar="TEXT", help="Why it may pass.")
def pass_(hold: str, release: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import hold as use_case

    run = session()
    use_case.pass_fix(run.house(), run.claim(), hold, release, reason)
    run.answer({"hold": hold, "release": release}, [f"{good('✓')} {clean(release)} may pass {clean(hold)}"])
    return 0


@command(
    "lift",
    help="Let the line go on: lift the hold ID, signed.",
    examples="tidegate hold lift hold-1a2b3c4d --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("hold", metavar="ID")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
def lift(hold: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import hold as use_case

    run = session()
    use_case.lift(run.house(), run.claim(), hold, reason)
    run.answer({"hold": hold, "lifted": True}, [f"{good('✓')} {clean(hold)} is lifted"])
    return 0


@command("list", help="List the holds in force.", examples="tidegate hold list")
def list_() -> int:
    """The command."""
    from tidegate.cli.render_status import hold_lines
    from tidegate.orchestration.restrictions import holds_in_force
    from tidegate.store import policies

    run = session()
    house = run.house()
    with house.database.read() as connection:
        found = holds_in_force(connection, house.now())
        tz = policies.current(connection).tz
    run.answer(found, hold_lines(found, tz, house.now()) or ["no hold is in force"])
    return 0
