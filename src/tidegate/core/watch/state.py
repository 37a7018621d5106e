"""What a watch has counted and proven so far: a value that is stored as a row and resumed after a crash.

Each look gives an observation: for one series (a host, or all hosts together) the exact increments since its previous
look. The state remembers the last sample of each series; the same sample given twice counts once, an older one is
refused. Losing the state is safe (the evidence starts at 1 again and only power is lost), but never begin anew
*because* the evidence was high: there is one ``alpha`` per deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import log

from tidegate.clock import to_text
from tidegate.core.watch import evalues
from tidegate.core.watch.limits import Limits, Metric
from tidegate.errors import SourceError, WorldError

MAX_INTERVAL = 2**40
MAX_TOTAL = 2**53 - 1


class ClockError(WorldError):
    """The clock went backwards: a moment lies before one that the watch has already seen. Nothing has changed."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests and the errors among them in one interval: increments, not totals.

    Raises:
        SourceError: not an exact count (NaN, a fraction, negative, beyond 2**40), or more errors than requests.
    """

    requests: int
    errors: int

    def __post_init__(self) -> None:
        _demand_part("requests", self.requests, "errors", self.errors)


@dataclass(frozen=True, slots=True)
class Probes:
    """Health probes and the failed ones among them in one interval.

    Raises:
        SourceError: as for ``Counts``.
    """

    total: int
    failed: int

    def __post_init__(self) -> None:
        _demand_part("probes", self.total, "failed probes", self.failed)


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one series. What could not be counted is None, and leaves the evidence where it was."""

    sample: str
    """Names the sample within its series; the same name is the same sample."""
    taken_at: datetime
    counts: Counts | None = None
    probes: Probes | None = None
    series: str = ""
    """A host, or empty when one observation sums all of them. Series may be fed in any order among themselves."""

    @property
    def is_empty(self) -> bool:
        """Nothing was counted, or nothing happened."""
        parts = [self.part(metric) for metric in Metric]
        return not any(part and part[0] for part in parts)

    def part(self, metric: Metric) -> tuple[int, int] | None:
        """(total, bad) of ``metric`` in this interval; None when nothing was counted."""
        if metric is Metric.ERROR_RATE:
            return (self.counts.requests, self.counts.errors) if self.counts else None
        return (self.probes.total, self.probes.failed) if self.probes else None


@dataclass(frozen=True, slots=True)
class Tally:
    """One metric so far: the sums, and the evidence against each claim as logarithms, one per grid point.

    ``unspent`` is the share of the stake that waits for a later start of the betting. All of it is bet at the first
    look today; restarts, which keep a long watch sharp (F4), spend it in portions and need no other format.
    """

    total: int
    bad: int
    worse: tuple[float, ...]
    better: tuple[float, ...]
    unspent: float = 0.0

    @property
    def rate(self) -> float | None:
        """The observed rate; None before the first event."""
        return self.bad / self.total if self.total else None

    @property
    def log_bad(self) -> float:
        """The logarithm of the e-value against "within the limit"."""
        waiting = [log(self.unspent)] if self.unspent > 0 else []
        return evalues.log_sum([*self.worse, *waiting])

    @property
    def log_good(self) -> float:
        """The logarithm of the e-value against "at the limit or above"."""
        return evalues.log_sum(self.better)


@dataclass(frozen=True, slots=True)
class LastSample:
    """The last sample that was counted of a series."""

    sample: str
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class WatchState:
    """Everything that a watch knows. A later look needs this value and the next observation, nothing else."""

    limits: Limits
    started_at: datetime
    tallies: Mapping[Metric, Tally]
    looks: int = 0
    empty_looks: int = 0
    """Looks of ``looks`` that counted nothing."""
    log_highest: float = 0.0
    """The logarithm of the highest combined evidence so far. It latches: a roll-back once proven stays proven."""
    proven_bad_at: datetime | None = None
    """When the combined evidence first reached 1/alpha."""
    last: Mapping[str, LastSample] = field(default_factory=dict)

    @property
    def latest(self) -> datetime:
        """The latest moment that the watch has seen."""
        return max([self.started_at, *(seen.taken_at for seen in self.last.values())])


def begin(limits: Limits, now: datetime) -> WatchState:
    """A watch that has seen nothing: all evidence is 1."""
    return WatchState(limits, now, {metric: _empty_tally(limits.limit(metric)) for metric in Metric})


def update(state: WatchState, observation: Observation) -> WatchState:
    """The state after one more look. A sample that was counted already changes nothing.

    Raises:
        ClockError: the sample is another than the last one of its series, yet not later; or it lies before the start.
        SourceError: the sums have left the range of exact integers.
    """
    seen = state.last.get(observation.series)
    if seen is not None and seen.sample == observation.sample:
        return state
    _demand_later(state, seen, observation)
    tallies = {metric: _advance(state, metric, observation) for metric in Metric}
    highest = max(state.log_highest, _log_combined(state.limits, tallies))
    crossed = state.proven_bad_at is None and highest >= -log(state.limits.alpha)
    return replace(
        state,
        tallies=tallies,
        looks=state.looks + 1,
        empty_looks=state.empty_looks + observation.is_empty,
        log_highest=highest,
        proven_bad_at=observation.taken_at if crossed else state.proven_bad_at,
        last={**state.last, observation.series: LastSample(observation.sample, observation.taken_at)},
    )


def _empty_tally(limit: float) -> Tally:
    return Tally(0, 0, evalues.start(evalues.worse_rates(limit)), evalues.start(evalues.better_rates(limit)))


def _advance(state: WatchState, metric: Metric, observation: Observation) -> Tally:
    tally, part = state.tallies[metric], observation.part(metric)
    if part is None or part[0] == 0:
        return tally
    total, bad = part
    _demand_exact(f"the sum of {metric.value}", tally.total + total, MAX_TOTAL)
    p0 = state.limits.limit(metric)
    return replace(
        tally,
        total=tally.total + total,
        bad=tally.bad + bad,
        worse=evalues.advance(tally.worse, evalues.worse_rates(p0), p0, total, bad),
        better=evalues.advance(tally.better, evalues.better_rates(p0), p0, total, bad),
    )


def _log_combined(limits: Limits, tallies: Mapping[Metric, Tally]) -> float:
    return evalues.log_combined([tallies[m].log_bad for m in Metric], [limits.weight(m) for m in Metric])


def _demand_later(state: WatchState, seen: LastSample | None, observation: Observation) -> None:
    limit = seen.taken_at if seen is not None else state.started_at
    too_early = observation.taken_at <= limit if seen is not None else observation.taken_at < limit
    if too_early:
        what = f"sample {observation.sample} was taken at {to_text(observation.taken_at)}"
        raise ClockError(
            f"{what}, but the watch has seen {to_text(limit)} already",
            where=observation.series,
            remedy="set the clock of this machine right, then look again; nothing was counted",
        )


def _demand_part(whole: str, total: int, part: str, bad: int) -> None:
    _demand_exact(whole, total, MAX_INTERVAL)
    _demand_exact(part, bad, MAX_INTERVAL)
    if bad > total:
        raise SourceError(
            f"{bad} {part} of only {total} {whole}",
            remedy=f"choose series so that every one of the {part} is also counted among the {whole}",
        )


def _demand_exact(name: str, value: object, most: int) -> None:
    # bool is an int to Python, and a float that happens to be whole may have lost its last digits.
    if type(value) is not int or not 0 <= value <= most:
        raise SourceError(
            f"{name}: {value!r} is no count from 0 to {most}",
            remedy="read a counter of whole events; what cannot be counted must be left out, not guessed",
        )
