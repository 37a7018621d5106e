"""Whole processes, measured from outside: wall, CPU, and the peak memory of the largest of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SLOW_S = 10.0
"""What takes longer is taken once and not again: a table that takes an hour is printed by nobody."""


@dataclass(frozen=True, slots=True)
class Job:
    """One or more commands, one after the other, that together answer a question."""

    name: str
    commands: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a job took once. ``because`` says why it gave no answer; it is empty where it did."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    stopped: bool
    because: str


@dataclass(slots=True)
class Place:
    """Where jobs run: the folder, what they find in their environment, where their output goes, and for how long."""

    folder: Path
    scratch: Path
    limit_s: float
    env: Mapping[str, str] = field(default_factory=dict)

    def output_of(self, job: Job) -> Path:
        """What the job printed when it ran last."""
        return self.scratch / f"{job.name.replace(' ', '-').replace('/', '-')}.out"

    def run(self, job: Job) -> Taken:
        """Run a job once."""
        output = self.output_of(job)
        plan = {
            "commands": [list(command) for command in job.commands],
            "cwd": str(self.folder),
            "env": {**os.environ, **self.env},
            "limit_s": self.limit_s,
            "output": str(output),
        }
        launch = Path(__file__).with_name("launch.py")
        command = [sys.executable, "-I", "-S", str(launch), json.dumps(plan)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return Taken(0, 0, 0, False, (done.stderr.strip().splitlines() or ["it could not be started"])[-1])
        said = json.loads(done.stdout)
        because = "" if said["code"] == 0 or said["stopped"] else _complaint(output, said["code"])
        return Taken(said["wall_s"], said["cpu_s"], said["peak_kib"] / 1024, said["stopped"], because)


def _complaint(output: Path, code: int) -> str:
    """The first line that a failed command wrote, to stderr or else to stdout, where ``--json`` puts its errors."""
    written = [Path(f"{output}.err").read_text(errors="replace"), output.read_text(errors="replace")]
    lines = [line.strip() for text in written for line in text.splitlines() if line.strip(" {}[]")]
    return f"exit {code}: {lines[0][:150] if lines else 'without a word'}"


def taken_in_turns(place: Place, rounds: int, jobs: Sequence[Job]) -> dict[str, list[Taken]]:
    """Each job once per round, in turns; the first of several rounds warms up.

    What is slow, was stopped or failed is not asked again, and its only time counts.
    """
    found: dict[str, list[Taken]] = {job.name: [] for job in jobs}
    over: set[str] = set()
    for number in range(rounds + (rounds > 1)):
        for job in jobs:
            if job.name in over:
                continue
            one = place.run(job)
            ends_it = one.stopped or one.because != "" or one.wall_s > SLOW_S
            if ends_it:
                over.add(job.name)
            if number or rounds == 1 or ends_it:
                found[job.name].append(one)
    return found


def median(taken: Sequence[Taken]) -> Taken:
    """The medians; of what was stopped or failed, that."""
    if taken[-1].stopped or taken[-1].because:
        return taken[-1]
    return Taken(
        statistics.median(one.wall_s for one in taken),
        statistics.median(one.cpu_s for one in taken),
        statistics.median(one.peak_mib for one in taken),
        False,
        "",
    )
