"""When a notice is due, what becomes of one that is late, whom it reaches, and what it may say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import item, release
from tidegate.core.notice import (
    LONGEST_TEXT,
    Fate,
    NoticeState,
    Telling,
    as_told,
    fate,
    moment_of,
    overtaken,
    reached,
    said_of,
)
from tidegate.core.policy import Message, Policy
from tidegate.core.release import ReleaseState
from tidegate.core.template import FIELDS, faults, fill

DAY = timedelta(days=1)
NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
LA = ZoneInfo("America/Los_Angeles")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "planned", "offset", "due"),
    [
        ("America/Los_Angeles", "2026-12-08T18:00", -7 * DAY, "2026-12-01T18:00"),
        # Back over the end of summer time: 10:00 PST is 10:00 PDT a week before, 169 hours earlier.
        ("America/Los_Angeles", "2026-11-03T18:00", -7 * DAY, "2026-10-27T17:00"),
        # 02:30 does not exist on 14 March 2027: the clock is set forward to 03:00.
        ("America/Los_Angeles", "2027-03-15T09:30", -1 * DAY, "2027-03-14T10:00"),
        # 01:30 exists twice on 1 November 2026: the first of the two.
        ("America/Los_Angeles", "2026-11-02T09:30", -1 * DAY, "2026-11-01T08:30"),
        # 24 hours are a day, 36 are a day and 12 hours of time that passes.
        ("America/Los_Angeles", "2026-11-03T18:00", timedelta(hours=-36), "2026-11-02T06:00"),
        ("Europe/Vienna", "2027-03-29T08:00", timedelta(hours=-12), "2027-03-28T20:00"),
        # A clock that is set by half an hour.
        ("Australia/Lord_Howe", "2026-10-05T00:00", -2 * DAY, "2026-10-03T00:30"),
        ("UTC", "2028-03-01T10:00", -1 * DAY, "2028-02-29T10:00"),
        ("America/Los_Angeles", "2026-12-08T18:00", DAY, "2026-12-09T18:00"),
        ("America/Los_Angeles", "2026-12-08T18:00", timedelta(0), "2026-12-08T18:00"),
    ],
)
def test_days_are_civil_days(zone: str, planned: str, offset: timedelta, due: str) -> None:
    assert moment_of(offset, utc(planned), ZoneInfo(zone)) == utc(due)


ZONES = st.sampled_from(["Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Chatham", "America/Los_Angeles", "UTC"])
MOMENTS = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001  Hypothesis wants them naive
    datetime(2035, 1, 1),  # noqa: DTZ001
).map(lambda d: d.replace(microsecond=0, tzinfo=UTC))


@given(ZONES, MOMENTS, st.integers(-400, 400))
def test_so_many_days_away_it_is_the_same_time_of_day(name: str, planned: datetime, days: int) -> None:
    zone = ZoneInfo(name)
    found, local = moment_of(days * DAY, planned, zone).astimezone(zone), planned.astimezone(zone)
    wanted = (local + days * DAY).replace(tzinfo=None)
    there = wanted.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wanted
    if there:
        assert found.replace(tzinfo=None) == wanted
    else:  # skipped by a clock change: where the clock is set forward to
        assert timedelta(0) < found.replace(tzinfo=None) - wanted <= timedelta(hours=2)


@given(ZONES, MOMENTS, st.integers(-400, 400), st.integers(-400, 400))
def test_what_is_further_from_the_release_is_never_later(name: str, planned: datetime, one: int, other: int) -> None:
    zone = ZoneInfo(name)
    first, second = sorted((one, other))
    assert moment_of(first * DAY, planned, zone) <= moment_of(second * DAY, planned, zone)


OPEN, ROLLING, DONE = ReleaseState.OPEN, ReleaseState.ROLLING, ReleaseState.RELEASED
SENT = Fate(NoticeState.SENT)
PASSED = Fate(NoticeState.SKIPPED, "the time for which the release was planned has passed")
BEFORE = Fate(NoticeState.SKIPPED, "the release was done before")


@pytest.mark.parametrize(
    ("offset", "state", "planned", "found"),
    [
        (-DAY, OPEN, NOW + DAY, SENT),
        (-30 * DAY, ROLLING, NOW + timedelta(seconds=1), SENT),
        (-DAY, OPEN, NOW, PASSED),
        (-DAY, ROLLING, NOW - 7 * DAY, PASSED),
        (timedelta(0), OPEN, NOW, SENT),
        (timedelta(0), OPEN, NOW - DAY, PASSED),
        (-DAY, DONE, NOW - DAY, BEFORE),
        (timedelta(0), DONE, NOW, BEFORE),
        (DAY, DONE, NOW - DAY, SENT),
        (DAY, DONE, NOW - 9 * DAY, SENT),
        (DAY, OPEN, NOW - DAY, Fate(NoticeState.PLANNED)),
        (-DAY, OPEN, None, Fate(NoticeState.PLANNED)),
        (-DAY, ReleaseState.CANCELLED, NOW + DAY, Fate(NoticeState.CANCELLED, "the release is cancelled")),
        (DAY, ReleaseState.ROLLED_BACK, NOW - DAY, Fate(NoticeState.CANCELLED, "the release is rolled back")),
    ],
)
def test_what_becomes_of_one_whose_time_has_come(
    offset: timedelta, state: ReleaseState, planned: datetime | None, found: Fate
) -> None:
    assert fate(offset, state, planned, NOW) == found


def message(**said: Any) -> Message:
    return Message.model_validate({"at": -DAY, "to": ("file:N.md",), "say": "status", **said})


def test_of_several_that_say_the_same_to_the_same_the_last_goes() -> None:
    other = message(to=("file:M.md",))
    assert list(overtaken([(1, message()), (2, other), (3, message()), (4, message(say="released"))])) == [1]


def policy(**said: Any) -> Policy:
    return Policy.model_validate(
        {"tidegate": 1, "organization": "Example", "timezone": "America/Los_Angeles", **said}, strict=False
    )


PEOPLE = {
    "alice": {"name": "Alice", "email": "alice@example.org", "groups": ["team"]},
    "bob": {"name": "Bob", "groups": ["team"]},
    "carol": {"name": "Carol", "email": "carol@example.org", "groups": ["team"], "disabled": True},
}


def channels(said: Policy, message_: Message, *components: str) -> list[str]:
    items = [item(component=name) for name in components or ("billing",)]
    return [to.channel for to in reached(said, message_, items).recipients]


def test_an_audience_is_reached_over_its_channels_and_its_people_by_mail() -> None:
    said = policy(people=PEOPLE, audiences={"all": {"title": "All", "to": ["file:A.md"], "groups": ["team"]}})
    whom = reached(said, message(to=("all", "file:A.md", "file:B.md")), [item()])
    assert [to.channel for to in whom.recipients] == ["file:A.md", "email:alice@example.org", "file:B.md"]
    assert (whom.people, whom.unreached) == (("alice", "bob"), ("bob",))


def test_a_group_is_reached_by_its_contact_as_well() -> None:
    said = policy(
        people=PEOPLE,
        groups={"team": {"contact": "desk"}},
        contacts={"desk": {"title": "Desk", "reach": "desk@example.org"}},
        audiences={"all": {"title": "All", "groups": ["team", "nobody"]}},
    )
    whom = reached(said, message(to=("all",)), [item()])
    assert [to.channel for to in whom.recipients] == ["email:desk@example.org", "email:alice@example.org"]
    assert whom.unreached == ("nobody",)


CLIENTS: Mapping[str, Any] = {
    "components": {
        name: {"path": name, "tag": f"{name}-v{{version}}", "client": client}
        for name, client in (("site", "acme"), ("shop", "acme"), ("other", "zeta"))
    },
    "clients": {
        "acme": {"title": "Acme", "told": ["file:ACME.md", "in words"]},
        "zeta": {"title": "Zeta", "contacts": ["phone"]},
    },
    "contacts": {"phone": {"title": "Reception", "reach": "+1 555 0100"}},
}


def test_a_client_is_told_of_its_own_components_alone() -> None:
    said, to_clients = policy(**CLIENTS), message(to=("$clients",))
    whom = reached(said, to_clients, [item(component="site"), item(component="other"), item(component="billing")])
    [acme] = whom.recipients
    assert (acme.channel, acme.components, whom.unreached) == ("file:ACME.md", frozenset({"site"}), ("zeta",))
    telling = Telling(release(item(component="site"), item(component="other")))
    assert said_of(said, "released", telling, LA, acme.components).body == "Example: site 1.1.0 is released"
    assert channels(said, to_clients, "billing") == []


def test_people_are_those_who_are_there_now() -> None:
    old = policy(people=PEOPLE, audiences={"all": {"title": "All", "groups": ["team"]}})
    new = policy(people={"dave": {"name": "Dave", "email": "dave@example.org", "groups": ["team"]}})
    assert channels(as_told(old, new), message(to=("all",))) == ["email:dave@example.org"]


def test_a_text_is_filled_in_and_nothing_is_evaluated() -> None:
    values = {name: f"<{name}>" for name in FIELDS} | {"version": "{reason}", "reason": "secret"}
    assert fill("{component} {version} {date}", values) == "<component> {reason} <date>"
    for hostile in ("{component.__class__}", "{0}", "{}", "{version!r}", "{version:>9999999}", "{ version }", "{a"):
        assert fill(hostile, values) == hostile
        assert list(faults(hostile))
    assert list(faults("{version} of {component}, {{date}}")) == ["{", "}"]
    assert list(faults("{config.password} {version}")) == ["{config.password}"]


@given(st.text(max_size=80))
def test_a_text_without_faults_asks_for_fields_alone(text: str) -> None:
    filled = fill(text, dict.fromkeys(FIELDS, ""))
    if not list(faults(text)):
        assert "{" not in filled
        assert "}" not in filled


def test_a_template_takes_the_place_of_the_text_that_every_policy_has() -> None:
    said = policy(templates={"status": {"title": "{component}", "text": " {version} on {date}, {time} "}})
    telling = Telling(release(item()), NOW)
    assert said_of(said, "status", telling, LA).body == "Example: billing\n\n1.1.0 on Tue 1 Dec 2026, 10:00 PST"
    unknown = Telling(release(item()))
    assert said_of(said, "status", unknown, LA).text == "1.1.0 on a day that is not set yet, a time that is not set yet"
    long = policy(templates={"status": {"text": "{notes}"}})
    assert len(said_of(long, "status", Telling(release(item()), notes="n" * 10**6), LA).text) == LONGEST_TEXT
