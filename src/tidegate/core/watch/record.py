"""The stored form of a watch: plain JSON values, versioned, exact.

Floats survive JSON exactly (the shortest text that reads back as the same float), so that a watch resumed from its
record goes on as if it had never stopped. Version 1 has no restarts (F4); they will spend ``unspent`` by a schedule
kept among the limits, and records written today stay readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import isfinite, log
from typing import Any

from tidegate.clock import from_text, to_text
from tidegate.core.watch import evalues
from tidegate.core.watch.limits import Limits, Metric
from tidegate.core.watch.state import LastSample, Tally, WatchState
from tidegate.errors import StoreError, TidegateError

VERSION = 1

Record = dict[str, Any]


def to_record(state: WatchState) -> Record:
    """The state as JSON values: finite numbers, texts, lists and maps with text keys."""
    return {
        "version": VERSION,
        "limits": _limits_record(state.limits),
        "started_at": to_text(state.started_at),
        "tallies": {metric.value: _tally_record(tally) for metric, tally in state.tallies.items()},
        "looks": state.looks,
        "empty_looks": state.empty_looks,
        "log_highest": state.log_highest,
        "proven_bad_at": to_text(state.proven_bad_at) if state.proven_bad_at else None,
        "last": {
            series: {"sample": seen.sample, "taken_at": to_text(seen.taken_at)}
            for series, seen in sorted(state.last.items())
        },
    }


def from_record(record: Mapping[str, Any]) -> WatchState:
    """The state that ``to_record`` wrote.

    Raises:
        StoreError: a record of another version, or one that no watch can have written.
    """
    version = record.get("version")
    if version != VERSION:
        raise StoreError(
            f"the watch is stored in version {version!r}, and this Tidegate reads version {VERSION}",
            remedy="run the Tidegate that wrote it, or a later one",
        )
    try:
        return _state(record)
    except (KeyError, TypeError, ValueError, AttributeError, TidegateError) as error:
        raise StoreError(
            f"the stored watch is damaged: {error!r}",
            remedy="restore the database from a backup, or decide about this rollout by hand",
        ) from error


def _state(record: Mapping[str, Any]) -> WatchState:
    limits = _limits(record["limits"])
    tallies = record["tallies"]
    proven, highest = record["proven_bad_at"], _finite(record["log_highest"])
    if (proven is not None) != (highest >= -log(limits.alpha)):
        raise ValueError("the highest evidence and the moment of the proof contradict each other")
    return WatchState(
        limits=limits,
        started_at=from_text(record["started_at"]),
        tallies={metric: _tally(tallies[metric.value], limits.limit(metric)) for metric in Metric},
        looks=_count(record["looks"]),
        empty_looks=_count(record["empty_looks"]),
        log_highest=highest,
        proven_bad_at=from_text(proven) if proven is not None else None,
        last={
            series: LastSample(_text(seen["sample"]), from_text(seen["taken_at"]))
            for series, seen in record["last"].items()
        },
    )


def _limits_record(limits: Limits) -> Record:
    return {
        "error_rate": limits.error_rate,
        "probe_failure_rate": limits.probe_failure_rate,
        "alpha": limits.alpha,
        "beta": limits.beta,
        "error_weight": limits.error_weight,
        "health_weight": limits.health_weight,
        "gates": [gate.value for gate in limits.gates],
        "min_watch_us": limits.min_watch // timedelta(microseconds=1),
    }


def _limits(record: Mapping[str, Any]) -> Limits:
    return Limits(
        error_rate=_finite(record["error_rate"]),
        probe_failure_rate=_finite(record["probe_failure_rate"]),
        alpha=_finite(record["alpha"]),
        beta=_finite(record["beta"]),
        error_weight=_finite(record["error_weight"]),
        health_weight=_finite(record["health_weight"]),
        gates=tuple(Metric(gate) for gate in record["gates"]),
        min_watch=timedelta(microseconds=_count(record["min_watch_us"])),
    )


def _tally_record(tally: Tally) -> Record:
    return {
        "total": tally.total,
        "bad": tally.bad,
        "worse": list(tally.worse),
        "better": list(tally.better),
        "unspent": tally.unspent,
    }


def _tally(record: Mapping[str, Any], limit: float) -> Tally:
    return Tally(
        total=_count(record["total"]),
        bad=_count(record["bad"]),
        worse=_floats(record["worse"], len(evalues.worse_rates(limit))),
        better=_floats(record["better"], len(evalues.better_rates(limit))),
        unspent=_finite(record["unspent"]),
    )


def _floats(values: list[Any], length: int) -> tuple[float, ...]:
    if len(values) != length:
        raise ValueError(f"{len(values)} grid points, expected {length}")
    return tuple(_finite(value) for value in values)


def _finite(value: Any) -> float:
    # A canonical JSON writer may have written 1.0 as 1.
    if type(value) not in (int, float) or not isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no count")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value
