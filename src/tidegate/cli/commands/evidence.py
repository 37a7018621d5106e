"""``tidegate evidence``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

evidence = Group(
    "evidence",
    lazy={
        "add": ("evidence:add", "Add reports to a release."),
        "list": ("evidence:list_", "List the evidence of a release."),
    },
    help="Add reports to a release, and list them.",
)


@command(
    "add",
    help="Read the reports FILE... and add what they say as evidence about RELEASE as it is now.\n\n"
    "The kind is told from the content unless --kind says it. The newest of a kind and source counts; nothing is ever "
    "taken away.",
    examples="tidegate evidence add billing-1.1.0 reports/junit.xml --as rita",
)
@click.argument("release")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--source", default="", metavar="NAME", help="Tells reports of one kind apart, such as unit and contract."
)
@click.option("--kind", default=None, metavar="KIND", help="What the report is, such as junit or coverage.")
@click.option("--environment", default="", metavar="ENVIRONMENT", help="Where it was taken.")
def add(release: str, files: tuple[Path, ...], source: str, kind: str | None, environment: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import evidence as use_case

    run = session()
    house = run.house()
    records, lines = [], []
    for file in files:
        added = use_case.add(house, release, file, run.claim(), source=source, kind=kind, environment=environment)
        piece = added.evidence
        records.append(
            {
                "kind": piece.kind,
                "source": piece.source,
                "report": piece.report,
                "values": piece.values,
                "summary": added.summary,
            }
        )
        lines.append(f"{good('✓')} {clean(piece.kind)} ({clean(file.name)}): {clean(added.summary)}")
    run.answer({"release": release, "added": records}, lines)
    return 0


@command(
    "list",
    help="List the evidence of RELEASE, in the order in which it came.",
    examples="tidegate evidence list billing-1.1.0",
)
@click.argument("release")
def list_(release: str) -> int:
    """The command."""
    from tidegate.cli.render_release import evidence_row
    from tidegate.cli.text import columns
    from tidegate.store import policies
    from tidegate.views.release import release_view

    run = session()
    house = run.house()
    found = release_view(house, release).evidence
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    lines = columns([evidence_row(piece, tz, house.now()) for piece in found])
    run.answer({"release": release, "evidence": found}, lines or ["no evidence was added yet"])
    return 0
