"""``tidegate delegate``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

delegate = Group(
    "delegate",
    lazy={
        "add": ("delegate:add", "Hand your voice to somebody for a time."),
        "revoke": ("delegate:revoke", "Take your voice back."),
        "list": ("delegate:list_", "List who speaks for whom."),
    },
    help="Hand your voice in approvals to somebody else for a time, signed. Nobody hands on what was handed to them, "
    "and nobody approves by it what they may not approve themselves.",
)


@command(
    "add",
    help="Hand your voice in a group or role to PERSON until a moment, signed with your SSH key.\n\n"
    "While it holds, the answer of PERSON counts in your place, unless you answer yourself; it ends at once when one "
    "of you leaves, or when you take it back.",
    examples='tidegate delegate add --to dana --for cab --until 2027-01-08T18:00 --reason "on leave" --as carol '
    "--key ~/.ssh/id_ed25519",
)
@click.option("--to", required=True, metavar="PERSON", help="Who speaks for you.")
@click.option(
    "--for", "scope", required=True, multiple=True, metavar="NAME", help="In which group or role; repeatable."
)
@click.option("--until", required=True, metavar="TIME", help="Until when, in the policy's zone, at most 100 days.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept with it.")
def add(to: str, scope: tuple[str, ...], until: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.cli.times import moment
    from tidegate.orchestration import delegation as use_case
    from tidegate.store import policies

    run = session()
    house = run.house()
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    made = use_case.delegate(house, run.claim(), to, scope, moment(house, until, "--until"), reason)
    ends = f"{made.until.astimezone(tz):%Y-%m-%d %H:%M %Z}"
    lines = [
        f"{good('✓')} {clean(made.to)} speaks for {clean(made.by)} in {clean(', '.join(made.scope))} until {ends}",
        "  take it back: tidegate delegate revoke",
    ]
    run.answer(made, lines)
    return 0


@command(
    "revoke",
    help="Take your voice back, signed.\n\n"
    "What was approved in your place does not count any more; a rollout that loses an approval by this stops at its "
    "next checkpoint.",
    examples="tidegate delegate revoke --as carol --key ~/.ssh/id_ed25519",
)
@click.option("--to", default="", metavar="PERSON", help="Only from this person; else from whoever has it.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept with it.")
def revoke(to: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import delegation as use_case

    run = session()
    ids = use_case.revoke(run.house(), run.claim(), to, reason)
    record = {"person": run.person, "to": to, "revoked": ids}
    run.answer(record, [f"{good('✓')} {clean(run.person)} speaks for themself again"])
    return 0


@command("list", help="List who speaks for whom, in what, and until when.", examples="tidegate delegate list")
def list_() -> int:
    """The command."""
    from tidegate.cli.text import clean, columns
    from tidegate.orchestration import delegation as use_case
    from tidegate.store import policies

    run = session()
    house = run.house()
    found = use_case.every(house)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    rows: list[tuple[str, ...]] = [
        (
            f"{clean(each.to)} for {clean(each.by)}",
            clean(", ".join(each.scope)),
            f"until {each.until.astimezone(tz):%Y-%m-%d %H:%M %Z}",
            "taken back" if each.revoked_at else clean(each.invalid),
        )
        for each in found
    ]
    run.answer(found, columns(rows) or ["nobody speaks for anybody else"])
    return 0
