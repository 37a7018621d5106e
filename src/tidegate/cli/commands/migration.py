"""``tidegate migration``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

migration = Group(
    "migration",
    lazy={
        "check": ("migration:check", "Judge the migrations of a release, and say the safe way."),
        "list": ("migration:list_", "List the revisions of databases, by environment."),
    },
    help="Look at the migrations of databases. They are read from the commit that is released, and never run.",
)


@command(
    "check",
    help="Judge the migrations that NAME, a release or a component, would bring to each environment: what is dropped, "
    "renamed, required, narrowed, locked or cannot be judged, where, why, and the safe way over several releases.\n\n"
    "Of a component it is what would be released next. Nothing is run and nothing is changed. Exits with 3 when the "
    "policy refuses one, or nobody can tell.",
    examples=("tidegate migration check billing-1.1.0 --for production", "tidegate migration check billing --json"),
)
@click.argument("name", metavar="NAME")
@click.option("--for", "environment", default="", metavar="ENVIRONMENT", help="Only against what runs there.")
def check(name: str, environment: str) -> int:
    """The command."""
    from tidegate.cli.render_migration import migrations_page
    from tidegate.views.migration import migrations_view

    run = session()
    view = migrations_view(run.house(), name, environment)
    run.answer(_record(view), migrations_page(view))
    return 3 if view.refused else 0


def _record(view: object) -> object:
    from dataclasses import asdict

    from tidegate.views.migration import MigrationsView

    if not isinstance(view, MigrationsView):
        return view
    return {**asdict(view), "refused": view.refused}


@command(
    "list",
    help="List the revisions to which databases have come, by component and environment: the version that brought it, "
    "and its newest migration. Nothing is changed.\n\n"
    "A database stays where it is when the application goes back.",
    examples=("tidegate migration list", "tidegate migration list billing --json"),
)
@click.argument("component", default="")
def list_(component: str) -> int:
    """The command."""
    from tidegate.cli.render_migration import revision_rows
    from tidegate.store import policies
    from tidegate.views.migration import revision_lines

    run = session()
    house = run.house()
    found = revision_lines(house, component)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(found, revision_rows(found, tz) or ["no revision of a database is recorded yet"])
    return 0
