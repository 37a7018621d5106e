"""``tidegate success``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

success = Group(
    "success",
    lazy={
        "list": ("success:list_", "List the criteria of a release's success."),
        "judge": ("success:judge", "Say whether one was met, with evidence, signed."),
    },
    help="Judge afterwards whether a release was a success, criterion by criterion.",
)


@command(
    "list",
    help="List the criteria of success of RELEASE, how each was judged, and what is still to be judged.",
    examples="tidegate success list billing-1.1.0",
)
@click.argument("release")
def list_(release: str) -> int:
    """The command."""
    from tidegate.cli.render_afterwards import follow_rows
    from tidegate.cli.text import clean
    from tidegate.store import policies
    from tidegate.views.afterwards import JUDGEMENTS, follow_views

    run = session()
    house = run.house()
    found = follow_views(house, JUDGEMENTS, release=release, done=True)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    nothing = f"nothing is to be judged of {clean(release)}: it is not done, or its policy names no criteria"
    run.answer(found, follow_rows(found, tz, house.now()) or [nothing])
    return 0


@command(
    "judge",
    help="Say whether criterion NUMBER of RELEASE was met, with the evidence for it, signed.\n\n"
    "A judgement stands; it is not changed afterwards.",
    examples=(
        "tidegate success judge billing-1.1.0 1 --met --evidence 'no critical issue in TG until 8 December' "
        "--as rita --key ~/.ssh/id_ed25519"
    ),
)
@click.argument("release")
@click.argument("number")
@click.option("--met/--not-met", "met", required=True, default=None, help="Whether it was met.")
@click.option("--evidence", default="", metavar="TEXT", help="From what it is seen.")
@click.option(
    "--document", default=None, metavar="FILE", type=click.Path(path_type=Path), help="The evidence, written."
)
def judge(release: str, number: str, met: bool, evidence: str, document: Path | None) -> int:
    """The command."""
    from tidegate.cli.text import bad, clean, good
    from tidegate.orchestration import afterwards
    from tidegate.views.afterwards import follow_view

    run = session()
    house = run.house()
    row = afterwards.judge(house, run.claim(), release, number, met=met, evidence=evidence, document=document)
    sign = good("✓") if met else bad("✗")
    line = f"{sign} {clean(release)} {clean(number)} was {row.outcome}, says {clean(row.settled_by)}"
    run.answer(follow_view(house, row.debt.id), [line])
    return 0
