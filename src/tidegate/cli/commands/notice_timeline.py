"""``tidegate notice timeline``, ``preview`` and ``acknowledge``."""

from __future__ import annotations

import click

from tidegate.cli.framework import command, session


@command(
    "timeline",
    help="Show all that RELEASE tells: what went out and when, what is to come, what was left out and why.\n\n"
    "Nothing is sent. Times are counted from the moment for which the release is planned, in days of the policy's "
    "zone; where nobody has planned it, from the earliest moment that the policy foresees.",
    examples=("tidegate notice timeline billing-1.1.0", "tidegate notice timeline billing-1.1.0 --json"),
    reads_at=True,
)
@click.argument("release")
def timeline(release: str) -> int:
    """The command."""
    from tidegate.cli.render_notices import timeline_page
    from tidegate.views.notices import timeline_view

    run = session()
    house = run.house()
    view = timeline_view(house, release)
    run.answer(view, timeline_page(view, house.now()))
    return 0


@command(
    "preview",
    help="Show what RELEASE tells, or what a release of COMPONENT would tell if it were opened now.\n\n"
    "Nothing is opened, and nothing is sent.",
    examples=(
        "tidegate notice preview billing",
        "tidegate notice preview billing --type major --planned 2026-12-15T10:00",
        "tidegate notice preview billing-1.1.0 --template announced",
    ),
    reads_at=True,
)
@click.argument("what", metavar="RELEASE|COMPONENT")
@click.option("--template", default="", metavar="TEXT", help="Only what says this text, such as announced.")
@click.option("--type", "type_", default="", metavar="TYPE", help="The release type, of a release to come.")
@click.option("--planned", default="", metavar="DATE", help="For when it would be planned: 2026-12-05T16:00, 14d.")
def preview(what: str, template: str, type_: str, planned: str) -> int:
    """The command."""
    from tidegate.cli.render_notices import timeline_page
    from tidegate.cli.times import moment
    from tidegate.errors import UsageError
    from tidegate.store import policies
    from tidegate.views import notices as views

    run = session()
    house = run.house()
    with house.database.read() as connection:
        components = policies.current(connection).policy.components
    at = moment(house, planned, "--planned") if planned else None
    if what in components:
        view = views.preview(house, what, type_=type_, planned=at)
    elif type_ or planned:
        raise UsageError(
            f"{what[:80]} is no component: only a release that is not opened yet can be of another type or time",
            remedy="name a component, or leave --type and --planned out",
        )
    else:
        view = views.timeline_view(house, what)
    if template:
        view = views.template_view(house, view, template, what)
    run.answer(view, timeline_page(view, house.now()))
    return 0


@command(
    "acknowledge",
    help="Say, signed, that you have read a notice of RELEASE; without --notice all that ask you to.\n\n"
    "A notice asks for it where the policy says acknowledge: true. It holds no release up; who has not read it is "
    "shown by tidegate notice timeline.",
    examples="tidegate notice acknowledge billing-1.1.0 --notice 2 --as alice --key ~/.ssh/id_ed25519",
)
@click.argument("release")
@click.option("--notice", "number", default=0, metavar="N", type=click.IntRange(0, 100_000), help="The notice.")
def acknowledge(release: str, number: int) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import notice as use_case

    run = session()
    claim = run.claim()
    numbers = use_case.acknowledge(run.house(), claim, release, number)
    which = f"notice {numbers[0]}" if len(numbers) == 1 else f"notices {', '.join(map(str, numbers))}"
    record = {"release": release, "notices": numbers, "person": claim.person}
    run.answer(record, [f"{good('✓')} {clean(claim.person)} has read {which} of {clean(release)}"])
    return 0
