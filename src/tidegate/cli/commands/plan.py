"""``tidegate plan`` and ``tidegate version``."""

from __future__ import annotations

import click

from tidegate.cli.framework import command, session


@command(
    "plan",
    help="Say the next version of COMPONENT, by its commits, and when it could go at the earliest.\n\n"
    "Nothing is opened or recorded. For each environment it says what a release would need and which rule of time "
    "decides.",
    examples=("tidegate plan billing", "tidegate plan billing --type hotfix"),
    reads_at=True,
)
@click.argument("component")
@click.option("--type", "type_", default="", metavar="TYPE", help="Plan a release of this type.")
@click.option("--version", default="", metavar="VERSION", help="Plan this version instead of the next one.")
@click.option("--at", default="HEAD", metavar="REVISION", help="Release this revision.", show_default=True)
def plan(component: str, type_: str, version: str, at: str) -> int:
    """The command."""
    from tidegate.cli.render_plan import plan_lines
    from tidegate.orchestration import release as releases
    from tidegate.views.plan import plan_view

    run = session()
    house = run.house()
    view = plan_view(releases.plan(house, component, type_=type_, version=version, at=at), house.now())
    run.answer(view, plan_lines(view))
    return 0


@command(
    "version",
    help="Say which version COMPONENT is at, by its tags, and which the changes since then ask for.",
    examples="tidegate version billing",
)
@click.argument("component")
def version(component: str) -> int:
    """The command."""
    from tidegate.cli.text import clean
    from tidegate.views.plan import version_view

    run = session()
    view = version_view(run.house(), component)
    following = f"next is {view.next}" if view.next else "nothing asks for a release"
    run.answer(view, [f"{clean(component)} {view.current or 'was never released'}; {following}: {clean(view.why)}"])
    return 0
