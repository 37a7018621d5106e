"""``tidegate rollback plan`` and ``tidegate rollback validate``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import command, session


@command(
    "plan",
    help="Show how RELEASE would come back in an environment, made from what the driver would really do.\n\n"
    "To which version, by which steps on each unit, whether data would be lost, what takes it back by itself and how "
    "often, who may decide and how they are reached. Asks no unit, and changes nothing. With --markdown it writes the "
    "plan as a document, by the policy's template (rollback.templates) or Tidegate's own.",
    examples=(
        "tidegate rollback plan billing-1.1.0 --for production",
        "tidegate rollback plan billing-1.1.0 --for production --markdown rollback-plan.md",
    ),
)
@click.argument("release")
@click.option("--for", "environment", required=True, metavar="ENVIRONMENT", help="Where it would be taken back.")
@click.option("--markdown", type=click.Path(path_type=Path), metavar="FILE", help="Write it there; it must be new.")
def plan(release: str, environment: str, markdown: Path | None) -> int:
    """The command."""
    from tidegate.cli.render_rollback_plan import plan_page
    from tidegate.cli.text import clean, good
    from tidegate.errors import ConflictError, UsageError
    from tidegate.views.rollback_plan import markdown_of, rollback_plan_view

    run = session()
    house = run.house()
    view = rollback_plan_view(house, release, environment)
    if markdown is None:
        run.answer(view, plan_page(view))
        return 0
    text = markdown_of(view, house.root)
    try:
        with markdown.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConflictError("there is such a file already", where=str(markdown), remedy="name another") from error
    except OSError as error:
        raise UsageError(f"it cannot be written: {error.strerror}", where=str(markdown), remedy="check it") from error
    run.answer({"release": release, "file": str(markdown)}, [f"{good('✓')} the plan is written: {clean(markdown)}"])
    return 0


@command(
    "validate",
    help="Try the way back of RELEASE out, dry, against the target, and keep the outcome as evidence.\n\n"
    "Asks every unit whether it is there and keeps the earlier version (or its package is here), whether somebody may "
    "go back, and whether the way back can be written. Changes nothing on any unit. It holds for the release as it is, "
    "and for the version to which it would return now. Exits with 1 where something stands in the way.",
    examples="tidegate rollback validate billing-1.1.0 --for production --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("release")
@click.option("--for", "environment", required=True, metavar="ENVIRONMENT", help="Where it would be taken back.")
def validate(release: str, environment: str) -> int:
    """The command."""
    from tidegate.cli.render_rollback_plan import tried_lines
    from tidegate.orchestration import rollback_plan as use_case

    run = session()
    done = use_case.validate(run.house(), release, environment, run.claim())
    several = [tried for tried, _ in done]
    valid = all(tried.valid for tried in several)
    record = {"release": release, "environment": environment, "valid": valid, "components": several}
    run.answer(record, tried_lines(several))
    return 0 if valid else 1
