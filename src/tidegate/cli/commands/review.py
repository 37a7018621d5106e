"""``tidegate review``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

review = Group(
    "review",
    lazy={
        "list": ("review:list_", "List the reviews and improvements that are to be done."),
        "show": ("review:show", "Show a review, and what it decided."),
        "record": ("review:record", "Record what a review found, signed."),
        "improved": ("review:improved", "Say that an improvement is done, signed."),
    },
    help="Look back at releases and at the process, record what was found, and follow what was decided to its end.",
)


@command(
    "list",
    help="List the reviews that are due, and the improvements that they decided.",
    examples=("tidegate review list", "tidegate review list --all --json"),
)
@click.option("--all", "everything", is_flag=True, help="What is done, too.")
def list_(everything: bool) -> int:
    """The command."""
    from tidegate.cli.render_afterwards import follow_rows
    from tidegate.store import policies
    from tidegate.views.afterwards import REVIEWS, follow_views

    run = session()
    house = run.house()
    found = follow_views(house, REVIEWS, done=everything)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(found, follow_rows(found, tz, house.now()) or ["no review is due, and no improvement is open"])
    return 0


@command(
    "show",
    help="Show the review ID: what it looks at, what it found, and what became of what it decided.",
    examples="tidegate review show look-back.retrospective.2027-01-01",
)
@click.argument("review_id", metavar="ID")
def show(review_id: str) -> int:
    """The command."""
    from tidegate.cli.render_afterwards import review_page
    from tidegate.store import policies
    from tidegate.views.afterwards import review_view

    run = session()
    house = run.house()
    view = review_view(house, review_id)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    run.answer(view, review_page(view, tz, house.now()))
    return 0


@command(
    "record",
    help="Record what the review ID found, signed by somebody of its group.\n\n"
    "Each --improve becomes something to be done within a time, and is reminded of until somebody says that it is.",
    examples=(
        "tidegate review record look-back.retrospective.2027-01-01 --note 'staging was too small' "
        "--improve 'double its memory' --by operations --within 14d --as rita --key ~/.ssh/id_ed25519"
    ),
)
@click.argument("review_id", metavar="ID")
@click.option("--note", default="", metavar="TEXT", help="What was found.")
@click.option("--document", default=None, metavar="FILE", type=click.Path(path_type=Path), help="What was written.")
@click.option("--improve", multiple=True, metavar="TEXT", help="What is to be improved; may be repeated.")
@click.option("--by", default="", metavar="GROUP", help="Who improves it; without it the group of the review.")
@click.option("--within", default="30d", metavar="TIME", show_default=True, help="Within how long.")
def record(review_id: str, note: str, document: Path | None, improve: tuple[str, ...], by: str, within: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.core.duration import parse_duration
    from tidegate.orchestration import afterwards
    from tidegate.views.afterwards import review_view

    run = session()
    try:
        time = parse_duration(within)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(
            f'--within "{clean(within)[:40]}" is no length of time; write one such as 14d'
        ) from error
    house = run.house()
    row, opened = afterwards.record_review(
        house, run.claim(), review_id, note=note, document=document, improvements=improve, improved_by=by, within=time
    )
    lines = [f"{good('✓')} {clean(row.debt.id)} is recorded by {clean(row.settled_by)}"]
    lines += [f"  to be improved: {clean(one.id)}: {clean(one.says)}" for one in opened]
    run.answer(review_view(house, row.debt.id), lines)
    return 0


@command(
    "improved",
    help="Say that the improvement ID is done, signed by somebody of the group that does it.",
    examples=(
        "tidegate review improved look-back.retrospective.2027-01-01.1 --note 'it has 8 GB now' "
        "--as bob --key ~/.ssh/id_ed25519"
    ),
)
@click.argument("improvement", metavar="ID")
@click.option("--note", default="", metavar="TEXT", help="What there is to say of it.")
def improved(improvement: str, note: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import afterwards
    from tidegate.views.afterwards import follow_view

    run = session()
    house = run.house()
    row = afterwards.improve(house, run.claim(), improvement, note)
    line = f"{good('✓')} {clean(row.debt.id)} is done by {clean(row.settled_by)}: {clean(row.debt.says)}"
    run.answer(follow_view(house, row.debt.id), [line])
    return 0
