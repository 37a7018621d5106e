"""``tidegate feedback``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

feedback = Group(
    "feedback",
    lazy={
        "add": ("feedback:add", "Record what a user said of a release, signed."),
        "list": ("feedback:list_", "Show what users said, and how satisfied they are."),
    },
    help="Record what users say of releases, and how satisfied they are.",
)


@command(
    "add",
    help="Record what a user said of RELEASE, signed by whoever records it. It is never changed.",
    examples=(
        "tidegate feedback add billing-1.1.0 --score 4 --text 'paying is faster' --from 'Acme Ltd' "
        "--as rita --key ~/.ssh/id_ed25519"
    ),
)
@click.argument("release")
@click.option("--score", type=int, default=None, metavar="N", help="How satisfied they are, from 1 to 5.")
@click.option("--text", default="", metavar="TEXT", help="What they said.")
@click.option("--from", "whose", default="", metavar="NAME", help="Who said it.")
def add(release: str, score: int | None, text: str, whose: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import feedback as use_case
    from tidegate.views.afterwards import feedback_view

    run = session()
    house = run.house()
    use_case.add(house, run.claim(), release, score=score, text=text, whose=whose)
    view = feedback_view(house, release)
    mean = f": {view.satisfaction} of 5 so far" if view.satisfaction is not None else ""
    run.answer(view, [f"{good('✓')} recorded for {clean(release)}{mean}"])
    return 0


@command(
    "list",
    help="Show what users said of RELEASE, and the mean of their scores.",
    examples="tidegate feedback list billing-1.1.0",
)
@click.argument("release")
def list_(release: str) -> int:
    """The command."""
    from tidegate.cli.render_afterwards import feedback_page
    from tidegate.store import policies
    from tidegate.views.afterwards import feedback_view

    run = session()
    house = run.house()
    view = feedback_view(house, release)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(view, feedback_page(view, tz, house.now()))
    return 0
