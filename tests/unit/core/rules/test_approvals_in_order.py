"""Approvals to the end: separation of duties, sequence, veto, expiry, delegation, quorum, boards, clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.facts import (
    DAY,
    HOUR,
    NOW,
    against,
    approval,
    asked,
    both,
    facts,
    found,
    item,
    question,
    release,
    rulebook,
)
from tidegate.core.approval import Answer, Approval
from tidegate.core.board import Minutes, Point
from tidegate.core.decide import decide
from tidegate.core.decision import Action
from tidegate.core.delegation import Delegation
from tidegate.core.policy import Hand
from tidegate.core.rulebook import RulebookError
from tidegate.core.verdict import Verdict

PEOPLE: dict[str, Any] = {
    "quinn": {"name": "Quinn", "groups": ["qa"]},
    "rae": {"name": "Rae", "groups": ["qa"]},
    "erin": {"name": "Erin", "groups": ["deputies"]},
}


def policy(*rules: Mapping[str, object], **more: Any) -> dict[str, Any]:
    people = PEOPLE | more.pop("people", {})
    return {"people": people, "environments": {"production": {"approvals": list(rules)}}, "groups": {}} | more


LEADS = {"from": "tech-leads"}
QA = {"from": "qa"}


def yes(by: str, ago: timedelta = HOUR, **changes: Any) -> Approval:
    return approval(by, at=NOW - ago, **changes)


def handed(by: str, to: str, *scope: str, **changes: Any) -> Delegation:
    plain = Delegation(f"{by}-to-{to}", by, to, scope, NOW - DAY, NOW + DAY)
    return replace(plain, **changes)


DEPUTIES = policy(LEADS, groups={"tech-leads": {"delegates": ["deputies"]}})


# -- separation ------------------------------------------------------------------------------------------------------

HANDS = {"author": ("carol",), "co-author": ("bob",), "committer": ("dave",), "last-committer": ("alice",)}


@pytest.mark.parametrize(
    ("separation", "who", "why"),
    [
        (None, "carol", "is an author"),
        (None, "bob", "is a co-author"),
        (None, "dave", "committed it"),
        (None, "alice", ""),
        (["last-committer"], "alice", "made the last commit"),
        (["last-committer"], "carol", ""),
        (["requester"], "quinn", "opened the release"),
        (["requester"], "carol", ""),
        (["deployer"], "olga", "starts it"),
        ([], "carol", ""),
    ],
)
def test_who_does_not_approve_is_what_the_policy_separates(separation: list[str] | None, who: str, why: str) -> None:
    known = facts(replace(release(item(authors=("carol", "bob"), hands=HANDS)), opened_by="quinn"), approvals=())
    known = replace(known, approvals=(approval(who, known.release),))
    changes = {} if separation is None else {"separation": separation}
    book = rulebook(
        people={
            who: {"name": who, "groups": ["ops", "signers", "billing-owners", "identity-owners"]},
            "quinn": {"name": "Quinn", "groups": ["signers"]},
        },
        environments={"production": {"approvals": [{"from": "signers"}]}},
        **changes,
    )
    finding = found(asked(known, book), "approval.signers")
    assert (finding.verdict is Verdict.ALLOW) == (not why)
    assert not why or f"not counted: {who} {why}" in finding.message


def test_a_rule_may_separate_more_and_author_may_lets_only_those_who_wrote_it() -> None:
    known = facts(replace(release(item(authors=("carol",))), opened_by="carol"))
    known = replace(known, approvals=(approval("carol", known.release),))
    assert asked(known, rulebook(**policy(LEADS | {"author_may": True}))).allowed
    refused = asked(known, rulebook(**policy(LEADS | {"author_may": True, "separation": ["requester"]})))
    assert "carol opened the release" in found(refused, "approval.tech-leads").message


def test_a_release_that_does_not_tell_its_authors_apart_lets_none_of_them_approve() -> None:
    known = facts(release(item(authors=("carol",))))
    known = replace(known, approvals=(approval("carol", known.release),))
    for hand in (Hand.AUTHOR, Hand.CO_AUTHOR, Hand.COMMITTER, Hand.LAST_COMMITTER):
        assert not asked(known, rulebook(**policy(LEADS, separation=[hand.value]))).allowed


# -- sequence --------------------------------------------------------------------------------------------------------

LAST = LEADS | {"after": ["qa"]}


def test_an_approval_that_comes_after_another_counts_only_then() -> None:
    book = rulebook(**policy(QA, LAST))
    early = asked(facts(approvals=(yes("carol"),)), book)
    assert found(early, "approval.tech-leads").message == (
        "needs 1 approval from tech-leads, none given; not counted: carol answered before qa"
    )
    assert found(early, "approval.tech-leads").remedy == (
        "first complete qa, then tidegate approve billing-1.1.0 --for production, by carol"
    )
    too_soon = asked(facts(approvals=(yes("carol", 2 * HOUR), yes("quinn"))), book)
    assert found(too_soon, "approval.tech-leads").message.endswith(
        "carol answered before qa was complete, Tue 1 Dec 2026 09:00 PST"
    )
    assert asked(facts(approvals=(yes("quinn", 2 * HOUR), yes("carol"))), book).allowed


def test_a_sequence_of_three_and_a_second_seat_that_is_filled_late() -> None:
    last = {"from": "module-team", "after": ["tech-leads"]}
    book = rulebook(**policy(QA | {"count": 2}, LAST, last))
    rows = (yes("quinn", 5 * HOUR), yes("rae", 4 * HOUR), yes("carol", 3 * HOUR), yes("alice", 2 * HOUR))
    assert asked(facts(approvals=rows), book).allowed
    late = (yes("quinn", 5 * HOUR), yes("rae", timedelta(minutes=150)), *rows[2:])
    assert against(asked(facts(approvals=late), book)) == ["approval.tech-leads", "approval.module-team"]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ((LEADS | {"after": ["moon"]},), 'the approval "moon" is not asked together with this one'),
        ((QA | {"after": ["tech-leads"]}, LAST), "these approvals wait for each other for ever: qa, tech-leads"),
        ((LEADS | {"after": ["tech-leads"]},), "these approvals wait for each other for ever: tech-leads"),
    ],
)
def test_a_sequence_that_never_ends_is_no_policy(rules: tuple[dict[str, object], ...], said: str) -> None:
    with pytest.raises(RulebookError, match=said):
        rulebook(**policy(*rules))


# -- expiry ----------------------------------------------------------------------------------------------------------


def test_an_answer_that_expires_says_when_and_counts_until_then_and_no_longer() -> None:
    book = rulebook(**policy(LEADS | {"lasts": "7d"}))
    good = asked(facts(approvals=(yes("carol", 7 * DAY - HOUR),)), book)
    assert good.allowed
    assert found(good, "approval.tech-leads").message == ("approved by carol; it counts until Tue 1 Dec 2026 11:00 PST")
    over = asked(facts(approvals=(yes("carol", 7 * DAY),)), book)
    assert found(over, "approval.tech-leads").message.endswith(
        "carol answered too long ago: it counted until Tue 1 Dec 2026 10:00 PST"
    )


def test_what_goes_on_is_not_stopped_by_an_answer_that_expires_meanwhile() -> None:
    book = rulebook(**policy(LEADS | {"lasts": "7d"}))
    known = facts(approvals=(yes("carol", 8 * DAY),))
    going_on = question(Action.CONTINUE, granted=known.release.subject_for("production"))
    assert found(asked(known, book, going_on), "approval.tech-leads").verdict is Verdict.ALLOW


def test_an_answer_from_the_future_does_not_count() -> None:
    decision = asked(facts(approvals=(yes("carol", -HOUR),)), rulebook(**policy(LEADS)))
    assert found(decision, "approval.tech-leads").message.endswith(
        "carol answered Tue 1 Dec 2026 11:00 PST, which is later than now: a clock was set back"
    )


# -- veto ------------------------------------------------------------------------------------------------------------

NO = approval("bob", answer=Answer.REJECT)
OTHER = f"sha256:{'0' * 64}"


def test_a_no_of_anybody_denies_unless_the_policy_says_whose() -> None:
    known = facts(approvals=(yes("carol"), NO))
    assert "approval.rejected" in against(asked(known, rulebook(**policy(LEADS))))
    listed = asked(known, rulebook(**policy(LEADS, veto=["qa"])))
    assert listed.allowed
    assert found(listed, "approval.objection").message == "bob said no, and only qa can stop it by that"


def test_a_veto_stands_when_something_changes_until_it_is_taken_back_or_answered_anew() -> None:
    no = approval("quinn", answer=Answer.REJECT, subject=OTHER, at=NOW - 3 * HOUR)
    book = rulebook(**policy(LEADS, veto=["qa"]))
    given_ = (yes("carol"), no)
    assert against(asked(facts(approvals=given_), book)) == ["approval.rejected"]
    assert asked(facts(approvals=given_), rulebook(**policy(LEADS))).allowed
    assert asked(facts(approvals=(yes("carol"), replace(no, revoked_at=NOW))), book).allowed
    assert asked(facts(approvals=(*given_, yes("quinn", id="later"))), book).allowed
    left = rulebook(
        **policy(LEADS, veto=["qa"], people={"quinn": {"name": "Quinn", "groups": ["qa"], "disabled": True}})
    )
    assert asked(facts(approvals=given_), left).allowed


# -- delegation ------------------------------------------------------------------------------------------------------


def delegated(*given_: Approval, to: str = "erin", **changes: Any) -> Any:
    return facts(approvals=given_, delegations=(handed("carol", to, "tech-leads", **changes),))


def test_a_delegate_counts_in_the_place_of_who_named_them() -> None:
    decision = asked(delegated(yes("erin")), rulebook(**DEPUTIES))
    assert decision.allowed
    assert found(decision, "approval.tech-leads").message == "approved by erin for carol"


NOT = "needs 1 approval from tech-leads, none given"
COUNTLESS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("no delegates allowed", policy(LEADS), {}, f"{NOT}; not counted: erin is no delegate whom tech-leads may have"),
    ("over", DEPUTIES, {"until": NOW}, NOT),
    ("answered before it was made", DEPUTIES, {"at": NOW - timedelta(minutes=5)}, NOT),
    ("taken back", DEPUTIES, {"revoked_at": NOW}, NOT),
    ("not proven", DEPUTIES, {"invalid": "forged"}, NOT),
    ("about another group", DEPUTIES, {"scope": ("ops",)}, NOT),
    (
        "who named them is disabled",
        policy(
            LEADS,
            groups={"tech-leads": {"delegates": ["deputies"]}},
            people={"carol": {"name": "Carol", "groups": ["tech-leads"], "disabled": True}},
        ),
        {},
        NOT,
    ),
    (
        "who named them left the group",
        policy(
            LEADS,
            groups={"tech-leads": {"delegates": ["deputies"]}},
            people={"carol": {"name": "Carol", "groups": ["ops"]}},
        ),
        {},
        NOT,
    ),
]


@pytest.mark.parametrize(
    ("rules", "changes", "said"), [row[1:] for row in COUNTLESS], ids=[row[0] for row in COUNTLESS]
)
def test_a_delegate_does_not_count(rules: dict[str, Any], changes: dict[str, Any], said: str) -> None:
    decision = asked(delegated(yes("erin"), **changes), rulebook(**rules))
    assert found(decision, "approval.tech-leads").message == said


@pytest.mark.parametrize(
    ("author", "said"), [("carol", "erin speaks for carol, who is an author"), ("erin", "erin is an author")]
)
def test_an_author_neither_hands_a_voice_on_nor_is_handed_one(author: str, said: str) -> None:
    known = facts(release(item(authors=(author,))), delegations=(handed("carol", "erin", "tech-leads"),))
    known = replace(known, approvals=(approval("erin", known.release),))
    assert found(asked(known, rulebook(**DEPUTIES)), "approval.tech-leads").message == f"{NOT}; not counted: {said}"


def test_a_voice_fills_one_seat() -> None:
    two = policy(
        LEADS | {"count": 2},
        groups={"tech-leads": {"delegates": ["deputies"]}},
        people={"frank": {"name": "Frank", "groups": ["tech-leads"]}},
    )
    known = facts(approvals=(yes("carol"), yes("erin")), delegations=(handed("carol", "erin", "tech-leads"),))
    assert found(asked(known, rulebook(**two)), "approval.tech-leads").message == (
        "needs 2 approvals from tech-leads, 1 given (carol)"
    )


def test_nobody_hands_on_what_was_handed_to_them() -> None:
    chain = (handed("carol", "erin", "tech-leads"), handed("erin", "dave", "tech-leads"))
    more = {"dave": {"name": "Dave", "groups": ["deputies", "identity-owners"]}}
    rules = policy(LEADS, groups={"tech-leads": {"delegates": ["deputies"]}}, people=more)
    assert (
        found(
            asked(facts(approvals=(yes("dave"),), delegations=chain), rulebook(**rules)), "approval.tech-leads"
        ).message
        == NOT
    )


# -- quorum, trainings, types, clients -------------------------------------------------------------------------------


def test_whoever_asks_a_group_asks_its_quorum() -> None:
    book = rulebook(**policy(QA, groups={"qa": {"quorum": 2}}))
    one = asked(facts(approvals=(yes("quinn"),)), book)
    assert found(one, "approval.qa").message == "needs 2 approvals from qa, 1 given (quinn)"
    assert asked(facts(approvals=(yes("quinn"), yes("rae"))), book).allowed


def test_a_quorum_that_was_lowered_while_the_release_was_open_holds_as_it_was_pinned() -> None:
    pinned, current = (rulebook(**policy(QA, groups={"qa": {"quorum": number}})) for number in (2, 1))
    decision = asked(facts(approvals=(yes("quinn"),)), current, pinned=pinned)
    assert [(finding.rule, finding.policy) for finding in decision.against()] == [("approval.qa", "pinned")]


def test_who_lost_a_training_of_the_group_does_not_count() -> None:
    trained = {"quinn": {"name": "Quinn", "groups": ["qa"], "trained": {"testing": "2025-12-01"}}}
    rules = policy(QA, groups={"qa": {"trainings": ["testing"]}}, people=trained)
    title = {"title": "Testing"}
    good = rulebook(trainings={"testing": title}, **rules)
    assert asked(facts(approvals=(yes("quinn"),)), good).allowed
    lost = asked(facts(approvals=(yes("quinn"),)), rulebook(trainings={"testing": title | {"again": "365d"}}, **rules))
    assert found(lost, "approval.qa").message.endswith("not counted: quinn lacks the training testing")
    never = asked(facts(approvals=(yes("rae"),)), good)
    assert found(never, "approval.qa").message.endswith("not counted: rae lacks the training testing")


def test_an_environment_may_ask_of_some_types_alone() -> None:
    rules = policy(QA | {"types": ["hotfix"]}, LEADS)
    assert against(asked(facts(), rulebook(**rules))) == ["approval.tech-leads"]
    assert against(asked(facts(release(type="hotfix")), rulebook(**rules)))[-2:] == [
        "approval.qa",
        "approval.tech-leads",
    ]


def test_a_client_is_asked_before_a_component_of_theirs_goes_to_production() -> None:
    changes: dict[str, Any] = {
        "components": {"billing": {"client": "acme"}},
        "clients": {"acme": {"title": "Acme", "approvals": [{"from": "tech-leads"}]}},
    }
    assert against(asked(facts(), rulebook(**changes))) == ["approval.tech-leads"]
    assert asked(facts(approvals=(yes("carol"),)), rulebook(**changes)).allowed
    assert found(asked(facts(), rulebook(**changes), question(environment="staging")), "gate.tests").verdict


def test_two_entries_of_one_person_count_once_in_a_policy_of_old_and_are_no_policy_now() -> None:
    twice = {
        who: {"name": who, "groups": ["qa"], "email": mail}
        for who, mail in (("quinn", "q@x.example"), ("rae", "Q@x.example"))
    }
    with pytest.raises(RulebookError, match="rae and quinn have the same mail address, so that one person could count"):
        rulebook(**policy(QA, people=twice))


# -- boards ----------------------------------------------------------------------------------------------------------

BOARD = policy(QA | {"minutes": True, "count": 2})


def minutes(**changes: Any) -> Minutes:
    point = Point("billing-1.1.0", "production", release().subject_for("production"))
    return replace(Minutes("meeting-1", "qa", NOW - DAY, ("quinn", "rae"), point, True, "quinn", OTHER), **changes)


BOTH = (yes("quinn"), yes("rae"))


def test_an_approval_of_a_board_needs_its_minutes() -> None:
    assert asked(facts(approvals=BOTH, minutes=(minutes(),)), rulebook(**BOARD)).allowed
    without = asked(facts(approvals=BOTH), rulebook(**BOARD))
    assert found(without, "approval.qa").message == (
        "needs 2 approvals from qa, none given; not counted: quinn answered, and no minutes of qa name this release as "
        "it is; rae answered, and no minutes of qa name this release as it is"
    )
    nobody = asked(facts(), rulebook(**BOARD))
    assert found(nobody, "approval.qa").remedy == (
        "hold the meeting (tidegate board call qa billing-1.1.0:production), record its minutes, then tidegate approve "
        "billing-1.1.0 --for production, by quinn, rae"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"approved": False}, "the minutes of qa say no"),
        ({"attended": ("quinn",)}, "1 member of qa met, and a decision takes 2"),
        ({"attended": ("quinn", "olga")}, "1 member of qa met, and a decision takes 2"),
        ({"board": "tech-leads"}, "no minutes of qa name this release as it is"),
        ({"invalid": "forged"}, "no minutes of qa name this release as it is"),
        ({"at": NOW + HOUR}, "no minutes of qa name this release as it is"),
        ({"point": Point("billing-1.1.0", "production", OTHER)}, "no minutes of qa name this release as it is"),
        ({"point": Point("billing-1.1.0", "staging", release().subject_for("production"))}, "no minutes of qa name"),
        ({"point": Point("billing-1.0.9", "production", release().subject_for("production"))}, "no minutes of qa name"),
    ],
)
def test_minutes_that_do_not_hold(changes: dict[str, Any], said: str) -> None:
    decision = asked(facts(approvals=BOTH, minutes=(minutes(**changes),)), rulebook(**BOARD))
    assert said in found(decision, "approval.qa").message


def test_a_later_meeting_overrules_an_earlier_one() -> None:
    later = minutes(id="meeting-2", at=NOW - HOUR, approved=False)
    assert not asked(facts(approvals=BOTH, minutes=(minutes(), later)), rulebook(**BOARD)).allowed


# -- versions of the rules -------------------------------------------------------------------------------------------


def test_what_an_earlier_version_decided_is_judged_as_it_was() -> None:
    book = rulebook(
        **policy(QA, groups={"qa": {"quorum": 2, "trainings": ["testing"]}}),
        trainings={"testing": {"title": "T", "before": ["start"]}},
    )
    known = facts(approvals=(yes("quinn"),))
    assert decide(question(), both(book), known, NOW, version=2).allowed
    assert against(asked(known, book)) == ["training", "approval.qa"]


# -- properties ------------------------------------------------------------------------------------------------------

NAMES = ("alice", "bob", "carol", "quinn", "rae", "erin")
GROUPS = ("module-team", "tech-leads", "qa", "deputies")
RULES = st.builds(
    lambda group, number, lasts, after: (
        {"from": group, "count": number} | ({"lasts": lasts} if lasts else {}) | ({"after": after} if after else {})
    ),
    st.sampled_from(GROUPS),
    st.integers(1, 2),
    st.sampled_from([None, "2h", "10h"]),
    st.sampled_from([None, None, ["qa"], ["tech-leads"]]),
)
TIMES = st.integers(1, 20).map(lambda hours: NOW - hours * HOUR)
ANSWERS = st.lists(
    st.builds(
        lambda who, when, answer, number: approval(who, at=when, answer=answer, id=f"{who}-{number}"),
        st.sampled_from(NAMES),
        TIMES,
        st.sampled_from([Answer.APPROVE] * 5 + [Answer.REJECT]),
        st.integers(0, 3),
    ),
    max_size=8,
    unique_by=lambda each: each.id,
)


def delegation(by: str, to: str, scope: str, at: datetime, number: int) -> Delegation:
    return Delegation(f"{number}-{by}-{to}", by, to, (scope,), at, NOW + HOUR)


DELEGATIONS = st.lists(
    st.builds(
        delegation, st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(GROUPS), TIMES, st.integers(0, 9)
    ),
    max_size=6,
    unique_by=lambda each: each.id,
)


def book_of(rules: list[dict[str, Any]]) -> Any:
    try:
        return rulebook(
            **policy(*rules, groups={name: {"delegates": list(GROUPS)} for name in GROUPS}), separation=["author"]
        )
    except RulebookError:
        return None


@settings(max_examples=150, deadline=None)
@given(st.lists(RULES, min_size=1, max_size=3), RULES, ANSWERS, DELEGATIONS)
def test_another_demand_never_turns_a_no_into_a_yes(
    rules: list[dict[str, Any]], more: dict[str, Any], answers: list[Approval], delegations: list[Delegation]
) -> None:
    fewer, larger = book_of(rules), book_of([*rules, more])
    if fewer is None or larger is None:
        return
    known = facts(approvals=tuple(answers), delegations=tuple(delegations))
    if asked(known, larger).allowed:
        assert asked(known, fewer).allowed


@settings(max_examples=150, deadline=None)
@given(st.lists(RULES, min_size=1, max_size=3), ANSWERS, DELEGATIONS, st.randoms(use_true_random=False))
def test_no_order_matters(
    rules: list[dict[str, Any]], answers: list[Approval], delegations: list[Delegation], chance: Any
) -> None:
    book = book_of(rules)
    if book is None:
        return
    first = asked(facts(approvals=tuple(answers), delegations=tuple(delegations)), book)
    chance.shuffle(answers)
    chance.shuffle(delegations)
    again = asked(facts(approvals=tuple(answers), delegations=tuple(delegations)), book)
    assert first.findings == again.findings


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(NAMES), st.lists(RULES, min_size=1, max_size=3), ANSWERS, DELEGATIONS)
def test_no_graph_of_delegations_lets_an_author_count(
    author: str, rules: list[dict[str, Any]], answers: list[Approval], delegations: list[Delegation]
) -> None:
    book = book_of(rules)
    if book is None:
        return
    of = release(item(authors=(author,)))
    given_ = tuple(replace(each, subject=of.subject_for("production")) for each in answers)
    known = facts(of, approvals=given_, delegations=tuple(delegations))
    without = tuple(each for each in given_ if each.actor.person != author or each.answer is Answer.REJECT)
    decision = asked(known, book)
    for finding in decision.findings:
        if finding.rule.startswith("approval.") and finding.message.startswith("approved by"):
            named = finding.message.removeprefix("approved by ").partition(";")[0].replace(" for ", ", ").split(", ")
            assert author not in named
    if decision.allowed:
        # Whoever else counts does so without anything that the author did or was handed.
        assert asked(replace(known, approvals=without), book).allowed


@pytest.mark.parametrize(
    "key", [{"after": ["qa"]}, {"types": ["minor"]}, {"separation": ["deployer"]}, {"minutes": True}, {"lasts": "7d"}]
)
def test_what_means_something_only_of_a_release_is_refused_elsewhere(key: dict[str, object]) -> None:
    (name,) = key
    with pytest.raises(RulebookError, match=f"{name}: means something only for the approvals of a release"):
        rulebook(adoption={"approvals": [LEADS | key]})
