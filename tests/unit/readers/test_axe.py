"""axe-core: violations by impact, and pages on which nothing was checked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.readers.axe import AxeReader
from tidegate.readers.registry import read_report


def rule(name: str, impact: str | None = None) -> dict[str, Any]:
    return {"id": name, "impact": impact, "tags": ["wcag2a"], "nodes": [{"html": "<b>", "target": ["b"]}]}


def page(**changes: Any) -> dict[str, Any]:
    whole = {
        "testEngine": {"name": "axe-core", "version": "4.11.2"},
        "timestamp": "2026-02-10T18:00:00.000Z",
        "url": "https://shop.example/",
        "passes": [rule("html-has-lang")],
        "violations": [],
        "incomplete": [],
        "inapplicable": [rule("video-caption")],
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not ...}


def read(report: object) -> dict[str, object]:
    reading = read_report("axe.json", json.dumps(report).encode())
    assert reading.kind == "accessibility"
    return dict(reading.values)


NONE = {"violations": 0, "critical": 0, "serious": 0, "moderate": 0, "minor": 0, "incomplete": 0, "pages": 1}


def test_a_page_without_violations() -> None:
    assert read(page()) == NONE
    reading = read_report("axe.json", json.dumps([page()]).encode())
    assert (reading.taken_at, reading.summary) == (datetime(2026, 2, 10, 18, tzinfo=UTC), "0 violations on 1 page")


def test_violations_are_counted_by_impact_over_all_pages() -> None:
    found = [rule("label", "critical"), rule("region", "moderate"), rule("x", "minor"), rule("y")]
    first = page(violations=found, incomplete=[rule("color-contrast", "serious")])
    second = page(violations=[rule("label", "critical")], timestamp="2026-02-10T17:00:00.000Z")
    assert read([first, second]) == NONE | {
        "violations": 5,
        "critical": 2,
        "moderate": 1,
        "minor": 1,
        "incomplete": 1,
        "pages": 2,
    }
    reading = read_report("axe.json", json.dumps([first, second]).encode())
    assert reading.summary == "5 violations on 2 pages: 2 critical, 1 moderate, 1 minor"
    assert reading.taken_at == datetime(2026, 2, 10, 17, tzinfo=UTC)


def test_violations_alone_were_looked_at() -> None:
    assert (
        read(page(passes=..., inapplicable=..., incomplete=..., violations=[rule("label", "critical")]))["critical"]
        == 1
    )


def test_pages_of_which_one_has_no_time_name_no_instant() -> None:
    assert read_report("a", json.dumps([page(), page(timestamp="soon")]).encode()).taken_at is None


@pytest.mark.parametrize(
    ("report", "because"),
    [
        ([], "there is no page in it"),
        (3, "page 1 is 3, and must be an object"),
        ({}, "page 1 has no 'violations'"),
        (page(violations=None), "page 1 has null as violations, which is no list"),
        (page(passes=[]), "nothing was checked on page 1"),
        ([page(), page(passes=[])], "nothing was checked on page 2"),
        (page(passes=...), "nothing was checked on page 1, and the rules that it passes are not in it"),
        (page(error={"message": "net::ERR"}), "page 1 could not be checked: it has an error"),
        (page(error="no"), "page 1 could not be checked: it has an error"),
        (page(violations=[1]), "a violation on page 1 is 1, and must be an object"),
        (page(violations=[{}]), "a violation on page 1 has no 'id'"),
        (
            page(violations=[rule("label", "fatal")]),
            "the violation of 'label' on page 1 has the impact 'fatal', which is none",
        ),
        (
            page(violations=[rule("label") | {"impact": 3}]),
            "the violation of 'label' on page 1 has 3 as impact, which is no text",
        ),
    ],
)
def test_what_was_not_looked_at_is_refused_with_its_sentence(report: object, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        AxeReader().read(json.dumps(report).encode())
    assert caught.value.what == f"this is not an axe-core report that can be relied on: {because}"
    assert caught.value.remedy


@given(st.binary(max_size=60))
def test_reading_is_total(noise: bytes) -> None:
    reader = AxeReader()
    assert reader.recognises("x", noise) in (True, False)
    with pytest.raises(UsageError):
        reader.read(noise)
