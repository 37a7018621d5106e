"""``tidegate document``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

document = Group(
    "document",
    lazy={
        "list": ("document:list_", "Say how each document of a release stands."),
        "attach": ("document:attach", "Keep a file as a document of a release."),
        "review": ("document:review", "Say, signed, that you reviewed a document."),
        "new": ("document:new", "Begin a document from its template."),
    },
    help="Write, attach and review the documents of releases.",
)


@command(
    "list",
    help="Say how each document of RELEASE stands: where it lies, who asks for it, and what is wrong with it.\n\n"
    "Those in the repository are read from the commit that is released, not from the work tree.",
    examples="tidegate document list billing-1.1.0",
)
@click.argument("release")
def list_(release: str) -> int:
    """The command."""
    from tidegate.cli.render_papers import document_lines
    from tidegate.orchestration import document as use_case

    run = session()
    found = use_case.list_documents(run.house(), release)
    records = [
        {
            "document": line.name,
            "title": line.title,
            "component": line.component,
            "where": line.where,
            "asked_by": list(line.asked_by),
            "digest": line.digest,
            "verdict": line.finding.verdict if line.finding else "not asked",
            "message": line.finding.message if line.finding else "",
            "remedy": line.finding.remedy if line.finding else "",
        }
        for line in found
    ]
    run.answer({"release": release, "documents": records}, document_lines(found) or ["no document is asked for"])
    return 0


@command(
    "attach",
    help="Keep FILE as the document NAME of RELEASE.\n\n"
    "The newest counts; nothing is ever taken away. A review of what was attached before does not hold for it.",
    examples="tidegate document attach billing-1.1.0 rfc docs/rfc-17.md --as rita",
)
@click.argument("release")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
def attach(release: str, name: str, file: Path) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import document as use_case

    run = session()
    mark = use_case.attach(run.house(), release, name, file, run.claim())
    record = {"release": release, "document": name, "file": mark.part, "digest": mark.subject}
    lines = [
        f"{good('✓')} {clean(mark.part)} is the {clean(name)} of {clean(release)}",
        f"  see what it lacks: tidegate document list {clean(release)}",
    ]
    run.answer(record, lines)
    return 0


@command(
    "review",
    help="Say that you have reviewed the document NAME of RELEASE as it is, signed with your SSH key.\n\n"
    "It holds for this content alone; whoever wrote what is released cannot review it.",
    examples="tidegate document review billing-2.0.0 migration-guide --as carol --key ~/.ssh/id_ed25519",
)
@click.argument("release")
@click.argument("name")
@click.option("--of", "component", default="", metavar="COMPONENT", help="Whose, in a release of several components.")
@click.option("--reason", default="", metavar="TEXT", help="What you say to it; kept with the review.")
def review(release: str, name: str, component: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import document as use_case

    run = session()
    mark = use_case.review(run.house(), release, name, run.claim(), component=component, reason=reason)
    record = {"release": release, "document": name, "person": mark.actor.person, "digest": mark.subject}
    lines = [
        f"{good('✓')} {clean(mark.actor.person)} reviewed the {clean(name)} of {clean(release)}",
        f"  bound to its content {mark.subject[:19]}…",
    ]
    run.answer(record, lines)
    return 0


@command(
    "new",
    help="Begin the document NAME from its template, or from its headings, in the work tree.\n\n"
    "A file that is there stays as it is. What is written counts once it is committed and released. "
    "Where its path names the version, it is begun for that of the release that is opened next.",
    examples="tidegate document new runbook --of billing --version 1.1.0",
)
@click.argument("name")
@click.option("--of", "component", default="", metavar="COMPONENT", help="Of which component.")
@click.option("--version", default="", metavar="VERSION", help="Of which version.")
def new(name: str, component: str, version: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import document as use_case

    run = session()
    begun = use_case.begin(run.house(), name, component, version)
    attach = f"attach it: tidegate document attach RELEASE {clean(name)} {clean(begun.path)}"
    lines = [f"{good('✓')} wrote {clean(begun.path)}", f"  fill it in, and {attach if begun.attached else 'commit it'}"]
    run.answer({"document": name, "path": begun.path}, lines)
    return 0
