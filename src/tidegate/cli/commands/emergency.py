"""``tidegate emergency``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

emergency = Group(
    "emergency",
    lazy={
        "declare": ("emergency:declare", "Declare an emergency, and call people."),
        "acknowledge": ("emergency:acknowledge", "Take an emergency on; nobody else is called."),
        "end": ("emergency:end", "Say that an emergency is over."),
        "list": ("emergency:list_", "List the emergencies."),
        "show": ("emergency:show", "Show one emergency: who was called, what is done."),
    },
    help="Declare an emergency, acknowledge it, end it. While one is in force, releases of the policy's emergency "
    "types may go by it; what they go without, they owe afterwards (tidegate debt).",
)


@command(
    "declare",
    help="Declare an emergency: signed, recorded, and told at once.\n\n"
    "The policy says who may (emergency.declared_by), for which criteria (those of its emergency types), who is called "
    "and for how long it is in force. Contacts are called one after the other until somebody acknowledges.",
    examples="tidegate emergency declare --incident INC-4711 --reason 'checkout answers 500' "
    "--criterion 'Production down' --components billing --as rita --key ~/.ssh/id_ed25519",
)
@click.option("--incident", required=True, metavar="ID", help="The incident's number, wherever it is kept.")
@click.option("--reason", required=True, metavar="TEXT", help="What has happened.")
@click.option("--criterion", required=True, metavar="TEXT", help="Which of the type's criteria it meets.")
@click.option(
    "--components",
    required=True,
    multiple=True,
    metavar="NAME,...",
    help="The components whose releases may go by it; may be repeated.",
)
def declare(incident: str, reason: str, criterion: str, components: tuple[str, ...]) -> int:
    """The command."""
    from tidegate.cli.render_emergency import emergency_page
    from tidegate.orchestration import emergency as use_case
    from tidegate.store import policies
    from tidegate.views.emergency import emergency_view

    run = session()
    house = run.house()
    named = [name for text in components for name in text.split(",")]
    made = use_case.declare(house, run.claim(), incident=incident, reason=reason, criterion=criterion, components=named)
    view = emergency_view(house, made.emergency.id)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(view, emergency_page(view, tz, house.now()))
    return 0


@command(
    "acknowledge",
    help="Take the emergency ID on, signed. From then on nobody else is called.\n\n"
    "Whoever is in the group behind one of its contacts may; how late it was is recorded.",
    examples="tidegate emergency acknowledge emergency-1a2b3c4d --as olga --key ~/.ssh/id_ed25519",
)
@click.argument("emergency_id", metavar="ID")
def acknowledge(emergency_id: str) -> int:
    """The command."""
    from datetime import timedelta

    from tidegate.cli.text import clean, good
    from tidegate.orchestration import emergency as use_case
    from tidegate.views.emergency import emergency_view
    from tidegate.views.moments import length

    run = session()
    house = run.house()
    use_case.acknowledge(house, run.claim(), emergency_id)
    view = emergency_view(house, emergency_id)
    after = length(timedelta(seconds=view.acknowledged_after_s or 0))
    late = ", later than the policy asks" if view.late else ""
    lines = [
        f"{good('✓')} {clean(view.id)} is acknowledged by {clean(view.acknowledged_by)} after {after}{late}",
        f"  end it: tidegate emergency end {view.id} --outcome TEXT",
    ]
    run.answer(view, lines)
    return 0


@command(
    "end",
    help="Say that the emergency ID is over, signed, and how it was resolved.\n\n"
    "No release starts by it any more; what it owes, such as the post-mortem, is owed from now on.",
    examples="tidegate emergency end emergency-1a2b3c4d --outcome 'rolled back to 1.4.2' --as rita "
    "--key ~/.ssh/id_ed25519",
)
@click.argument("emergency_id", metavar="ID")
@click.option("--outcome", required=True, metavar="TEXT", help="How it was resolved.")
def end(emergency_id: str, outcome: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import emergency as use_case
    from tidegate.views.emergency import emergency_view

    run = session()
    house = run.house()
    use_case.end(house, run.claim(), emergency_id, outcome)
    view = emergency_view(house, emergency_id)
    owed = [f"  it owes {clean(debt)}: tidegate debt show {clean(debt)}" for debt in view.debts]
    run.answer(view, [f"{good('✓')} {clean(view.id)} is over", *owed])
    return 0


@command(
    "list",
    help="List the emergencies, the newest first, with the time since they were declared.",
    examples="tidegate emergency list",
)
def list_() -> int:
    """The command."""
    from tidegate.cli.render_emergency import emergency_rows
    from tidegate.views.emergency import emergency_views

    run = session()
    found = emergency_views(run.house())
    run.answer(found, emergency_rows(found) or ["no emergency was ever declared"])
    return 0


@command(
    "show",
    help="Show the emergency ID: its reason, who was called when, who acknowledged how late, and what is done.",
    examples="tidegate emergency show emergency-1a2b3c4d",
)
@click.argument("emergency_id", metavar="ID")
def show(emergency_id: str) -> int:
    """The command."""
    from tidegate.cli.render_emergency import emergency_page
    from tidegate.store import policies
    from tidegate.views.emergency import emergency_view

    run = session()
    house = run.house()
    view = emergency_view(house, emergency_id)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(view, emergency_page(view, tz, house.now()))
    return 0
