"""Every measurement runs and prints its rows, and counts what it says it counts. No time is ever judged here."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench.__main__ import main, table
from bench.catalogue import BENCHES, run
from bench.commits import bare, committed, keep_whole_log
from bench.measure import TINY, Row, in_turns, percentile, row_of, spend
from bench.soak_checks import of_restarts
from bench.world import UnavailableError
from tidegate.clock import from_text
from tidegate.core.effect import Act, Effect, EffectState, Package
from tidegate.store.database import open_database
from tidegate.store.rollouts import EffectRow
from tidegate.store.schema import ensure_schema

PROJECT = Path(__file__).resolve().parents[2]
OWN_PROCESS = {name for name in BENCHES if name.startswith(("wave-", "start-"))}
"""These run the workflow engine, of which a process has one."""


def rows_of(name: str) -> list[Row]:
    if name not in OWN_PROCESS:
        try:
            return list(run(name, TINY))
        except UnavailableError as error:
            pytest.skip(str(error))
    command = [sys.executable, "-m", "bench.one", name, "--tiny"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    if "unavailable" in records[0]:
        pytest.skip(records[0]["unavailable"])
    return [row_of(record) for record in records]


@pytest.mark.parametrize("name", BENCHES)
def test_a_measurement_runs_and_gives_its_rows(name: str) -> None:
    rows = rows_of(name)
    assert rows
    for row in rows:
        assert math.isfinite(row.figure)
        assert row.figure >= 0
        assert row.unit
        assert (row.ratio is None) == (row.beside == ""), "a ratio says beside what, and the other way round"
        assert row.ratio is None or row.ratio > 0
        assert row_of(json.loads(json.dumps(row.as_dict()))) == row
    printed = table(rows)
    assert all(row.name in printed for row in rows)


def test_the_reference_page_tells_of_every_measurement() -> None:
    page = (PROJECT / "docs" / "reference" / "performance.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) == set(BENCHES)


def test_an_unknown_measurement_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["speed"])
    assert ended.value.code == 2
    assert "there is no measurement 'speed'; there are: version, imports, decide" in capsys.readouterr().err


def test_json_holds_the_machine_and_the_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--tiny", "--json", "watch"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["machine"]["cores"] >= 1
    assert said["machine"]["fsyncs_per_second"] > 0
    assert [row["name"] for row in said["rows"]] == [row.name for row in run("watch", TINY)]
    assert said["failed"] == []


# ---- what is counted, and how


@pytest.mark.parametrize("writes", [0, 1, 7])
def test_only_what_was_written_counts_as_committed(database_url: str, writes: int) -> None:
    database = open_database(database_url)
    ensure_schema(database)
    keep_whole_log(database)
    with database.write() as connection:
        connection.execute(sa.text("CREATE TABLE counted (number INTEGER)"))
    before = committed(database)
    for number in range(writes):
        with database.write() as connection:
            connection.execute(sa.text("INSERT INTO counted VALUES (:number)"), {"number": number})
        with database.read() as connection:
            connection.execute(sa.text("SELECT count(*) FROM counted")).scalar_one()
    with database.write() as connection:
        connection.execute(sa.text("SELECT count(*) FROM counted")).scalar_one()
    assert committed(database) - before == writes
    database.close()


def test_a_bare_commit_is_one_commit(postgres_url: str) -> None:
    database = open_database(postgres_url)
    with bare(database) as commit:
        before = committed(database)
        for _ in range(3):
            commit()
        assert committed(database) - before == 3
    database.close()


def test_acts_take_turns_and_the_first_of_several_rounds_is_not_counted() -> None:
    order: list[str] = []
    found = in_turns(2, lambda: spend(lambda: order.append("a")), lambda: spend(lambda: order.append("b")))
    assert order == ["a", "b"] * 3
    assert [len(one) for one in found] == [2, 2]


@pytest.mark.parametrize(
    ("number", "share", "value"), [(1, 0.99, 1), (60, 0.99, 60), (100, 0.99, 99), (200, 0.99, 198), (10, 0.5, 5)]
)
def test_a_percentile_is_a_value_that_was_measured(number: int, share: float, value: int) -> None:
    assert percentile(list(range(number, 0, -1)), share) == value


@pytest.mark.parametrize(
    ("row", "met"),
    [
        (Row("x", 8, "ms", goal=8), True),
        (Row("x", 8.1, "ms", goal=8), False),
        (Row("x", 9, "ms", "y", 1.5, ratio_goal=1.5), True),
        (Row("x", 9, "ms", "y", 1.6, ratio_goal=1.5), False),
        (Row("x", 9, "ms", "y", 1.6), None),
    ],
)
def test_a_goal_is_met_or_not(row: Row, met: bool | None) -> None:
    assert row.met is met


# ---- the soak test


NOW = from_text("2026-12-01T18:00:00.000000Z")
CONFIRMED = EffectRow(
    Effect("r", "wave-1", "web1", 1, "shop", "staging", Act.DEPLOY, Package("1.0.0", "0" * 64), None),
    0,
    EffectState.CONFIRMED,
    NOW,
)
KEY = CONFIRMED.effect.key


@pytest.mark.parametrize(
    ("times", "state", "problem"),
    [
        ({KEY: 1}, EffectState.CONFIRMED, None),
        ({}, EffectState.INTENDED, None),
        ({}, EffectState.FAILED, None),
        ({KEY: 2}, EffectState.CONFIRMED, f"staging/web1 was restarted 2 times for {KEY}"),
        ({}, EffectState.CONFIRMED, f"{KEY} is confirmed, and staging/web1 was never restarted for it"),
        ({KEY: 1}, EffectState.WITHDRAWN, f"staging/web1 was restarted for {KEY}, of which the rows know nothing"),
        ({"other": 1}, EffectState.FAILED, "staging/web1 was restarted for other, of which the rows know nothing"),
    ],
)
def test_the_soak_test_sees_what_a_host_did_too_often_or_never(
    times: dict[str, int], state: EffectState, problem: str | None
) -> None:
    rows = {KEY: replace(CONFIRMED, state=state)}
    assert list(of_restarts("staging/web1", Counter(times), rows)) == ([problem] if problem else [])


@pytest.mark.slow
def test_a_short_soak_holds() -> None:
    environment = {**os.environ, "SOAK_S": "4", "SOAK_SEED": "1", "SOAK_DATABASE": "sqlite"}
    done = subprocess.run(
        [sys.executable, "-m", "bench.soak"], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("sqlite: 4 s, seed 1\n")
    assert done.stdout.endswith("sqlite: everything holds\n")
