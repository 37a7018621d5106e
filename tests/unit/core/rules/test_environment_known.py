from __future__ import annotations

import pytest

from tests.support.facts import Case, asked, question, rulebook, table
from tidegate.core.decision import Action
from tidegate.core.verdict import Verdict

RULE = "environment.known"


@table(
    Case("known", RULE, Verdict.ALLOW, "production is an environment of the policy"),
    Case(
        "unknown",
        RULE,
        Verdict.DENY,
        'the policy knows no environment "produktion"; did you mean "production"?',
        "name one of: production, staging",
        about=question(environment="produktion"),
    ),
    Case(
        "like no other",
        RULE,
        Verdict.DENY,
        'the policy knows no environment "x"',
        "name one of: production, staging",
        about=question(environment="x"),
    ),
    Case(
        "none declared",
        RULE,
        Verdict.DENY,
        'the policy knows no environment "production"',
        "declare it under environments, then: tidegate policy adopt",
        policy={"environments": None},
    ),
)
def test_the_table(case: Case) -> None:
    case.hold()


@pytest.mark.parametrize("action", Action)
def test_it_is_asked_for_every_action_and_nothing_can_be_foreseen(action: Action) -> None:
    decision = asked(about=question(action, "nowhere"))
    assert decision.verdict is Verdict.DENY
    assert (decision.next_possible, decision.blocked_by_time_only) == (None, False)


def test_both_policies_must_know_it() -> None:
    old = rulebook(environments={"production": None})
    decision = asked(pinned=old)
    assert [(f.policy, f.rule) for f in decision.against()] == [("pinned", RULE)]
    assert decision.next_possible is None
