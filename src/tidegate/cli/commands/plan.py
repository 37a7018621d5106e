"""``tidegate plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from tidegate.core.policy import Policy
    from tidegate.core.scope import ScopeFile
    from tidegate.orchestration.house import House


@command(
    "plan",
    help="Say the next version of COMPONENT, when it can be in production at the earliest, and why.\n\n"
    "Nothing is opened or recorded. What is due until then and afterwards stands on a timeline. It is taken that "
    "people do their part in time: what is still needed of them is told by environment. Several components are one "
    "plan: each goes after what it requires, and what gets in the way of another is told.",
    examples=(
        "tidegate plan billing",
        "tidegate plan billing --bump major --alternatives",
        "tidegate plan billing --type hotfix --now 2026-11-20T10:00:00Z --json",
        "tidegate plan billing --scope docs/billing-1.4.scope.yaml",
        "tidegate plan platform customer billing",
    ),
    reads_at=True,
)
@click.argument("components", nargs=-1, required=True, metavar="COMPONENT...")
@click.option(
    "--bump",
    "raises",
    type=click.Choice(["major", "minor", "patch"]),
    metavar="PART",
    help="Plan a release that raises this part of the version: major, minor or patch.",
)
@click.option("--type", "type_", default="", metavar="TYPE", help="Plan a release of this type.")
@click.option("--version", default="", metavar="VERSION", help="Plan this version instead of the next one.")
@click.option("--at", default="HEAD", metavar="REVISION", help="Release this revision.", show_default=True)
@click.option("--for", "environment", default="", metavar="ENVIRONMENT", help="Plan the way there, not to production.")
@click.option(
    "--scope",
    "scope_file",
    default="",
    metavar="FILE",
    help="Reckon with the features that FILE says are still to be done.",
)
@click.option("--alternatives", is_flag=True, help="Say what else could be done, when that could go, what it costs.")
def plan(
    components: tuple[str, ...],
    raises: str | None,
    type_: str,
    version: str,
    at: str,
    environment: str,
    scope_file: str,
    alternatives: bool,
) -> int:
    """The command."""
    from tidegate.cli.render_plan import joint_lines, plan_lines
    from tidegate.orchestration.planning import plan as planned
    from tidegate.views.plan import joint_view, plan_view

    names = tuple(dict.fromkeys(components))
    if version and len(names) > 1:
        raise click.UsageError("--version is of one component; name one, or leave it out")
    if scope_file and len(names) > 1:
        raise click.UsageError("--scope is of one component's release; name one component, or leave it out")
    run = session()
    house = run.house()
    goals = _goals(house, environment)
    plans = [planned(house, name, type_=type_, version=version, at=at, raises=raises or "") for name in names]
    if len(plans) == 1:
        scope = _scope(plans[0].rulebook.policy, scope_file) if scope_file else None
        view = plan_view(plans[0], house.now(), goals=goals, with_alternatives=alternatives, scope=scope)
        run.answer(view, plan_lines(view, verbose=run.verbose))
    else:
        joint = joint_view(plans, house.now(), goals=goals, with_alternatives=alternatives)
        run.answer(joint, joint_lines(joint, verbose=run.verbose))
    return 0


def _scope(policy: Policy, file: str) -> tuple[str, ScopeFile]:
    """The scope in a file, with the file's name."""
    from tidegate.policyfile.scopes import load_scope

    return file, load_scope(Path(file), file, policy)


def _goals(house: House, environment: str) -> tuple[str, ...]:
    """The environment that is named; none: production.

    Raises:
        NotFoundError: the policy knows no such environment.
    """
    from tidegate.store import policies

    if not environment:
        return ()
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    _demand_environment(policy, environment)
    return (environment,)


def _demand_environment(policy: Policy, environment: str) -> None:
    from tidegate.errors import NotFoundError

    if environment not in policy.environments:
        raise NotFoundError(
            f'the policy knows no environment "{environment[:80]}"',
            remedy=f"name one of: {', '.join(sorted(policy.environments)) or 'none is declared'}",
        )
