"""How soon a bad canary serves nobody any more: real services behind a real HAProxy, asked without a pause."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import Row, Sizes, ms
from bench.world import OLGA, UnavailableError, World, made_world
from tests.support.customers import SERVICE, Customers
from tests.support.haproxy import HAProxy, free_port, why_no_haproxy
from tidegate.orchestration import resuming, rollback, rollout
from tidegate.orchestration.executor import Executor, until

GOAL_MS = 1000
UNITS = ("web1", "web2", "web3", "web4")
POOLS = {"blue": ["web1", "web2"], "green": ["web3", "web4"]}
SERVED = 100
"""Answers that the customers have before the way back is asked for."""


def on_sqlite(sizes: Sizes) -> Iterator[Row]:
    """From the moment at which the way back is asked for, to the last answer of the bad version."""
    if reason := why_no_haproxy():
        raise UnavailableError(reason)
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-bench-")))
        stack.callback(_end_services, place)
        ports = {unit: free_port() for unit in UNITS}
        haproxy = HAProxy(ports, check="option httpchk GET /")
        stack.callback(haproxy.close)
        haproxy.start()

        def shape(policy: dict[str, Any]) -> None:
            policy["components"]["billing"]["targets"]["production"] = _target(place, ports, haproxy)
            strategy = {"canary": {"steps": [{"weight": "20%"}]}}
            policy["environments"]["production"] = {"purpose": "production", "strategy": strategy}

        world = stack.enter_context(made_world("sqlite", shape=shape, files={"app/serve.py": SERVICE}))
        executor = stack.enter_context(world.executor())
        _carry(world, executor, "1.1.0", resume=True)
        took = [_last_answer(world, executor, haproxy, f"1.{number}.0") for number in range(2, sizes.rollbacks + 2)]
    note = "20% of the traffic; customers ask every 5 ms; a request that was begun is answered"
    yield Row(
        f"canary taken back, to its last answer, worst of {len(took)}", ms(max(took)), "ms", goal=GOAL_MS, note=note
    )


def _target(place: Path, ports: dict[str, int], haproxy: HAProxy) -> dict[str, Any]:
    def service(what: str) -> list[str]:
        return [sys.executable, "-B", "{release}/serve.py", "{port}", what, str(place / "pid-{port}")]

    return {
        "driver": "host",
        "hosts": [
            {"name": unit, "path": str(place / unit), "values": {"port": port}, "python": sys.executable}
            for unit, port in ports.items()
        ],
        "restart": service("{version}"),
        "stop": service("stopped"),
        "health": {"url": "http://127.0.0.1:{port}/", "contains": "{version}"},
        "traffic": {
            "switch": "haproxy",
            "socket": str(haproxy.socket),
            "backend": "shop",
            "drain": "5s",
            "pools": POOLS,
        },
    }


def _carry(world: World, executor: Executor, version: str, *, resume: bool = False) -> str:
    """To the step at which a person is asked; on to the end with ``resume``."""
    name = rollout.start(executor.house, world.open(version), "production", OLGA)
    _wait(world, name, "paused")
    if resume:
        resuming.resume(executor.house, name, OLGA)
        _wait(world, name, "succeeded")
    return name


def _wait(world: World, name: str, state: str) -> None:
    if not until(lambda: world.rollout(name).state.value == state, 60, every_s=0.02):
        found = world.rollout(name)
        raise RuntimeError(f"{name} is {found.state.value}, not {state}: {found.because}")


def _last_answer(world: World, executor: Executor, haproxy: HAProxy, version: str) -> float:
    _carry(world, executor, version)
    with Customers(haproxy.port) as customers:
        while customers.versions().total() < SERVED:
            time.sleep(0.05)
        asked = time.monotonic()
        back = rollback.roll_back(executor.house, "billing", "production", OLGA)
        _wait(world, back, "succeeded")
        time.sleep(0.3)
    return max((answer.at - asked for answer in customers.answers if answer.version == version), default=0.0)


def _end_services(place: Path) -> None:
    for file in place.glob("pid-*"):
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(file.read_text()), signal.SIGKILL)
