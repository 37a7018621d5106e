"""``tidegate checklist``."""

from __future__ import annotations

import click

from tidegate.cli.framework import Group, command, session

checklist = Group(
    "checklist",
    lazy={
        "show": ("checklist:show", "Show how each point stands, and who may tick it."),
        "tick": ("checklist:tick", "Tick a point, signed."),
        "untick": ("checklist:untick", "Take a tick back, signed."),
    },
    help="Tick what must be true before a release goes.",
)


@command(
    "show",
    help="Show how each point of the checklists of RELEASE stands, and who may tick it.\n\n"
    "Points that a gate or a document ticks are asked anew each time. A tick holds for what the release is made of.",
    examples="tidegate checklist show billing-1.1.0",
)
@click.argument("release")
def show(release: str) -> int:
    """The command."""
    from tidegate.cli.render_papers import checklist_lines, point_record
    from tidegate.orchestration import checklist as use_case

    run = session()
    found = use_case.show(run.house(), release)
    records = [
        {
            "checklist": one.name,
            "title": one.title,
            "asked_for": list(one.asked_for),
            "items": [point_record(point) for point in one.points],
        }
        for one in found
    ]
    lines = checklist_lines(found) or ["no environment asks for a checklist of this release"]
    run.answer({"release": release, "checklists": records}, lines)
    return 0


@command(
    "tick",
    help="Tick the point ITEM of a CHECKLIST of RELEASE, signed with your SSH key.\n\n"
    "You say that it is true of the release as it is now; the tick is void when what is released changes.",
    examples=(
        "tidegate checklist tick billing-1.1.0 pre-release documentation --as rita --key ~/.ssh/id_ed25519",
        "tidegate checklist tick billing-1.1.0 pre-release readme --not-needed --reason 'no change' --as rita",
    ),
)
@click.argument("release")
@click.argument("checklist")
@click.argument("item")
@click.option("--not-needed", is_flag=True, help="It need not be done; only points that say if-needed.")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept with the tick.")
def tick(release: str, checklist: str, item: str, not_needed: bool, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import checklist as use_case

    run = session()
    mark = use_case.tick(run.house(), release, checklist, item, run.claim(), not_needed=not_needed, reason=reason)
    record = {
        "release": release,
        "checklist": checklist,
        "item": item,
        "person": mark.actor.person,
        "not_needed": not_needed,
        "subject": mark.subject,
    }
    word = "says that it is not needed" if not_needed else "ticked it"
    lines = [
        f"{good('✓')} {clean(checklist)}/{clean(item)}: {clean(mark.actor.person)} {word}",
        f"  bound to subject {mark.subject[:19]}…",
    ]
    run.answer(record, lines)
    return 0


@command(
    "untick",
    help="Take a tick of the point ITEM back, signed: your own, or that of anybody where you may tick it.\n\n"
    "The release does not go where the checklist is asked until somebody ticks it again.",
    examples="tidegate checklist untick billing-1.1.0 pre-release documentation --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("release")
@click.argument("checklist")
@click.argument("item")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
def untick(release: str, checklist: str, item: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import checklist as use_case

    run = session()
    ids = use_case.untick(run.house(), release, checklist, item, run.claim(), reason=reason)
    record = {"release": release, "checklist": checklist, "item": item, "taken_back": ids}
    run.answer(record, [f"{good('✓')} {clean(checklist)}/{clean(item)} is open again"])
    return 0
