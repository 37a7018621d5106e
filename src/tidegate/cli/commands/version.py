"""``tidegate version``: works by a policy, and in any repository without one."""

from __future__ import annotations

import click

from tidegate.cli.framework import command, session


@command(
    "version",
    help="Say which version COMPONENT is at, by its tags, and which the commits since then ask for, and why.\n\n"
    "Without COMPONENT all components of the policy are told. Where there is no policy file, or with --tag-format, "
    "--path or --each, the repository alone is asked. Nothing is written.",
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
    from tidegate.cli.render_version import version_lines, versions_lines
    from tidegate.cli.sources import Asked, known_pulls, sources
    from tidegate.git.history import unreleased_each
    from tidegate.git.repository import open_repository
    from tidegate.views.version import version_view

    run = session()
    directory, wanted = sources(run, Asked(component, tag_format, paths, each, padded), at)
    histories = unreleased_each(open_repository(directory), wanted, at, known_pulls(pull_requests))
    views = [version_view(name, wanted[name], history, pre) for name, history in histories.items()]
    if len(views) == 1 and not each:
        run.answer(views[0], version_lines(views[0]))
    else:
        run.answer({"components": views}, versions_lines(views))
    return 0
