"""``tidegate train``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

train = Group(
    "train",
    lazy={
        "list": ("train:list_", "List the trains: when they depart, who is aboard."),
        "show": ("train:show", "Show a train: who is aboard, who missed it and why."),
    },
    help="Look at the release trains. A departing train opens the releases of its components that have unreleased "
    "changes, and locks them at the freeze; who misses it is aboard the next one.",
)


@command(
    "list",
    help="List the trains, the one that departs first before the others. Nothing is changed.",
    examples=("tidegate train list", "tidegate train list --json"),
    reads_at=True,
)
def list_() -> int:
    """The command."""
    from tidegate.cli.render_train import train_rows
    from tidegate.store import policies
    from tidegate.views.train import train_lines

    run = session()
    house = run.house()
    found = train_lines(house)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(found, train_rows(found, tz, house.now()) or ["the policy has no trains: declare one under trains"])
    return 0


@command(
    "show",
    help="Show TRAIN: its next departures, and of one run who is aboard, what stands in its way, and who missed it.\n\n"
    "Shown is the run that is under way or comes next, or that of a day. Before a run departs, what stands in the way "
    "is told as of its departure.",
    examples=("tidegate train show modules", "tidegate train show modules --run 2026-12-08 --json"),
    reads_at=True,
)
@click.argument("name", metavar="TRAIN")
@click.option("--run", "day", default="", metavar="DATE", help="The run that departs on this day, as 2026-12-08.")
def show(name: str, day: str) -> int:
    """The command."""
    from tidegate.cli.render_train import train_page
    from tidegate.store import policies
    from tidegate.views.train import train_view

    run = session()
    house = run.house()
    view = train_view(house, name, day)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(view, train_page(view, tz, house.now()))
    return 0
