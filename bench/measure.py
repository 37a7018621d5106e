"""Taking figures: CPU rather than the clock on the wall, medians, and what is compared in interleaved rounds.

A shared machine makes every figure worse at some times than at others. What is compared is therefore measured in turns,
A B A B, so that a bad minute meets both; a ratio of the two medians then says more than either of them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    ``ratio`` is the figure divided by that of ``beside``, measured in the same rounds. ``goal`` is what the figure, or
    with ``ratio_goal`` the ratio, should not exceed.
    """

    name: str
    figure: float
    unit: str
    beside: str = ""
    ratio: float | None = None
    goal: float | None = None
    ratio_goal: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.goal is not None:
            return self.figure <= self.goal
        if self.ratio_goal is not None and self.ratio is not None:
            return self.ratio <= self.ratio_goal
        return None

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON says it."""
        return {**asdict(self), "met": self.met}


def row_of(record: Mapping[str, Any]) -> Row:
    """The row that ``as_dict`` wrote."""
    return Row(**{name: value for name, value in record.items() if name != "met"})


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. ``tiny`` shows that everything runs, and gives no figure worth reading."""

    rounds: int = 7
    calls: int = 1000
    waves: int = 8
    rollouts: int = 7
    starts: int = 100
    starts_across: int = 20
    idle_s: float = 10.0
    leaves: int = 10_000
    commits: int = 2_000
    cases: int = 100_000
    components: int = 5_000
    people: int = 1_000
    notices: int = 100_000
    hosts: int = 200
    in_flight: int = 1_000
    rollbacks: int = 5


TINY = Sizes(
    rounds=1,
    calls=3,
    waves=2,
    rollouts=1,
    starts=2,
    starts_across=1,
    idle_s=0.5,
    leaves=20,
    commits=5,
    cases=5,
    components=20,
    people=3,
    notices=50,
    hosts=4,
    in_flight=2,
    rollbacks=1,
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one act took, in seconds: of this process's CPU (all its threads), and on the wall."""

    cpu_s: float
    wall_s: float


def spend(act: Act) -> Spent:
    """Do ``act`` once and say what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


def spend_child(command: Sequence[str]) -> Spent:
    """Run a command to its end, silently, and say what it and its children took.

    Raises:
        subprocess.CalledProcessError: it failed, so that its time means nothing.
    """
    with tempfile.TemporaryFile() as said:
        wall = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        # wait4 rather than wait: it alone says what this very child used.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - wall
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise subprocess.CalledProcessError(process.returncode, list(command), stderr=said.read())
    return Spent(usage.ru_utime + usage.ru_stime, wall)


def repeat(act: Act, times: int) -> None:
    """Do ``act`` that many times."""
    for _ in range(times):
        act()


def in_turns(rounds: int, *acts: Callable[[], Spent]) -> tuple[list[Spent], ...]:
    """Take each act once per round, in turns; the first of several rounds warms up and is not counted."""
    found: tuple[list[Spent], ...] = tuple([] for _ in acts)
    for number in range(rounds + (rounds > 1)):
        for spent, act in zip(found, acts, strict=True):
            taken = act()
            if number or rounds == 1:
                spent.append(taken)
    return found


def calls_in_turns(rounds: int, calls: int, *acts: Act) -> tuple[float, ...]:
    """Median CPU of one call of each act, in seconds; a round is ``calls`` calls of each."""

    def repeated(act: Act) -> Callable[[], Spent]:
        return lambda: spend(lambda: repeat(act, calls))

    return tuple(median_cpu(spent) / calls for spent in in_turns(rounds, *(repeated(act) for act in acts)))


def median_cpu(spent: Sequence[Spent]) -> float:
    """The median of the CPU times, in seconds."""
    return statistics.median(one.cpu_s for one in spent)


def median_wall(spent: Sequence[Spent]) -> float:
    """The median of the times on the wall, in seconds."""
    return statistics.median(one.wall_s for one in spent)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * int(share * 1000) // 1000))
    return ordered[min(rank, len(ordered)) - 1]


def us(seconds: float) -> float:
    """Microseconds."""
    return seconds * 1e6


def ms(seconds: float) -> float:
    """Milliseconds."""
    return seconds * 1e3
