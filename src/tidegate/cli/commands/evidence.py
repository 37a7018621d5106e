"""``tidegate evidence``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import Group, command, session

if TYPE_CHECKING:
    from tidegate.errors import TidegateError
    from tidegate.orchestration.evidence import Added, Refused

evidence = Group(
    "evidence",
    lazy={
        "add": ("evidence:add", "Add reports to a release."),
        "run": ("evidence:run_", "Run a command, and add how it went."),
        "reviews": ("evidence:reviews", "Add the reviews that the commits name."),
        "state": ("evidence:state", "State what no tool reports, and sign it."),
        "list": ("evidence:list_", "List the evidence of a release."),
    },
    help="Add reports and other evidence to a release, and list it.",
)


@command(
    "add",
    help="Read the reports FILE... and add what they say as evidence about RELEASE as it is now.\n\n"
    "The kind is told from the content unless --kind says it. The newest of a kind and source counts; nothing is ever "
    "taken away. Of several files each is added by itself: one that is refused does not stop the others, and the "
    "command ends with the exit code of the first that was refused. Several of one kind get their sources from their "
    "file names, so that none hides another.",
    examples=(
        "tidegate evidence add billing-1.1.0 reports/junit.xml --as rita",
        "tidegate evidence add billing-1.1.0 unit.xml audit.json --as rita",
    ),
)
@click.argument("release")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--source", default="", metavar="NAME", help="Tells reports of one kind apart, such as unit and contract."
)
@click.option("--kind", default=None, metavar="KIND", help="What the report is, such as junit or coverage.")
@click.option("--environment", default="", metavar="ENVIRONMENT", help="Where it was taken.")
@click.option(
    "--component", default="", metavar="COMPONENT", help="Which one it is about, in a release of several components."
)
@click.option(
    "--baseline",
    default=None,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="An earlier run, beside which benchmarks are compared.",
)
def add(
    release: str,
    files: tuple[Path, ...],
    source: str,
    kind: str | None,
    environment: str,
    component: str,
    baseline: Path | None,
) -> int:
    """The command."""
    from tidegate.orchestration import evidence as use_case

    run = session()
    outcomes = use_case.add_all(
        run.house(),
        release,
        files,
        run.claim(),
        source=source,
        kind=kind,
        environment=environment,
        component=component,
        baseline=baseline,
    )
    told = [(file, one) for file, one in zip(files, outcomes, strict=True)]
    added = [_record(file, one) for file, one in told if isinstance(one, use_case.Added)]
    refused = [_refusal(file, one.error) for file, one in told if isinstance(one, use_case.Refused)]
    lines = [line for file, one in told for line in _lines(file, one)]
    if refused:
        lines.append(f"{len(added)} of {len(files)} reports added")
    run.answer({"release": release, "added": added, "refused": refused}, lines)
    return next((one.error.exit_code for _, one in told if isinstance(one, use_case.Refused)), 0)


def _record(file: Path, added: Added) -> dict[str, object]:
    piece = added.evidence
    return {
        "file": str(file),
        "component": piece.component,
        "kind": piece.kind,
        "source": piece.source,
        "report": piece.report,
        "values": piece.values,
        "summary": added.summary,
    }


def _refusal(file: Path, error: TidegateError) -> dict[str, object]:
    from tidegate.cli.failing import error_record

    return {"file": str(file), **error_record(error)}


def _lines(file: Path, outcome: Added | Refused) -> list[str]:
    from tidegate.cli.text import bad, clean, good, wrapped
    from tidegate.orchestration.evidence import Added

    name = clean(file.name)
    if isinstance(outcome, Added):
        piece = outcome.evidence
        source = f"/{clean(piece.source)}" if piece.source != piece.kind else ""
        mark, told = good("✓"), wrapped(f"{clean(piece.kind)}{source} ({name}): {clean(outcome.summary)}", "    ", "")
        return [f"{mark} {told[0]}", *told[1:]]
    first, *more = wrapped(f"{name}: {clean(outcome.error.what)}", "    ", "")
    return [f"{bad('✗')} {first}", *more, *wrapped(clean(outcome.error.remedy), "    ", "  > ")]


_COMPONENT = click.option(
    "--component", default="", metavar="COMPONENT", help="Which one it is about, in a release of several components."
)
_ENVIRONMENT = click.option("--environment", default="", metavar="ENVIRONMENT", help="Where it was taken.")


def _seconds(text: str) -> float:
    from tidegate.core.duration import parse_duration

    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _answer(release: str, added: Added) -> None:
    from tidegate.cli.text import bad, clean, good, wrapped

    piece = added.evidence
    mark = bad("✗") if piece.values.get("ok") is False else good("✓")
    first, *more = wrapped(f"{clean(piece.kind)}/{clean(piece.source)}: {clean(added.summary)}", "    ", "")
    record = {name: value for name, value in _record(Path(), added).items() if name != "file"}
    session().answer({"release": release, "added": [record]}, [f"{mark} {first}", *more])


@command(
    "run",
    help="Run COMMAND in the folder of the policy, and add how it went as evidence of kind command about RELEASE.\n\n"
    "An exit code alone is not believed: say what the command must say (--expects) or which file it must write "
    "(--report). It passes if it ends with 0 and did that. One that takes too long is stopped, with all that it "
    "started, and has failed. What it said is kept, without the values of secret variables. What lies in the folder "
    "must be what is released.",
    examples='tidegate evidence run billing-1.1.0 --source lint --expects "0 errors" --as rita -- npm run lint',
)
@click.argument("release")
@click.argument("argv", nargs=-1, required=True, metavar="COMMAND...", type=click.UNPROCESSED)
@click.option("--source", required=True, metavar="NAME", help="What the command is called in gates.")
@click.option("--expects", default="", metavar="TEXT", help="What it must say, on either stream.")
@click.option(
    "--report",
    default=None,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file that it must write, where it runs.",
)
@click.option("--timeout", default="10m", metavar="DURATION", help="How long it may take (10m).")
@_ENVIRONMENT
@_COMPONENT
def run_(
    release: str,
    argv: tuple[str, ...],
    source: str,
    expects: str,
    report: Path | None,
    timeout: str,
    environment: str,
    component: str,
) -> int:
    """The command."""
    from tidegate.orchestration.evidence_command import Declared, run_command

    run = session()
    added = run_command(
        run.house(),
        release,
        argv,
        run.claim(),
        Declared(expects, report),
        source=source,
        timeout_s=_seconds(timeout),
        environment=environment,
        component=component,
    )
    _answer(release, added)
    return 0 if added.evidence.values["ok"] else 1


@command(
    "reviews",
    help="Count the reviewers that the commits of RELEASE name as Reviewed-by, and add them as evidence of kind "
    "reviews, from the source git-trailers.\n\n"
    "A release was reviewed as far as its least reviewed commit was. People are known by their mail address in the "
    "policy; the authors of a commit do not review it. The lines are claims of whoever committed, and no signatures.",
    examples="tidegate evidence reviews billing-1.1.0 --as rita",
)
@click.argument("release")
@_COMPONENT
def reviews(release: str, component: str) -> int:
    """The command."""
    from tidegate.orchestration.evidence_reviews import add_reviews

    run = session()
    _answer(release, add_reviews(run.house(), release, run.claim(), component=component))
    return 0


@command(
    "state",
    help="State that something was so, as evidence of KIND about RELEASE: a backup, a drill, a training, an "
    "acceptance.\n\n"
    "You sign it: it rests on your word alone, and the source is your name unless --source says another. What a tool "
    "reports cannot be stated.",
    examples="tidegate evidence state billing-1.1.0 backup verified=yes offsite=yes --environment production --as rita",
)
@click.argument("release")
@click.argument("kind")
@click.argument("values", nargs=-1, required=True, metavar="FIELD=VALUE...")
@click.option("--source", default="", metavar="NAME", help="Tells statements of one kind apart.")
@click.option("--at", "taken_at", default="", metavar="TIME", help="When it was so (RFC 3339); without it now.")
@click.option("--summary", default="", metavar="TEXT", help="What it was, in a sentence.")
@_ENVIRONMENT
@_COMPONENT
def state(
    release: str,
    kind: str,
    values: tuple[str, ...],
    source: str,
    taken_at: str,
    summary: str,
    environment: str,
    component: str,
) -> int:
    """The command."""
    from tidegate.orchestration.evidence_stated import state as use_case

    run = session()
    added = use_case(
        run.house(),
        release,
        kind,
        values,
        run.claim(),
        source=source,
        taken_at=taken_at,
        summary=summary,
        environment=environment,
        component=component,
    )
    _answer(release, added)
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
