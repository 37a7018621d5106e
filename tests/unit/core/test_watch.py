"""The watch: what may be believed of its evidence, what it answers, and that it resumes exactly."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import comb, exp, inf, log, nan, sqrt
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.watch import (
    Action,
    ClockError,
    Counts,
    Limits,
    Metric,
    Observation,
    Probes,
    WatchState,
    begin,
    evalues,
    from_record,
    to_record,
    update,
    verdict,
)
from tidegate.errors import SourceError, StoreError, UsageError

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DEADLINE = START + timedelta(hours=2)
RECORDINGS = sorted((Path(__file__).parent / "data" / "watch").glob("*.json"))


def at(look: int) -> datetime:
    return START + timedelta(seconds=15 * look)


def watched(*intervals: tuple[Counts | None, Probes | None], limits: Limits | None = None) -> WatchState:
    """A watch that has seen these intervals, 15 s each."""
    state = begin(limits or Limits(), START)
    for look, (counts, probes) in enumerate(intervals, start=1):
        state = update(state, Observation(str(look), at(look), counts, probes))
    return state


def action_of(state: WatchState, now: datetime | None = None) -> Action:
    return verdict(state, now or state.latest, DEADLINE).action


# --- The bound: an e-value is at most 1 in the mean ---------------------------------------------------------------


def mean_evidence(grid: tuple[float, ...], p0: float, p: float, n: int) -> float:
    """The exact mean of the mixture after ``n`` events with true rate ``p``: every possible outcome is added up."""
    return sum(
        comb(n, bad)
        * p**bad
        * (1 - p) ** (n - bad)
        * exp(evalues.log_sum(evalues.advance(evalues.start(grid), grid, p0, n, bad)))
        for bad in range(n + 1)
    )


@pytest.mark.parametrize("n", [1, 2, 5, 12])
@pytest.mark.parametrize("p0", [1e-6, 0.001, 0.02, 0.05, 0.2, 0.5, 0.9, 0.99])
def test_the_mean_evidence_is_at_most_one_under_each_claim_and_one_at_its_edge(p0: float, n: int) -> None:
    worse, better = evalues.worse_rates(p0), evalues.better_rates(p0)
    assert mean_evidence(worse, p0, p0, n) == pytest.approx(1, abs=1e-9)
    assert mean_evidence(better, p0, p0, n) == pytest.approx(1, abs=1e-9)
    for share in (0.0, 0.1, 0.5, 0.9, 0.999):
        assert mean_evidence(worse, p0, share * p0, n) <= 1 + 1e-9
        assert mean_evidence(better, p0, 1 - share * (1 - p0), n) <= 1 + 1e-9


@pytest.mark.parametrize("p0", [0.02, 0.05, 0.5])
def test_the_mean_evidence_exceeds_one_where_the_claim_is_false(p0: float) -> None:
    assert mean_evidence(evalues.worse_rates(p0), p0, min(0.99, 3 * p0), 12) > 1
    assert mean_evidence(evalues.better_rates(p0), p0, p0 / 10, 12) > 1


@pytest.mark.parametrize("p0", [1e-6, 0.02, 0.3, 0.99])
def test_the_grids_lie_strictly_on_their_side(p0: float) -> None:
    assert evalues.worse_rates(p0)
    assert all(p0 < rate < 1 for rate in evalues.worse_rates(p0))
    assert all(0 < rate < p0 for rate in evalues.better_rates(p0))


def test_the_grids_of_five_percent_are_those_of_the_formula() -> None:
    assert evalues.worse_rates(0.05) == pytest.approx((0.0625, 0.075, 0.1, 0.15, 0.25, 0.525, 0.905))
    assert evalues.better_rates(0.05) == pytest.approx((0.04, 0.03, 0.02, 0.01, 0.005, 0.001))


def test_the_combination_is_the_weighted_average_and_idle_weight_stays_at_one() -> None:
    assert exp(evalues.log_combined([log(40), log(2)], [0.5, 0.5])) == pytest.approx(21)
    assert exp(evalues.log_combined([log(40), log(2)], [0.5, 0.25])) == pytest.approx(20.75)
    assert exp(evalues.log_combined([log(40), log(2)], [1.0, 0.0])) == pytest.approx(40)
    assert evalues.log_combined([0.0, 0.0], [0.85, 0.15]) == pytest.approx(0, abs=1e-12)


# --- The bound, simulated with a fixed seed -----------------------------------------------------------------------


def binomial(random: Random, n: int, p: float) -> int:
    return sum(random.random() < p for _ in range(n))


def share_of(wanted: Action, runs: int, looks: int, error_rate: float, limits: Limits, seed: int) -> float:
    """How often a watch over requests with this error rate ever answers ``wanted``."""
    random, found = Random(seed), 0
    for _ in range(runs):
        state = begin(limits, START)
        for look in range(1, looks + 1):
            counts = Counts(25, binomial(random, 25, error_rate))
            state = update(state, Observation(str(look), at(look), counts))
            answer = action_of(state)
            if answer is not Action.WAIT:
                found += answer is wanted
                break
    return found / runs


def three_standard_errors(share: float, runs: int) -> float:
    return 3 * sqrt(share * (1 - share) / runs)


def test_a_release_at_its_limit_is_taken_back_no_more_often_than_alpha() -> None:
    # A larger alpha than anyone would choose, so that few runs suffice to see a bound that is broken.
    limits = Limits(alpha=0.1, beta=1e-9, gates=(Metric.ERROR_RATE,), error_weight=1.0, health_weight=0.0)
    share = share_of(Action.ROLL_BACK, runs=120, looks=100, error_rate=0.05, limits=limits, seed=1)
    assert share <= 0.1 + three_standard_errors(0.1, 120)


def test_a_release_at_its_limit_is_promoted_no_more_often_than_beta() -> None:
    limits = Limits(alpha=1e-9, beta=0.1, gates=(Metric.ERROR_RATE,))
    share = share_of(Action.PROMOTE, runs=120, looks=100, error_rate=0.05, limits=limits, seed=2)
    assert share <= 0.1 + three_standard_errors(0.1, 120)


def test_a_healthy_release_is_promoted_and_a_bad_one_taken_back() -> None:
    limits = Limits(gates=(Metric.ERROR_RATE,))
    assert share_of(Action.PROMOTE, runs=40, looks=60, error_rate=0.005, limits=limits, seed=3) == 1
    assert share_of(Action.ROLL_BACK, runs=40, looks=60, error_rate=0.20, limits=limits, seed=4) == 1


# --- What was recorded is answered as it was ----------------------------------------------------------------------


def test_there_are_recordings() -> None:
    names = {path.stem for path in RECORDINGS}
    assert names == {"healthy", "all-errors", "six-percent", "no-data", "reset-in-the-middle", "sick-then-silent"}


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_is_answered_look_by_look(path: Path) -> None:
    recording = json.loads(path.read_text("utf-8"))
    state, deadline = begin(Limits(), START), at(recording["deadline_look"])
    for look, (requests, errors, probes, failed, expected) in enumerate(recording["looks"], start=1):
        counts = None if requests is None else Counts(requests, errors)
        seen = None if probes is None else Probes(probes, failed)
        state = update(state, Observation(str(look), at(look), counts, seen))
        assert verdict(state, at(look), deadline).action == expected, f"look {look}"
    assert verdict(state, state.latest, deadline).reason == recording["last_reason"]


# --- What the answers rest on -------------------------------------------------------------------------------------


def test_before_the_first_look_it_waits_and_says_what_would_prove_it() -> None:
    answer = verdict(begin(Limits(), START), START, DEADLINE)
    assert answer.action is Action.WAIT
    assert answer.p_value == 1
    assert answer.reason == (
        "Not proven yet: error rate: no requests were counted; 76 error-free requests would prove it below 5 %; "
        "health: no probes were counted; 194 successful probes would prove it below 2 %."
    )


@pytest.mark.parametrize(("clean", "expected"), [(75, Action.WAIT), (76, Action.PROMOTE)])
def test_76_error_free_requests_prove_less_than_five_percent(clean: int, expected: Action) -> None:
    limits = Limits(gates=(Metric.ERROR_RATE,))
    assert action_of(watched((Counts(clean, 0), None), limits=limits)) is expected


@given(total=st.integers(0, 2000), data=st.data(), p0=st.floats(1e-6, 0.99), beta=st.floats(1e-6, 0.5))
@settings(max_examples=100)
def test_the_clean_events_asked_for_are_just_enough(total: int, data: st.DataObject, p0: float, beta: float) -> None:
    bad = data.draw(st.integers(0, total))
    grid = evalues.better_rates(p0)
    stakes = evalues.advance(evalues.start(grid), grid, p0, total, bad)
    needed = evalues.clean_needed(stakes, p0, -log(beta))

    def evidence(clean: int) -> float:
        return evalues.log_sum(evalues.advance(stakes, grid, p0, clean, 0))

    assert evidence(needed) >= -log(beta) - 1e-6
    assert needed == 0 or evidence(needed - 1) < -log(beta) + 1e-6


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ((Counts(3, 3), None), "error rate: 3 of 3 requests failed (100 %), against a limit of 5 %"),
        ((None, Probes(3, 3)), "health: 3 of 3 probes failed (100 %), against a limit of 2 %"),
    ],
)
def test_a_crash_is_proven_by_three_failures(interval: tuple[Counts | None, Probes | None], words: str) -> None:
    answer = verdict(watched(interval), at(1), DEADLINE)
    assert answer.action is Action.ROLL_BACK
    assert words in answer.reason
    assert answer.p_value < 0.01
    assert answer.proven_bad_at == at(1)


@pytest.mark.parametrize("interval", [(Counts(2, 2), None), (None, Probes(2, 2))])
def test_two_failures_prove_nothing(interval: tuple[Counts | None, Probes | None]) -> None:
    assert action_of(watched(interval)) is Action.WAIT


def test_what_was_once_proven_bad_is_taken_back_though_it_looks_good_again() -> None:
    state = watched((Counts(3, 3), None), (Counts(100_000, 0), Probes(10_000, 0)))
    answer = verdict(state, DEADLINE, DEADLINE)
    assert answer.action is Action.ROLL_BACK
    assert answer.proven_bad_at == at(1)
    assert all(one.proven_good for one in answer.evidence)


def test_good_evidence_that_has_faded_does_not_promote() -> None:
    limits = Limits(gates=(Metric.ERROR_RATE,))
    assert action_of(watched((Counts(76, 0), None), limits=limits)) is Action.PROMOTE
    assert action_of(watched((Counts(76, 0), None), (Counts(40, 2), None), limits=limits)) is Action.WAIT


def test_every_gate_must_be_proven() -> None:
    answer = verdict(watched((Counts(5000, 0), None)), DEADLINE, DEADLINE)
    assert answer.action is Action.INCONCLUSIVE
    assert "health: no probes were counted; 194 successful probes would prove it below 2 %" in answer.reason
    assert answer.remedy == "find out why no probes were counted, then go on or roll back by hand"


def test_a_metric_that_is_no_gate_can_still_take_the_release_back() -> None:
    state = watched((Counts(5000, 0), Probes(4, 4)), limits=Limits(gates=(Metric.ERROR_RATE,)))
    assert action_of(state) is Action.ROLL_BACK


def test_a_proven_release_waits_out_the_least_length_of_the_watch() -> None:
    state = watched((Counts(500, 0), Probes(500, 0)), limits=Limits(min_watch=timedelta(minutes=10)))
    early = verdict(state, START + timedelta(minutes=9), DEADLINE)
    assert early.action is Action.WAIT
    assert early.reason.endswith("The watch lasts until 2026-03-01T12:10:00.000000Z at least.")
    assert action_of(state, START + timedelta(minutes=10)) is Action.PROMOTE


def test_at_the_deadline_traffic_that_proves_nothing_is_inconclusive() -> None:
    state = watched((Counts(40, 1), Probes(300, 0)))
    answer = verdict(state, DEADLINE, DEADLINE)
    assert answer.action is Action.INCONCLUSIVE
    assert answer.reason.startswith("The deadline 2026-03-01T14:00:00.000000Z has come. Not proven yet: error rate: 1")
    assert answer.remedy.startswith("send more traffic to the new version")
    assert action_of(state, DEADLINE - timedelta(microseconds=1)) is Action.WAIT


def test_what_is_proven_at_the_deadline_is_promoted() -> None:
    assert action_of(watched((Counts(500, 0), Probes(500, 0))), DEADLINE) is Action.PROMOTE


# --- Silence and nonsense prove nothing ---------------------------------------------------------------------------


@given(st.lists(st.sampled_from([(None, None), (Counts(0, 0), None), (None, Probes(0, 0))]), max_size=40))
def test_no_data_can_neither_promote_nor_roll_back(
    intervals: list[tuple[Counts | None, Probes | None]],
) -> None:
    state = watched(*intervals)
    answer = verdict(state, DEADLINE, DEADLINE)
    assert answer.action is Action.INCONCLUSIVE
    assert answer.p_value == 1
    assert state.tallies == begin(Limits(), START).tallies
    assert (answer.looks, answer.empty_looks) == (len(intervals), len(intervals))


@pytest.mark.parametrize("value", [nan, inf, -inf, -1, 1.0, 1.5, True, "3", None, 2**40 + 1])
def test_what_is_no_count_is_refused(value: Any) -> None:
    for wrong in (lambda: Counts(value, 0), lambda: Counts(5, value), lambda: Probes(value, 0)):
        with pytest.raises(SourceError, match=r"is no count from 0 to 1099511627776"):
            wrong()


def test_more_errors_than_requests_are_refused() -> None:
    with pytest.raises(SourceError, match=r"^4 errors of only 3 requests$"):
        Counts(3, 4)
    with pytest.raises(SourceError, match=r"^4 failed probes of only 3 probes$"):
        Probes(3, 4)


def test_sums_beyond_exact_integers_are_refused_and_change_nothing() -> None:
    state = watched((Counts(1, 0), None))
    full = replace(state.tallies[Metric.ERROR_RATE], total=2**53 - 1)
    state = replace(state, tallies={**state.tallies, Metric.ERROR_RATE: full})
    with pytest.raises(SourceError, match=r"^the sum of error_rate: 9007199254740992 is no count"):
        update(state, Observation("2", at(2), Counts(1, 0)))


@pytest.mark.parametrize("failures", [0, 2**40])
def test_the_largest_counts_stay_finite(failures: int) -> None:
    state = watched(*[(Counts(2**40, failures), Probes(2**40, failures))] * 20)
    assert action_of(state) is (Action.ROLL_BACK if failures else Action.PROMOTE)
    assert from_record(json.loads(json.dumps(to_record(state), allow_nan=False))) == state


# --- Samples: once each, in order ---------------------------------------------------------------------------------


def test_the_same_sample_twice_counts_once() -> None:
    look = Observation("look-1", at(1), Counts(2, 2))
    once = update(begin(Limits(), START), look)
    assert update(once, look) is once
    # The second reading of a sample is never believed over the first.
    assert update(once, replace(look, counts=Counts(50, 50), taken_at=at(3))) is once


@pytest.mark.parametrize("look", [0, 1])
def test_another_sample_that_is_not_later_is_refused(look: int) -> None:
    state = watched((Counts(2, 2), None))
    with pytest.raises(ClockError, match=r"^sample x was taken at .*, but the watch has seen 2026-03-01T12:00:15"):
        update(state, Observation("x", at(look), Counts(1, 1)))


def test_a_sample_from_before_the_start_is_refused() -> None:
    with pytest.raises(ClockError, match=r"but the watch has seen 2026-03-01T12:00:00.000000Z already"):
        update(begin(Limits(), START), Observation("1", at(-1), Counts(1, 1)))


def test_a_verdict_in_the_past_is_refused() -> None:
    with pytest.raises(ClockError, match=r"^it is 2026-03-01T12:00:00.000000Z, but the watch has seen"):
        verdict(watched((None, None)), START, DEADLINE)


def test_series_are_independent_of_each_other() -> None:
    state = begin(Limits(), START)
    state = update(state, Observation("a", at(5), Counts(10, 1), series="web1"))
    state = update(state, Observation("a", at(2), Counts(10, 2), series="web2"))
    assert state.tallies[Metric.ERROR_RATE].total == 20
    assert state.tallies[Metric.ERROR_RATE].bad == 3
    assert state.latest == at(5)


part = st.integers(0, 60).flatmap(lambda total: st.tuples(st.just(total), st.integers(0, total)))
interval = st.tuples(st.none() | part.map(lambda both: Counts(*both)), st.none() | part.map(lambda both: Probes(*both)))


@given(st.lists(interval, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_intervals_does_not_matter_to_the_evidence(
    intervals: list[tuple[Counts | None, Probes | None]], random: Random
) -> None:
    shuffled = list(intervals)
    random.shuffle(shuffled)
    one, other = watched(*intervals), watched(*shuffled)
    for metric in Metric:
        assert one.tallies[metric].log_bad == pytest.approx(other.tallies[metric].log_bad, abs=1e-6)
        assert one.tallies[metric].log_good == pytest.approx(other.tallies[metric].log_good, abs=1e-6)


@given(st.lists(interval, max_size=8), st.integers(0, 8))
def test_a_watch_resumed_from_its_record_goes_on_exactly(
    intervals: list[tuple[Counts | None, Probes | None]], crash: int
) -> None:
    uninterrupted = watched(*intervals)
    state = begin(Limits(), START)
    for look, (counts, probes) in enumerate(intervals, start=1):
        observation = Observation(str(look), at(look), counts, probes)
        state = update(state, observation)
        if look == crash:
            # It was stored, then the process died before it could say so: the look is fed again.
            state = update(from_record(json.loads(json.dumps(to_record(state), allow_nan=False))), observation)
    assert state == uninterrupted
    assert to_record(state) == to_record(uninterrupted)


@given(st.lists(interval, max_size=12))
def test_the_p_value_never_rises_and_bad_is_proven_exactly_at_alpha(
    intervals: list[tuple[Counts | None, Probes | None]],
) -> None:
    values = [verdict(watched(*intervals[:n]), DEADLINE, DEADLINE).p_value for n in range(len(intervals) + 1)]
    assert values == sorted(values, reverse=True)
    assert all(0 <= value <= 1 for value in values)
    assert (values[-1] <= 0.01) == (action_of(watched(*intervals)) is Action.ROLL_BACK)


# --- Records and limits -------------------------------------------------------------------------------------------


def test_a_record_of_another_version_is_refused() -> None:
    with pytest.raises(StoreError, match=r"^the watch is stored in version 2, and this Tidegate reads version 1$"):
        from_record({**to_record(begin(Limits(), START)), "version": 2})


@pytest.mark.parametrize(
    "change",
    [
        {"tallies": {}},
        {"tallies": None},
        {"looks": -1},
        {"looks": 1.0},
        {"log_highest": nan},
        {"log_highest": 5.0},
        {"proven_bad_at": "2026-03-01T12:00:00Z"},
        {"started_at": "2026-03-01T12:00:00"},
        {"limits": {}},
        {"last": {"": {"sample": 1, "taken_at": "2026-03-01T12:00:00Z"}}},
        {"last": []},
    ],
)
def test_a_damaged_record_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match=r"^the stored watch is damaged: "):
        from_record({**to_record(begin(Limits(), START)), **change})


@pytest.mark.parametrize("key", ["worse", "better"])
@pytest.mark.parametrize("points", [[], [0.0], [nan] * 7, ["0"] * 6])
def test_a_record_with_wrong_grid_points_is_refused(key: str, points: list[Any]) -> None:
    record = to_record(begin(Limits(), START))
    record["tallies"]["error_rate"][key] = points
    with pytest.raises(StoreError, match=r"^the stored watch is damaged: "):
        from_record(record)


def test_a_record_survives_a_writer_that_writes_whole_floats_as_integers() -> None:
    record = to_record(begin(Limits(), START))
    record["log_highest"] = 0
    assert from_record(record) == begin(Limits(), START)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"error_rate": 0.0}, "error_rate is 0.0"),
        ({"error_rate": 1.0}, "error_rate is 1.0"),
        ({"probe_failure_rate": nan}, "probe_failure_rate is nan"),
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"beta": 0.9}, "beta is 0.9"),
        ({"error_weight": -0.1}, "error_weight is -0.1"),
        ({"error_weight": 0.9, "health_weight": 0.2}, "error_weight and health_weight sum to 1.1"),
        ({"error_weight": 0.0, "health_weight": 0.0}, "error_weight and health_weight sum to 0"),
        ({"gates": ()}, "gates are []"),
        ({"gates": (Metric.HEALTH, Metric.HEALTH)}, "gates are ['health', 'health']"),
        ({"min_watch": timedelta(seconds=-1)}, "min_watch is -1 day, 23:59:59"),
    ],
)
def test_limits_that_bound_nothing_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        Limits(**wrong)
    assert caught.value.what == sentence
    assert caught.value.remedy
