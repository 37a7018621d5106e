"""From cumulative counters to increments: what restarts, what is lost, what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.watch import ClockError, Counts
from tidegate.errors import SourceError, StoreError
from tidegate.sources.contract import Sample, increase, sample_from_record, sample_record, tally

DEPLOYED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BEFORE, AFTER = DEPLOYED - timedelta(days=3), DEPLOYED + timedelta(seconds=2)

AFTER_JITTER, AGAIN = AFTER + timedelta(seconds=0.9), AFTER + timedelta(seconds=9)


def sample(look: int, requests: int, errors: int, started: datetime | None = AFTER) -> Sample:
    return Sample(requests, errors, DEPLOYED + timedelta(seconds=15 * look), started)


OLD = sample(-1, 5, 4, BEFORE)


@pytest.mark.parametrize(
    ("story", "previous", "current", "expected"),
    [
        ("the same process goes on", sample(1, 10, 1), sample(2, 15, 3), Counts(5, 2)),
        ("nothing happened", sample(1, 10, 1), sample(2, 10, 1), Counts(0, 0)),
        ("the boot time was measured anew", sample(1, 10, 1), sample(2, 15, 1, AFTER_JITTER), Counts(5, 0)),
        ("the first sample of a new process, error first seen at 1", None, sample(1, 7, 1), Counts(7, 1)),
        ("the first sample of a process that is older", None, sample(1, 7, 1, BEFORE), None),
        ("the first sample of a process of unknown age", None, sample(1, 7, 1, None), None),
        ("the version before has counted less", OLD, sample(1, 7, 4), Counts(7, 4)),
        ("the version before has counted more", sample(-1, 900, 4, BEFORE), sample(1, 7, 4), Counts(7, 4)),
        ("restart, known by the start", sample(1, 10, 1), sample(2, 30, 2, AGAIN), Counts(30, 2)),
        ("restart, known by fewer requests", sample(1, 10, 1, None), sample(2, 3, 1, None), Counts(3, 1)),
        ("the start is known only now, fewer requests", sample(1, 10, 1, None), sample(2, 3, 1), Counts(3, 1)),
        ("unknown start, only the errors went down", sample(1, 10, 3, None), sample(2, 12, 1, None), None),
    ],
)  # fmt: skip
def test_an_increase(story: str, previous: Sample | None, current: Sample, expected: Counts | None) -> None:
    assert increase(previous, current, DEPLOYED) == expected, story


def test_without_a_moment_of_deployment_the_first_sample_is_a_baseline() -> None:
    assert increase(None, sample(1, 7, 1)) is None


@pytest.mark.parametrize(("requests", "errors"), [(9, 1), (12, 0)])
def test_a_counter_that_goes_down_without_a_restart_is_refused(requests: int, errors: int) -> None:
    with pytest.raises(SourceError) as caught:
        increase(sample(1, 10, 1), sample(2, requests, errors))
    assert caught.value.what == (
        f"from 10 requests and 1 errors the counters went down to {requests} and {errors}, "
        "but the process has not restarted"
    )


def test_more_errors_than_requests_since_the_last_sample_are_refused() -> None:
    with pytest.raises(SourceError, match=r"^2 errors of only 1 requests$"):
        increase(sample(1, 10, 1), sample(2, 11, 3))


def test_a_sample_from_before_the_previous_one_is_refused() -> None:
    with pytest.raises(ClockError, match=r"^a sample of 2026-03-01T12:00:15.* follows one of 2026-03-01T12:00:30"):
        increase(sample(2, 10, 1), sample(1, 11, 1))


@pytest.mark.parametrize(("requests", "errors"), [(-1, 0), (1, -1), (2**53, 0), (1.0, 0), (float("nan"), 0), (True, 0)])
def test_a_sample_of_what_are_no_counts_is_refused(requests: Any, errors: Any) -> None:
    with pytest.raises(SourceError, match=r"is no count from 0 to 9007199254740991"):
        Sample(requests, errors, DEPLOYED)


def test_a_look_sums_its_units_and_keeps_what_it_could_not_count() -> None:
    previous = {"web1": sample(1, 10, 1), "web2": sample(1, 10, 0), "web3": sample(1, 50, 0)}
    current = {"web1": sample(2, 14, 2), "web2": None, "web3": sample(2, 40, 0), "web4": sample(2, 3, 0)}
    reading = tally(previous, current, DEPLOYED)
    assert reading.counts == Counts(7, 1)
    assert list(reading.refused) == ["web3"]
    assert reading.previous == {**previous, "web1": current["web1"], "web4": current["web4"]}


def test_a_look_at_which_no_unit_could_be_counted_is_no_data() -> None:
    assert tally({}, {"web1": None, "web2": sample(1, 5, 0, BEFORE)}, DEPLOYED).counts is None


steps = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans()), max_size=20)


@given(steps)
def test_every_request_of_a_process_with_a_known_start_counts_exactly_once(
    story: list[tuple[int, int, bool, bool]],
) -> None:
    """Whatever is read, missed and restarted; only what a process did after its last reading is lost with it."""
    previous: dict[str, Sample] = {}
    requests = errors = lost = lost_errors = unread = unread_errors = 0
    found, started = Counts(0, 0), AFTER
    served = [0, 0]
    for look, (good, bad, restarts, missed) in enumerate(story, start=1):
        if restarts:
            lost, lost_errors = lost + unread, lost_errors + unread_errors
            served, unread, unread_errors = [0, 0], 0, 0
            started = DEPLOYED + timedelta(seconds=15 * look - 5)
        requests, errors = requests + good + bad, errors + bad
        served = [served[0] + good + bad, served[1] + bad]
        unread, unread_errors = unread + good + bad, unread_errors + bad
        reading = tally(previous, {"web1": None if missed else sample(look, served[0], served[1], started)}, DEPLOYED)
        previous = dict(reading.previous)
        if reading.counts:
            found = Counts(found.requests + reading.counts.requests, found.errors + reading.counts.errors)
        if not missed:
            unread = unread_errors = 0
    assert (found.requests, found.errors) == (
        requests - lost - unread,
        errors - lost_errors - unread_errors,
    )


@pytest.mark.parametrize("started", [AFTER, None])
def test_a_stored_sample_reads_back(started: datetime | None) -> None:
    original = sample(3, 12, 4, started)
    assert sample_from_record(json.loads(json.dumps(sample_record(original)))) == original


@pytest.mark.parametrize("change", [{"requests": -1}, {"errors": 1.5}, {"taken_at": "noon"}, {"started_at": 5}])
def test_a_damaged_stored_sample_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match=r"^a stored sample is damaged: "):
        sample_from_record({**sample_record(sample(1, 5, 1)), **change})
