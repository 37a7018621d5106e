"""A rolling release of many hosts that each take their time to answer: what is left is what Tidegate adds to it."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from bench.measure import Row, Sizes, Spent, median_wall, ms, spend
from bench.world import OLGA, World, made_world
from tidegate.engine.legs import LegState
from tidegate.orchestration import rollout
from tidegate.orchestration.checkpoint import leg_id
from tidegate.orchestration.executor import Executor, until

LATENCY_S = 0.05
"""What each call to a host takes."""

WAVES = 10
GOAL = 1.2
"""At most so many times the slowest path that the strategy allows."""


class Slowness:
    """Makes each call to a host take its time in all, and remembers the calls of each host.

    What the simulator does itself is part of that time: it stands for what the host does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = threading.local()
        self._calls: dict[str, list[str]] = defaultdict(list)

    def at(self, point: str) -> None:
        """The seam of the driver: ``METHOD:before:UNIT``."""
        method, side, unit = point.split(":")
        if side == "before":
            with self._lock:
                self._calls[unit].append(method)
            self._begun.at = time.monotonic()
        else:
            time.sleep(max(0.0, self._begun.at + LATENCY_S - time.monotonic()))

    def forget(self) -> None:
        """Begin anew."""
        self._calls.clear()

    def path_s(self, waves: int) -> float:
        """The slowest path: what a host is asked beside the act itself, all hosts at once, and an act for each wave."""
        beside = max(sum(method != "apply" for method in calls) for calls in self._calls.values())
        acts = max(sum(method == "apply" for method in calls) for calls in self._calls.values())
        return LATENCY_S * (beside + acts * waves)


def on_sqlite(sizes: Sizes) -> Iterator[Row]:
    """The decision, the waves and the end, of a release to all hosts."""
    hosts = sizes.hosts
    slowness = Slowness()

    def shape(policy: dict[str, Any]) -> None:
        policy["environments"]["production"]["strategy"] = {"rolling": {"batch": max(1, hosts // WAVES)}}

    with made_world("sqlite", units=hosts, shape=shape) as world:
        waiting = [world.open(f"1.{number}.0") for number in range(1, sizes.rollouts + 1)]
        world.touched = slowness.at
        with world.executor() as executor:
            ours: list[Spent] = []
            for release in waiting:
                slowness.forget()
                ours.append(spend(lambda: _carry(world, executor, release)))  # noqa: B023
                _until_over(executor, release)
    path = ms(slowness.path_s(min(WAVES, hosts)))
    waves = f"{min(WAVES, hosts)} waves, each call to a host takes {ms(LATENCY_S):.0f} ms"
    note = f"{waves}; from the start's decision to the end"
    yield Row(
        f"rolling release, {hosts} hosts: wall",
        ms(median_wall(ours)),
        "ms",
        f"the slowest path ({path:.0f} ms)",
        ms(median_wall(ours)) / path,
        ratio_goal=GOAL,
        note=note,
    )


def _carry(world: World, executor: Executor, release: str) -> None:
    world.last_touched.clear()
    world.wait_for(rollout.start(executor.house, release, "production", OLGA), timeout_s=120)


def _until_over(executor: Executor, release: str) -> None:
    """Until the engine, too, has done with a rollout: what it writes down last is not counted to the next one."""
    leg = leg_id(f"{release}.production.1", 1)
    until(lambda: executor.house.queue.status(leg).state is LegState.DONE, timeout_s=30)
