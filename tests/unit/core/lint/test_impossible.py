"""Impossible types, held against asking every minute of the horizon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lints import NOW, found
from tests.support.lints import given as policy_of
from tidegate.core.calendar import HORIZON
from tidegate.core.decide import waits
from tidegate.core.lint.impossible import _context

RULE = "impossible"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ONE_TYPE = {"release_types": {"patch": None}}


def changed(**more: Any) -> dict[str, Any]:
    return {**ONE_TYPE, **more}


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(DAYS), st.integers(0, 23), st.integers(1, 6)), min_size=1, max_size=2),
    st.sampled_from(DAYS),
    st.integers(0, 23),
    st.integers(1, 3),
)
def test_it_fires_exactly_where_no_hour_is_open(
    windows: list[tuple[str, int, int]], day: str, hour: int, lasts: int
) -> None:
    """Windows and trains that begin on the hour and last whole hours: every hour of the horizon is asked."""
    rules = [{"days": d, "from": f"{h:02d}:00", "to": f"{(h + length) % 24:02d}:00"} for d, h, length in windows]
    full = {"mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday"} | {
        "fri": "friday",
        "sat": "saturday",
        "sun": "sunday",
    }
    train = {"of": {"kind": "module"}, "every": f"week on {full[day]} at {hour:02d}:00", "lasts": f"{lasts}h"}
    changes = changed(environments={"production": {"windows": rules}}, trains={"modules": train})
    waiting = waits(_context(policy_of(changes), "production", "minor", "billing"))
    hours = (NOW + timedelta(hours=number) for number in range(24 * HORIZON.days))
    open_at_some = any(all(wait.open_at(moment) == moment for wait in waiting) for moment in hours)
    assert bool(found(RULE, changes)) is not open_at_some


def test_the_fewest_rules_that_close_it_are_named() -> None:
    changes = changed(
        environments={"production": {"windows": [{"days": "mon-thu"}], "freeze": {"before": "2d"}}},
        trains={"modules": {"of": {"kind": "module"}, "every": "week on friday at 10:00"}},
        calendar={"blackouts": [{"name": "year end", "from": "2026-12-20", "to": "2027-01-03"}]},
    )
    (finding,) = found(RULE, changes)
    assert finding.message == (
        "a minor release could not go to production at any moment of the next 400 days: train and windows close it "
        "together"
    )
    assert finding.also == (("trains",), ("environments", "production", "windows"))


def test_a_type_that_skips_what_closes_it_is_possible() -> None:
    changes = {"environments": {"production": {"windows": []}}, "release_types": {"patch": {"skips": ["windows"]}}}
    (finding,) = found(RULE, changes)
    assert finding.path == ("release_types", "minor")
    assert "windows closes it" in finding.message


def test_a_notice_beyond_the_horizon_closes_it() -> None:
    (finding,) = found(RULE, changed(release_types={"patch": None, "minor": {"notice": "500d"}}))
    assert "notice closes it" in finding.message


@pytest.mark.parametrize("length", ["399d", "30d"])
def test_a_long_notice_alone_does_not(length: str) -> None:
    assert found(RULE, changed(release_types={"patch": None, "minor": {"notice": length}})) == []


def test_components_that_ride_other_trains_are_looked_at_apart() -> None:
    changes = changed(
        components={"site": {"kind": "site"}},
        trains={"sites": {"of": {"kind": "site"}, "every": "week on friday at 10:00"}},
        environments={"production": {"windows": [{"days": "mon-thu"}]}},
    )
    (finding,) = found(RULE, changes)
    assert finding.message.startswith("a minor release of site could not go to production")


def test_what_closes_it_for_all_is_told_once() -> None:
    changes = changed(
        components={"site": {"kind": "site"}},
        trains={"sites": {"of": {"kind": "site"}, "every": "week on friday at 10:00"}},
        environments={"production": {"windows": []}},
    )
    (finding,) = found(RULE, changes)
    assert finding.message == (
        "a minor release could not go to production at any moment of the next 400 days: windows closes it"
    )
    assert finding.remedy == "change it, or let minor releases skip it: skips: [windows]"


@pytest.mark.parametrize(
    ("minor", "freeze", "fires"),
    [
        ({}, {"before": "500d"}, True),
        ({}, {"before": "500d", "allow": ["fix", "feat"]}, False),
        ({"allows": ["feat", "fix"]}, {"before": "500d"}, False),
        ({"bump": "patch"}, {"before": "500d"}, False),
        ({"bump": "patch"}, {"before": "500d", "allow": []}, True),
        ({"bump": "major"}, {"before": "500d", "allow": ["feat"]}, True),
        ({"skips": ["freeze"]}, {"before": "500d"}, False),
        ({}, {"before": "30d"}, False),
    ],
)
def test_a_freeze_counts_for_what_it_does_not_let_in(
    minor: dict[str, Any], freeze: dict[str, Any], fires: bool
) -> None:
    changes = changed(release_types={"patch": None, "minor": minor}, environments={"production": {"freeze": freeze}})
    assert ["freeze closes it" in finding.message for finding in found(RULE, changes)] == [True] * fires
