"""Whether a policy may be adopted: what counts as a yes and a no, and who could ever give one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.support.facts import HOUR, NOW, person, rulebook
from tidegate.core.actor import Actor, Assurance
from tidegate.core.adoption import (
    AdoptionDecision,
    AdoptionFacts,
    Proposal,
    decide_adoption,
    may_approve,
    may_reject,
    short,
    shut_out,
)
from tidegate.core.approval import Answer, Approval
from tidegate.core.canonical import canonical
from tidegate.core.rulebook import Rulebook
from tidegate.core.verdict import Verdict

NEW = f"sha256:{'a1' * 32}"
APPROVE = "tidegate policy approve sha256:a1a1a1a1a1a1"
TEAM = {"from": "module-team", "count": 2}
LEADS = {"from": "tech-leads"}


def active(*rules: dict[str, Any], **changes: Any) -> Rulebook:
    """The house, whose policy asks for these approvals of a change; olga may adopt."""
    people = {"erin": {"name": "Erin", "groups": ["module-team"]}}
    return rulebook(
        **{"people": people, "permits": {"adopt": ["ops"]}, "adoption": {"approvals": list(rules)}} | changes
    )


def said(by: str, policy: Rulebook, answer: Answer = Answer.APPROVE, **changes: Any) -> Approval:
    """A signed answer given under that policy an hour ago."""
    plain = Approval(f"answer-of-{by}", person(by), answer, "", policy.digest, NOW - HOUR)
    return replace(plain, **changes)


def proposed(*answers: Approval, by: str = "dave") -> AdoptionFacts:
    return AdoptionFacts(NEW, Proposal("proposal-1", NEW, by, NOW - 2 * HOUR), answers)


def decided(policy: Rulebook, known: AdoptionFacts, adopter: str = "olga") -> AdoptionDecision:
    return decide_adoption(person(adopter), policy, known, NOW)


def against(decision: AdoptionDecision) -> list[tuple[str, str]]:
    return [(finding.rule, finding.message) for finding in decision.against()]


ONE_LEAD, TWO = active(LEADS), active(TEAM)
REVIEW = active({"from": "tech-leads", "as": "review"})
NO_LEAD = "needs 1 approval from tech-leads, none given"


@dataclass(frozen=True)
class Case:
    """One row: a policy, what people said, and the finding that stands in the way; empty: nothing does."""

    id: str
    policy: Rulebook
    answers: Sequence[Approval]
    rule: str = ""
    message: str = ""
    remedy: str = ""
    proposer: str = "dave"
    adopter: str = "olga"


LOST = f"{NO_LEAD}; not counted: "
BY_CAROL = f"{APPROVE}, by carol"
CASES = [
    Case("nobody is asked", active(), []),
    Case("a yes that nobody asked for", active(), [said("carol", active())]),
    Case("none given", ONE_LEAD, [], "adoption.approval.tech-leads", NO_LEAD, BY_CAROL),
    Case("given", ONE_LEAD, [said("carol", ONE_LEAD)]),
    Case("two of a team", TWO, [said("alice", TWO), said("bob", TWO)]),
    Case(
        "one of two",
        TWO,
        [said("alice", TWO)],
        "adoption.approval.module-team",
        "needs 2 approvals from module-team, 1 given (alice)",
        f"{APPROVE}, by one of: bob, erin",
    ),
    Case(
        "one person twice, in another role",
        TWO,
        [said("alice", TWO), said("alice", TWO, id="again", role="review")],
        "adoption.approval.module-team",
        'needs 2 approvals from module-team, 1 given (alice); not counted: alice answered as "review"',
        f"{APPROVE}, by one of: bob, erin",
    ),
    Case(
        "one person twice",
        TWO,
        [said("alice", TWO), said("alice", TWO, id="again")],
        "adoption.approval.module-team",
        "needs 2 approvals from module-team, 1 given (alice)",
        f"{APPROVE}, by one of: bob, erin",
    ),
    Case(
        "the proposer is no approver",
        TWO,
        [said("alice", TWO), said("bob", TWO)],
        "adoption.approval.module-team",
        "needs 2 approvals from module-team, 1 given (bob); not counted: alice proposed it",
        f"{APPROVE}, by erin",
        proposer="alice",
    ),
    Case(
        "who adopts is no approver",
        TWO,
        [said("alice", TWO), said("bob", TWO)],
        "adoption.approval.module-team",
        "needs 2 approvals from module-team, 1 given (alice); not counted: bob adopts it",
        f"{APPROVE}, by erin",
        adopter="bob",
    ),
    Case(
        "nobody is left",
        ONE_LEAD,
        [said("carol", ONE_LEAD)],
        "adoption.approval.tech-leads",
        f"{LOST}carol adopts it",
        f"nobody is left who may: let somebody outside tech-leads propose and adopt it, then {APPROVE}",
        adopter="carol",
    ),
    Case(
        "where authors may",
        active(LEADS | {"author_may": True}),
        [said("carol", active(LEADS | {"author_may": True}))],
        proposer="carol",
        adopter="carol",
    ),
    Case("in a role", REVIEW, [said("carol", REVIEW, role="review")]),
    Case("in no role, where one is asked", REVIEW, [said("carol", REVIEW)]),
    Case(
        "in another role",
        REVIEW,
        [said("carol", REVIEW, role="cab")],
        "adoption.approval.review",
        f'{LOST}carol answered as "cab"',
        f"{APPROVE} --role review, by carol",
    ),
    Case(
        "taken back",
        ONE_LEAD,
        [said("carol", ONE_LEAD, revoked_at=NOW)],
        "adoption.approval.tech-leads",
        f"{LOST}carol took it back",
        BY_CAROL,
    ),
    Case(
        "not signed",
        ONE_LEAD,
        [said("carol", ONE_LEAD, actor=person("carol", Assurance.SESSION))],
        "adoption.approval.tech-leads",
        f"{LOST}carol is only session",
        BY_CAROL,
    ),
    Case(
        "the signature does not hold",
        ONE_LEAD,
        [said("carol", ONE_LEAD, invalid="the policy lists no key of carol")],
        "adoption.approval.tech-leads",
        f"{LOST}carol: the policy lists no key of carol",
        BY_CAROL,
    ),
    Case(
        "given when another policy was active",
        ONE_LEAD,
        [said("carol", TWO)],
        "adoption.approval.tech-leads",
        f"{LOST}carol answered when another policy was active",
        BY_CAROL,
    ),
    Case(
        "of another group",
        ONE_LEAD,
        [said("alice", ONE_LEAD)],
        "adoption.approval.tech-leads",
        f"{LOST}alice is in no group that is asked",
        BY_CAROL,
    ),
    Case(
        "of nobody the policy knows",
        ONE_LEAD,
        [said("mallory", ONE_LEAD)],
        "adoption.approval.tech-leads",
        f"{LOST}the policy knows no mallory",
        BY_CAROL,
    ),
    Case(
        "one no",
        ONE_LEAD,
        [said("carol", ONE_LEAD), said("olga", ONE_LEAD, Answer.REJECT)],
        "adoption.rejected",
        "olga rejected it",
        "settle it with olga, who can take the no back: tidegate policy revoke sha256:a1a1a1a1a1a1",
    ),
    Case(
        "a no stays when another policy becomes active",
        ONE_LEAD,
        [said("carol", ONE_LEAD), said("olga", TWO, Answer.REJECT)],
        "adoption.rejected",
        "olga rejected it",
        "settle it with olga, who can take the no back: tidegate policy revoke sha256:a1a1a1a1a1a1",
    ),
    Case(
        "a no where nobody is asked",
        active(),
        [said("dave", active(), Answer.REJECT)],
        "adoption.rejected",
        "dave rejected it",
        "settle it with dave, who can take the no back: tidegate policy revoke sha256:a1a1a1a1a1a1",
    ),
    Case("a no that was taken back", active(), [said("dave", active(), Answer.REJECT, revoked_at=NOW)]),
    Case("a no of somebody who is not asked", active(), [said("alice", active(), Answer.REJECT)]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_counts(case: Case) -> None:
    decision = decided(case.policy, proposed(*case.answers, by=case.proposer), case.adopter)
    found = [(f.rule, f.verdict, f.message, f.remedy) for f in decision.against()]
    assert found == ([(case.rule, Verdict.DENY, case.message, case.remedy)] if case.rule else [])
    assert decision.allowed is not bool(case.rule)
    assert decision.findings


def test_somebody_disabled_counts_neither_way() -> None:
    gone = {"people": {"carol": {"name": "Carol", "groups": ["tech-leads"], "disabled": True}}}
    policy = active(LEADS, **gone)
    yes = decided(policy, proposed(said("carol", policy)))
    assert against(yes) == [
        ("adoption.approval.tech-leads", f"{NO_LEAD}; not counted: carol is disabled in the policy"),
    ]
    assert yes.against()[0].remedy.startswith("nobody is left who may: ")
    no = decided(policy, proposed(said("carol", policy, Answer.REJECT)))
    assert against(no) == against(yes)


def test_what_was_not_proposed_says_so_first() -> None:
    decision = decided(ONE_LEAD, AdoptionFacts(NEW))
    assert against(decision) == [
        ("adoption.proposed", "it was not proposed, so that nobody could approve it"),
        ("adoption.approval.tech-leads", NO_LEAD),
    ]
    assert decision.against()[0].remedy == "propose the file: tidegate policy propose; then have it approved"
    assert decided(active(), AdoptionFacts(NEW)).allowed


def test_an_adopter_without_a_name_is_nobody_in_particular() -> None:
    nobody = Actor("", "asked", Assurance.ASSERTED)
    assert decide_adoption(nobody, TWO, proposed(said("alice", TWO), said("bob", TWO)), NOW).allowed


def test_a_person_takes_the_seat_that_leaves_the_other_to_others() -> None:
    policy = active({"from": "module-team"}, {"from": "billing-owners"})
    answers = (said("alice", policy), said("bob", policy))
    assert [f.message for f in decided(policy, proposed(*answers)).findings] == ["approved by bob", "approved by alice"]
    assert against(decided(policy, proposed(answers[0]))) == [
        ("adoption.approval.billing-owners", "needs 1 approval from billing-owners, none given")
    ]


def test_the_order_of_the_answers_does_not_matter() -> None:
    answers = [said("alice", TWO), said("bob", TWO), said("erin", TWO), said("olga", TWO, Answer.REJECT)]
    decisions = {str(decided(TWO, proposed(*order))) for order in itertools.permutations(answers)}
    assert len(decisions) == 1


PEOPLE = ("alice", "bob", "carol", "dave", "erin", "olga", "mallory")
ANSWERS = st.lists(
    st.builds(
        lambda number, by, policy, answer, back, invalid: said(
            by,
            policy,
            answer,
            id=f"{number}",
            at=NOW - number * HOUR,
            revoked_at=NOW if back else None,
            invalid=invalid,
        ),
        st.integers(1, 40),
        st.sampled_from(PEOPLE),
        st.sampled_from([TWO, ONE_LEAD]),
        st.sampled_from(Answer),
        st.booleans(),
        st.sampled_from(["", "", "", "no key"]),
    ),
    max_size=8,
    unique_by=lambda answer: answer.id,
)


@given(ANSWERS, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE))
def test_nothing_passes_without_enough_others(answers: list[Approval], proposer: str, adopter: str) -> None:
    decision = decided(TWO, proposed(*answers, by=proposer), adopter)
    good = {
        answer.actor.person
        for answer in answers
        if answer.answer is Answer.APPROVE and not answer.invalid and answer.revoked_at is None
        if answer.subject == TWO.digest and answer.actor.person in {"alice", "bob", "erin"} - {proposer, adopter}
    }
    nos = {
        answer.actor.person
        for answer in answers
        if answer.answer is Answer.REJECT and not answer.invalid and answer.revoked_at is None
        if answer.actor.person in {"alice", "bob", "erin", "olga", proposer} - {"mallory"}
    }
    assert decision.allowed is (len(good) >= 2 and not nos)


@given(ANSWERS)
def test_facts_are_judged_the_same_when_they_are_read_again(answers: list[Approval]) -> None:
    known = proposed(*answers)
    again = TypeAdapter(AdoptionFacts).validate_json(canonical(known))
    assert decided(TWO, again) == decided(TWO, known)


def test_who_may_answer() -> None:
    policy = active(TEAM).policy
    approving = [name for name in (*policy.people, "mallory") if may_approve(policy, name)]
    assert sorted(approving) == ["alice", "bob", "erin"]
    rejecting = [name for name in (*policy.people, "mallory") if may_reject(policy, name, "dave")]
    assert sorted(rejecting) == ["alice", "bob", "dave", "erin", "olga"]


def test_a_digest_is_short_by_its_first_twelve_digits() -> None:
    assert short(NEW) == "sha256:a1a1a1a1a1a1"


# ---- a policy that would shut everybody out

KEYED = {name: {"keys": ["ssh-ed25519 AAAA"]} for name in ("olga", "alice", "bob", "carol", "erin")}
WHO = "who proposes and adopts does not count"


def unlocked(*rules: dict[str, Any], people: dict[str, Any] | None = None, **changes: Any) -> tuple[str, str] | None:
    """What ``shut_out`` says of the house in which everybody but dave has a key."""
    document = active(*rules).policy.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for name, more in (KEYED | (people or {})).items():
        document["people"][name] |= more
    document |= changes
    policy = type(active().policy).model_validate_json(canonical(document))
    found = shut_out(policy)
    return (found.what, found.remedy) if found else None


ENOUGH = [
    (),
    (TEAM,),
    (TEAM, LEADS),
    ({"from": "module-team", "count": 3},),
    ({"from": "ops", "author_may": True},),
]


@pytest.mark.parametrize("rules", ENOUGH, ids=str)
def test_a_policy_that_can_be_left_again(rules: tuple[dict[str, Any], ...]) -> None:
    assert unlocked(*rules) is None


def test_another_adopter_makes_an_approver_free() -> None:
    only_olga = unlocked({"from": "ops"})
    assert only_olga is not None
    assert only_olga[0] == "it asks for 1 approval from ops, and nobody could give one"
    assert unlocked({"from": "ops"}, permits={"adopt": ["ops", "carol"]}) is None
    assert unlocked({"from": "ops"}, permits={"adopt": ["ops", "dave"]}) == only_olga


def test_too_few_who_could_say_yes() -> None:
    found = unlocked({"from": "module-team", "count": 3}, people={"erin": {"keys": []}})
    assert found is not None
    assert found[0] == "it asks for 3 approvals from module-team, and only alice, bob could give one"
    assert found[1].endswith(WHO)


def test_one_person_in_two_groups_sits_once() -> None:
    found = unlocked({"from": "module-team", "count": 3}, {"from": "billing-owners"})
    assert found is not None
    assert found[0] == "it asks for 1 approval from billing-owners, and only alice could give one"


def test_nobody_may_or_can_adopt() -> None:
    assert unlocked(permits={"adopt": []}) == (
        "nobody is permitted to",
        "list under permits.adopt a person, or a group with a person in it, who has a key",
    )
    no_key = unlocked(people={"olga": {"keys": []}})
    assert no_key is not None
    assert no_key[0] == "olga can sign with no key"
    assert unlocked(people={"olga": {"keys": []}}, assurance="asserted") is None
    # Who adopts without a signature can approve with none: then they take no approver away.
    both = {"from": "module-team", "count": 3}
    assert unlocked(both, people={"olga": {"keys": []}}, assurance="asserted") is None
