"""A page of the calendar: departures, what blackouts block, holidays, and stated dates beside their trains."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tests.support.planning import FRIDAY, preset, small
from tidegate.core.calendar_page import Page, page, weekdays_apart
from tidegate.core.rulebook import Rulebook

TRAIN = {"weekly": {"of": {"component": "shop"}, "every": "week on tuesday at 10:00", "from": "2026-01-06"}}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def of(book: Rulebook, first: date, last: date, **asked: str) -> Page:
    return page(book, first, last, FRIDAY, component=asked.get("component", ""))


def test_the_first_quarter_of_7d_computed_from_its_trains() -> None:
    found = of(preset("7d"), date(2026, 1, 1), date(2026, 3, 31))
    assert [(run.train, run.opens) for run in found.runs] == [
        ("platform", utc(2026, 1, 6, 18)),
        ("products", utc(2026, 1, 13, 18)),
        ("platform", utc(2026, 2, 3, 18)),
        ("modules", utc(2026, 2, 10, 18)),
        ("products", utc(2026, 2, 10, 18)),
        ("modules", utc(2026, 2, 24, 18)),
        ("platform", utc(2026, 3, 3, 18)),
        # The clocks were set forward on 8 March.
        ("modules", utc(2026, 3, 10, 17)),
        ("products", utc(2026, 3, 10, 17)),
        ("modules", utc(2026, 3, 24, 17)),
    ]
    assert found.runs[3].components == ("billing", "customer", "inventory")


def test_its_stated_dates_are_held_against_them_and_the_differences_explained() -> None:
    found = of(preset("7d"), date(2026, 1, 1), date(2026, 3, 31))
    assert [(one.day, one.what, one.fits, one.difference) for one in found.stated] == [
        (date(2026, 2, 11), "platform 3.1.0", False,
         "8 days after the platform train of Tue 3 Feb, 20 days before that of Tue 3 Mar"),
        (date(2026, 2, 18), "billing 2.1.0", False,
         "8 days after the modules train of Tue 10 Feb, 6 days before that of Tue 24 Feb"),
        (date(2026, 2, 25), "fireproof-erp 5.2.0", False,
         "15 days after the products train of Tue 10 Feb, 13 days before that of Tue 10 Mar"),
        (date(2026, 3, 4), "platform 3.2.0", False,
         "1 day after the platform train of Tue 3 Mar, 34 days before that of Tue 7 Apr"),
        (date(2026, 3, 11), "inventory 1.9.0", False,
         "1 day after the modules train of Tue 10 Mar, 13 days before that of Tue 24 Mar"),
        (date(2026, 3, 18), "fireproof-erp 5.3.0", False,
         "8 days after the products train of Tue 10 Mar, 27 days before that of Tue 14 Apr"),
        (date(2026, 2, 11), "billing 2.1.0", None, ""),
    ]  # fmt: skip
    off = [one for one in found.stated if one.fits is False]
    assert weekdays_apart(off) == "all of them are Wednesdays, and the trains depart on Tuesdays"
    assert weekdays_apart(off[:1]) == ""
    three_weeks = "billing 2.1.0 (2026-02-18) and inventory 1.9.0 (2026-03-11) are 3 weeks apart"
    assert any(finding.startswith(three_weeks) for finding in off[1].findings)
    assert "billing 2.1.0 is dated 2 times: 2026-02-18 (release) and 2026-02-11 (notes)" in off[1].findings


def test_a_stated_date_that_fits_has_no_difference() -> None:
    dates = [{"date": "2026-12-01", "component": "shop"}, {"date": "2026-12-02", "component": "shop"}]
    found = of(small(trains=TRAIN, calendar={"dates": dates}), date(2026, 12, 1), date(2026, 12, 31))
    assert [(one.fits, one.difference) for one in found.stated] == [
        (True, ""),
        (False, "1 day after the weekly train of Tue 1 Dec, 6 days before that of Tue 8 Dec"),
    ]


def test_what_a_blackout_blocks() -> None:
    closed = [{"name": "year end", "from": "2026-12-18", "to": "2027-01-04", "except": ["patch"], "because": "rest"}]
    windows = {"production": {"windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}]}}
    book = small(trains=TRAIN, calendar={"blackouts": closed}, environments=windows)
    (blocked,) = of(book, date(2026, 12, 1), date(2026, 12, 31)).blackouts
    assert (blocked.name, blocked.environments, blocked.exempt, blocked.because) == (
        "year end", ("production",), ("patch",), "rest",
    )  # fmt: skip
    assert [run.opens for run in blocked.runs] == [utc(2026, 12, 22, 18), utc(2026, 12, 29, 18)]
    assert [window.opens.day for window in blocked.windows] == [21, 22, 23, 24, 28, 29, 30, 31]
    runs = of(book, date(2026, 12, 1), date(2026, 12, 31)).runs
    assert [run.blocked_by for run in runs] == [(), (), (), ("year end",), ("year end",)]
    assert of(book, date(2026, 11, 1), date(2026, 11, 30)).blackouts == ()


def test_a_blackout_elsewhere_blocks_no_train_to_production() -> None:
    closed = [{"name": "lab", "from": "2026-12-01", "to": "2026-12-31", "environments": ["lab"]}]
    places = {"lab": {"purpose": "staging"}}
    book = small(trains=TRAIN, calendar={"blackouts": closed}, environments=places)
    found = of(book, date(2026, 12, 1), date(2026, 12, 31))
    assert found.blackouts[0].runs == ()
    assert all(run.blocked_by == () for run in found.runs)


def test_a_blackout_of_some_components_blocks_what_only_they_ride() -> None:
    closed = [{"name": "stocktaking", "from": "2026-12-01", "to": "2026-12-03", "components": ["shop"]}]
    both = {"shared": {"of": {"kind": "module"}, "every": "week on tuesday at 12:00", "from": "2026-01-06"}}
    book = small(
        trains=TRAIN | both,
        calendar={"blackouts": closed},
        components={"shop": {"kind": "module"}, "till": {"kind": "module", "path": "till", "tag": "till-v{version}"}},
    )
    found = of(book, date(2026, 12, 1), date(2026, 12, 1))
    assert [(run.train, run.blocked_by) for run in found.runs] == [("weekly", ("stocktaking",)), ("shared", ())]
    assert [blocked.components for blocked in found.blackouts] == [("shop",)]
    assert of(book, date(2026, 12, 1), date(2026, 12, 1), component="till").blackouts == ()


def test_free_times_are_told_apart_where_only_a_blackout_or_a_client_differs() -> None:
    closed = [{"name": "stocktaking", "from": "2026-12-01", "to": "2026-12-03", "components": ["shop"]}]
    more = {
        "till": {"path": "till", "tag": "till-v{version}"},
        "site": {"path": "site", "tag": "site-v{version}", "client": "acme"},
        "dock": {"path": "dock", "tag": "dock-v{version}", "timezone": "Europe/Vienna", "windows": [{"days": "thu"}]},
    }
    acme = {"acme": {"title": "Acme", "windows": [{"days": "wed"}]}}
    book = small(calendar={"blackouts": closed}, components=more, clients=acme)
    found = of(book, date(2026, 12, 1), date(2026, 12, 4)).free
    day = [utc(2026, 12, n, 8) for n in range(6)[1:]]
    assert {one.components: [(span.opens, span.closes) for span in one.spans] for one in found} == {
        ("till",): [(day[0], utc(2026, 12, 5, 8))],
        ("shop",): [(day[3], utc(2026, 12, 5, 8))],
        ("site",): [(day[1], day[2])],
        ("dock",): [(utc(2026, 12, 2, 23), utc(2026, 12, 3, 23))],
    }


def test_windows_are_those_of_the_environments_own_zone() -> None:
    where = {
        "production": {"timezone": "Pacific/Chatham", "windows": [{"days": "wed", "from": "02:00", "to": "03:00"}]}
    }
    found = of(small(environments=where), date(2026, 12, 1), date(2026, 12, 1))
    # Wednesday 2 December, 02:00 at +13:45, is Tuesday in the policy's zone.
    assert [(one.opens, one.closes) for one in found.windows] == [(utc(2026, 12, 1, 12, 15), utc(2026, 12, 1, 13, 15))]
    (free,) = found.free
    assert free.spans == found.windows


def test_a_departure_on_a_holiday_or_in_a_closed_cycle_is_blocked() -> None:
    cycle = {"name": "closing", "every": "month on last tuesday at 00:00", "from": "2026-01-01", "lasts": "1d"}
    calendar = {
        "holidays": [{"country": "AT"}],
        "business_cycles": [cycle | {"closed": True}, cycle | {"name": "quiet"}],
    }
    found = of(small(trains=TRAIN, calendar=calendar), date(2026, 12, 1), date(2026, 12, 31))
    assert {run.opens.day: run.blocked_by for run in found.runs} == {
        1: (), 8: ("Immaculate Conception (AT)",), 15: (), 22: (), 29: ("closing",),
    }  # fmt: skip


def test_holidays_cycles_and_maintenance_are_on_it() -> None:
    calendar = {
        "holidays": [{"country": "US"}, {"country": "AT", "subdivision": "9"}],
        "business_cycles": [
            {"name": "closing", "every": "month on last friday at 00:00", "from": "2026-01-01", "lasts": "3d"}
        ],
        "maintenance": [{"name": "patching", "days": "sun", "from": "22:00", "to": "02:00"}],
    }
    found = of(small(calendar=calendar), date(2026, 12, 24), date(2026, 12, 31))
    assert [(one.day.day, one.country) for one in found.holidays] == [(25, "AT-9"), (25, "US"), (26, "AT-9")]
    assert [one.opens for one in found.cycles] == [utc(2026, 12, 25, 8)]
    assert [(one.opens, one.closes) for one in found.maintenance] == [(utc(2026, 12, 28, 6), utc(2026, 12, 28, 10))]
    # What began the day before, or the month before, still reaches in.
    reaching = of(small(calendar=calendar), date(2026, 12, 28), date(2026, 12, 28))
    assert [one.name for one in reaching.maintenance] == ["patching"]
    assert of(small(calendar=calendar), date(2026, 12, 27), date(2026, 12, 27)).cycles[0].name == "closing"


def test_a_component_sees_its_own_trains_dates_and_free_times() -> None:
    found = of(preset("7d"), date(2026, 2, 1), date(2026, 2, 28), component="platform")
    assert [run.train for run in found.runs] == ["platform"]
    assert [one.what for one in found.stated] == ["platform 3.1.0"]
    assert [(one.rides, [span.opens for span in one.spans]) for one in found.free] == [
        (("platform",), [utc(2026, 2, 3, 18)])
    ]


def test_free_times_are_told_once_for_all_that_ride_the_same_trains() -> None:
    found = of(preset("7d"), date(2026, 12, 1), date(2026, 12, 31))
    assert [(one.rides, len(one.spans)) for one in found.free] == [
        (("modules",), 3), (("platform",), 1), (("products",), 1),
    ]  # fmt: skip
