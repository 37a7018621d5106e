"""``tidegate version``: works by a policy, and in any repository without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tidegate.cli.session import Session
    from tidegate.core.pull_request import PullRequest
    from tidegate.git.history import Source
    from tidegate.git.repository import Repository
    from tidegate.views.version import VersionView


@command(
    "version",
    help="Say which version COMPONENT is at, by its tags, and which the commits since then ask for, and why.\n\n"
    "Without COMPONENT all components of the policy are told. Where there is no policy file, or with --tag-format, "
    "--path or --each, the repository alone is asked. Where one of several cannot be told the others are, and its "
    "error is the exit code. Nothing is written.",
    examples=(
        "tidegate version billing",
        "tidegate version --tag-format 'v{version}' --pre rc",
        "tidegate version --each 'modules/*' --tag-format '{component}-v{version}'",
    ),
)
@click.argument("component", required=False)
@click.option("--tag-format", metavar="FORMAT", help="How the tags are written; v{version} where nothing is said.")
@click.option("--path", "paths", metavar="DIR", multiple=True, help="Only commits that change something there.")
@click.option("--each", metavar="GLOB", help="Each directory that matches is a component; {component} is its name.")
@click.option("--padded", is_flag=True, help="Versions are padded with zeros, such as 02.01.11.")
@click.option("--pre", metavar="CHANNEL", default="", help="The next pre-release: alpha, beta or rc.")
@click.option("--pull-requests", metavar="FILE", help="Titles and labels of pull requests, as gh pr list prints them.")
@click.option("--at", default="HEAD", metavar="REVISION", help="Ask as of this revision.", show_default=True)
def version(
    component: str | None,
    tag_format: str | None,
    paths: tuple[str, ...],
    each: str | None,
    padded: bool,
    pre: str,
    pull_requests: str | None,
    at: str,
) -> int:
    """The command."""
    from tidegate.cli.sources import Asked, known_pulls, sources
    from tidegate.git.history import unreleased_each
    from tidegate.git.repository import open_repository
    from tidegate.views.version import version_view

    run = session()
    directory, wanted = sources(run, Asked(component, tag_format, paths, each, padded), at)
    repository, pulls = open_repository(directory), known_pulls(pull_requests)
    if len(wanted) > 1 or each:
        return _several(run, repository, wanted, at, pulls, pre)
    ((name, source),) = wanted.items()
    view = version_view(name, source, unreleased_each(repository, wanted, at, pulls)[name], pre)
    run.answer(view, _lines(view))
    return 0


def _lines(view: VersionView) -> Iterator[str]:
    """The view for people; with ``--json`` nobody asks for the first line, and nothing is imported for it."""
    from tidegate.cli.render_version import version_lines

    yield from version_lines(view)


def _several(
    run: Session, repository: Repository, wanted: Mapping[str, Source], at: str, pulls: Sequence[PullRequest], pre: str
) -> int:
    """Tell of several, also where one of them cannot be told; the exit code is then that of the first."""
    from tidegate.cli.failing import error_lines
    from tidegate.cli.render_version import versions_lines
    from tidegate.git.history import told_each
    from tidegate.views.version import version_views

    views, failures = version_views(wanted, *told_each(repository, wanted, at, pulls), pre)
    run.answer({"components": views}, versions_lines(views))
    for name, error in failures.items() if not run.as_json else ():
        error.where = ": ".join(filter(None, (name, error.where)))
        run.say("\n".join(error_lines(error)))
    return next((error.exit_code for error in failures.values()), 0)
