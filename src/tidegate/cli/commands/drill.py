"""``tidegate drill``."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli.framework import Group, command, session

drill = Group(
    "drill",
    lazy={
        "list": ("drill:list_", "List the drills: held last, due, overdue."),
        "run": ("drill:run", "Rehearse a rollback in a copy of production."),
        "record": ("drill:record", "Record a rehearsal that was held by hand."),
        "abandon": ("drill:abandon", "Give a rehearsal up that cannot come to its end."),
        "call": ("drill:call", "Exercise the call of an emergency."),
        "acknowledge": ("drill:acknowledge", "Acknowledge the call of an exercise."),
    },
    help="Rehearse rollbacks, restores and emergencies, and measure it. A drill that the policy lets block (drills) "
    "keeps releases from production while it is overdue.",
)


@command(
    "list",
    help="List the drills of the policy: when each was held last with success, when it is due, what is overdue.",
    examples="tidegate drill list",
)
@click.option("--all", "everything", is_flag=True, help="Also each rehearsal that was held.")
def list_(everything: bool) -> int:
    """The command."""
    from tidegate.cli.render_drill import held_rows, standing_rows
    from tidegate.orchestration.drill import standings
    from tidegate.store import drills, policies

    run = session()
    house = run.house()
    found = standings(house)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
        held = drills.everything(connection) if everything else []
    lines = standing_rows(found, tz, house.now()) or ["the policy declares no drills"]
    run.answer({"drills": found, "held": held}, [*lines, *held_rows(held, tz, house.now())])
    return 0


@command(
    "run",
    help="Rehearse the rollback NAME in ENVIRONMENT, never in production, and measure it; signed.\n\n"
    "What stands there is taken back to the version before, and brought forward again, by an ordinary rollback and an "
    "ordinary rollout: whoever runs it may do both there, and the policy is asked as ever. It begins only where it can "
    "also end: there must be an earlier version, and the release must still be on its way.",
    examples="tidegate drill run rollback staging --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("name")
@click.argument("environment")
@click.option("--component", default="", metavar="NAME", help="Which, where several have a target there.")
def run(name: str, environment: str, component: str) -> int:
    """The command."""
    from tidegate.cli.executing import Executing
    from tidegate.cli.following import follow
    from tidegate.orchestration import drill as use_case

    current = session()
    house = current.house(executes=True)
    rehearsal = use_case.prepare(house, current.claim(), name, environment, component)
    with Executing(current, house) as executing:

        def to_its_end(rollout: str) -> bool:
            return follow(current, executing, house, rollout).exit_code == 0

        return _ended(use_case.carry(house, current.claim(), rehearsal, to_its_end))


def _ended(row: object) -> int:
    from tidegate.cli.render_drill import ended_lines
    from tidegate.store.drills import DrillRow

    assert isinstance(row, DrillRow)  # noqa: S101  for the type checker
    session().answer(row, ended_lines(row))
    return 0 if row.succeeded else 1


@command(
    "record",
    help="Record that the drill NAME was held by hand, with its report and what was measured; signed.\n\n"
    "For what Tidegate cannot rehearse itself, such as a restore. The report is kept; whoever records it answers "
    "for it.",
    examples="tidegate drill record restore --report restore.md --took 12m --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("name")
@click.option("--report", required=True, type=click.Path(path_type=Path), metavar="FILE", help="What was done.")
@click.option("--took", default=None, metavar="DURATION", help="How long it took, such as 12m.")
@click.option("--failed", is_flag=True, help="It did not succeed.")
@click.option("--environment", default="", metavar="ENVIRONMENT", help="Where it was held.")
def record(name: str, report: Path, took: str | None, failed: bool, environment: str) -> int:
    """The command."""
    from tidegate.cli.render_drill import ended_lines
    from tidegate.core.duration import parse_duration
    from tidegate.orchestration import drill as use_case

    try:
        seconds = int(parse_duration(took).total_seconds()) if took else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    current = session()
    row = use_case.record_by_hand(
        current.house(), current.claim(), name, report, succeeded=not failed, seconds=seconds, environment=environment
    )
    current.answer(row, ended_lines(row))
    return 0


@command(
    "abandon",
    help="Give the rehearsal ID up that was begun and cannot come to its end; signed.\n\n"
    "It is recorded as one that did not succeed. What it took back stays back: look with tidegate status.",
    examples='tidegate drill abandon drill-1a2b3c4d --reason "the machine failed" --as rita --key ~/.ssh/id_ed25519',
)
@click.argument("drill_id", metavar="ID")
@click.option("--reason", required=True, metavar="TEXT", help="Why it cannot.")
def abandon(drill_id: str, reason: str) -> int:
    """The command."""
    from tidegate.cli.render_drill import ended_lines
    from tidegate.orchestration import drill as use_case

    current = session()
    row = use_case.abandon(current.house(), current.claim(), drill_id, reason)
    current.answer(row, ended_lines(row))
    return 0


@command(
    "call",
    help="Exercise the call of an emergency: the contacts of emergency.call are told so, as an exercise; signed.\n\n"
    "The time runs until one of them acknowledges; later than the policy asks, the exercise has failed.",
    examples="tidegate drill call emergency-procedures --as rita --key ~/.ssh/id_ed25519",
)
@click.argument("name")
def call(name: str) -> int:
    """The command."""
    from tidegate.cli.text import clean, strong
    from tidegate.orchestration import drill as use_case
    from tidegate.store import policies
    from tidegate.views.moments import moment

    current = session()
    house = current.house()
    row = use_case.call(house, current.claim(), name)
    with house.database.read() as connection:
        tz = policies.current(connection).tz
    until = f" by {moment(row.due_at, tz, house.now())}" if row.due_at else ""
    lines = [
        f"{strong(row.id)}: {clean(name)} is called, as an exercise",
        f"  one of its contacts acknowledges it{until}:",
        f"  tidegate drill acknowledge {row.id}",
    ]
    current.answer(row, lines)
    return 0


@command(
    "acknowledge",
    help="Acknowledge the call of the exercise ID, signed: that ends it, and says how long it took.\n\n"
    "Whoever is in the group behind one of the contacts may, but for whoever called. Exits with 1 where it was too "
    "late.",
    examples="tidegate drill acknowledge drill-1a2b3c4d --as olga --key ~/.ssh/id_ed25519",
)
@click.argument("drill_id", metavar="ID")
def acknowledge(drill_id: str) -> int:
    """The command."""
    from tidegate.orchestration import drill as use_case

    current = session()
    return _ended(use_case.acknowledge(current.house(), current.claim(), drill_id))
