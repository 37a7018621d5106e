"""A worker in a process of its own, on simulated hosts: says when it first acts on one.

python -m bench.worker ROOT [URL]
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path

from bench.starts import FIRST_CALL
from bench.world import World


def main(root: str, url: str = "") -> None:
    """Execute until SIGTERM."""

    def touched(point: str) -> None:
        if point == FIRST_CALL:
            _say(f"{time.perf_counter()!r}")

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    world = World(Path(root), url, 1, touched)
    with world.executor():
        _say("ready")
        ended.wait()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
