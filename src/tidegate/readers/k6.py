"""Load tests of k6: the file of ``--summary-export``, or what ``handleSummary`` is given, written as JSON.

Both may have the form of ``--new-machine-readable-summary`` (1.0.0 of its schema), in which the metrics are a list and
say nothing of thresholds.

Times are of all requests over HTTP, in milliseconds. A percentile that k6 was not told to compute is left out. The
share of failed requests is counted from the requests, and must be the one that k6 says. A threshold that was crossed
is written in two ways: as ``true`` by ``--summary-export``, as ``ok: false`` by ``handleSummary``.

Source: Grafana k6, "Custom summary" and "Summary export"; k6, ``internal/js/summary-wrapper.js`` and
``internal/lib/summary/machinereadable``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tidegate.readers.contract import Reading
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names, shown, timed
from tidegate.readers.sniff import HEAD_BYTES

FORM = "a k6 summary"
_JSON = JsonForm(FORM, "run k6 again with --summary-export FILE, and give that file")
_TIMES = {"p50_ms": "med", "p95_ms": "p(95)", "p99_ms": "p(99)"}
_ORDER = ("min", "med", "p(90)", "p(95)", "p(99)", "max")
_DURATION = "http_req_duration"
_RATE_TOLERANCE = 1e-6
_LONGEST_S = 366 * 86_400


class K6Reader:
    """Reads the summary of a run that made requests over HTTP."""

    kind = "performance"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        names = outer_names(head)
        if {"config", "metadata", "results", "version"} <= names or (
            "results" in names and b'"k6Version"' in head[:HEAD_BYTES]
        ):
            return True
        return "root_group" in names or ("metrics" in names and b'"http_req' in head[:HEAD_BYTES])

    def read(self, data: bytes) -> Reading:
        report = _JSON.report(data)
        metrics, began = _machine_readable(report) if "results" in report else (_metrics_of(report), None)
        requests = _requests(metrics)
        values: dict[str, int | float | bool | str] = {"requests": requests, **_times(metrics)}
        rate = _error_rate(metrics)
        if rate is not None:
            values["error_rate"] = rate
        held, failed = _thresholds(metrics)
        if held:
            values["thresholds_failed"] = failed
        summary = f"{requests} {'request' if requests == 1 else 'requests'}, 95% within {values['p95_ms']:g} ms"
        summary += "" if rate is None else f", {rate:.2%} failed"
        summary += f", {failed} of {held} thresholds crossed" if held else ""
        return Reading(K6Reader.kind, values, began, summary)


def _metrics_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics by name; these forms do not say when the run began."""
    return _JSON.members(report, "metrics", WHOLE)


def _machine_readable(report: Mapping[str, Any]) -> tuple[dict[str, Any], datetime]:
    """The metrics by name, with the values of the other forms; and when the run began."""
    metrics: dict[str, Any] = {}
    for number, entry in enumerate(_JSON.items(_JSON.members(report, "results", WHOLE), "metrics", "results"), 1):
        where = f"metric {number}"
        metric = _JSON.mapping(entry, where)
        name = _JSON.text(metric, "name", where)
        if name in metrics:
            _JSON.refuse(f"it has the metric {name[:60]!r} twice")
        metrics[name] = {"values": _values_said(metric, f"the metric {name[:60]!r}")}
    metadata, config = _JSON.members(report, "metadata", WHOLE), _JSON.members(report, "config", WHOLE)
    ended = timed(_JSON, _JSON.text(metadata, "generatedAt", "metadata"), "generatedAt", "metadata")
    duration = _JSON.number(config, "duration", "config")
    if not 0 <= duration <= _LONGEST_S:
        _JSON.refuse(f"config has {duration:g} as duration, which is no length of a test in seconds")
    return metrics, ended - timedelta(seconds=duration)


def _values_said(metric: Mapping[str, Any], where: str) -> dict[str, Any]:
    values = _JSON.members(metric, "values", where)
    if _JSON.text(metric, "type", where) != "rate":
        return values
    matches, total = _JSON.count(values, "matches", where), _JSON.count(values, "total", where)
    if matches > total:
        _JSON.refuse(f"{where} has {matches} matches of {total}")
    return {"rate": _JSON.number(values, "rate", where), "passes": matches, "fails": total - matches}


def _requests(metrics: Mapping[str, Any]) -> int:
    """How many requests there were."""
    if _DURATION not in metrics:
        _JSON.refuse("it timed no request over HTTP", "give the summary of a run that makes requests over HTTP")
    count = _JSON.count(_values(metrics, "http_reqs"), "count", "the metric http_reqs")
    if count == 0:
        _JSON.refuse("it made no request", "see why the run made none")
    return count


def _times(metrics: Mapping[str, Any]) -> dict[str, float]:
    where = f"the metric {_DURATION}"
    found = _values(metrics, _DURATION)
    last, last_name = 0.0, "0"
    for name in _ORDER:
        if found.get(name) is None:
            continue
        time = _JSON.number(found, name, where)
        if time < last:
            _JSON.refuse(f"{where} has {time:g} ms as {name}, and {last:g} ms as {last_name}")
        last, last_name = time, name
    _JSON.number(found, _TIMES["p95_ms"], where)
    return {name: float(found[member]) for name, member in _TIMES.items() if found.get(member) is not None}


def _error_rate(metrics: Mapping[str, Any]) -> float | None:
    """The share of requests that failed; None where k6 did not count them.

    The metric counts failures, so that what k6 calls its ``passes`` are the requests that failed.
    """
    if "http_req_failed" not in metrics:
        return None
    where = "the metric http_req_failed"
    found = _values(metrics, "http_req_failed")
    failed, succeeded = _JSON.count(found, "passes", where), _JSON.count(found, "fails", where)
    if failed + succeeded == 0:
        return None
    rate = failed / (failed + succeeded)
    said = _JSON.number(found, "rate" if "rate" in found else "value", where)
    if not math.isclose(said, rate, abs_tol=_RATE_TOLERANCE):
        _JSON.refuse(f"{where} declares the rate {said:g}, and {failed} of {failed + succeeded} requests failed")
    return rate


def _thresholds(metrics: Mapping[str, Any]) -> tuple[int, int]:
    """How many thresholds there are, and how many were crossed."""
    held = failed = 0
    for name, metric in metrics.items():
        where = f"the metric {name[:60]!r}"
        for said, result in _JSON.members(_JSON.mapping(metric, where), "thresholds", where, absent={}).items():
            held += 1
            failed += _crossed(result, f"the threshold {said[:60]!r} of {where}")
    return held, failed


def _crossed(result: object, where: str) -> bool:
    if not isinstance(result, bool | dict):
        _JSON.refuse(f"{where} is {shown(result)}, and must be true, false or an object")
    return result if isinstance(result, bool) else not _JSON.flag(result, "ok", where)


def _values(metrics: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The values of a metric: they stand in it, or in its ``values``."""
    where = f"the metric {name}"
    metric = _JSON.members(metrics, name, "metrics")
    return _JSON.members(metric, "values", where) if "values" in metric else metric
