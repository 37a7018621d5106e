"""Moments and lengths of time in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tidegate.core.calendar import zone
from tidegate.views.moments import civil, counted, dated, distance, in_zone, length, moment

PACIFIC = zone("America/Los_Angeles")
NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 12, 1, 18, 0, tzinfo=UTC), "Tue 1 Dec 2026 10:00 PST"),
        (datetime(2026, 11, 1, 8, 30, tzinfo=UTC), "Sun 1 Nov 2026 01:30 PDT"),
        (datetime(2026, 11, 1, 9, 30, tzinfo=UTC), "Sun 1 Nov 2026 01:30 PST"),
    ],
)
def test_a_moment_is_written_in_its_zone_and_an_hour_that_comes_twice_is_told_apart(at: datetime, text: str) -> None:
    assert civil(at, PACIFIC) == text


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(days=10, hours=20), "11 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=25), "1 day"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(seconds=90), "2 minutes"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(milliseconds=300), "less than a second"),
        (timedelta(seconds=-5), "less than a second"),
    ],
)
def test_a_length_is_rounded_to_its_largest_unit(span: timedelta, text: str) -> None:
    assert length(span) == text


def test_a_distance_says_its_direction() -> None:
    assert distance(NOW + timedelta(days=3), NOW) == "in 3 days"
    assert distance(NOW - timedelta(minutes=3), NOW) == "3 minutes ago"
    assert distance(NOW + timedelta(milliseconds=400), NOW) == "now"


def test_a_near_moment_is_told_to_the_second_and_never_too_early() -> None:
    near = NOW + timedelta(seconds=2, microseconds=1)
    assert moment(near, PACIFIC, NOW) == "Fri 20 Nov 2026 12:00:03 PST (in 2 seconds)"
    assert moment(NOW + timedelta(minutes=5), PACIFIC, NOW) == "Fri 20 Nov 2026 12:05 PST (in 5 minutes)"
    assert moment(NOW + timedelta(days=2, seconds=3), PACIFIC, NOW) == "Sun 22 Nov 2026 12:00 PST (in 2 days)"


def test_moments_in_a_sentence_are_those_of_the_zone() -> None:
    assert in_zone("until 2026-12-01T18:00:00.000000Z, not 2026", PACIFIC) == "until Tue 1 Dec 2026 10:00 PST, not 2026"


def test_a_log_is_dated_to_the_second() -> None:
    assert dated(NOW, PACIFIC) == "2026-11-20 12:00:00"


def test_things_are_counted() -> None:
    assert [counted(n, "change") for n in (0, 1, 2)] == ["0 changes", "1 change", "2 changes"]
