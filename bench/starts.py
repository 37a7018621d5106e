"""How soon a start that waits happens once the last approval is there, and what waiting costs.

Timed from before the signed answer is handed in (so that verifying its signature is counted) to the moment when the
first host is acted on: ``apply`` of the first wave. On the way lie the answer's transaction, the decision, its
transaction, the workflow engine's queue, the way back on disk, and the commit that says *dispatched*.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.commits import bare
from bench.measure import Row, Sizes, ms, percentile, repeat, spend
from bench.world import World, made_world
from tidegate.orchestration import approval, rollout
from tidegate.orchestration.executor import until

WITHIN_GOAL_MS = 100
ACROSS_GOAL_MS = 1200
IDLE_GOAL_PERCENT = 3
COMMITS = 5
"""On the way: the answer, the request taken up, the start, the leg claimed, the effects dispatched."""
SETTLING_S = 2.0
FIRST_CALL = "apply:before:web1"


def within_on_sqlite(sizes: Sizes) -> Iterator[Row]:
    """In one process, on SQLite."""
    return _within("sqlite", sizes.starts)


def within_on_postgresql(sizes: Sizes) -> Iterator[Row]:
    """In one process, on PostgreSQL."""
    return _within("postgresql", sizes.starts)


def across_on_sqlite(sizes: Sizes) -> Iterator[Row]:
    """From one process to another, on SQLite."""
    return _across("sqlite", sizes)


def across_on_postgresql(sizes: Sizes) -> Iterator[Row]:
    """From one process to another, on PostgreSQL."""
    return _across("postgresql", sizes)


def _within(kind: str, starts: int) -> Iterator[Row]:
    with made_world(kind, approvals=True) as world:
        called = threading.Event()
        at: list[float] = []
        spent: list[float] = []

        def touched(point: str) -> None:
            if point == FIRST_CALL:
                at.append(time.perf_counter())
                spent.append(time.process_time())
                called.set()

        world.touched = touched
        with world.executor() as executor:
            world.house = executor.house

            def one(release: str) -> float:
                called.clear()
                world.last_touched.clear()
                before, cpu = _approve(world, release), time.process_time()
                if not called.wait(30):
                    raise RuntimeError(f"{release} was approved and has not begun")
                spent[-1] -= cpu
                return at[-1] - before

            taken, others = _all(world, starts, one)
    what = f"last approval to the first host, one process, {kind}"
    yield from _rows(what, taken, others, WITHIN_GOAL_MS)
    yield Row(f"{what}: CPU", ms(statistics.median(spent)), "ms CPU", note="from when the answer is recorded")


def _all(world: World, starts: int, one: Callable[[str], float]) -> tuple[list[float], list[float]]:
    """The seconds of each start, and of the bare commits that were made just before it."""
    taken, others = [], []
    with bare(world.house.database) as commit:
        for number in range(1, starts + 1):

            def measured(release: str) -> float:
                others.append(spend(lambda: repeat(commit, COMMITS)).wall_s)
                return one(release)

            taken.append(_prepared(world, number, measured))
    return taken, others


def _prepared(world: World, number: int, one: Callable[[str], float]) -> float:
    """Open a release, have its start wait for one approval, then take ``one``; the rollout ends before the next."""
    release = world.open(f"1.{number}.0")
    approval.record_answer(world.house, "alice", *world.signed(release, "production", "alice"))
    rollout.ask_start(world.house, release, "production", world.claim("olga"))
    # The first look must be over: it is refused, for want of the second approval.
    until(lambda: bool(_waiting(world, release)), 30, every_s=0.01)
    taken = one(release)
    world.wait_for(f"{release}.production.1")
    return taken


def _waiting(world: World, release: str) -> str:
    from tidegate.store import requests

    with world.house.database.read() as connection:
        return "; ".join(request.because for request in requests.waiting(connection, release))


def _approve(world: World, release: str) -> float:
    signed = world.signed(release, "production", "bob")
    before = time.perf_counter()
    approval.record_answer(world.house, "bob", *signed)
    return before


def _rows(what: str, taken: list[float], others: list[float], goal_ms: float) -> Iterator[Row]:
    for name, share, goal in (("p50", 0.5, None), ("p99", 0.99, goal_ms)):
        ours, other = percentile(taken, share), percentile(others, share)
        beside = f"{COMMITS} bare commits before each, {name} ({ms(other):.1f} ms)"
        note = f"{len(taken)} releases" if goal is None else ""
        yield Row(f"{what}: {name}", ms(ours), "ms wall", beside, ours / other, goal=goal, note=note)


def _across(kind: str, sizes: Sizes) -> Iterator[Row]:
    """The worker is a process of its own; it writes the moment of its first call, by a clock that both share."""
    with made_world(kind, approvals=True) as world:
        command = [sys.executable, "-m", "bench.worker", str(world.root), world.url]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with _running(command, environment) as worker:
            answers = worker.stdout
            if answers is None or answers.readline() != "ready\n":
                raise RuntimeError("the worker has not begun")

            def one(release: str) -> float:
                before = _approve(world, release)
                world.last_touched.set()
                return float(answers.readline()) - before

            idle = _idle_percent(worker.pid, sizes.idle_s)
            taken, others = _all(world, sizes.starts_across, one)
    yield from _rows(f"last approval to the first host, two processes, {kind}", taken, others, ACROSS_GOAL_MS)
    note = f"over {sizes.idle_s:g} s, after {SETTLING_S:g} s of settling"
    yield Row(f"a worker that waits, {kind}", idle, "% of a core", goal=IDLE_GOAL_PERCENT, note=note)


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def _idle_percent(pid: int, seconds: float) -> float:
    time.sleep(min(SETTLING_S, seconds))
    before, began = _cpu_s(pid), time.perf_counter()
    time.sleep(seconds)
    return (_cpu_s(pid) - before) / (time.perf_counter() - began) * 100


def _cpu_s(pid: int) -> float:
    """CPU of another process so far, in seconds: fields 14 and 15 of its stat, in clock ticks. Source: proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
