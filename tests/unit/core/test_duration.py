from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tidegate.core.duration import Duration, PositiveDuration, format_duration, parse_duration

TEN_YEARS_MS = 3660 * 86_400_000


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30d", timedelta(days=30)),
        ("24h", timedelta(hours=24)),
        ("1h30m", timedelta(minutes=90)),
        ("90m", timedelta(minutes=90)),
        ("2w", timedelta(days=14)),
        ("500ms", timedelta(milliseconds=500)),
        ("1m1ms", timedelta(minutes=1, milliseconds=1)),
        ("0s", timedelta(0)),
        ("3660d", timedelta(days=3660)),
    ],
)
def test_reads_a_number_and_a_unit(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "7", "d", "1 d", "-1d", "1.5h", "1D", "1y", "٣d", "9" * 13 + "ms", "1d\n", "1s" * 13]
)
def test_refuses_what_is_no_duration_and_says_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write a number and a unit, such as 30d, 24h, 90m, 10s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3661d", "999999999999w", "999999999999w" * 12])
def test_refuses_more_than_ten_years_without_overflowing(text: str) -> None:
    with pytest.raises(ValueError, match="is longer than ten years"):
        parse_duration(text)


@given(st.integers(0, TEN_YEARS_MS))
def test_formats_what_it_reads_back(milliseconds: int) -> None:
    length = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(length)) == length


def test_formats_the_largest_units_first() -> None:
    assert format_duration(timedelta(days=1, hours=1, minutes=30)) == "1d1h30m"
    assert format_duration(timedelta(0)) == "0s"


def test_a_positive_duration_is_not_nothing() -> None:
    with pytest.raises(ValidationError, match="write a duration above 0s, or leave the key out"):
        TypeAdapter(PositiveDuration).validate_python("0s")


@pytest.mark.parametrize("value", [7, True, 1.5, [], None])
def test_a_field_takes_no_number_for_a_duration(value: object) -> None:
    with pytest.raises(ValidationError, match="is not a duration"):
        TypeAdapter(Duration).validate_python(value)
