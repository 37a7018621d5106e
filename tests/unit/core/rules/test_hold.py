from __future__ import annotations

from datetime import timedelta

from tests.support.facts import DAY, HOUR, NOW, Case, asked, facts, found, hold, item, question, release, table
from tidegate.core.decision import Action
from tidegate.core.release import ReleaseState
from tidegate.core.verdict import Verdict

RULE = "hold"
STOPPED = "olga stopped the line until it is lifted: the database is being moved"
LIFT = "tidegate hold lift hold-1"


@table(
    Case("no hold", RULE),
    Case("everywhere", RULE, Verdict.DENY, STOPPED, LIFT, facts=facts(holds=(hold(),))),
    Case("here", RULE, Verdict.DENY, STOPPED, LIFT, facts=facts(holds=(hold(environment="production"),))),
    Case("elsewhere", RULE, facts=facts(holds=(hold(environment="staging"),))),
    Case("this component", RULE, Verdict.DENY, STOPPED, LIFT, facts=facts(holds=(hold(component="billing"),))),
    Case("another component", RULE, facts=facts(holds=(hold(component="identity"),))),
    Case("this component elsewhere", RULE, facts=facts(holds=(hold(component="billing", environment="staging"),))),
    Case(
        "one component of two",
        RULE,
        Verdict.DENY,
        STOPPED,
        LIFT,
        facts=facts(release(item("billing"), item("identity")), holds=(hold(component="identity"),)),
    ),
    Case(
        "until a time",
        RULE,
        Verdict.DENY,
        "olga stopped the line until Tue 1 Dec 2026 11:00 PST: the database is being moved",
        "wait until Tue 1 Dec 2026 11:00 PST, or tidegate hold lift hold-1",
        facts=facts(holds=(hold(expires_at=NOW + HOUR),)),
    ),
    Case(
        "expires at this very moment",
        RULE,
        Verdict.ALLOW,
        "the hold of olga expired Tue 1 Dec 2026 10:00 PST",
        facts=facts(holds=(hold(expires_at=NOW),)),
    ),
    Case(
        "a moment before it expires",
        RULE,
        Verdict.DENY,
        "olga stopped the line until Tue 1 Dec 2026 10:00:01 PST: the database is being moved",
        "wait until Tue 1 Dec 2026 10:00:01 PST, or tidegate hold lift hold-1",
        facts=facts(holds=(hold(expires_at=NOW + timedelta(microseconds=1)),)),
    ),
    Case(
        "a checkpoint is stopped",
        RULE,
        Verdict.DENY,
        STOPPED,
        LIFT,
        facts=facts(release(state=ReleaseState.ROLLING), holds=(hold(),)),
        about=question(Action.CONTINUE),
    ),
    Case("a rollback is not", RULE, facts=facts(holds=(hold(),)), about=question(Action.ROLLBACK)),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_a_hold_that_is_lifted_by_hand_is_no_matter_of_time() -> None:
    decision = asked(facts(holds=(hold(),)))
    assert (decision.next_possible, decision.blocked_by_time_only) == (NOW, False)
    assert found(decision, RULE).looked_at == ("hold-1",)


def test_a_hold_that_expires_is() -> None:
    decision = asked(facts(holds=(hold(expires_at=NOW + DAY),)))
    assert (decision.next_possible, decision.blocked_by_time_only) == (NOW + DAY, True)
    assert found(decision, RULE).opens_at == NOW + DAY


def test_the_longest_of_several_counts() -> None:
    several = (hold(expires_at=NOW + DAY), hold(id="hold-2", expires_at=NOW + 2 * DAY, environment="production"))
    assert asked(facts(holds=several)).next_possible == NOW + 2 * DAY
