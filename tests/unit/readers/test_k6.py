"""k6: percentiles, the share of failed requests, thresholds; in each of its forms."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.readers.k6 import K6Reader
from tidegate.readers.registry import read_report

EXPORTED: dict[str, Any] = {
    "http_req_duration": {
        "avg": 118.2,
        "min": 92.1,
        "med": 110.25,
        "max": 640.8,
        "p(90)": 150.5,
        "p(95)": 180.75,
        "thresholds": {"p(95)<200": False, "p(95)<100": True},
    },
    "http_req_failed": {"passes": 10, "fails": 990, "value": 0.01},
    "http_reqs": {"count": 1000, "rate": 33.2},
}
HANDLED: dict[str, Any] = {
    "http_req_duration": {
        "type": "trend",
        "contains": "time",
        "values": {"min": 92.1, "med": 110.25, "p(95)": 180.75, "p(99)": 300.5},
        "thresholds": {"p(95)<200": {"ok": True}, "p(95)<100": {"ok": False}},
    },
    "http_req_failed": {"type": "rate", "values": {"rate": 0.01, "passes": 10, "fails": 990}},
    "http_reqs": {"type": "counter", "values": {"count": 1000}},
}


def summary(metrics: dict[str, Any], **changes: Any) -> bytes:
    """The summary with members of metrics changed, by their path; ``...`` takes one out."""
    whole = json.loads(json.dumps(metrics))
    for path, value in changes.items():
        *folders, name = path.split("__")
        here: Any = whole
        for folder in folders:
            here = here[folder]
        here[{"p95": "p(95)", "p90": "p(90)"}.get(name, name)] = value
        if value is ...:
            del here[{"p95": "p(95)"}.get(name, name)]
    return json.dumps({"root_group": {}, "metrics": whole}).encode()


def test_the_exported_summary() -> None:
    reading = read_report("k6.json", summary(EXPORTED))
    assert (reading.kind, reading.taken_at) == ("performance", None)
    assert reading.values == {
        "p50_ms": 110.25,
        "p95_ms": 180.75,
        "error_rate": 0.01,
        "requests": 1000,
        "thresholds_failed": 1,
    }
    assert reading.summary == "1000 requests, 95% within 180.75 ms, 1.00% failed, 1 of 2 thresholds crossed"


def test_the_summary_as_it_is_handled() -> None:
    found = dict(read_report("k6.json", summary(HANDLED)).values)
    assert found.pop("p99_ms") == 300.5
    assert found == read_report("k6.json", summary(EXPORTED)).values


def test_what_k6_did_not_measure_is_left_out() -> None:
    bare = summary(EXPORTED, http_req_failed=..., http_req_duration__thresholds=..., http_req_duration__med=None)
    assert read_report("k6.json", bare).values == {"p95_ms": 180.75, "requests": 1000}
    none = summary(EXPORTED, http_req_failed={"passes": 0, "fails": 0, "value": 0})
    assert "error_rate" not in read_report("k6.json", none).values


DURATION = "the metric http_req_duration"


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"{}", "the report has no 'metrics'"),
        (summary({}), "it timed no request over HTTP"),
        (summary(EXPORTED, http_reqs=...), "metrics has no 'http_reqs'"),
        (summary(EXPORTED, http_reqs__count=0), "it made no request"),
        (summary(EXPORTED, http_reqs__count=-1), "the metric http_reqs has -1 as count, which is no count"),
        (summary(EXPORTED, http_req_duration__p95=...), f"{DURATION} has no 'p(95)'"),
        (summary(EXPORTED, http_req_duration__p95="fast"), f"{DURATION} has 'fast' as p(95), which is no number"),
        (summary(EXPORTED, http_req_duration__p95=1), f"{DURATION} has 1 ms as p(95), and 150.5 ms as p(90)"),
        (summary(EXPORTED, http_req_duration__min=-3), f"{DURATION} has -3 ms as min, and 0 ms as 0"),
        (summary(EXPORTED, http_req_duration__max=100), f"{DURATION} has 100 ms as max, and 180.75 ms as p(95)"),
        (
            summary(EXPORTED, http_req_failed__value=0),
            "the metric http_req_failed declares the rate 0, and 10 of 1000 requests failed",
        ),
        (
            summary(EXPORTED, http_req_failed__passes=-10),
            "the metric http_req_failed has -10 as passes, which is no count",
        ),
        (
            summary(EXPORTED, http_req_duration__thresholds={"p(95)<1": 0}),
            "the threshold 'p(95)<1' of the metric 'http_req_duration' is 0, and must be true, false or an object",
        ),
        (
            summary(EXPORTED, http_req_duration__thresholds={"p(95)<1": {}}),
            "the threshold 'p(95)<1' of the metric 'http_req_duration' has no 'ok'",
        ),
        (b'{"metrics": {"http_req_duration": NaN}}', "it is no JSON: NaN is no JSON"),
    ],
)
def test_a_broken_summary_is_refused_with_its_sentence(data: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        K6Reader().read(data)
    assert caught.value.what == f"this is not a k6 summary that can be relied on: {because}"
    assert caught.value.remedy


@given(st.binary(max_size=60))
def test_reading_is_total(noise: bytes) -> None:
    reader = K6Reader()
    assert reader.recognises("x", noise) in (True, False)
    with pytest.raises(UsageError):
        reader.read(noise)


MACHINE_READABLE: dict[str, Any] = {
    "config": {"duration": 30.5, "execution": "local"},
    "metadata": {"generatedAt": "2026-02-10T19:00:30.5+01:00", "k6Version": "2.0.0"},
    "results": {
        "metrics": [
            {
                "name": "http_req_duration",
                "type": "trend",
                "contains": "time",
                "values": {"med": 110.25, "p(95)": 180.75},
            },
            {
                "name": "http_req_failed",
                "type": "rate",
                "contains": "default",
                "values": {"matches": 1, "rate": 0.25, "total": 4},
            },
            {"name": "http_reqs", "type": "counter", "contains": "default", "values": {"count": 4}},
        ]
    },
    "version": "1.0.0",
}


def test_the_machine_readable_summary_says_when_the_run_began() -> None:
    reading = read_report("k6.json", json.dumps(MACHINE_READABLE).encode())
    assert reading.taken_at == datetime(2026, 2, 10, 18, 0, tzinfo=UTC)
    assert reading.values == {"p50_ms": 110.25, "p95_ms": 180.75, "requests": 4, "error_rate": 0.25}


@pytest.mark.parametrize(
    ("path", "value", "because"),
    [
        (("results", "metrics", 1, "values", "matches"), 5, "has 5 matches of 4"),
        (("results", "metrics", 1, "values", "rate"), 0.5, "declares the rate 0.5, and 1 of 4 requests failed"),
        (("results", "metrics", 1, "name"), "http_reqs", "it has the metric 'http_reqs' twice"),
        (("results", "metrics", 0, "values"), [], "no object"),
        (("results", "metrics"), {}, "no list"),
        (("metadata", "generatedAt"), "yesterday", "which is no time with an offset"),
        (("config", "duration"), -1, "no length of a test"),
        (("config", "duration"), 1e12, "no length of a test"),
    ],
)
def test_a_machine_readable_summary_that_cannot_be(path: tuple[Any, ...], value: object, because: str) -> None:
    whole = json.loads(json.dumps(MACHINE_READABLE))
    here = whole
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    with pytest.raises(UsageError, match=re.escape(because)):
        read_report("k6.json", json.dumps(whole).encode())
