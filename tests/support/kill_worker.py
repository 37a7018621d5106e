"""A worker that ends, or freezes, at one kill point: kill_worker.py STORY POINT SIGNAL DIRECTORY [URL [LEASE_S]]

It tells the story and executes until it is over; exit code 0. Where the directory has a file ``stay``, it never is.
``break-glass`` as story takes production back by the way back alone, ``import`` brings the journal home; neither opens
more than it needs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

from tests.support.kill_stories import STORIES
from tests.support.kill_world import Points, World, execute, hurry
from tidegate.clock import system_clock
from tidegate.errors import StoreError
from tidegate.orchestration import breakglass, glass_journal, homecoming, wayback
from tidegate.orchestration.house import House


def stop_at(point: str, number: int, database: Path) -> Points:
    """Points of which one sends us a signal; each is printed as it is passed."""

    def on_point(name: str) -> None:
        os.write(1, f"{name}\n".encode())
        if name == point:
            if number == signal.SIGSTOP and not name.startswith("commit:before"):
                outside_transactions(database)
            os.kill(os.getpid(), number)
            # Another thread may be the one that takes the signal; a stop reaches this one some microseconds later.
            time.sleep(0.2)

    return Points(on_point)


def outside_transactions(database: Path) -> None:
    """Wait until no other thread of ours writes to SQLite: stopped there, we would keep everybody from writing."""
    if database.exists():
        with contextlib.closing(sqlite3.connect(database, timeout=5, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")


def break_glass(world: World, points: Points, person: str = "rita") -> list[breakglass.UnitReturned]:
    """Take production back without opening the database."""
    state = world.repository / ".tidegate"
    document = wayback.find(state, "shop", "production")
    return breakglass.roll_back(
        document,
        world.driver("shop", "production", document.settings, points),
        world.claim(person),
        clock=system_clock,
        journal=glass_journal.Journal(wayback.journal_path(state), at=points),
        package=None,
        reason="the database is gone",
        say=lambda _: None,
    )


def main(arguments: list[str]) -> int:
    story, point, name, directory = arguments[:4]
    world = World(Path(directory), arguments[4] if len(arguments) > 4 else "", forked=False)
    points = stop_at(point, signal.Signals[name], world.repository / ".tidegate" / "tidegate.db")
    hurry()
    if story == "break-glass":
        break_glass(world, points)
    elif story == "import":
        homecoming.bring_home(world.house(points))
    else:
        told = STORIES[story]
        lease_s = float(arguments[5]) if len(arguments) > 5 else 10.0

        def is_over(house: House) -> bool:
            with contextlib.suppress(StoreError):
                return told.over(house) and not (world.directory / "stay").exists()
            return False  # its server is away: it is waited for

        over = execute(world, points, lambda house: told.tell(world, house), is_over, lease_s=lease_s, close=False)
        sys.stdout.flush()
        os._exit(0 if over else 1)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
