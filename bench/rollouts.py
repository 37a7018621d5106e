"""What a rollout costs by itself: hosts that answer at once, one host per wave."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from bench.commits import bare, committed, keep_whole_log
from bench.measure import Row, Sizes, Spent, in_turns, median_cpu, median_wall, ms, repeat, spend
from bench.world import OLGA, World, made_world
from tidegate.orchestration import rollout
from tidegate.orchestration.executor import Executor

COMMITS_GOAL = 8
CPU_GOAL_MS = 20


def on_sqlite(sizes: Sizes) -> Iterator[Row]:
    """Per wave on SQLite."""
    return _per_wave("sqlite", sizes)


def on_postgresql(sizes: Sizes) -> Iterator[Row]:
    """Per wave on PostgreSQL."""
    return _per_wave("postgresql", sizes)


def _per_wave(kind: str, sizes: Sizes) -> Iterator[Row]:
    with made_world(kind, units=sizes.waves) as world:
        keep_whole_log(world.house.database)
        waiting = iter([world.open(f"1.{n}.0") for n in range(1, sizes.rollouts + 2)])
        counted: list[int] = []
        with world.executor() as executor, bare(world.house.database) as commit:

            def carried() -> Spent:
                release = next(waiting)
                before = committed(world.house.database)
                spent = spend(lambda: _carry(world, executor, release))
                counted.append(committed(world.house.database) - before)
                return spent

            def as_many_bare() -> Spent:
                return spend(lambda: repeat(commit, counted[-1]))

            ours, others = in_turns(sizes.rollouts, carried, as_many_bare)
    yield from _rows(kind, sizes.waves, counted, ours, others)


def _carry(world: World, executor: Executor, release: str) -> None:
    """From the decision to the last line of the log."""
    world.last_touched.clear()
    world.wait_for(rollout.start(executor.house, release, "production", OLGA))


def _rows(kind: str, waves: int, counted: list[int], ours: list[Spent], others: list[Spent]) -> Iterator[Row]:
    what = f"a rollout's wave, {kind}"
    commits = statistics.median(counted) / waves
    note = f"{waves} waves of one host, the start and the end of the rollout divided among them"
    yield Row(f"{what}: commits", commits, "commits", goal=COMMITS_GOAL, note=note)
    cpu = ms(median_cpu(ours)) / waves
    bare_cpu = ms(median_cpu(others)) / waves
    yield Row(f"{what}: CPU", cpu, "ms", f"as many bare commits ({bare_cpu:.2f} ms)", cpu / bare_cpu, goal=CPU_GOAL_MS)
    wall, bare_wall = ms(median_wall(ours)) / waves, ms(median_wall(others)) / waves
    yield Row(f"{what}: wall", wall, "ms", f"as many bare commits ({bare_wall:.2f} ms)", wall / bare_wall)
