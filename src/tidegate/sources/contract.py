"""The contract of a metric source, and the rule that turns two samples into an increment.

A source gives *cumulative counters*, never rates: rates hide how much was counted, lose what happened between two
windows, and cannot say "nothing". The differences are taken here, once, for every source.

**What counts as a restart.** A process that restarts counts from 0 again, so its value is the increment. That a
process is another one is known from its start time; without one, only a request counter that went *down* says so.

**The first errors of a new version must not be lost.** A monitoring system that sees a series for the first time
cannot tell an increment from a history and takes the first value as its baseline: an error counter that first appears
at 1 shows no increase (prometheus/prometheus issues 3886 and 12967). Tidegate knows more: it put the version there.
So either a sample was taken before the switch, and the new process differs from it; or the process started after the
moment of the switch (``fresh_since``) and its counters began at 0. Only where neither is known is the first sample a
mere baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from tidegate.clock import from_text, to_text
from tidegate.core.watch import ClockError, Counts
from tidegate.errors import SourceError, StoreError

MAX_COUNTER = 2**53 - 1

# Start times are derived from a boot time that is itself measured and moves by up to a second when the clock is
# corrected. A process that truly started within a second of its predecessor cost at most that second's counts.
SAME_START = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Sample:
    """The counters of one unit at one moment.

    Raises:
        SourceError: not exact counts, or more errors than requests.
    """

    requests: int
    """All requests since the process started."""
    errors: int
    """Those of ``requests`` that were answered with an error."""
    taken_at: datetime
    """By the clock of the machine that reads."""
    started_at: datetime | None = None
    """When the process started, by the clock of its own machine; None when the source cannot tell."""

    def __post_init__(self) -> None:
        _demand_counter("requests", self.requests)
        _demand_counter("errors", self.errors)
        if self.errors > self.requests:
            raise SourceError(
                f"{self.errors} errors of only {self.requests} requests",
                remedy="choose the series so that every error is also counted among the requests",
            )


class Source(Protocol):
    """Reads the counters of one unit (a host, an instance).

    Promises: reading changes nothing and may be repeated at will; it ends within the source's time-out; what is read
    is never trusted (sizes are bounded, values checked); the same unit is always read in the same place.
    """

    def read(self, unit: str) -> Sample | None:
        """The counters of ``unit`` now; None when it answered but counts no requests yet (no data).

        Raises:
            NotFoundError: the source was not told of such a unit.
            SourceError: it did not answer, or answered what cannot be counts.
        """
        ...


def increase(previous: Sample | None, current: Sample, fresh_since: datetime | None = None) -> Counts | None:
    """What happened between two samples of a unit; None when ``current`` can only be a baseline.

    Args:
        fresh_since: when the version under watch was put there; a process that started since began at 0.

    Raises:
        ClockError: ``current`` was taken before ``previous``.
        SourceError: a counter went down although the process is the same, or more errors than requests were added.
    """
    if previous is None:
        return _all_of(current) if _started_since(current, fresh_since) else None
    if current.taken_at < previous.taken_at:
        raise ClockError(
            f"a sample of {to_text(current.taken_at)} follows one of {to_text(previous.taken_at)}",
            remedy="set the clock of this machine right, then read again; nothing was counted",
        )
    same = _same_process(previous, current)
    if same is False or (same is None and current.requests < previous.requests):
        return _all_of(current)
    if same is None and current.errors < previous.errors:
        # Another process that has already served more than the last one, or a series that went missing: who can tell?
        # Taking all of it would count clean requests twice and could promote. It is a new baseline only.
        return None
    return _difference(previous, current)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at several units gave."""

    counts: Counts | None
    """The sum over the units that could be counted; None when there was none."""
    previous: Mapping[str, Sample]
    """What the next look must be given as ``previous``; store it in the transaction that stores the watch."""
    refused: Mapping[str, SourceError] = field(default_factory=dict)
    """The units whose samples contradict what was read before; their baseline stays as it was."""


def tally(
    previous: Mapping[str, Sample], current: Mapping[str, Sample | None], fresh_since: datetime | None = None
) -> Reading:
    """The increments of all units in one look, summed.

    A unit without data keeps its baseline, so that what it counts meanwhile is in its next increment.

    Raises:
        ClockError: a sample was taken before the previous one of its unit.
    """
    kept, refused, parts = dict(previous), dict[str, SourceError](), []
    for unit, sample in sorted(current.items()):
        if sample is None:
            continue
        try:
            part = increase(previous.get(unit), sample, fresh_since)
        except SourceError as error:
            refused[unit] = error
            continue
        kept[unit] = sample
        parts.extend([part] if part is not None else [])
    total = Counts(sum(part.requests for part in parts), sum(part.errors for part in parts)) if parts else None
    return Reading(total, kept, refused)


def sample_record(sample: Sample) -> dict[str, Any]:
    """The sample as JSON values."""
    return {
        "requests": sample.requests,
        "errors": sample.errors,
        "taken_at": to_text(sample.taken_at),
        "started_at": to_text(sample.started_at) if sample.started_at else None,
    }


def sample_from_record(record: Mapping[str, Any]) -> Sample:
    """The sample that ``sample_record`` wrote.

    Raises:
        StoreError: a record that was not written by it.
    """
    try:
        started = record["started_at"]
        return Sample(
            requests=record["requests"],
            errors=record["errors"],
            taken_at=from_text(record["taken_at"]),
            started_at=from_text(started) if started is not None else None,
        )
    except (KeyError, TypeError, ValueError, SourceError) as error:
        raise StoreError(
            f"a stored sample is damaged: {error!r}",
            remedy="restore the database from a backup, or decide about this rollout by hand",
        ) from error


def _all_of(sample: Sample) -> Counts:
    return Counts(sample.requests, sample.errors)


def _started_since(sample: Sample, moment: datetime | None) -> bool:
    return sample.started_at is not None and moment is not None and sample.started_at >= moment


def _same_process(previous: Sample, current: Sample) -> bool | None:
    """None where a start time is missing."""
    if previous.started_at is None or current.started_at is None:
        return None
    return abs(current.started_at - previous.started_at) <= SAME_START


def _difference(previous: Sample, current: Sample) -> Counts:
    requests, errors = current.requests - previous.requests, current.errors - previous.errors
    if requests < 0 or errors < 0:
        raise SourceError(
            f"from {previous.requests} requests and {previous.errors} errors the counters went down to "
            f"{current.requests} and {current.errors}, but the process has not restarted",
            remedy="read a counter that speaks for the whole unit, not for one of several workers in turn",
        )
    return Counts(requests, errors)


def _demand_counter(name: str, value: object) -> None:
    if type(value) is not int or not 0 <= value <= MAX_COUNTER:
        raise SourceError(
            f"{name}: {value!r} is no count from 0 to {MAX_COUNTER}",
            remedy="choose a counter of whole events",
        )
