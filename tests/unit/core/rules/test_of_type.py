"""What a type asks of its releases: criteria, kinds of change, horizon, frequency."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.facts import DAY, NOW, Case, asked, facts, found, item, release, rulebook, table
from tidegate.core.facts import Change, Done, Facts
from tidegate.core.frequency import parse_frequency
from tidegate.core.verdict import Verdict

ALLOW, DENY, CANNOT_TELL = Verdict.ALLOW, Verdict.DENY, Verdict.CANNOT_TELL


def minor(**changes: Any) -> dict[str, Any]:
    return {"release_types": {"minor": changes}}


def said(**changes: Any) -> Facts:
    return facts(release(**changes))


CRITERIA = minor(criteria=["Data loss", "Security breach"])
SAY = (
    "say which it is: tidegate release amend billing-1.1.0 --criterion 'Data loss' --reason TEXT; "
    "or release it as another type"
)


@table(
    Case(
        "says nothing",
        "criterion",
        DENY,
        "a minor release is for Data loss, Security breach; this one does not say for what it is",
        SAY,
        CRITERIA,
    ),
    Case("says one", "criterion", ALLOW, '"Data loss"', policy=CRITERIA, facts=said(criterion=" data  LOSS")),
    Case(
        "names one in its reason",
        "criterion",
        ALLOW,
        '"Security breach": after the security breach of Monday',
        policy=CRITERIA,
        facts=said(reason="after the security breach of Monday"),
    ),
    Case(
        "says another",
        "criterion",
        DENY,
        'a minor release is for Data loss, Security breach; this one is for "hurry"',
        SAY,
        CRITERIA,
        said(criterion="hurry"),
    ),
    Case("is for anything", "criterion", policy=minor()),
    Case("not for production", "criterion", policy=CRITERIA | {"environments": {"production": {"purpose": "staging"}}}),
)
def test_a_criterion(case: Case) -> None:
    case.hold()


def with_kinds(*kinds: str) -> Facts:
    changes = tuple(Change(f"c{n}", kind, f"{kind or 'tidy'} it up") for n, kind in enumerate(kinds))
    return facts(release(item(changes=changes)))


LEAVE = "release it as another type, or leave that out: tidegate release open billing --at REVISION"


@table(
    Case(
        "allowed",
        "content.kind",
        ALLOW,
        "billing contains nothing but docs, fix",
        policy=minor(allows=["fix", "docs"]),
        facts=with_kinds("fix", "docs"),
    ),
    Case(
        "not allowed",
        "content.kind",
        DENY,
        '"feat it up" is feat, and a minor release of billing contains docs, fix alone',
        LEAVE,
        minor(allows=["fix", "docs"]),
        with_kinds("fix", "feat"),
    ),
    Case(
        "without a kind",
        "content.kind",
        DENY,
        '"tidy it up" is of no kind (and 1 more), and a minor release of billing contains fix alone',
        LEAVE,
        minor(allows=["fix"]),
        with_kinds("", "feat"),
    ),
    Case(
        "nothing is allowed",
        "content.kind",
        DENY,
        '"fix it up" is fix, and a minor release of billing contains nothing alone',
        LEAVE,
        minor(allows=[]),
        with_kinds("fix"),
    ),
    Case("anything is allowed", "content.kind", policy=minor(), facts=with_kinds("odd")),
)
def test_kinds_of_change(case: Case) -> None:
    case.hold()


AMEND = "tidegate release amend billing-1.1.0 --planned DATE"
AHEAD = minor(horizon="1-2 weeks")


@table(
    Case(
        "no date",
        "horizon.planned",
        CANNOT_TELL,
        "a minor release is planned 1-2 weeks ahead, and nobody says for when this one is planned",
        f"say it: {AMEND}",
        AHEAD,
    ),
    Case(
        "a date",
        "horizon.planned",
        ALLOW,
        "it is planned for Tue 1 Dec 2026 10:00 PST",
        policy=AHEAD,
        facts=said(planned_at=NOW),
    ),
    Case(
        "too far",
        "horizon.planned",
        DENY,
        "a minor release is planned at most 14d ahead, and this one was opened 15d before Mon 7 Dec 2026 10:00 PST",
        f"plan it for an earlier day: {AMEND}",
        AHEAD,
        said(planned_at=NOW + 6 * DAY),
    ),
    Case(
        "long enough ago", "horizon", ALLOW, "it was opened at least 7d ago", policy=AHEAD, facts=said(planned_at=NOW)
    ),
    Case(
        "too soon",
        "horizon",
        DENY,
        "a minor release is planned at least 7d ahead, and this one was opened Sun 29 Nov 2026 10:00 PST",
        "wait until Sun 6 Dec 2026 10:00 PST",
        AHEAD,
        said(planned_at=NOW, opened_at=NOW - 2 * DAY),
    ),
    Case("at once", "horizon", policy=minor(horizon="0-24 hours"), facts=said(planned_at=NOW)),
    Case(
        "at once, without a date",
        "horizon.planned",
        ALLOW,
        "a minor release may go at once",
        policy=minor(horizon="0-24 hours"),
    ),
)
def test_a_horizon(case: Case) -> None:
    case.hold()


def test_what_is_only_too_soon_passes_by_waiting() -> None:
    decision = asked(said(planned_at=NOW, opened_at=NOW - 2 * DAY), rulebook(**AHEAD))
    assert (decision.blocked_by_time_only, decision.next_possible) == (True, NOW + 5 * DAY)


def last(days: float, **changes: Any) -> Done:
    plain = {"component": "billing", "type": "minor", "environment": "production", "release": "billing-1.0.0"}
    return Done(**plain | changes, at=NOW - days * DAY)


MONTHLY = minor(frequency="monthly")


@table(
    Case("the first", "frequency", policy=MONTHLY),
    Case("this very one", "frequency", policy=MONTHLY, facts=facts(done=(last(0, release="billing-1.1.0"),))),
    Case("another type", "frequency", policy=MONTHLY, facts=facts(done=(last(0, type="hotfix"),))),
    Case("elsewhere", "frequency", policy=MONTHLY, facts=facts(done=(last(0, environment="staging"),))),
    Case("of another component", "frequency", policy=MONTHLY, facts=facts(done=(last(0, component="identity"),))),
    Case("as needed", "frequency", policy=minor(frequency="monthly or as needed"), facts=facts(done=(last(0),))),
    Case("on demand", "frequency", policy=minor(frequency="on demand"), facts=facts(done=(last(0),))),
    Case(
        "last month",
        "frequency",
        ALLOW,
        "minor releases of billing are monthly: the last was billing-1.0.0, Mon 30 Nov 2026 10:00 PST",
        policy=MONTHLY,
        facts=facts(done=(last(1), last(40))),
    ),
    Case(
        "this month",
        "frequency",
        DENY,
        "minor releases of billing are monthly, and the last was billing-1.0.0, Tue 1 Dec 2026 09:36 PST",
        "wait until Fri 1 Jan 2027 00:00 PST",
        MONTHLY,
        facts(done=(last(1 / 60),)),
    ),
    Case(
        "every 2 weeks, 13 days after",
        "frequency",
        DENY,
        "minor releases of billing are every 2 weeks, and the last was billing-1.0.0, Wed 18 Nov 2026 10:00 PST",
        "wait until Wed 2 Dec 2026 00:00 PST",
        minor(frequency="every 2 weeks"),
        facts(done=(last(13),)),
    ),
    Case(
        "every 2 weeks, on the same weekday and earlier",
        "frequency",
        ALLOW,
        "minor releases of billing are every 2 weeks: the last was billing-1.0.0, Tue 17 Nov 2026 17:12 PST",
        policy=minor(frequency="every 2 weeks"),
        facts=facts(done=(last(13.7),)),
    ),
)
def test_a_frequency(case: Case) -> None:
    case.hold()


def test_waiting_is_all_that_a_frequency_asks() -> None:
    decision = asked(facts(done=(last(0),)), rulebook(**MONTHLY))
    assert decision.blocked_by_time_only
    assert decision.next_possible == datetime(2027, 1, 1, 8, tzinfo=UTC)
    assert (
        found(
            asked(facts(done=(last(0),)), rulebook(**MONTHLY), now=datetime(2027, 1, 1, 8, tzinfo=UTC)), "frequency"
        ).verdict
        is ALLOW
    )


@pytest.mark.parametrize(
    ("text", "day", "following"),
    [
        ("daily", "2026-12-31", "2027-01-01"),
        ("weekly", "2026-12-28", "2027-01-04"),
        ("biweekly", "2026-12-01", "2026-12-15"),
        ("every 3 days", "2026-02-27", "2026-03-02"),
        ("monthly", "2026-01-31", "2026-02-01"),
        ("every 2 months", "2026-11-05", "2027-01-01"),
        ("quarterly", "2026-12-31", "2027-01-01"),
        ("quarterly", "2026-01-01", "2026-04-01"),
        ("every 2 quarters", "2026-02-10", "2026-07-01"),
        ("yearly", "2026-06-06", "2027-01-01"),
    ],
)
def test_the_day_from_which_on_there_may_be_another(text: str, day: str, following: str) -> None:
    assert parse_frequency(text).next_day(datetime.fromisoformat(day).date()).isoformat() == following
