"""A worker of the soak test, to be killed.

python -m bench.soak_worker DIRECTORY [URL]
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from tests.support.kill_world import World, hurry
from tidegate.orchestration.executor import Executor

LEASE_S = 1.0
FOR_EVER_S = 1e9


def main(directory: str, url: str = "") -> None:
    """Execute until SIGTERM, or until somebody is less kind."""
    hurry()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    world = World(Path(directory), url)
    house = world.house()
    lock = world.lock()
    if house.database.kind == "sqlite" and not lock.wait(FOR_EVER_S):
        return
    executor = Executor(house, lock=lock, look_again_s=0.1, lease_s=LEASE_S)
    executor.open()
    ended.wait()
    executor.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
