"""``tidegate debt``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

debt = Group(
    "debt",
    lazy={
        "list": ("debt:list_", "List what is owed."),
        "show": ("debt:show", "Show one debt, and who may settle it."),
        "settle": ("debt:settle", "Settle a debt, signed."),
    },
    help="Look at what releases and emergencies owe afterwards, and settle it. A team that owes something overdue "
    "starts no ordinary release.",
)


@command(
    "list",
    help="List what is owed, what is due first before the rest.",
    examples=("tidegate debt list", "tidegate debt list --all --json"),
)
@click.option("--all", "everything", is_flag=True, help="What is settled, too.")
def list_(everything: bool) -> int:
    """The command."""
    from tidegate.cli.render_emergency import debt_rows
    from tidegate.store import policies
    from tidegate.views.emergency import debt_views

    run = session()
    house = run.house()
    found = debt_views(house, settled=everything)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(found, debt_rows(found, tz, house.now()) or ["nothing is owed"])
    return 0


@command(
    "show",
    help="Show the debt ID: what is owed, until when, and who may settle it.",
    examples="tidegate debt show billing-1.1.1.post-mortem",
)
@click.argument("debt_id", metavar="ID")
def show(debt_id: str) -> int:
    """The command."""
    from tidegate.cli.render_emergency import debt_page
    from tidegate.store import policies
    from tidegate.views.emergency import debt_view

    run = session()
    house = run.house()
    view = debt_view(house, debt_id)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(view, debt_page(view, tz, house.now()))
    return 0


@command(
    "settle",
    help="Settle the debt ID, signed: an approval by the signature itself, everything else by a document.\n\n"
    "The document is kept by its digest. Who wrote what was released approves nothing afterwards.",
    examples=(
        "tidegate debt settle billing-1.1.1.post-mortem --document post-mortem.md --as rita --key ~/.ssh/id_ed25519",
    ),
)
@click.argument("debt_id", metavar="ID")
@click.option("--document", default=None, metavar="FILE", type=click.Path(path_type=Path), help="What was written.")
@click.option("--reason", default="", metavar="TEXT", help="What there is to say of it.")
def settle(debt_id: str, document: Path | None, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import debt as use_case
    from tidegate.views.emergency import debt_view

    run = session()
    house = run.house()
    use_case.settle(house, run.claim(), debt_id, document, reason)
    view = debt_view(house, debt_id)
    kept = f"\n  kept as {view.document}" if view.document else ""
    run.answer(view, [f"{good('✓')} {clean(view.what)} is settled by {clean(view.settled_by)}{kept}"])
    return 0
