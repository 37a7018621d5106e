"""Many rollouts under way in one process: what they take of its memory while they are watched."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.measure import Row, Sizes
from bench.world import OLGA, made_world
from tidegate.orchestration import rollout
from tidegate.orchestration.executor import until
from tidegate.store import rollouts

GOAL_MB = 500
EVERY_S = 60
WATCH = {"for": "24h", "every": f"{EVERY_S}s", "roll_back_when": [{"health_check": "failed"}]}
SETTLED_S = 30.0


def on_sqlite(sizes: Sizes) -> Iterator[Row]:
    """Each rollout is of a component of its own, and is looked at once a minute."""
    names = [f"component{number}" for number in range(1, sizes.in_flight + 1)]

    def shape(policy: dict[str, Any]) -> None:
        like = policy["components"].pop("billing")
        policy["components"] = {name: {**like, "tag": f"{name}-v{{version}}"} for name in names}
        policy["watch"] = {"production": WATCH}

    with made_world("sqlite", shape=shape) as world:
        releases = [world.open("1.1.0", name) for name in names]
        before = resident_mb()
        with world.executor() as executor:
            for release in releases:
                rollout.start(executor.house, release, "production", OLGA)

            def states() -> Counter[str]:
                with world.house.database.read() as connection:
                    return Counter(found.state.value for found in rollouts.find(connection))

            until(lambda: "running" not in states(), 600, every_s=1.0)
            if (came := states()) != {"watching": len(names)}:
                raise RuntimeError(f"the rollouts did not all come to their watch: {dict(came)}")
            time.sleep(min(SETTLED_S, sizes.idle_s * 3))
            after = resident_mb()
    note = f"each watched every {EVERY_S} s; {before:.0f} MB before the first was started"
    yield Row(f"{sizes.in_flight:,} rollouts in flight: memory", after, "MB", goal=GOAL_MB, note=note)


def resident_mb() -> float:
    """What of this process is in memory, in 10^6 bytes (VmRSS of proc(5))."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6
