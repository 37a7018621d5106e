from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.facts import NOW, Case, asked, both, facts, found, item, question, release, rulebook, table
from tidegate.core.decide import decide
from tidegate.core.decision import Action
from tidegate.core.facts import Verified
from tidegate.core.release import ReleaseState
from tidegate.core.verdict import Verdict

RULE = "release.ready"


def of_state(state: ReleaseState, action: Action, message: str, remedy: str) -> Case:
    name = f"{action.value} of {state.value}"
    return Case(name, RULE, Verdict.DENY, message, remedy, facts=facts(release(state=state)), about=question(action))


@table(
    Case("open", RULE, Verdict.ALLOW, "billing-1.1.0 is open"),
    Case(
        "under way",
        RULE,
        Verdict.ALLOW,
        "billing-1.1.0 is rolling",
        facts=facts(release(state=ReleaseState.ROLLING)),
        about=question(Action.CONTINUE),
    ),
    of_state(
        ReleaseState.ROLLING,
        Action.START,
        "billing-1.1.0 is rolling, not open",
        "wait for the rollout that is under way (tidegate rollout list), or roll it back",
    ),
    of_state(
        ReleaseState.RELEASED,
        Action.START,
        "billing-1.1.0 is released, not open",
        "open a release of what came after it: tidegate release open COMPONENT",
    ),
    of_state(
        ReleaseState.ROLLED_BACK,
        Action.START,
        "billing-1.1.0 is rolled back, not open",
        "this one does not go again; open one with the fix: tidegate release open COMPONENT",
    ),
    of_state(
        ReleaseState.CANCELLED,
        Action.CONTINUE,
        "billing-1.1.0 is cancelled, not rolling",
        "open another release: tidegate release open COMPONENT",
    ),
    of_state(
        ReleaseState.OPEN,
        Action.CONTINUE,
        "billing-1.1.0 is open, not rolling",
        "start its rollout: tidegate deploy billing-1.1.0 production",
    ),
    Case("a rollback does not ask", RULE, about=question(Action.ROLLBACK)),
)
def test_the_table(case: Case) -> None:
    case.hold()


@pytest.mark.parametrize("action", [Action.START, Action.CONTINUE])
def test_an_unknown_type_is_refused_and_nothing_can_be_foreseen(action: Action) -> None:
    decision = asked(facts(release(type="mega")), about=question(action))
    assert next((f.message, f.remedy) for f in decision.against()) == (
        'the policy knows no release type "mega"',
        "open it as one of: hotfix, minor",
    )
    assert (decision.next_possible is None) is (action is Action.START)


@pytest.mark.parametrize("action", [Action.START, Action.CONTINUE])
@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("1.0.0", "billing-1.1.0 is released, and staging has had nothing later"),
        ("1.1.0", "billing-1.1.0 is released, and staging has had nothing later"),
        ("1.2.0", "billing-1.1.0 is released, and staging has had billing 1.2.0"),
        ("the new one", "billing-1.1.0 is released, and staging has had billing the new one"),
    ],
)
def test_what_production_has_is_brought_elsewhere_again_where_nothing_later_was(
    action: Action, there: str, message: str
) -> None:
    verified = (Verified("billing", "staging", there, "0" * 64, NOW), Verified("billing", "qa", "9.0.0", "0" * 64, NOW))
    known = replace(facts(release(state=ReleaseState.RELEASED)), verified=verified)
    again = found(asked(known, about=question(action, environment="staging")), RULE)
    assert again.message == message
    assert (again.verdict is Verdict.ALLOW) is message.endswith("nothing later")
    earlier = decide(question(action, environment="staging"), both(rulebook()), known, NOW, version=3)
    assert found(earlier, RULE).verdict is Verdict.DENY


def test_an_unknown_component_is_refused() -> None:
    decision = asked(facts(release(item("billing"), item("ledger"))))
    first = decision.against()[0]
    assert (first.rule, first.message, first.remedy) == (
        RULE,
        'the policy knows no component "ledger"',
        "declare it: components.ledger",
    )


def test_a_release_of_nothing_is_refused() -> None:
    nothing = release(items=())
    decision = asked(facts(nothing))
    assert not decision.allowed
    first = decision.against()[0]
    assert (first.rule, first.message) == (RULE, "billing-1.1.0 has no components")
    assert first.remedy == "open a release of one: tidegate release open COMPONENT"


def test_the_state_is_told_even_where_the_type_is_unknown() -> None:
    decision = asked(facts(release(type="mega", state=ReleaseState.CANCELLED)))
    said = [f.message for f in decision.against() if f.rule == RULE]
    assert said == ['the policy knows no release type "mega"', "billing-1.1.0 is cancelled, not open"]
    assert found(asked(), RULE).reference == "M1-04, HD-02"
