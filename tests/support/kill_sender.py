"""SIGKILL at every point of a send: kill_sender.py ROOT URL KEYS REPORT

The outbox holds a message for each of KEYS (a JSON list). The first is delivered in a child to its end, which tells the
points that a delivery passes. Of the others each is delivered in a child that ends itself at one of the points. Then
one more child does what is due until nothing is. The report says of each key at which point its sender was killed.

A process of its own, since it forks: nothing is open before a fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.support.kill_world import Points
from tidegate.app import Settings, build_house
from tidegate.orchestration import delivery
from tidegate.orchestration.house import House
from tidegate.store import outbox

CLAIM = timedelta(milliseconds=150)


def child(act: Callable[[], object]) -> int:
    """Run ``act`` in a child, to its end; its wait status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            act()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]


def house(root: Path, url: str, on_point: Callable[[str], None]) -> House:
    return build_house(Settings(root, url), at=Points(on_point))


def deliver(one: House, key: str) -> None:
    with one.database.read() as connection:
        row = outbox.load(connection, key)
    delivery.deliver(one, row, "the killed one")


def sweep(one: House) -> None:
    """Do what is due until nothing is, nor will be within a second of claims."""
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 12 * CLAIM.total_seconds():
        with one.database.read() as connection:
            due = outbox.due(connection, one.now())
        for row in due:
            delivery.deliver(one, row, "its successor")
            quiet_since = time.monotonic()
        time.sleep(0.02)


def main(arguments: list[str]) -> int:
    root, url, keys, report = Path(arguments[0]), arguments[1], json.loads(arguments[2]), Path(arguments[3])
    delivery.CLAIM = CLAIM
    names = report.with_suffix(".names")

    def recorded() -> None:
        found: list[str] = []
        # Points before the first of a message are those of opening the house.
        deliver(house(root, url, found.append), keys[0])
        names.write_text(json.dumps(found))

    assert child(recorded) == 0
    points = [name for name in json.loads(names.read_text()) if "delivery." in name or name.startswith("send:")]
    assert len(points) < len(keys), points
    killed: dict[str, str] = {}
    for key, point in zip(keys[1:], points, strict=False):

        def stop(name: str, point: str = point) -> None:
            if name == point:
                os.kill(os.getpid(), signal.SIGKILL)

        status = child(lambda key=key, stop=stop: deliver(house(root, url, stop), key))  # type: ignore[misc]
        assert os.WIFSIGNALED(status), point
        assert os.WTERMSIG(status) == signal.SIGKILL, point
        killed[key] = point
    assert child(lambda: sweep(house(root, url, lambda _: None))) == 0
    report.write_text(json.dumps(killed))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
