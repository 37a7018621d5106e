"""A process that runs legs, to be killed, frozen and left alone: leg_worker.py URL DIRECTORY LEASE_S

Its leg notes in DIRECTORY/journal when each step begins and ends, with the process id, and waits in the step that its
argument names until DIRECTORY/go exists. It closes and ends when its standard input does.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from pathlib import Path

from tidegate.engine.legs import Json, Leg
from tidegate.engine.runner import Engine
from tidegate.store.database import open_database
from tidegate.store.election import ExecutorLock

DIRECTORY = Path(sys.argv[2])


def note(*words: object) -> None:
    """Append one line to the journal, in one write, so that lines of two processes never mix."""
    line = " ".join(str(word) for word in words) + f" {os.getpid()}\n"
    descriptor = os.open(DIRECTORY / "journal", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def count(leg: Leg, argument: Json) -> Json:
    """Do ``steps`` steps, and wait in the one numbered ``hold``."""
    return {
        "done": [
            leg.step(f"step {number}", functools.partial(act, number, argument)) for number in range(argument["steps"])
        ]
    }


def act(number: int, argument: Json) -> int:
    """One step."""
    note("begin", number)
    while number == argument["hold"] and not (DIRECTORY / "go").exists():
        time.sleep(0.01)
    note("end", number)
    return number


def hang(leg: Leg, argument: Json) -> Json:
    """A step that never ends."""
    note("hang")
    leg.step("hang", threading.Event().wait)
    return {}


def main() -> None:
    """Run legs until the standard input ends."""
    database = open_database(sys.argv[1])
    lock = ExecutorLock(DIRECTORY / "executor.lock")
    if database.kind == "sqlite":
        lock.wait(60)
    engine = Engine(database, {"count.v1": count, "hang.v1": hang}, lock=lock, lease_s=float(sys.argv[3]), poll_s=0.2)
    engine.launch()
    note("ready")
    sys.stdin.read()
    engine.close(timeout_s=0.5)
    note("closed")


if __name__ == "__main__":
    main()
