from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.facts import DAY, NOW, Case, asked, emergency, facts, found, question, release, rulebook, table
from tidegate.core.decision import Action
from tidegate.core.drill import Drilled
from tidegate.core.verdict import Verdict

RULE = "drill.way-back"
DRILL = {"title": "The way back", "of": "rollback", "every": "quarterly", "by": "ops", "blocks": True}
ASKS: dict[str, Any] = {"drills": {"way-back": DRILL}}
ALARM: dict[str, Any] = {"drills": {"way-back": {**DRILL, "of": "emergency"}}}
QUIET: dict[str, Any] = {"drills": {"way-back": {**DRILL, "blocks": False}}}
ONCE: dict[str, Any] = {"drills": {"way-back": {**DRILL, "every": "on demand"}}}
NEVER = "The way back was never rehearsed with success"
RUN = "rehearse it: tidegate drill run way-back ENVIRONMENT, or tidegate drill record way-back --report FILE, by ops"
DUE = datetime(2026, 12, 1, 18, tzinfo=UTC)
"""A quarter after :data:`LAST`: the moment at which all is asked."""
LAST = datetime(2026, 9, 1, 17, tzinfo=UTC)


def held(at: datetime, **changes: Any) -> Drilled:
    return Drilled(**{"id": "drill-1", "name": "way-back", "at": at, "succeeded": True, "by": "olga", **changes})


@table(
    Case("none is declared", RULE),
    Case("never held", RULE, Verdict.DENY, NEVER, RUN, ASKS),
    Case("never called", RULE, Verdict.DENY, NEVER, "exercise it: tidegate drill call way-back, by ops", ALARM),
    Case("it does not block", RULE, None, policy=QUIET),
    Case("failed", RULE, Verdict.DENY, NEVER, RUN, ASKS, facts(drills=(held(NOW - DAY, succeeded=False),))),
    Case("forged", RULE, Verdict.DENY, NEVER, RUN, ASKS, facts(drills=(held(NOW - DAY, invalid="nobody signed"),))),
    Case("another one", RULE, Verdict.DENY, NEVER, RUN, ASKS, facts(drills=(held(NOW - DAY, name="alarm"),))),
    Case("held once, on demand", RULE, None, policy=ONCE, facts=facts(drills=(held(NOW - 900 * DAY),))),
    Case(
        "due at this very moment",
        RULE,
        Verdict.DENY,
        "The way back was rehearsed last Tue 1 Sep 2026 10:00 PDT, and was due again Tue 1 Dec 2026 10:00 PST",
        RUN,
        ASKS,
        facts(drills=(held(LAST),)),
    ),
    Case(
        "a moment before it is due",
        RULE,
        Verdict.ALLOW,
        "The way back was rehearsed Tue 1 Sep 2026 10:00:01 PDT, and is due again Tue 1 Dec 2026 10:00:01 PST",
        "",
        ASKS,
        facts(drills=(held(LAST + timedelta(seconds=1)),)),
    ),
)
def test_drills(case: Case) -> None:
    assert DUE == NOW
    case.hold()


def test_waiting_beyond_its_due_time_does_not_pass() -> None:
    windows = {"environments": {"production": {"windows": [{"days": "thu", "from": "09:00", "to": "16:00"}]}}}
    decision = asked(facts(drills=(held(LAST + timedelta(hours=1)),)), rulebook(**ASKS, **windows))
    assert found(decision, RULE).verdict is Verdict.ALLOW
    assert decision.next_possible is None


def test_neither_an_emergency_nor_a_rollback_is_asked() -> None:
    kinds = {
        "release_types": {"hotfix": {"criteria": ["Production down"]}},
        "emergency": {"types": ["hotfix"], "declared_by": ["ops"]},
    }
    known = facts(release(type="hotfix"), emergencies=(emergency(),))
    urgent = asked(known, rulebook(**ASKS, **kinds))
    back = asked(facts(), rulebook(**ASKS), question(Action.ROLLBACK))
    assert [f for decision in (urgent, back) for f in decision.findings if f.rule == RULE] == []
