"""Rules of iCalendar: their days against those of another reader of RFC 5545, what is refused, how they are said."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # comes with icalendar
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.calendar import Cadence, Timetable, parse_cadence, zone
from tidegate.core.recurrence import parse_rule

TUESDAYS = "FREQ=MONTHLY;BYDAY=2TU,-1FR;BYHOUR=10;BYMINUTE=30"
LAST_WORKING_DAY = "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=9"


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={freq}", f"INTERVAL={draw(st.sampled_from([1, 1, 2, 3, 5]))}"]
    months = draw(st.lists(st.integers(1, 12), max_size=3, unique=True))
    if months or freq == "YEARLY":
        parts.append(f"BYMONTH={','.join(map(str, months or [4]))}")
    weekdays = st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"])
    # Either all with a place in the month or none: the other reader asks for both at once where they are mixed.
    counted = freq in ("MONTHLY", "YEARLY") and draw(st.booleans())
    places = st.sampled_from(["1", "2", "5", "-1", "-2"] if counted else [""])
    days = draw(st.lists(st.tuples(places, weekdays).map("".join), min_size=freq == "WEEKLY", max_size=4, unique=True))
    if days:
        parts.append(f"BYDAY={','.join(days)}")
    if freq != "WEEKLY" and (not days or draw(st.booleans())):
        number = st.sampled_from([1, 13, 15, 28, 29, 30, 31, -1, -3])
        parts.append(f"BYMONTHDAY={','.join(map(str, draw(st.lists(number, min_size=1, max_size=3, unique=True))))}")
    if draw(st.booleans()):
        parts.append(f"BYSETPOS={draw(st.sampled_from(['1', '-1', '2', '1,-1']))}")
    parts.append(f"WKST={draw(weekdays)};BYHOUR=10")
    return ";".join(parts)


@settings(max_examples=100)
@given(text=rules(), start=st.dates(date(2020, 1, 1), date(2028, 12, 31)), ahead=st.integers(0, 900))
def test_the_days_are_those_that_another_reader_finds(text: str, start: date, ahead: int) -> None:
    try:
        rule = parse_rule(text)
    except ValueError:
        return  # such as the first Sunday that is the 30th, which never comes
    since, end = start + timedelta(days=ahead), datetime(2036, 1, 1)  # noqa: DTZ001  civil, as the other reader's
    other = rrulestr(text, dtstart=datetime.combine(start, time()))
    expected = [moment.date() for moment in other.between(datetime.combine(since, time()), end, inc=True)]
    found = []
    for day in rule.dates(start, since):
        if day >= end.date():
            break
        found.append(day)
    assert found == expected[: len(found)]
    # What is not reached within nine years of the day before is not looked for.
    assert len(found) == len(expected) or (expected[len(found)] - (found or [since])[-1]).days > 366 * 8


@pytest.mark.parametrize(
    ("text", "days", "said"),
    [
        (TUESDAYS, ["2026-12-08", "2026-12-25", "2027-01-12"],
         "month on the second Tuesday and the last Friday at 10:30"),
        (LAST_WORKING_DAY, ["2026-12-31", "2027-01-29", "2027-02-26"],
         "month on the last of Monday, Tuesday, Wednesday, Thursday and Friday at 09:00"),
        ("freq=weekly;interval=2;byday=mo,th;byhour=10", ["2026-12-03", "2026-12-14", "2026-12-17"],
         "2 weeks on Monday and Thursday at 10:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=31,-1;BYHOUR=9", ["2026-12-31", "2027-01-31", "2027-02-28"],
         "month on the last day and 31st at 09:00"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=1", ["2028-02-29", "2032-02-29", "2036-02-29"],
         "year on the 29th in February at 01:00"),
        ("FREQ=DAILY;BYDAY=MO,FR;BYHOUR=3;BYMINUTE=5", ["2026-12-04", "2026-12-07", "2026-12-11"],
         "day on Monday and Friday at 03:05"),
    ],
)  # fmt: skip
def test_what_a_rule_means(text: str, days: list[str], said: str) -> None:
    rule = parse_rule(text)
    first = date(2026, 12, 1)
    assert [str(day) for day in islice(rule.dates(first, first), 3)] == days
    assert rule.spoken() == said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FREQ=HOURLY;BYHOUR=1", '"HOURLY" is no frequency of a rule; write FREQ= with one of DAILY, WEEKLY'),
        ("FREQ=DAILY", "does not say one time of the day; write it as BYHOUR=10;BYMINUTE=30"),
        ("FREQ=DAILY;BYHOUR=9,17", "does not say one time of the day"),
        ("FREQ=DAILY;BYHOUR=9;COUNT=3", "a rule that ends is none for this (COUNT)"),
        ("FREQ=DAILY;BYHOUR=9;UNTIL=20270101", "a rule that ends is none for this (UNTIL)"),
        ("FREQ=WEEKLY;BYHOUR=9", "does not say on which day; add BYDAY or BYMONTHDAY"),
        ("FREQ=WEEKLY;BYDAY=2MO;BYHOUR=9", "the second Tuesday is one of a month"),
        ("FREQ=WEEKLY;BYDAY=XX;BYHOUR=9", "BYDAY=XX is not understood; write days such as MO,WE"),
        ("FREQ=WEEKLY;BYMONTHDAY=3;BYDAY=MO;BYHOUR=9", "a week has no day of the month"),
        ("FREQ=YEARLY;BYMONTHDAY=3;BYWEEKNO=3;BYHOUR=9", '"BYWEEKNO=3" is not understood in a rule'),
        ("FREQ=YEARLY;BYDAY=MO;BYHOUR=9", "does not say in which month; add BYMONTH"),
        ("FREQ=MONTHLY;BYMONTHDAY=0;BYHOUR=9", "BYMONTHDAY counts from 1, or from -1 backwards"),
        ("FREQ=MONTHLY;BYMONTHDAY=32;BYHOUR=9", "BYMONTHDAY=32 is not understood"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31;BYHOUR=9", "never comes"),
        ("FREQ=DAILY;INTERVAL=0;BYHOUR=9", "INTERVAL=0 is not understood; write a number from 1 to 366"),
        ("FREQ=DAILY;FREQ=DAILY;BYHOUR=9", "a rule says FREQ once"),
        ("FREQ=DAILY;BYHOUR=9;WKST=XX", "WKST=XX is not understood"),
        ("FREQ=", '"" is no frequency of a rule'),
    ],
)
def test_what_is_no_rule_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_cadence(text)


def test_a_train_goes_by_a_rule_in_civil_time() -> None:
    tz = zone("Europe/Berlin")
    table = Timetable(parse_cadence(LAST_WORKING_DAY), date(2026, 1, 1), tz, timedelta(hours=2))
    opens = datetime(2027, 3, 31, 7, tzinfo=UTC)  # summer time since 28 March
    assert table.open_at(datetime(2027, 3, 1, tzinfo=UTC)) == opens
    assert table.open_at(opens + timedelta(hours=2)) == datetime(2027, 4, 30, 7, tzinfo=UTC)
    rare = Timetable(parse_cadence("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=9"), date(2026, 1, 1), tz)
    assert rare.open_at(datetime(2026, 3, 1, tzinfo=UTC)) is None  # beyond what is foreseen


def test_how_far_apart_its_days_are() -> None:
    rule = parse_rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;BYHOUR=10")
    assert (rule.least, rule.needs_start) == (timedelta(days=3), True)
    assert timedelta(days=6) < rule.usual < timedelta(days=8)
    cadence = parse_cadence("2 weeks on tuesday at 10:00")
    assert isinstance(cadence, Cadence)
    assert (cadence.least, cadence.usual, cadence.needs_start) == (timedelta(days=14), timedelta(days=14), True)
