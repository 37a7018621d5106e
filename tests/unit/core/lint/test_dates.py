"""Stated dates, held against listing the departures."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.lints import found
from tidegate.core.calendar import parse_cadence

CADENCES = (
    "2 weeks on tuesday at 10:00",
    "month on first tuesday at 10:00",
    "3 days at 09:00",
    "week on sunday at 00:00",
)
FIRST = date(2026, 2, 10)


def stated(every: str, *days: date, **more: Any) -> dict[str, Any]:
    return {
        "trains": {"modules": {"of": {"kind": "module"}, "every": every, "from": FIRST.isoformat()}},
        "calendar": {
            "dates": [
                {"date": day.isoformat(), "component": "billing", "version": f"1.{number}.0", **more}
                for number, day in enumerate(days)
            ]
        },
    }


@given(st.sampled_from(CADENCES), st.integers(0, 400))
def test_it_fires_exactly_on_days_without_a_departure(every: str, offset: int) -> None:
    day = FIRST + timedelta(days=offset)
    departures = set(islice(parse_cadence(every).dates(FIRST, FIRST), 500))
    assert bool(found("contradiction.stated-date", stated(every, day))) is (day not in departures)


def test_a_date_before_the_first_departure_is_none() -> None:
    (finding,) = found("contradiction.stated-date", stated(CADENCES[0], date(2026, 2, 3)))
    assert finding.message.endswith(": Tuesday 10 February 2026")
    assert finding.remedy == "write 2026-02-10, or change trains.modules"


@pytest.mark.parametrize("of", ["notes", "freeze", "announcement"])
def test_what_is_no_release_may_have_any_day(of: str) -> None:
    assert found("contradiction.stated-date", stated(CADENCES[0], date(2026, 2, 11), of=of)) == []


def test_a_component_without_a_train_may_have_any_day() -> None:
    assert found("contradiction.stated-date", {"calendar": stated("day at 10:00", FIRST)["calendar"]}) == []


def test_of_two_trains_one_is_enough() -> None:
    changes = stated(CADENCES[0], date(2026, 2, 11))
    changes["trains"]["billing"] = {"of": {"component": "billing"}, "every": "week on wednesday at 10:00"}
    assert found("contradiction.stated-date", changes) == []


@given(st.integers(1, 60))
def test_the_interval_must_be_whole_periods(days: int) -> None:
    changes = stated(CADENCES[0], FIRST, FIRST + timedelta(days=days))
    assert bool(found("contradiction.stated-interval", changes)) is (days % 14 != 0)


def test_of_months_no_interval_is_wrong() -> None:
    assert found("contradiction.stated-interval", stated(CADENCES[1], FIRST, FIRST + timedelta(days=22))) == []


YEAR_END = {"name": "year end", "from": "2026-03-10", "to": "2026-03-11"}


@pytest.mark.parametrize(
    ("blackout", "types", "fires"),
    [
        ({}, {}, True),
        ({"except": ["patch"]}, {}, False),
        ({"except": ["patch"]}, {"patch": {"skips": ["train"]}}, True),
        ({}, {"patch": {"skips": ["blackouts"]}}, False),
        ({"environments": ["staging"]}, {}, False),
        ({"to": "2026-03-10"}, {}, True),
        ({"from": "2026-03-11"}, {}, False),
    ],
)
def test_a_date_in_a_blackout_is_one_on_which_nothing_goes(
    blackout: dict[str, Any], types: dict[str, Any], fires: bool
) -> None:
    changes = stated(CADENCES[0], date(2026, 3, 10))
    changes["calendar"]["blackouts"] = [{**YEAR_END, **blackout}]
    findings = found("contradiction.stated-date", {**changes, "release_types": types})
    assert len(findings) == fires
    for finding in findings:
        ends = blackout.get("to", "2026-03-11")
        assert finding.message == (
            "billing 1.0.0 is dated 2026-03-10, and nothing that rides a train goes from 2026-03-10 to "
            f"{ends} (year end)"
        )
        assert finding.also == (("calendar", "blackouts", 0),)


def test_a_train_that_the_component_does_not_ride_dates_nothing_of_it() -> None:
    changes = stated(CADENCES[0], FIRST, train="sites")
    changes["components"] = {"site": {"kind": "site"}}
    changes["trains"]["sites"] = {"of": {"kind": "site"}, "every": CADENCES[0], "from": FIRST.isoformat()}
    (finding,) = found("contradiction.stated-date", changes)
    assert finding.path == ("calendar", "dates", 0, "train")
    assert finding.message == (
        "billing 1.0.0 is dated by the train sites, which billing does not ride: it rides modules"
    )
    assert finding.remedy == "name a train that it rides, or let trains.sites be of it"


def test_a_blackout_of_a_day_that_the_zone_skips_lasts_no_time() -> None:
    lost = [{"name": "lost day", "from": "2011-12-30", "to": "2011-12-30"}]
    clients = {"apia": {"title": "Apia", "timezone": "Pacific/Apia", "blackouts": lost}}
    (one,) = found("clock-change", {"clients": clients, "calendar": {"blackouts": lost}})
    assert one.path == ("clients", "apia", "blackouts", 0)
    assert one.message == (
        'the blackout "lost day" lasts no time: the clocks of Pacific/Apia skip Friday 30 December 2011'
    )


def test_a_window_that_closes_in_a_gap_began_the_day_before() -> None:
    def of(days: str) -> list[str]:
        overnight = [{"days": days, "from": "22:00", "to": "02:30"}]
        return [one.message for one in found("clock-change", {"environments": {"production": {"windows": overnight}}})]

    assert of("sun") == []
    (message,) = of("sat")
    assert message.startswith(
        "a window of production opens or closes at 02:30, which the clocks of America/Los_Angeles"
    )
