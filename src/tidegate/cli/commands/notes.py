"""``tidegate notes`` and ``tidegate changelog``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.cli.framework import command, session
from tidegate.errors import UsageError

if TYPE_CHECKING:
    from tidegate.cli.session import Session
    from tidegate.core.notes.mandatory import Gap
    from tidegate.git.repository import Repository
    from tidegate.orchestration.notes import Asked, Gathered, Scope
    from tidegate.orchestration.notes_file import Written

REFUSED = 3
_FULL_ALONE = "leave out --version, --date, --worktree and --source"
F = TypeVar("F", bound=Callable[..., Any])


def _what(function: F) -> F:
    """The options that say whose changes are told, and from where they come."""
    for option in reversed(
        (
            click.option("--to", "until", default="", metavar="REV", help="Up to this tag or revision."),
            click.option("--version", default="", metavar="VERSION", help="The version, where it is another one."),
            click.option("--date", "day", default="", metavar="DATE", help="Its day: 2026-02-11."),
            click.option("--tag-format", default="", metavar="FORMAT", help="Without a policy: v{version}."),
            click.option("--path", "paths", metavar="DIR", multiple=True, help="Without a policy: only changes here."),
            click.option("--padded", is_flag=True, help="Without a policy: versions such as 02.01.11."),
            click.option("--pull-requests", metavar="FILE", help="Titles and labels, as gh pr list prints them."),
            click.option("--issue-link", default="", metavar="URL", help="Where issues are: https://.../{number}."),
            click.option(
                "--source",
                type=click.Choice(["all", "commits", "fragments"]),
                default="all",
                metavar="WHICH",
                help="Tell commits, fragments, or all.",
                show_default=True,
            ),
            click.option("--worktree", is_flag=True, help="Read fragments from the disk, committed or not."),
        )
    ):
        function = option(function)
    return function


@command(
    "notes",
    help="Print the notes of COMPONENT's next release, or of the release that --to names.\n\n"
    "Without anything after the last release, those of the last one. They are made of commits and of the files in "
    "changelog.d/; without a policy file, of the whole repository. --write keeps them in docs/releases/, with places "
    "that may be edited; written again, what people wrote there stays.",
    examples=("tidegate notes billing", "tidegate notes billing --to billing-v1.2.0 --json", "tidegate notes --write"),
)
@click.argument("component", default="")
@click.option("--from", "since", default="", metavar="TAG", help="After this tag or revision.")
@_what
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "text", "json"]),
    default="markdown",
    metavar="FORMAT",
    help="markdown, text or json.",
    show_default=True,
)
@click.option(
    "--style",
    type=click.Choice(["7d", "helpdesk", "moko", "towne-park", "keepachangelog"]),
    default=None,
    metavar="STYLE",
    help="7d, helpdesk, moko, towne-park or keepachangelog; else what fits the policy.",
)
@click.option("--template", default="", metavar="FILE", help="Your own template, in place of a style.")
@click.option("--write", is_flag=True, help="Write them into their file.")
@click.option("--force", is_flag=True, help="With --write: overwrite what was changed elsewhere.")
@click.option("--check", "checks", is_flag=True, help="Only say which mandatory sections they lack.")
def notes(
    component: str,
    since: str,
    form: str,
    style: str | None,
    template: str,
    write: bool,
    force: bool,
    checks: bool,
    **what: Any,
) -> int:
    """The command."""
    from tidegate.orchestration.notes_file import write_notes

    run = session()
    _refuse_two_answers(form, write, checks)
    gathered = _gathered(run, component, since, what)
    if (run.as_json and not write and not checks) or form == "json":
        run.print_json(gathered.data)
        return 0
    if form == "text" and not write and not checks:
        return _print_text(run, gathered)
    generated = _rendered(gathered, style, template)
    if checks:
        return _check(run, gathered, generated)
    if write:
        return _say_written(run, write_notes(gathered, generated, force=force))
    from tidegate.core.notes.regions import bare

    run.answer(None, bare(generated).rstrip("\n").split("\n"))
    return 0


def _refuse_two_answers(form: str, write: bool, checks: bool) -> None:
    if write and checks:
        raise UsageError("--write and --check are two answers", remedy="write first, then check")
    if form != "markdown" and (write or checks):
        raise UsageError(f"--format {form} is for printing", remedy="leave it out; --json is for programs")


def _gathered(run: Session, component: str, since: str, what: dict[str, Any]) -> Gathered:
    from tidegate.orchestration.notes import gather

    scope, repository = _scope(run, component, what)
    asked = _asked(since, what)
    gathered = gather(repository, scope, asked, run.clock())
    if gathered.told.is_tagged and not asked.until:
        run.say(f"nothing came after {gathered.told.version}: these are its notes")
    elif run.verbose:
        run.say(gathered.told.why)
    return gathered


def _scope(run: Session, component: str, what: dict[str, Any]) -> tuple[Scope, Repository]:
    from tidegate.cli.sources import named_tags, policy_at, policy_directory
    from tidegate.core.version import Scheme, TagFormat
    from tidegate.git.repository import open_repository
    from tidegate.orchestration.notes import scope_of

    directory = policy_directory(run.directory)
    bare = bool(what["paths"] or what["tag_format"] or what["padded"])
    policy = policy_at(run, directory) if directory is not None and not bare else None
    place = directory if directory is not None and policy is not None else run.directory
    written = named_tags(what["tag_format"] or "v{version}", component)
    tag_format = TagFormat(written, Scheme.PADDED if what["padded"] else Scheme.SEMVER)
    repository = open_repository(place)
    return scope_of(repository, policy, component, what["paths"], tag_format), repository


def _asked(since: str, what: dict[str, Any]) -> Asked:
    from tidegate.cli.sources import known_pulls
    from tidegate.orchestration.notes import Asked

    return Asked(
        since=since,
        until=what["until"],
        version=what["version"],
        released_on=_day(what["day"]),
        issue_link=what["issue_link"],
        sources=what["source"],
        worktree=what["worktree"],
        pulls=known_pulls(what["pull_requests"]),
    )


def _day(text: str) -> date | None:
    from tidegate.cli.text import clean

    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f'--date "{clean(text)[:40]}" names no day', remedy="write it as 2026-02-11") from error


def _print_text(run: Session, gathered: Gathered) -> int:
    from tidegate.core.notes.text import notes_text

    run.answer(None, notes_text(gathered.data).rstrip("\n").split("\n"))
    return 0


def _rendered(gathered: Gathered, style: str | None, template: str) -> str:
    from tidegate.templates.notes import render

    return render(gathered.data, _style(gathered, style), Path(template) if template else None)


def _style(gathered: Gathered, asked: str | None) -> str:
    """The style that is asked for, or the first that has the sections which the policy demands."""
    from tidegate.templates.notes import style_for

    return asked or style_for(gathered.scope.sections)


def _check(run: Session, gathered: Gathered, generated: str) -> int:
    from tidegate.core.notes.mandatory import gaps, sections_of
    from tidegate.orchestration.notes_file import existing_notes

    demanded = gathered.scope.sections or sections_of(generated)
    file = existing_notes(gathered) if gathered.data.version else ""
    found = gaps(file or generated, demanded, gathered.data)
    version = gathered.data.version
    run.answer(
        {"component": gathered.scope.component, "version": version or None, "missing": found},
        _check_lines(gathered, found, len(demanded)),
    )
    return REFUSED if found else 0


def _check_lines(gathered: Gathered, found: tuple[Gap, ...], demanded: int) -> list[str]:
    from tidegate.cli.text import bad, clean, good, wrapped

    name = f"{clean(gathered.scope.component)} {gathered.data.version or 'Unreleased'}"
    if not found:
        return [f"{good('✓')} the notes of {name} have all {demanded} sections"]
    lines = [f"the notes of {name} are not complete:"]
    for gap in found:
        start, *more = wrapped(f"{clean(gap.section)} {clean(gap.what)}", "    ")
        lines += [f"  {bad('✗')} {start.lstrip()}", *more, *wrapped(clean(gap.remedy), "      ", first="    > ")]
    return lines


def _say_written(run: Session, written: Written) -> int:
    from tidegate.cli.text import clean

    path = clean(written.path)
    run.answer(written, [f"wrote {path}" if written.changed else f"{path} says that already"])
    for remark in written.remarks:
        run.say(f"note: {clean(remark)}")
    return 0


@command(
    "changelog",
    help="Print the changelog's section of COMPONENT's next release, after keepachangelog.com 1.1.0.\n\n"
    "--write puts it into CHANGELOG.md below Unreleased, and leaves everything else there as it is. A section that "
    "Tidegate wrote is generated again, but for the groups that somebody edited.",
    examples=("tidegate changelog billing", "tidegate changelog --write", "tidegate changelog --full"),
)
@click.argument("component", default="")
@_what
@click.option("--file", default="", metavar="FILE", help="The changelog, where it is another file.")
@click.option("--full", is_flag=True, help="All releases, and what is not released yet.")
@click.option("--write", is_flag=True, help="Write it into the changelog.")
def changelog(component: str, file: str, full: bool, write: bool, **what: Any) -> int:
    """The command."""
    from tidegate.orchestration.changelog import changelog_path, section_of, write_changelog

    run = session()
    if full:
        return _full(run, component, file, write, what)
    gathered = _gathered(run, component, "", what)
    section = section_of(gathered)
    path = changelog_path(gathered.scope, file)
    if write:
        return _say_written(run, write_changelog(gathered.repository, path, [section]))
    answer = {"component": gathered.scope.component, "version": section.label, "path": path}
    run.answer({**answer, "section": section.markdown}, section.markdown.rstrip("\n").split("\n"))
    return 0


def _full(run: Session, component: str, file: str, write: bool, what: dict[str, Any]) -> int:
    from tidegate.cli.sources import known_pulls
    from tidegate.orchestration.changelog import changelog_path, everything, whole, write_changelog

    if what["version"] or what["day"] or what["worktree"] or what["source"] == "fragments":
        raise UsageError(
            "--full tells releases of the past", remedy="leave out --version, --date, --worktree, --source"
        )
    scope, repository = _scope(run, component, what)
    pulls = known_pulls(what["pull_requests"])
    found = everything(repository, scope, what["until"] or "HEAD", what["issue_link"], pulls, what["source"])
    path = changelog_path(scope, file)
    if write:
        return _say_written(run, write_changelog(repository, path, found.sections, found.unreleased))
    told = [{"version": section.label, "section": section.markdown} for section in found.sections]
    lines = whole(found).rstrip("\n").split("\n") if not run.as_json else ()
    answer = {"component": scope.component, "path": path, "unreleased": found.unreleased or None}
    run.answer({**answer, "releases": told}, lines)
    return 0
