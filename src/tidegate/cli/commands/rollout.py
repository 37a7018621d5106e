"""``tidegate rollout``."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import Group, command, session

if TYPE_CHECKING:
    from tidegate.orchestration.house import House
    from tidegate.views.rollout import RolloutView

rollout = Group(
    "rollout",
    lazy={
        "list": ("rollout:list_", "List the rollouts."),
        "show": ("rollout:show", "Show how far a rollout is."),
        "pause": ("rollout:pause", "Stop a rollout at its next checkpoint."),
        "resume": ("rollout:resume", "Take a paused rollout on."),
    },
    help="Look at rollouts; pause and resume them.",
)


@command("list", help="List the rollouts, the newest first.", examples="tidegate rollout list --environment production")
@click.option("--component", default=None, metavar="COMPONENT", help="Only of it.")
@click.option("--environment", default=None, metavar="ENVIRONMENT", help="Only there.")
def list_(component: str | None, environment: str | None) -> int:
    """The command."""
    from tidegate.cli.render_release import rollout_rows
    from tidegate.cli.text import columns
    from tidegate.store import policies
    from tidegate.views.release import rollout_lines

    run = session()
    with run.house().database.read() as connection:
        found = rollout_lines(connection, component=component, environment=environment)
        tz = policies.current(connection).tz
    run.answer(found, columns(rollout_rows(found, tz)) or ["no rollout was started yet"])
    return 0


@command(
    "show",
    help="Show how far the rollout ID is: its waves, each unit, the watch, and why it is where it is. Of several "
    "components: how far each is.",
    examples=("tidegate rollout show billing-1.1.0.production.1", "tidegate rollout show december.production.1"),
)
@click.argument("rollout", metavar="ID")
@click.option("--follow", is_flag=True, help="Follow it to its end, as deploy does.")
def show(rollout: str, follow: bool) -> int:
    """The command."""
    from tidegate.cli.render_rollout import joint_page, rollout_page
    from tidegate.store import joint_rollouts, policies, rollouts
    from tidegate.views.joint_rollout import joint_view
    from tidegate.views.rollout import rollout_view

    run = session()
    house = run.house(executes=follow)
    if follow:
        return _follow(house, rollout)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
        joint = joint_rollouts.known(connection, rollout)
        if joint is not None:
            whole = joint_view(connection, joint)
            run.answer(whole, joint_page(whole, tz, house.now()))
            return 0
        view = rollout_view(connection, rollouts.load(connection, rollout))
    script = _script(house, view.component, view.environment, view.reverses or view.id)
    run.answer({**_record(view), "emergency_script": script}, rollout_page(view, tz, house.now(), script))
    return 0


def _record(view: RolloutView) -> dict[str, object]:
    return {field.name: getattr(view, field.name) for field in fields(view)}


def _script(house: House, component: str, environment: str, rollout: str) -> str:
    """The script that takes this very rollout back without the database; empty where it does not lie here."""
    from tidegate.errors import TidegateError
    from tidegate.orchestration import wayback
    from tidegate.orchestration.emergency_script import path_beside

    try:
        document = wayback.find(house.state, component, environment)
    except TidegateError:
        return ""
    script = path_beside(wayback.path_of(house.state, component, environment))
    return str(script) if document.rollout == rollout and script.is_file() else ""


def _follow(house: House, rollout: str) -> int:
    from tidegate.cli.executing import Executing
    from tidegate.cli.following import detaching
    from tidegate.cli.following_joint import follow_to_end

    run = session()
    house.queue.migrate()
    with (
        Executing(run, house) as executing,
        detaching(run, executing, f"rollout {rollout}", f"tidegate rollout show {rollout} --follow"),
    ):
        return follow_to_end(run, executing, house, rollout)


@command(
    "pause",
    help="Stop the rollout ID at its next checkpoint until somebody resumes it or takes it back; signed.",
    examples="tidegate rollout pause billing-1.1.0.production.1 --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("rollout", metavar="ID")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
def pause(rollout: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import joint_acts as use_case

    run = session()
    house = run.house()
    state = use_case.pause(house, rollout, run.claim(), reason)
    lines = [
        f"{good('✓')} {clean(rollout)} is {state.value}",
        f"  take it on: tidegate rollout resume {clean(rollout)}",
    ]
    run.answer({"rollout": rollout, "state": state}, lines)
    return 0


@command(
    "resume",
    help="Take the paused rollout ID on, and follow it; signed.\n\n"
    "What failed is tried again, what was inconclusive is accepted; of several components, the next one begins. It is "
    "decided again first.",
    examples="tidegate rollout resume billing-1.1.0.production.1 --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("rollout", metavar="ID")
@click.option("--detach", is_flag=True, help="Do not follow it.")
def resume(rollout: str, detach: bool) -> int:
    """The command."""
    from tidegate.cli.text import clean, good
    from tidegate.orchestration import joint_acts as use_case

    run = session()
    house = run.house(executes=True)
    house.queue.migrate()
    state = use_case.resume(house, rollout, run.claim())
    if not detach:
        return _follow(house, rollout)
    run.answer({"rollout": rollout, "state": state}, [f"{good('✓')} {clean(rollout)} is {state.value}"])
    return 0
