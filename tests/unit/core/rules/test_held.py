from __future__ import annotations

from tests.support.facts import HOUR, NOW, Case, asked, facts, hold, item, question, release, table, way_back
from tidegate.core.actor import Actor
from tidegate.core.decide import decide
from tidegate.core.decision import Action
from tidegate.core.facts import Hold
from tidegate.core.verdict import Verdict

RULE = "hold.version"
BYTES, OTHER = "b" * 64, "0" * 64
BAD = "tidegate took billing 1.1.0 back in production Tue 1 Dec 2026 09:00 PST: errors above 5%"
LIFT = "release a new version; or let this one go again, with a reason: tidegate hold lift hold-1 --reason TEXT"


def bad(**changes: str) -> Hold:
    """Billing 1.1.0, which the watch took back in production an hour ago."""
    settings = {
        "by": "tidegate",
        "reason": "errors above 5%",
        "component": "billing",
        "environment": "production",
        "version": "1.1.0",
        "package": BYTES,
        "rollback": "billing-1.1.0.production.1.back.1",
    }
    return hold(since=NOW - HOUR, **{**settings, **changes})


@table(
    Case("nothing was taken back", RULE),
    Case("this version", RULE, Verdict.DENY, BAD, LIFT, facts=facts(holds=(bad(),))),
    Case(
        "these bytes",
        RULE,
        Verdict.DENY,
        BAD,
        LIFT,
        facts=facts(release(item(packages=(OTHER, BYTES))), holds=(bad(),)),
    ),
    Case("other bytes", RULE, facts=facts(release(item(packages=(OTHER,))), holds=(bad(),))),
    Case("the version before", RULE, facts=facts(holds=(bad(version="1.0.9"),))),
    Case("elsewhere", RULE, facts=facts(holds=(bad(environment="staging"),))),
    Case("another component", RULE, facts=facts(holds=(bad(component="identity"),))),
    Case("an ordinary hold", RULE, facts=facts(holds=(hold(),))),
)
def test_held(case: Case) -> None:
    case.hold()


def test_it_stops_no_other_version() -> None:
    assert asked(facts(holds=(bad(version="1.0.9"),))).allowed
    assert [f.rule for f in asked(facts(holds=(bad(),))).against()] == [RULE]


def test_it_never_stops_a_rollback() -> None:
    assert asked(facts(holds=(bad(),)), about=question(Action.ROLLBACK)).allowed


def test_who_decided_before_is_judged_without_it() -> None:
    from tests.support.facts import both, rulebook

    decision = decide(question(), both(rulebook()), facts(holds=(bad(),)), NOW, version=2)
    assert decision.allowed


def test_the_watch_takes_one_release_back_only_so_often() -> None:
    from tests.support.facts import rulebook

    watched = {
        "watch": {"production": {"for": "1h", "roll_back_when": [{"health_check": "failed"}]}},
        "rollback": {"automatic_attempts": 2},
    }
    about = question(Action.ROLLBACK, by=Actor.automation("watch"))
    for before, allowed in ((0, True), (1, True), (2, False)):
        assert asked(facts(way_back=(way_back(taken_back=before),)), rulebook(**watched), about).allowed is allowed
    last = asked(facts(way_back=(way_back(taken_back=3),)), rulebook(**watched), about)
    assert [f.message for f in last.against()] == [
        "Tidegate may take a release back by itself twice here, and has 3 times: a person decides"
    ]
    person = asked(facts(way_back=(way_back(taken_back=9),)), rulebook(**watched), question(Action.ROLLBACK))
    assert person.allowed
