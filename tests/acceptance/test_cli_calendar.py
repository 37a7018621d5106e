"""``tidegate calendar``: the first quarter of 7D beside its stated dates, a month with its hours, and the feed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from tests.support.organisation import Organisation
from tests.support.shop import Shop, flat

DECEMBER = """\
calendar:
  blackouts: [{name: year end, from: 2026-12-18, to: 2027-01-04, because: people rest}]
  holidays: [{country: US}]
  dates: [{date: 2026-12-02, component: shop, version: 1.1.0}]
trains: {shop: {of: {component: shop}, every: week on tuesday at 10:00, from: 2026-01-06}}
"""


def solutions(directory: Path) -> Organisation:
    made = Organisation(directory, "7d")
    made.write()
    made.repository.commit("feat: first", {"modules/billing/a.js": "1\n"})
    return made


def test_the_first_quarter_of_7d_beside_its_stated_dates(tmp_path: Path) -> None:
    made = solutions(tmp_path)
    answer = made.good("calendar", "--quarter", "2026-Q1", "--json").json
    assert [(run["train"], run["opens"][:16]) for run in answer["departures"]][:4] == [
        ("platform", "2026-01-06T18:00"),
        ("products", "2026-01-13T18:00"),
        ("platform", "2026-02-03T18:00"),
        ("modules", "2026-02-10T18:00"),
    ]
    stated = [one for one in answer["dates"] if one["of"] == "release"]
    assert [one["fits"] for one in stated] == [False] * 6
    text = made.good("calendar", "--quarter", "2026-Q1").out
    assert all(len(line) <= 80 for line in text.splitlines())
    said = flat(text)
    assert "Stated dates, beside the trains: 6 of 6 not on their trains" in said
    assert "all of them are Wednesdays, and the trains depart on Tuesdays" in said
    assert (
        "✗ Wed 11 Feb platform 3.1.0: 8 days after the platform train of Tue 3 Feb, 20 days before that of Tue 3 Mar"
        in said
    )
    assert " 9 10▲11◆12 13 14 15" in text
    assert "are 3 weeks apart; the modules train runs every 2 weeks" in said


def test_a_month_with_its_hours_its_blackout_and_what_is_free(shop: Shop) -> None:
    shop.write_policy(head=DECEMBER)
    now = ("--now", "2026-11-20T20:00:00Z")
    text = shop.good("calendar", "--month", "2026-12", "--free", *now).out
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "   1 ▲        2 ◆        3          4" in text.replace("             1 ▲", "   1 ▲")
    assert "···█████" in text
    said = flat(text)
    assert "Tue 22 Dec 10:00 ▲ shop train to production, blocked by year end" in said
    assert "Fri 25 Dec H Christmas Day (US)" in said
    assert "✗ Wed 2 Dec shop 1.1.0: 1 day after the shop train of Tue 1 Dec, 6 days before that of Tue 8 Dec" in said
    assert "✗ year end, Fri 18 Dec to Mon 4 Jan: the shop train of Tue 22 Dec and the shop train of Tue 29 Dec" in said
    assert "people rest" in said
    assert "production, on the shop train: 3 slots █ Tue 1 Dec 10:00 to Wed 2 Dec 00:00" in said
    free = shop.good("calendar", "--month", "2026-12", "--json", *now).json["free"]
    assert [span["opens"] for span in free[0]["spans"]] == [f"2026-12-{day:02d}T18:00:00.000000Z" for day in (1, 8, 15)]


def test_this_month_is_shown_where_none_is_named_and_planned_releases_stand_in_it(shop: Shop) -> None:
    release = shop.open()
    shop.good("release", "amend", release, "--planned", "1h", by="rita")
    first = shop.good("calendar", "--json").json
    # In an hour it may be the next month.
    following = date.fromisoformat(first["last"]) + timedelta(days=1)
    second = shop.good("calendar", "--month", f"{following:%Y-%m}", "--json").json
    (planned,) = first["releases"] + second["releases"]
    assert (planned["release"], planned["type"]) == (release, "minor")
    said = flat(shop.good("calendar", "--now", planned["at"]).out)
    assert f"★ {release} (minor)" in said


def test_it_is_written_for_other_calendars(shop: Shop, tmp_path: Path) -> None:
    shop.write_policy(head=DECEMBER)
    file = tmp_path / "releases.ics"
    done = shop.good("calendar", "--month", "2026-12", "--ics", str(file))
    assert f"wrote {file}" in flat(done.err)
    events: list[Any] = list(Calendar.from_ical(file.read_bytes()).walk("VEVENT"))
    trains = [event for event in events if str(event["summary"]).startswith("shop train to production")]
    assert [event["dtstart"].dt for event in trains] == [
        datetime(2026, 12, day, 18, tzinfo=UTC) for day in (1, 8, 15, 22, 29)
    ]
    assert [str(event["status"]) for event in trains] == ["CONFIRMED"] * 3 + ["CANCELLED"] * 2
    printed = shop.good("calendar", "--month", "2026-12", "--ics", "-").out
    assert printed.startswith("BEGIN:VCALENDAR")
    assert {str(event["uid"]) for event in Calendar.from_ical(printed).walk("VEVENT")} == {
        str(event["uid"]) for event in events
    }


def test_a_file_that_is_no_calendar_is_left_alone(shared_shop: Shop, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("dear diary")
    done = shared_shop.run("calendar", "--ics", str(notes))
    assert (done.code, done.out, notes.read_text()) == (2, "", "dear diary")
    assert "is there and is no calendar, so that it is left alone" in " ".join(done.err.split())
    calendar = tmp_path / "releases.ics"
    for _ in range(2):
        shared_shop.good("calendar", "--month", "2026-12", "--ics", str(calendar))
    assert calendar.read_bytes().startswith(b"BEGIN:VCALENDAR")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--month", "2026-13"), 2, '"2026-13" is not a month > write it as 2026-12'),
        (("--quarter", "Q1"), 2, '"Q1" is not a quarter > write it as 2026-Q1'),
        (("--month", "2026-12", "--quarter", "2026-Q1"), 2, "--month and --quarter name two times"),
        (("--component", "moon"), 5, 'the policy knows no component "moon"'),
        (("--environment", "moon"), 5, 'the policy knows no environment "moon"'),
        (("--type", "moon"), 5, 'the policy knows no release type "moon"'),
        (("--ics", "/no/such/place/a.ics"), 2, "/no/such/place/a.ics cannot be written: No such file or directory"),
    ],
)
def test_what_cannot_be_shown_is_refused(shared_shop: Shop, words: tuple[str, ...], code: int, says: str) -> None:
    done = shared_shop.run("calendar", *words)
    assert (done.code, done.out) == (code, "")
    assert says in flat(done.err)


def test_json_and_a_feed_do_not_share_one_output(shared_shop: Shop) -> None:
    done = shared_shop.run("calendar", "--ics", "-", "--json")
    assert done.code == 2
    assert "both write to standard output" in done.out
