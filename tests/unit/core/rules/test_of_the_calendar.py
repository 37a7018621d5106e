"""Maintenance, holidays, business cycles, milestones, and what clients and components have of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.support.facts import (
    DAY,
    HOUR,
    NOW,
    Case,
    asked,
    both,
    facts,
    found,
    item,
    question,
    release,
    rulebook,
    table,
)
from tidegate.core.decide import decide
from tidegate.core.decision import Action
from tidegate.core.facts import Change
from tidegate.core.holiday import PublicHolidays, holidays_for, mistake
from tidegate.core.rulebook import RulebookError
from tidegate.core.verdict import Verdict

HOTFIX = facts(release(type="hotfix"))
STAGING = question(environment="staging")
MINUTE = timedelta(minutes=1)


# ---- maintenance

NIGHT = {"name": "Tuesday night", "days": "tue", "from": "22:00", "to": "02:00", "types": ["minor"]}
NEXT = 'a minor release starts only inside the maintenance window "Tuesday night"; the next opens'


def maintenance(*windows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"calendar": {"maintenance": list(windows)}, **more}


def skipping(kind: str, *what: str) -> dict[str, Any]:
    return {"release_types": {kind: {"skips": list(what)}}}


@table(
    Case("none", "maintenance"),
    Case(
        "before it opens",
        "maintenance",
        Verdict.DENY,
        f"{NEXT} Tue 1 Dec 2026 22:00 PST",
        "wait until Tue 1 Dec 2026 22:00 PST",
        maintenance(NIGHT),
    ),
    Case(
        "inside, after midnight",
        "maintenance",
        Verdict.ALLOW,
        'inside the maintenance window "Tuesday night"',
        policy=maintenance(NIGHT),
        now=NOW + 15 * HOUR,
    ),
    Case(
        "as it closes",
        "maintenance",
        Verdict.DENY,
        f"{NEXT} Tue 8 Dec 2026 22:00 PST",
        "wait until Tue 8 Dec 2026 22:00 PST",
        maintenance(NIGHT),
        now=NOW + 16 * HOUR,
    ),
    Case("a type that does not need it", "maintenance", policy=maintenance(NIGHT), facts=HOTFIX),
    Case(
        "who is named needs it, whatever it skips",
        "maintenance",
        Verdict.DENY,
        f"{NEXT} Tue 1 Dec 2026 22:00 PST",
        "wait until Tue 1 Dec 2026 22:00 PST",
        maintenance(NIGHT, **skipping("minor", "windows")),
    ),
    Case(
        "without types: all that keep to windows",
        "maintenance",
        Verdict.DENY,
        f"{NEXT} Tue 1 Dec 2026 22:00 PST",
        "wait until Tue 1 Dec 2026 22:00 PST",
        maintenance({**NIGHT, "types": []}),
    ),
    Case(
        "without types: not those that skip windows",
        "maintenance",
        policy=maintenance({**NIGHT, "types": []}, **skipping("minor", "windows")),
    ),
    Case("for production", "maintenance", policy=maintenance(NIGHT), about=STAGING),
    Case(
        "of several the first that opens",
        "maintenance",
        Verdict.DENY,
        'a minor release starts only inside the maintenance window "Noon", "Tuesday night"; '
        "the next opens Tue 1 Dec 2026 12:00 PST",
        "wait until Tue 1 Dec 2026 12:00 PST",
        maintenance(NIGHT, {**NIGHT, "name": "Noon", "from": "12:00", "to": "13:00"}),
    ),
    Case("not at a checkpoint", "maintenance", policy=maintenance(NIGHT), about=question(Action.CONTINUE)),
)
def test_maintenance(case: Case) -> None:
    case.hold()


# ---- clients, components, zones


def client(**settings: Any) -> dict[str, Any]:
    return {"clients": {"acme": {"title": "Acme", **settings}}, "components": {"billing": {"client": "acme"}}}


def windows_of_billing(windows: list[dict[str, str]], **settings: Any) -> dict[str, Any]:
    return {"components": {"billing": {"windows": windows, **settings}}}


IN_TOKYO = windows_of_billing([{"days": "wed", "from": "09:00", "to": "12:00"}], timezone="Asia/Tokyo")


@table(
    Case(
        "of its own region",
        "component.windows.billing",
        Verdict.DENY,
        "outside the windows of billing (Asia/Tokyo); the next opens Tue 1 Dec 2026 16:00 PST",
        "wait until Tue 1 Dec 2026 16:00 PST",
        IN_TOKYO,
    ),
    Case(
        "inside",
        "component.windows.billing",
        Verdict.ALLOW,
        "inside a window of billing",
        policy=IN_TOKYO,
        now=NOW + 6 * HOUR,
    ),
    Case("for production alone", "component.windows.billing", policy=IN_TOKYO, about=STAGING),
    Case("skipped", "component.windows.billing", policy=IN_TOKYO | skipping("minor", "windows")),
    Case(
        "an empty list is never",
        "component.windows.billing",
        Verdict.DENY,
        "billing has no window that ever opens",
        "it does not open within 400 days",
        windows_of_billing([]),
    ),
)
def test_component_windows(case: Case) -> None:
    case.hold()


TOKYO = client(timezone="Asia/Tokyo", windows=[{"days": "wed", "from": "09:00", "to": "12:00"}])
CLOSED = {"name": "fair", "from": "2026-12-02", "to": "2026-12-02"}


@table(
    Case(
        "nine in Tokyo is the evening before in Los Angeles",
        "client.windows.acme",
        Verdict.DENY,
        "outside the windows of the client acme (Asia/Tokyo); the next opens Tue 1 Dec 2026 16:00 PST",
        "wait until Tue 1 Dec 2026 16:00 PST",
        TOKYO,
    ),
    Case(
        "inside",
        "client.windows.acme",
        Verdict.ALLOW,
        "inside a window of the client acme",
        policy=TOKYO,
        now=NOW + 6 * HOUR,
    ),
    Case("for production", "client.windows.acme", policy=TOKYO, about=STAGING),
    Case("skipped", "client.windows.acme", policy=TOKYO | skipping("minor", "windows")),
    Case("of a client whose component is not released", "client.windows.acme", policy={"clients": TOKYO["clients"]}),
    Case(
        "an empty list is never",
        "client.windows.acme",
        Verdict.DENY,
        "the client acme has no window that ever opens",
        "it does not open within 400 days",
        client(windows=[]),
    ),
    Case(
        "a day in Tokyo",
        "client.blackout.acme",
        Verdict.DENY,
        'the blackout "fair" of the client acme lasts until Wed 2 Dec 2026 07:00 PST',
        "wait until Wed 2 Dec 2026 07:00 PST",
        client(timezone="Asia/Tokyo", blackouts=[CLOSED]),
        now=NOW - 3 * HOUR,
    ),
    Case(
        "a day in the policy's zone",
        "client.blackout.acme",
        Verdict.ALLOW,
        'the blackout "fair" of the client acme is not now',
        policy=client(blackouts=[CLOSED]),
    ),
    Case("skips blackouts", "client.blackout.acme", policy=client(blackouts=[CLOSED]) | skipping("minor", "blackouts")),
    Case(
        "an environment in a zone of its own",
        "windows",
        Verdict.DENY,
        "outside the windows of production; the next opens Wed 2 Dec 2026 00:00 PST",
        "wait until Wed 2 Dec 2026 00:00 PST",
        {"environments": {"production": {"timezone": "Europe/London", "windows": [{"from": "08:00", "to": "17:00"}]}}},
    ),
    Case(
        "a blackout of a component that is not released",
        "blackout",
        policy={"calendar": {"blackouts": [{**CLOSED, "from": "2026-12-01", "components": ["identity"]}]}},
    ),
    Case(
        "a blackout of the component",
        "blackout",
        Verdict.DENY,
        'the blackout "fair" lasts until Thu 3 Dec 2026 00:00 PST',
        "wait until Thu 3 Dec 2026 00:00 PST",
        {"calendar": {"blackouts": [{**CLOSED, "from": "2026-12-01", "components": ["identity", "billing"]}]}},
    ),
)
def test_whose_times_they_are(case: Case) -> None:
    case.hold()


# ---- business cycles

BOOKS = {
    "name": "closing of the books",
    "every": "month on first tuesday at 00:00",
    "from": "2026-01-06",
    "lasts": "3d",
}


def cycles(*of: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"calendar": {"business_cycles": list(of)}, **more}


@table(
    Case("one that closes nothing", "business.cycle", policy=cycles(BOOKS)),
    Case(
        "one that is closed",
        "business.cycle",
        Verdict.DENY,
        '"closing of the books" is now, until Fri 4 Dec 2026 00:00 PST',
        "wait until Fri 4 Dec 2026 00:00 PST",
        cycles({**BOOKS, "closed": True}),
    ),
    Case(
        "not now",
        "business.cycle",
        Verdict.ALLOW,
        '"closing of the books" is not now',
        policy=cycles({**BOOKS, "closed": True}),
        now=NOW + 3 * DAY,
    ),
    Case(
        "one that never ends",
        "business.cycle",
        Verdict.DENY,
        '"closing of the books" is now, without an end',
        "it does not open within 400 days",
        cycles({**BOOKS, "every": "day at 00:00", "lasts": "25h", "closed": True}),
    ),
    Case("excepted", "business.cycle", policy=cycles({**BOOKS, "closed": True, "except": ["hotfix"]}), facts=HOTFIX),
    Case(
        "skips blackouts", "business.cycle", policy=cycles({**BOOKS, "closed": True}, **skipping("minor", "blackouts"))
    ),
    Case("for production", "business.cycle", policy=cycles({**BOOKS, "closed": True}), about=STAGING),
)
def test_business_cycles(case: Case) -> None:
    case.hold()


# ---- milestones

FREEZE = {"title": "Feature freeze", "at": "-14d", "allow": ["fix"]}
LATE = '"pay by card" joined billing Sat 21 Nov 2026 10:00 PST, after "Feature freeze", 14d before it goes'


def milestone(more: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    return {"milestones": {"features": {**FREEZE, **(more or {})}}, **others}


@table(
    Case(
        "a feature joined too late",
        "milestone.features",
        Verdict.DENY,
        LATE,
        "wait until Sat 5 Dec 2026 10:00 PST, or leave out what is not of kind fix",
        milestone(),
    ),
    Case(
        "it joined before",
        "milestone.features",
        Verdict.ALLOW,
        "the content of billing was fixed 10d before",
        policy=milestone({"at": "-10d"}),
    ),
    Case("of another type", "milestone.features", policy=milestone({"types": ["hotfix"]})),
    Case("what may join", "milestone.features", policy=milestone({"allow": ["feat"]})),
    Case(
        "what breaks never may",
        "milestone.features",
        Verdict.DENY,
        '"new API" joined billing Sat 21 Nov 2026 10:00 PST, after "Feature freeze", 14d before it goes',
        "wait until Sat 5 Dec 2026 10:00 PST, or leave out what is not of kind feat",
        milestone({"allow": ["feat"]}),
        facts(release(item(changes=(Change("1", "feat", "new API", breaking=True),)))),
    ),
    Case("one that lets everything in", "milestone.features", policy=milestone({"allow": None})),
    Case("one after the release", "milestone.features", policy=milestone({"at": "+1d"})),
    Case("one with the release", "milestone.features", policy=milestone({"at": "0d"})),
    Case("skips freezes", "milestone.features", policy=milestone() | skipping("minor", "freeze")),
    Case("for production", "milestone.features", policy=milestone(), about=STAGING),
)
def test_milestones(case: Case) -> None:
    case.hold()


def test_a_milestone_is_counted_from_the_departure_that_is_boarded() -> None:
    train = {"of": {"kind": "module"}, "every": "week on tuesday at 10:00", "from": "2026-02-10"}
    decision = asked(policy=rulebook(**milestone(), trains={"modules": train}))
    assert found(decision, "milestone.features").opens_at == NOW + 7 * DAY
    assert decision.next_possible == NOW + 7 * DAY


# ---- holidays

US = {"calendar": {"holidays": [{"country": "US", "except": ["hotfix"]}]}}
THANKSGIVING = datetime(2026, 11, 26, 8, tzinfo=UTC)
"""Midnight in Los Angeles."""


def known(days: dict[str, str] | None = None, **more: Any) -> PublicHolidays:
    feast = {"2026-11-26": "Thanksgiving Day"} if days is None else days
    return replace(PublicHolidays("US", "", date(2026, 1, 1), date(2027, 12, 31), feast), **more)


def test_a_holiday_is_a_whole_day_in_the_zone_of_the_policy() -> None:
    policy, on = rulebook(**US), facts(holidays=(known(),))
    for moment, verdict in (
        (THANKSGIVING - timedelta(microseconds=1), Verdict.ALLOW),
        (THANKSGIVING, Verdict.DENY),
        (THANKSGIVING + DAY - timedelta(microseconds=1), Verdict.DENY),
        (THANKSGIVING + DAY, Verdict.ALLOW),
    ):
        assert found(asked(on, policy, now=moment), "holiday").verdict is verdict
    finding = found(asked(on, policy, now=THANKSGIVING), "holiday")
    assert finding.message == "Thanksgiving Day: public holiday in US, until Fri 27 Nov 2026 00:00 PST"
    assert finding.remedy == "wait until Fri 27 Nov 2026 00:00 PST"


def test_whom_a_holiday_stops() -> None:
    on = facts(holidays=(known(),))
    for policy, of, about in (
        (US, HOTFIX, question()),
        (US | skipping("minor", "blackouts"), on, question()),
        (US, on, STAGING),
    ):
        decision = asked(replace(of, holidays=on.holidays), rulebook(**policy), about, THANKSGIVING)
        assert [f.rule for f in decision.findings if f.rule == "holiday"] == []


@pytest.mark.parametrize(
    ("holidays", "because"),
    [
        ((), "of 2026-11-26 nobody has looked them up"),
        ((known(country="CA"),), "of 2026-11-26 nobody has looked them up"),
        ((known(last=date(2026, 11, 25)),), "of 2026-11-26 nobody has looked them up"),
        ((known(unknown='the holidays of "US" are not known'),), 'the holidays of "US" are not known'),
    ],
)
def test_what_nobody_knows_never_passes(holidays: tuple[PublicHolidays, ...], because: str) -> None:
    decision = asked(facts(holidays=holidays), rulebook(**US), now=THANKSGIVING)
    finding = found(decision, "holiday")
    assert finding.verdict is Verdict.CANNOT_TELL
    assert finding.message == f"nobody can tell the public holidays of US: {because}"
    assert finding.remedy == "mend calendar.holidays[0], or update Tidegate"


def test_beyond_the_last_day_that_is_known_nothing_opens() -> None:
    on = facts(holidays=(known({"2026-12-01": "Feast"}, last=date(2026, 12, 1)),))
    finding = found(asked(on, rulebook(**US)), "holiday")
    assert (finding.verdict, finding.opens_at) == (Verdict.DENY, None)
    assert finding.message == "Feast: public holiday in US, and nobody knows what comes after"


def test_a_decision_is_judged_again_by_the_days_it_was_made_with() -> None:
    """Another library may know other days; and one policy is asked with the days of each decision."""
    policy = rulebook(**US)
    was = asked(facts(holidays=(known(),)), policy, now=THANKSGIVING)
    moved = asked(facts(holidays=(known({"2026-11-27": "Thanksgiving Day"}),)), policy, now=THANKSGIVING)
    again = asked(facts(holidays=(known(),)), policy, now=THANKSGIVING)
    assert (found(was, "holiday").verdict, found(moved, "holiday").verdict) == (Verdict.DENY, Verdict.ALLOW)
    assert again == was


def test_what_earlier_versions_decided_is_judged_without_the_new_rules() -> None:
    policy = rulebook(**milestone(), **TOKYO, calendar={**US["calendar"], "maintenance": [NIGHT]})
    new = {"holiday", "maintenance", "milestone.features", "client.windows.acme"}
    decisions = [decide(question(), both(policy), facts(), NOW, version=version) for version in (2, 3)]
    before, now = ({finding.rule for finding in decision.findings} for decision in decisions)
    assert new <= now
    assert new.isdisjoint(before)


def test_the_holidays_of_a_decision_are_those_of_whole_years_up_to_the_horizon() -> None:
    book = rulebook(calendar={"holidays": [{"country": "AT"}, {"country": "US", "subdivision": "TN"}]})
    austria, tennessee = holidays_for((book.policy, book.policy), NOW)
    assert (austria.place, tennessee.place) == (("AT", ""), ("US", "TN"))
    assert (austria.first, austria.last) == (date(2026, 1, 1), date(2028, 12, 31))
    assert austria.days["2026-12-26"] == "Saint Stephen's Day"
    assert tennessee.days["2027-03-26"] == "Good Friday"
    assert "2026-03-26" not in tennessee.days


def test_a_holiday_on_a_weekend_is_kept_in_the_year_before() -> None:
    (us,) = holidays_for([rulebook(**US).policy], datetime(2027, 3, 1, tzinfo=UTC))
    assert us.days["2027-12-31"] == "New Year's Day (observed)"


def test_of_years_that_the_library_does_not_know_nobody_can_tell() -> None:
    (us,) = holidays_for([rulebook(**US).policy], datetime(2400, 1, 1, tzinfo=UTC))
    assert us.unknown == "the holidays of US are known from 1777 to 2100"
    assert not us.covers(date(2400, 1, 1))


@pytest.mark.parametrize(
    ("place", "key", "what", "remedy"),
    [
        (
            {"country": "UK"},
            "country",
            'the holidays of "UK" are not known',
            "write its two letters of ISO 3166, such as GB, or leave it out",
        ),
        (
            {"country": "AT", "subdivision": "W"},
            "subdivision",
            '"W" is no part of AT whose holidays are known',
            "write one of 1, 2, 3, 4, 5, 6, 7, 8, 9",
        ),
        (
            {"country": "US", "subdivision": "TX1"},
            "subdivision",
            '"TX1" is no part of US whose holidays are known',
            "write one of AK, AL, AR, AS, AZ, CA, CO, CT, DC, DE, FL, GA, 45 more; did you mean TX?",
        ),
    ],
)
def test_a_place_that_nobody_knows_is_a_mistake_of_the_policy(
    place: dict[str, str], key: str, what: str, remedy: str
) -> None:
    with pytest.raises(RulebookError) as caught:
        rulebook(calendar={"holidays": [{"country": "US"}, place]})
    assert (caught.value.path, caught.value.what, caught.value.remedy) == (
        ("calendar", "holidays", 1, key),
        what,
        remedy,
    )


def test_a_country_without_parts_has_no_subdivision() -> None:
    assert mistake(("MC", "1")) == (True, "the holidays of MC are the same in all of it", "leave subdivision: out")
