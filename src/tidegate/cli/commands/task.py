"""``tidegate task``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

task = Group(
    "task",
    lazy={
        "list": ("task:list_", "List what is to be done after releases."),
        "done": ("task:done", "Say that a task is done, signed."),
    },
    help="Look at what is done after releases, and say that it is done. Who is late is reminded; nothing waits for it.",
)


@command(
    "list",
    help="List the tasks after RELEASE, or after all releases, what is due first before the rest.",
    examples=("tidegate task list", "tidegate task list --mine --as bob", "tidegate task list billing-1.1.0 --all"),
)
@click.argument("release", required=False, default="")
@click.option("--mine", is_flag=True, help="Those alone that you may do.")
@click.option("--all", "everything", is_flag=True, help="What is done, too.")
def list_(release: str, mine: bool, everything: bool) -> int:
    """The command."""
    from tidegate.cli.render_afterwards import follow_rows
    from tidegate.errors import UsageError
    from tidegate.store import policies
    from tidegate.views.afterwards import TASKS, follow_views

    run = session()
    if mine and not run.person:
        raise UsageError("nobody says whose tasks are meant", remedy="say --as PERSON")
    house = run.house()
    found = follow_views(house, TASKS, release=release, mine=run.person if mine else "", done=everything)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(found, follow_rows(found, tz, house.now()) or ["there is nothing to do"])
    return 0


@command(
    "done",
    help="Say that TASK of RELEASE is done, signed by somebody of the group that does it.",
    examples='tidegate task done billing-1.1.0 check-logs --note "no errors" --as bob --key ~/.ssh/id_ed25519',
)
@click.argument("release")
@click.argument("name", metavar="TASK")
@click.option("--note", default="", metavar="TEXT", help="What there is to say of it.")
def done(release: str, name: str, note: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import afterwards
    from tidegate.views.afterwards import follow_view

    run = session()
    house = run.house()
    row = afterwards.do(house, run.claim(), release, name, note)
    view = follow_view(house, row.debt.id)
    late = ", too late" if view.standing == "done late" else ""
    run.answer(view, [f"{good('✓')} {clean(release)} {clean(name)} is done by {clean(view.done_by)}{late}"])
    return 0
