"""SIGKILL at every point of a rollout, of a rollback and of the decisions: nothing lost, nothing twice, no lie.

Each test is one story on one database; ``tests/support/kill_matrix.py`` says how a point is killed and checked. The
matrix is printed, and written to ``build/kill-matrix/``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import find_postgres
from tests.support.processes import PROJECT

MATRIX = [
    *(("sqlite", s) for s in ("rollout", "watched-rollout", "rollback", "unhealthy", "errors", "decisions")),
    # An unhealthy unit and one that answers errors are taken back by the same code; `make kill-matrix` runs both.
    *(("postgres", s) for s in ("rollout", "watched-rollout", "rollback", "errors", "decisions")),
]
AT_ONCE = {"sqlite": 2, "postgres": 3}
"""On PostgreSQL a successor waits for the dead one's lease, which costs no CPU."""


def run_matrix(story: str, database: str, tmp_path: Path) -> list[dict[str, Any]]:
    report = tmp_path / "outcomes.json"
    command = [sys.executable, "-m", "tests.support.kill_matrix", "--story", story, "--database", database]
    command += ["--at-once", str(AT_ONCE[database]), "--json", str(report)]
    command += ["--markdown", str(PROJECT / "build" / "kill-matrix" / f"{story}-{database}.md")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    sys.stdout.write(done.stdout)
    assert report.exists(), done.stderr[-4000:]
    outcomes: list[dict[str, Any]] = json.loads(report.read_text())
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize(("database", "story"), MATRIX)
def test_a_story_that_is_killed_at_any_point_ends_as_if_it_had_not_been(
    story: str, database: str, tmp_path: Path
) -> None:
    if database == "postgres" and find_postgres() is None:
        pytest.skip("PostgreSQL is not installed: run scripts/debian-packages")

    outcomes = run_matrix(story, database, tmp_path)

    assert {o["point"]: o["problems"] for o in outcomes if o["problems"]} == {}
    # A sweep more or less depends on the machine; that most points were not reached would prove nothing.
    missed = [o["point"] for o in outcomes if not o["reached"]]
    assert len(missed) <= len(outcomes) // 10, missed
    seams = {o["point"].split(":")[0] for o in outcomes}
    assert seams >= ({"commit"} if story == "decisions" else {"commit", "apply", "observe", "leg", "step"})
