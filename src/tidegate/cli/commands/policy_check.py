"""``tidegate policy check``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import command, session

NO_POLICY = 2
"""The exit code for a file that is no policy."""


@command(
    "check",
    help="Look for mistakes and contradictions in the policy FILE (by default tidegate.yaml).\n\n"
    "Each finding has its rule, its place and its remedy; what the policy leaves open is listed with the default that "
    "holds. Nothing is adopted, and no database is opened. Exits with 1 where there is an error, and with 2 where the "
    "file is no policy.",
    examples=("tidegate policy check", "tidegate policy check --undecided", "tidegate policy check --format sarif"),
    reads_at=True,
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    help="For people, as JSON, as SARIF 2.1.0, or as annotations of a GitHub workflow.",
)
@click.option("--notes", is_flag=True, help="Show the notes too.")
@click.option("--undecided", "points", is_flag=True, help="List what is undecided.")
@click.option("--strict", is_flag=True, help="Exit with 1 on a warning too.")
def check(file: Path | None, form: str, notes: bool, points: bool, strict: bool) -> int:
    """The command."""
    from tidegate.cli.commands.policy import proposal
    from tidegate.cli.render_policy_check import check_lines
    from tidegate.core.lint import Severity
    from tidegate.policyfile.check import check_policy
    from tidegate.views.policy_check import check_record

    run = session()
    path, name = proposal(file)
    parts = run.parts
    checked = check_policy(path, name, run.clock(), abilities=parts.abilities(), check_target=parts.check_target)
    if form == "sarif":
        from tidegate.views.sarif import sarif

        run.print_json(sarif(checked))
    elif form == "github":
        from tidegate.views.sarif import github

        for line in github(checked):
            click.echo(line)
    elif form == "json" or run.as_json:
        run.print_json(check_record(checked))
    else:
        run.answer(None, check_lines(checked, notes=notes, points=points))
    if checked.policy is None:
        return NO_POLICY
    return int(not checked.ok or (strict and bool(checked.of(Severity.WARNING))))
