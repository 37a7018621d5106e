"""``tidegate incident``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

incident = Group(
    "incident",
    lazy={
        "open": ("incident:open_", "Open an incident that no rollback opened."),
        "list": ("incident:list_", "List the incidents."),
        "show": ("incident:show", "Show one incident: what happened, and what is missing."),
        "attach": ("incident:attach", "Attach a document or a report."),
        "close": ("incident:close", "Close an incident, when all is so that is demanded."),
    },
    help="Look at incidents, write them up, close them. A rollback in production opens one by itself, with its facts.",
)


@command(
    "open",
    help="Open an incident that no rollback opened: signed, recorded, and told on incident.opened.\n\n"
    "Whoever may roll back there may open one.",
    examples='tidegate incident open billing production --title "invoices are late" --as rita --key ~/.ssh/id_ed25519',
)
@click.argument("component")
@click.argument("environment")
@click.option("--title", required=True, metavar="TEXT", help="What is wrong, in a sentence.")
@click.option("--release", default="", metavar="RELEASE", help="The release that it is about.")
def open_(component: str, environment: str, title: str, release: str) -> int:
    """The command."""
    from tidegate.orchestration import incident as use_case

    run = session()
    made = use_case.open_by_hand(
        run.house(), run.claim(), title, component=component, environment=environment, release=release
    )
    return _show(made.id)


@command("list", help="List the incidents, the newest first.", examples="tidegate incident list --open")
@click.option("--open", "only_open", is_flag=True, help="Only those that nobody has closed.")
@click.option("--release", default="", metavar="RELEASE", help="Only those of this release.")
def list_(only_open: bool, release: str) -> int:
    """The command."""
    from tidegate.cli.render_incident import incident_rows
    from tidegate.store import policies
    from tidegate.views.incident import incident_lines

    run = session()
    house = run.house()
    with house.database.read() as connection:
        found = incident_lines(connection, release=release, only_open=only_open)
        tz = policies.current(connection).tz
    run.answer(found, incident_rows(found, tz, house.now()) or ["there is no incident"])
    return 0


@command(
    "show",
    help="Show the incident ID: what happened, when it was detected and restored, and what is missing before it can be "
    "closed.",
    examples="tidegate incident show incident-1a2b3c4d",
)
@click.argument("incident_id", metavar="ID")
def show(incident_id: str) -> int:
    """The command."""
    return _show(incident_id)


@command(
    "attach",
    help="Attach FILE to the incident ID, signed: as a document, or as a report that a gate asks for afterwards.\n\n"
    "The policy says which documents are written (rollback.documents) and which gates are asked again "
    "(rollback.validation). A report counts when it was taken after what ran before runs again.",
    examples=(
        "tidegate incident attach incident-1a2b3c4d report.md --document incident-report --as rita --key ~/.ssh/key",
        "tidegate incident attach incident-1a2b3c4d smoke.json --as rita --key ~/.ssh/id_ed25519",
    ),
)
@click.argument("incident_id", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--document", default="", metavar="NAME", help="As this document of the policy.")
@click.option("--kind", default="", metavar="KIND", help="As a report of this kind; else it is recognised.")
def attach(incident_id: str, file: Path, document: str, kind: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import incident as use_case

    if document and kind:
        raise click.UsageError("--document and --kind exclude each other: it is a document, or a report")
    run = session()
    made = use_case.attach(run.house(), run.claim(), incident_id, file, document=document, kind=kind)
    said = f"{good('✓')} {clean(made.file)} is attached to {clean(incident_id)} as {made.kind} {clean(made.name)}"
    run.answer(made, [said])
    return 0


@command(
    "close",
    help="Close the incident ID, signed, and say how it ended.\n\n"
    "Refused with 3 while a document is missing that the policy demands (rollback.documents), a gate does not pass "
    "that is asked again (rollback.validation), or the rollback is not over.",
    examples='tidegate incident close incident-1a2b3c4d --outcome "fixed in 1.1.1" --as rita --key ~/.ssh/id_ed25519',
)
@click.argument("incident_id", metavar="ID")
@click.option("--outcome", required=True, metavar="TEXT", help="How it ended.")
def close(incident_id: str, outcome: str) -> int:
    """The command."""
    from tidegate.orchestration import incident as use_case

    run = session()
    use_case.close(run.house(), run.claim(), incident_id, outcome)
    return _show(incident_id)


def _show(incident_id: str) -> int:
    from tidegate.cli.render_incident import incident_page
    from tidegate.store import policies
    from tidegate.views.incident import incident_view

    run = session()
    house = run.house()
    view = incident_view(house, incident_id)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(view, incident_page(view, tz, house.now()))
    return 0
