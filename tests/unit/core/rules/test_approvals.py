from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.facts import (
    HOUR,
    NOW,
    Case,
    against,
    approval,
    asked,
    both,
    facts,
    found,
    item,
    person,
    question,
    release,
    rulebook,
    subject,
    table,
)
from tidegate.core.actor import Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.decide import decide
from tidegate.core.decision import Action
from tidegate.core.release import ReleaseState
from tidegate.core.verdict import Verdict

APPROVE = "tidegate approve billing-1.1.0 --for production"


def policy(*rules: dict[str, object], **more: object) -> dict[str, Any]:
    return {"environments": {"production": {"approvals": list(rules)}}} | more


OWNERS = policy({"from": "$owners"})
TEAM = policy({"from": "module-team", "count": 2})
LEADS = policy({"from": "tech-leads"})
REVIEW = policy({"from": "tech-leads", "as": "architecture-review"})
NONE_GIVEN = "needs 1 approval from tech-leads, none given"
ASK_CAROL = f"{APPROVE}, by carol"


def lost(name: str, why: str, given: Approval, rules: dict[str, Any] = LEADS, remedy: str = ASK_CAROL) -> Case:
    """A yes that fills no seat, and why."""
    return Case(
        name,
        "approval.tech-leads",
        Verdict.DENY,
        f"{NONE_GIVEN}; not counted: {why}" if why else NONE_GIVEN,
        remedy,
        rules,
        facts(approvals=(given,)),
    )


@table(
    Case("none asked", "approval.tech-leads", facts=facts(approvals=(approval("carol"),))),
    Case("none given", "approval.tech-leads", Verdict.DENY, NONE_GIVEN, ASK_CAROL, LEADS),
    Case(
        "given",
        "approval.tech-leads",
        Verdict.ALLOW,
        "approved by carol",
        policy=LEADS,
        facts=facts(approvals=(approval("carol"),)),
    ),
    Case(
        "the owners",
        "approval.owners",
        Verdict.ALLOW,
        "approved by alice",
        policy=OWNERS,
        facts=facts(approvals=(approval("alice"),)),
    ),
    Case(
        "not the owners",
        "approval.owners",
        Verdict.DENY,
        "needs 1 approval from billing-owners, none given",
        f"{APPROVE}, by alice",
        OWNERS,
        facts(approvals=(approval("carol"),)),
    ),
    Case(
        "one of two, and the other has written it",
        "approval.module-team",
        Verdict.DENY,
        "needs 2 approvals from module-team, 1 given (alice); not counted: bob is an author",
        f"nobody is left who may: add people to module-team in the policy, then {APPROVE}",
        TEAM,
        facts(approvals=(approval("alice"), approval("bob"))),
    ),
    Case(
        "where authors may",
        "approval.module-team",
        Verdict.ALLOW,
        "approved by alice, bob",
        policy=policy({"from": "module-team", "count": 2, "author_may": True}),
        facts=facts(approvals=(approval("alice"), approval("bob"))),
    ),
    Case(
        "in a role",
        "approval.architecture-review",
        Verdict.ALLOW,
        "approved by carol",
        policy=REVIEW,
        facts=facts(approvals=(approval("carol", role="architecture-review"),)),
    ),
    Case(
        "in no role, where one is asked",
        "approval.architecture-review",
        Verdict.ALLOW,
        "approved by carol",
        policy=REVIEW,
        facts=facts(approvals=(approval("carol"),)),
    ),
    Case(
        "in another role",
        "approval.architecture-review",
        Verdict.DENY,
        'needs 1 approval from tech-leads, none given; not counted: carol answered as "security"',
        f"{APPROVE} --role architecture-review, by carol",
        REVIEW,
        facts(approvals=(approval("carol", role="security"),)),
    ),
    lost("in a role, where none is asked", 'carol answered as "security"', approval("carol", role="security")),
    lost("taken back", "carol took it back", approval("carol", revoked_at=NOW)),
    lost(
        "for another subject",
        "carol answered before something changed",
        approval("carol", release(item(subject=subject(artifacts="sha256:old")))),
    ),
    lost("for another environment", "", approval("carol", environment="staging")),
    lost(
        "disabled since",
        "carol is disabled in the policy",
        approval("carol"),
        LEADS | {"people": {"carol": {"disabled": True}}},
        f"nobody is left who may: add people to tech-leads in the policy, then {APPROVE}",
    ),
    lost(
        "left the policy",
        "the policy knows no carol",
        approval("carol"),
        LEADS | {"people": {"carol": None, "erin": {"name": "Erin", "groups": ["tech-leads"]}}},
        f"{APPROVE}, by erin",
    ),
    lost(
        "left the group",
        "",
        approval("carol"),
        LEADS | {"people": {"carol": {"groups": []}, "erin": {"name": "Erin", "groups": ["tech-leads"]}}},
        f"{APPROVE}, by erin",
    ),
    lost(
        "a signature that does not hold", "carol: the key is not hers", approval("carol", invalid="the key is not hers")
    ),
    lost(
        "a typed name",
        "carol is only asserted",
        approval("carol", actor=person("carol", Assurance.ASSERTED)),
    ),
    Case(
        "a checkpoint asks again",
        "approval.tech-leads",
        Verdict.DENY,
        f"{NONE_GIVEN}; not counted: carol took it back",
        ASK_CAROL,
        LEADS,
        facts(release(state=ReleaseState.ROLLING), approvals=(approval("carol", revoked_at=NOW),)),
        question(Action.CONTINUE),
    ),
    Case("a rollback does not", "approval.tech-leads", policy=LEADS, about=question(Action.ROLLBACK)),
    Case(
        "a no",
        "approval.rejected",
        Verdict.DENY,
        "dave rejected it",
        "settle it with dave, who can take the no back: tidegate revoke billing-1.1.0 --for production",
        facts=facts(approvals=(approval("dave", answer=Answer.REJECT),)),
    ),
    Case(
        "a no that was taken back",
        "approval.rejected",
        facts=facts(approvals=(approval("dave", answer=Answer.REJECT, revoked_at=NOW),)),
    ),
    Case(
        "a no to something else",
        "approval.rejected",
        facts=facts(approvals=(approval("dave", answer=Answer.REJECT, subject="sha256:x"),)),
    ),
)
def test_the_table(case: Case) -> None:
    case.hold()


def test_one_person_fills_one_seat_whatever_seats_they_could_take() -> None:
    rules = policy({"from": "$owners"}, {"from": "module-team"}, people={"bob": {"groups": []}})
    decision = asked(facts(approvals=(approval("alice"),)), rulebook(**rules))
    assert found(decision, "approval.owners").verdict is Verdict.ALLOW
    finding = found(decision, "approval.module-team")
    assert finding.verdict is Verdict.DENY
    assert finding.remedy == f"nobody is left who may: add people to module-team in the policy, then {APPROVE}"


def test_people_are_moved_to_other_seats_so_that_all_can_be_filled() -> None:
    rules = policy({"from": "module-team", "author_may": True}, {"from": "$owners"})
    given = (approval("alice", at=NOW - 2 * HOUR), approval("bob"))
    decision = asked(facts(approvals=given), rulebook(**rules))
    assert found(decision, "approval.module-team").message == "approved by bob"
    assert found(decision, "approval.owners").message == "approved by alice"


def test_a_yes_and_a_no_of_different_people_is_a_no() -> None:
    given = (approval("carol"), approval("dave", answer=Answer.REJECT))
    assert against(asked(facts(approvals=given), rulebook(**LEADS))) == ["approval.rejected"]


def test_the_owners_of_each_component_of_a_bundle_are_asked() -> None:
    two = release(item("billing"), item("identity"))
    given = (approval("alice", two),)
    findings = [
        (f.verdict, f.message)
        for f in asked(facts(two, approvals=given), rulebook(**OWNERS)).findings
        if f.rule == "approval.owners"
    ]
    assert findings == [
        (Verdict.ALLOW, "approved by alice"),
        (Verdict.DENY, "needs 1 approval from identity-owners, none given"),
    ]


def test_the_owners_of_an_unknown_component_are_nobody() -> None:
    decision = asked(facts(release(item("ledger"))), rulebook(**OWNERS))
    finding = found(decision, "approval.owners")
    assert finding.message == "needs 1 approval from owners, none given"
    assert finding.remedy == "nobody is left who may: add people to owners in the policy, then " + APPROVE


def test_an_approval_that_was_copied_to_another_release_does_not_hold() -> None:
    other = release(item(to_version="1.2.0"))
    decision = asked(facts(other, approvals=(approval("carol"),)), rulebook(**LEADS))
    assert "carol answered before something changed" in found(decision, "approval.tech-leads").message


@pytest.mark.parametrize(
    ("count", "groups", "askable"),
    [
        (1, ["erin", "frank", "grace"], "one of: erin, frank, grace"),
        (2, ["erin", "frank", "grace"], "2 of: erin, frank, grace"),
        (2, ["erin", "frank"], "erin, frank"),
        (3, ["erin", "frank"], "erin, frank; they are too few: add people to cab in the policy"),
    ],
)
def test_the_remedy_names_those_who_may_still_say_yes(count: int, groups: list[str], askable: str) -> None:
    people = {name: {"name": name.title(), "groups": ["cab"]} for name in groups}
    finding = found(asked(policy=rulebook(people=people, **policy({"from": "cab", "count": count}))), "approval.cab")
    assert finding.remedy == f"{APPROVE}, by {askable}"


def test_it_tells_what_it_looked_at() -> None:
    decision = asked(facts(approvals=(approval("carol"),)), rulebook(**LEADS))
    assert found(decision, "approval.tech-leads").looked_at == ("approval-of-carol",)


def test_two_answers_of_one_person_fill_one_seat() -> None:
    rules = policy({"from": "tech-leads", "count": 2})
    twice = (approval("carol"), replace(approval("carol"), id="again"))
    finding = found(asked(facts(approvals=twice), rulebook(**rules)), "approval.tech-leads")
    assert finding.message == "needs 2 approvals from tech-leads, 1 given (carol)"


def test_the_no_of_who_has_left_since_is_not_to_be_taken_back_by_them() -> None:
    """It stands by the pinned policy alone, and nobody could take it back: the remedy is not to ask them."""
    told = facts(approvals=(approval("dave", answer=Answer.REJECT),))
    left = rulebook(people={"dave": {"name": "Dave", "disabled": True}})
    decision = decide(question(), both(left, rulebook()), told, NOW)
    (no,) = [finding for finding in decision.findings if finding.rule == "approval.rejected"]
    assert (no.verdict, no.policy) == (Verdict.DENY, "pinned")
    assert no.remedy == "dave has left since; go by the current policy: tidegate release rebase billing-1.1.0"
