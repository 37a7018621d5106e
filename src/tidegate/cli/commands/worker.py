"""``tidegate worker``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tidegate.cli.framework import command, session

if TYPE_CHECKING:
    from tidegate.cli.executing import Executing
    from tidegate.orchestration.house import House

LOOK_S = 0.2
QUIET_LOOKS = 3
"""How many looks in a row must find nothing due before ``--once`` ends: a leg that ends makes the next thing due."""


@command(
    "worker",
    help="Carry rollouts on, watch them, start what waits, deliver messages; until it is stopped.\n\n"
    "On SQLite one executes at a time: this one waits until the one that does has ended. With --once, for cron: do "
    "what is due, until nothing is due now.",
    examples="tidegate worker --once",
)
@click.option("--once", is_flag=True, help="Do what is due now, then end.")
def worker(once: bool) -> int:
    """The command."""
    from tidegate.cli.executing import Executing

    run = session()
    house = run.house(executes=True)
    house.queue.migrate()
    with Executing(run, house) as executing:
        return _once(house, executing) if once else _forever(house, executing)


def _forever(house: House, executing: Executing) -> int:
    import signal

    from tidegate.cli.text import clean
    from tidegate.views.attention import who_executes

    run = session()
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    # A supervisor stops it with SIGTERM, a person with Ctrl-C: both are its ordinary end.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    executing.tend()
    run.say("working; Ctrl-C stops it" if executing.executes else f"waiting: {clean(who_executes(house))} executes")
    waited = not executing.executes
    while not stopped:
        executing.tend()
        if waited and executing.executes:
            waited = False
            run.say("working: the other has ended")
        time.sleep(LOOK_S)
    run.say("stopping")
    executing.close()
    run.answer({"worker": "stopped"})
    return 0


def _once(house: House, executing: Executing) -> int:
    from tidegate.cli.text import clean
    from tidegate.errors import ConflictError
    from tidegate.views.attention import who_executes

    executing.tend()
    if not executing.executes:
        raise ConflictError(
            f"somebody executes already: {clean(who_executes(house) or 'nobody knows who')}",
            remedy="nothing is to be done here: what is due is done there",
        )
    quiet = 0
    while quiet < QUIET_LOOKS:
        quiet = quiet + 1 if _nothing_due(house) and executing.idle() else 0
        time.sleep(LOOK_S)
    executing.close()
    session().answer({"worker": "nothing is due"}, ["done: nothing is due any more"])
    return 0


def _nothing_due(house: House) -> bool:
    from tidegate.core.rollout import RolloutState
    from tidegate.store import joint_rollouts, outbox, requests, rollouts

    with house.database.read() as connection:
        now = house.now()
        return not (
            rollouts.find(connection, states=[RolloutState.RUNNING])
            or rollouts.due(connection, now)
            or joint_rollouts.due(connection, now)
            or requests.due(connection, now)
            or outbox.due(connection, now)
        )
