from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import DAY, HOUR, NOW, evidence, item
from tidegate.core.canonical import LARGEST_INTEGER, canonical
from tidegate.core.evidence import Evidence, newest

OLD = evidence(taken_at=NOW - DAY, report="sha256:old")
NEW = evidence(taken_at=NOW - HOUR, report="sha256:new")


def reports(*pieces: Evidence, environment: str = "production") -> list[str]:
    return [piece.report for piece in newest(pieces, environment)]


def test_the_newest_counts_in_whatever_order_they_come() -> None:
    assert reports(OLD, NEW) == reports(NEW, OLD) == ["sha256:new"]


def test_none_of_none() -> None:
    assert newest((), "production") == []


@pytest.mark.parametrize(
    "other",
    [
        evidence(source="nightly", report="sha256:other"),
        evidence("coverage", report="sha256:other"),
        evidence(of=item("identity"), report="sha256:other"),
    ],
)
def test_each_component_kind_and_source_has_its_own(other: Evidence) -> None:
    assert sorted(reports(OLD, NEW, other)) == ["sha256:new", "sha256:other"]


def test_when_it_was_taken_counts_before_when_it_was_added() -> None:
    late = replace(OLD, added_at=NOW)
    assert reports(late, NEW) == ["sha256:new"]


def test_taken_at_one_moment_the_later_added_counts_then_the_digest() -> None:
    one, two = replace(NEW, report="sha256:1"), replace(NEW, report="sha256:2")
    assert reports(one, two) == reports(two, one) == ["sha256:2"]
    later = replace(one, added_at=one.added_at + timedelta(microseconds=1))
    assert reports(later, two) == reports(two, later) == ["sha256:1"]


@pytest.mark.parametrize(
    "change", [{"bound": {"source": "sha256:x"}}, {"values": {"total": 1}}, {"environment": "production"}]
)
def test_even_one_report_that_says_two_things_has_an_order(change: dict[str, Any]) -> None:
    other = replace(NEW, **change)
    assert newest([NEW, other], "production") == newest([other, NEW], "production")


def test_what_is_said_of_another_environment_is_left_out() -> None:
    staging = replace(NEW, environment="staging", report="sha256:staging")
    assert reports(OLD, staging) == ["sha256:old"]
    assert reports(OLD, staging, environment="staging") == ["sha256:staging"]


def test_what_holds_everywhere_and_what_holds_here_are_of_one_source() -> None:
    here = replace(OLD, environment="production", report="sha256:here")
    assert reports(here, NEW) == ["sha256:new"]


@given(
    st.permutations([OLD, NEW, *(evidence(k, source=s, taken_at=NOW - HOUR) for k in ("junit", "smoke") for s in "ab")])
)
def test_the_order_never_matters(pieces: list[Evidence]) -> None:
    assert newest(pieces, "production") == newest(sorted(pieces, key=repr), "production")


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        (1.0, 1),
        (-0.0, 0),
        (0.5, 0.5),
        (1e300, 1e300),
        (float(LARGEST_INTEGER), LARGEST_INTEGER),
        (2.0**60, 2.0**60),
        (2**60, 2.0**60),
        (True, True),
        ("1.0", "1.0"),
        (None, None),
        ([1.0, (2.0, {"a": 3.0})], [1, [2, {"a": 3}]]),
        (math.inf, math.inf),
    ],
)
def test_values_are_kept_as_json_gives_them_back(given_value: object, kept: object) -> None:
    piece = evidence(values={"total": given_value})
    found = piece.values["total"]
    assert (found, repr(found)) == (kept, repr(kept))


numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
plain: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(codec="utf-8"), max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=2),
    max_leaves=4,
)


@given(plain)
def test_what_was_written_is_read_as_it_was(value: object) -> None:
    kept = replace(NEW, values={"x": value}).values
    read = replace(NEW, values=json.loads(canonical(kept))).values
    assert read == kept
    # As text, which tells 1 from 1.0.
    assert json.dumps(read, sort_keys=True) == json.dumps(kept, sort_keys=True)
