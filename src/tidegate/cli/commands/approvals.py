"""``tidegate approvals``."""

from __future__ import annotations

import click

from tidegate.cli.framework import command, session


@command(
    "approvals",
    help="Show which approvals RELEASE needs, who has given them, what is open, and to whom.\n\n"
    "Nothing is decided and nothing changes; an answer that does not count is shown with its reason.",
    examples=("tidegate approvals billing-1.1.0", "tidegate approvals billing-1.1.0 --for production --json"),
)
@click.argument("release")
@click.option("--for", "environment", default="", metavar="ENVIRONMENT", help="Only for this environment.")
def approvals(release: str, environment: str) -> int:
    """The command."""
    from tidegate.cli.render_approvals import approvals_lines
    from tidegate.cli.text import clean
    from tidegate.orchestration.identity import demand_environment
    from tidegate.store import policies
    from tidegate.views import approvals as views

    run = session()
    house = run.house()
    with house.database.read() as connection:
        book = policies.current(connection)
        if environment:
            demand_environment(book.policy, environment)
        found = views.approvals(connection, release, house.now(), environment)
    lines = [line for view in found for line in approvals_lines(view, book.tz)]
    run.answer(found, lines or [f"no environment asks for an approval of {clean(release)}"])
    return 0
