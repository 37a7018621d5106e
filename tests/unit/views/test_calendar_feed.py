"""The calendar as iCalendar: read back by the library that others read it with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from icalendar import Calendar

from tests.support.planning import FRIDAY, small
from tidegate.core.calendar_page import page
from tidegate.core.rulebook import Rulebook
from tidegate.errors import UsageError
from tidegate.views.calendar import CalendarView, Days, PlannedRelease, month_of, quarter_of, view_of
from tidegate.views.calendar_feed import calendar_feed

HOSTILE = "a;b,c\\n\\ END:VEVENT \u2028BEGIN:VEVENT \u202e \u0085 " + "x" * 200
CALENDAR: dict[str, Any] = {
    "blackouts": [{"name": HOSTILE, "from": "2026-12-18", "to": "2027-01-04", "because": HOSTILE}],
    "dates": [{"date": "2026-12-02", "component": "shop", "event": HOSTILE, "version": "1.0"}] * 2,
    "holidays": [{"country": "US"}],
    "business_cycles": [
        {"name": "closing", "every": "month on last friday at 00:00", "from": "2026-01-01", "lasts": "3d"}
    ],
    "maintenance": [{"name": "patching", "days": "sun", "from": "22:00", "to": "02:00"}],
}
BOOK: dict[str, Any] = {
    "organization": HOSTILE,
    "trains": {"weekly": {"of": {"component": "shop"}, "every": "week on tuesday at 10:00", "from": "2026-01-06"}},
    "calendar": CALENDAR,
    "environments": {"production": {"windows": [{"days": "mon-thu", "from": "09:00", "to": "16:00"}]}},
}
DECEMBER = month_of("2026-12")


def shown(book: Rulebook, days: Days = DECEMBER, *releases: PlannedRelease, now: datetime = FRIDAY) -> CalendarView:
    return view_of(book.policy, page(book, days.first, days.last, now), days, releases, now)


def events(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


def test_everything_on_the_page_is_an_event_at_its_time() -> None:
    release = PlannedRelease("shop-1.1.0", "minor", datetime(2026, 12, 8, 18, tzinfo=UTC))
    found = {str(event["summary"]): event for event in events(calendar_feed(shown(small(**BOOK), DECEMBER, release)))}
    train = found["weekly train to production"]
    assert train["dtstart"].dt == datetime(2026, 12, 15, 18, tzinfo=UTC)
    assert train["dtend"].dt == datetime(2026, 12, 16, 8, tzinfo=UTC)
    assert str(train["description"]) == "Rides it: shop."
    blocked = found["weekly train to production (blocked)"]
    assert str(blocked["status"]) == "CANCELLED"
    assert found["shop-1.1.0 (minor)"]["dtstart"].dt == release.at
    assert found["Christmas Day"]["dtstart"].dt == date(2026, 12, 25)
    assert found["closing"]["dtstart"].dt == datetime(2026, 12, 25, 8, tzinfo=UTC)
    (blackout,) = [event for title, event in found.items() if title.startswith("blackout: ")]
    assert (blackout["dtstart"].dt, blackout["dtend"].dt) == (date(2026, 12, 18), date(2027, 1, 5))
    (stated,) = {str(event["dtstart"].dt) for title, event in found.items() if title.startswith("shop 1.0 (stated)")}
    assert stated == "2026-12-02"


def test_what_strangers_wrote_stays_text_and_ends_no_event() -> None:
    content = calendar_feed(shown(small(**BOOK)))
    # Every line that begins or ends an event is one of the library's own.
    lines = content.split(b"\r\n")
    assert lines.count(b"BEGIN:VEVENT") == len(events(content)) == lines.count(b"END:VEVENT")
    assert b"\r\nX-WR-CALNAME:a\\;b\\,c" in content
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    text = content.decode()
    assert not {"\u2028", "\u202e", "\u0085"} & set(text)
    (blackout,) = [event for event in events(content) if str(event["summary"]).startswith("blackout: ")]
    assert str(blackout["summary"]) == "blackout: a;b,c\\n\\ END:VEVENT BEGIN:VEVENT " + "x" * 200


def test_every_event_has_what_the_standard_asks_for_and_a_name_of_its_own() -> None:
    found = events(calendar_feed(shown(small(**BOOK))))
    assert all(event["uid"] and event["dtstamp"] and event["dtstart"] for event in found)
    assert len({str(event["uid"]) for event in found}) == len(found)
    for event in found:
        start = event["dtstart"].dt
        assert not isinstance(start, datetime) or start.tzinfo is not None
        assert event["dtend"].dt > start


def test_names_stay_whenever_and_with_whatever_it_is_written() -> None:
    book, later = small(**BOOK), datetime(2026, 12, 20, 8, tzinfo=UTC)
    quarter = quarter_of("2026-Q4")
    first = {str(event["uid"]) for event in events(calendar_feed(shown(book)))}
    again = {str(event["uid"]) for event in events(calendar_feed(shown(book, quarter, now=later)))}
    assert first <= again
    moved = [PlannedRelease("shop-1.1.0", "minor", datetime(2026, 12, day, 18, tzinfo=UTC)) for day in (8, 15)]
    one, other = (
        next(
            event for event in events(calendar_feed(shown(book, DECEMBER, release))) if "shop-1.1.0" in event["summary"]
        )
        for release in moved
    )
    assert (str(one["uid"]), one["dtstart"].dt) == (str(other["uid"]), moved[0].at)
    assert other["dtstart"].dt == moved[1].at


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "26-12", "2026", "9999-01", "0001-01", "2026-12-01", "", "½"])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a month"):
        month_of(text)


@pytest.mark.parametrize("text", ["2026-Q5", "2026-Q0", "Q1", "2026", "2026-Q1-2"])
def test_what_is_no_quarter_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a quarter"):
        quarter_of(text)


def test_a_month_and_a_quarter_have_their_days() -> None:
    assert month_of("2028-02") == Days("February 2028", date(2028, 2, 1), date(2028, 2, 29))
    assert quarter_of("2026Q4") == Days("2026, quarter 4: October to December", date(2026, 10, 1), date(2026, 12, 31))
