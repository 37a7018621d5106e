"""pytest-benchmark: one run, and one run beside another."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.readers.benchmark import BenchmarkReader
from tidegate.readers.registry import read_report

READER = BenchmarkReader()


def stats(middle: float, **changes: Any) -> dict[str, Any]:
    low, high = middle * 0.9, middle * 1.1
    whole = {"min": low / 2, "q1": low, "median": middle, "q3": high, "max": high * 9, "mean": 99, "rounds": 50}
    return {name: value for name, value in {**whole, **changes}.items() if value is not ...}


def run(timings: dict[str, dict[str, Any]], cpu: str = "Example CPU", **changes: Any) -> bytes:
    whole = {
        "machine_info": {"node": "ci", "machine": "x86_64", "cpu": {"brand_raw": cpu}},
        "commit_info": {"id": "unversioned"},
        "benchmarks": [{"name": name, "fullname": name, "stats": found} for name, found in timings.items()],
        "datetime": "2026-02-10T18:00:00.000000+00:00",
        "version": "5.1.0",
    }
    return json.dumps({name: value for name, value in {**whole, **changes}.items() if value is not ...}).encode()


BEFORE = run({"sort": stats(1.0), "sum": stats(2.0), "old": stats(3.0)})


def test_one_run_says_how_many_there_are_and_nothing_of_slower() -> None:
    reading = read_report("bench.json", BEFORE)
    assert (reading.kind, reading.values, reading.summary) == ("benchmark", {"total": 3}, "3 benchmarks")
    assert reading.taken_at == datetime(2026, 2, 10, 18, tzinfo=UTC)
    assert read_report("bench.json", run({"sort": stats(1)}, datetime="2026-02-10T18:00:00")).taken_at is None


def test_beside_a_baseline_the_medians_are_compared() -> None:
    now = run({"sort": stats(1.5), "sum": stats(2.1), "new": stats(9.0)})
    reading = READER.read_beside(now, BEFORE)
    assert reading.values == {"total": 3, "slower": 1, "worst_ratio": 1.5, "missing": 1}
    assert reading.summary == "3 benchmarks, 1 of 2 slower than before, the worst 1.5 times; 1 are gone"


def test_noise_is_no_change() -> None:
    now = run({"sort": stats(1.15), "sum": stats(2.0), "old": stats(2.9)})
    assert READER.read_beside(now, BEFORE).values == {"total": 3, "slower": 0, "worst_ratio": 1.15, "missing": 0}


def test_another_machine_is_not_compared_with() -> None:
    reading = READER.read_beside(run({"sort": stats(0.1)}, "Other CPU"), BEFORE)
    assert reading.values == {"total": 1}
    assert reading.summary == "1 benchmark, not compared: the baseline was taken on another kind of machine"


STATS = "the stats of the benchmark 'sort'"


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"{}", "the report has no 'machine_info'"),
        (run({}), "no benchmark ran"),
        (run({}, benchmarks=...), "the report has no 'benchmarks'"),
        (run({}, benchmarks=[3]), "a benchmark is 3, and must be an object"),
        (run({"sort": stats(1, median=...)}), f"{STATS} has no 'median'"),
        (run({"sort": stats(1, rounds=0)}), f"{STATS} are of no round"),
        (run({"sort": stats(1, min=-1)}), f"{STATS} are in no order: min -1, q1 0.9, median 1, q3 1.1, max 9.9"),
        (run({"sort": stats(1, q1=2)}), f"{STATS} are in no order: min 0.45, q1 2, median 1, q3 1.1, max 9.9"),
        (run({"sort": stats(1, median="1")}), f"{STATS} has '1' as median, which is no number"),
        (
            run({}, benchmarks=[{"fullname": "sort", "stats": stats(1)}] * 2),
            "the benchmark 'sort' is in it twice",
        ),
    ],
)
def test_a_broken_report_is_refused_with_its_sentence(data: bytes, because: str) -> None:
    for read in (
        READER.read,
        lambda data: READER.read_beside(data, BEFORE),
        lambda data: READER.read_beside(BEFORE, data),
    ):
        with pytest.raises(UsageError) as caught:
            read(data)
        assert caught.value.what == f"this is not a pytest-benchmark report that can be relied on: {because}"


def test_benchmarks_of_which_none_was_measured_before() -> None:
    with pytest.raises(UsageError, match="none of its benchmarks is in the baseline"):
        READER.read_beside(run({"new": stats(1)}), BEFORE)


@given(st.binary(max_size=60))
def test_reading_is_total(noise: bytes) -> None:
    assert READER.recognises("x", noise) in (True, False)
    with pytest.raises(UsageError):
        READER.read(noise)
