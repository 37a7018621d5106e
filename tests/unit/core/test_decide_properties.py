from __future__ import annotations

import math
import random
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tests.support.facts import (
    HOUSE,
    NOW,
    against,
    approval,
    asked,
    both,
    compiled,
    facts,
    found,
    hold,
    item,
    question,
    release,
    rulebook,
    subject,
)
from tests.support.strategies import (
    DEMANDS,
    GOOD,
    GOOD_RELEASE,
    demands,
    document,
    moments,
    questions,
    somewhat_damaged,
)
from tidegate.core.actor import AUTOMATION, Actor, Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Decision, Policies, Question
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Change, Facts, Head, Hold, Item, Origin, Release, Running, Verified, WayBack
from tidegate.core.policy import Policy
from tidegate.core.release import ReleaseState
from tidegate.core.rulebook import Rulebook, compile_policy
from tidegate.core.subject import Subject
from tidegate.core.verdict import Verdict

# Building a policy takes longer than deciding by it, and is done once for each.
PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EMPTY = compiled({key: HOUSE[key] for key in ("tidegate", "organization", "timezone")})
FORWARD = (Action.START, Action.CONTINUE)


def going(action: Action, by: str | Actor = "olga", environment: str = "production") -> Question:
    return question(action, environment, by, granted=GOOD_RELEASE.subject_for(environment))


def under_way(known: Facts, action: Action) -> Facts:
    state = ReleaseState.ROLLING if action is Action.CONTINUE else ReleaseState.OPEN
    return replace(known, release=replace(known.release, state=state))


# ---- what never lets anything through


@PROPERTY
@given(somewhat_damaged, questions)
def test_an_empty_policy_refuses_everything(known: Facts, about: Question) -> None:
    assert asked(known, EMPTY, about).verdict is Verdict.DENY


@PROPERTY
@given(demands, somewhat_damaged, st.sampled_from(Action), st.text(max_size=12))
def test_nothing_allows_an_unknown_environment(asks: frozenset[str], known: Facts, action: Action, name: str) -> None:
    policy = compiled(document(asks))
    assume(name not in policy.policy.environments)
    decision = asked(known, policy, question(action, name))
    assert decision.verdict is Verdict.DENY
    assert decision.next_possible is None


@PROPERTY
@given(demands, st.sampled_from(Action), st.sampled_from(["alice", "bob", "mallory", "", "ops", AUTOMATION]))
def test_nothing_allows_who_may_not(asks: frozenset[str], action: Action, who: str) -> None:
    made = document(asks)
    del made["watch"]
    decision = asked(under_way(GOOD, action), compiled(made), going(action, who))
    assert decision.verdict is Verdict.DENY
    assert "actor.permitted" in against(decision)


@PROPERTY
@given(demands, somewhat_damaged, st.sampled_from(["junit", "coverage", "smoke"]))
def test_without_evidence_of_a_kind_no_gate_on_it_passes(asks: frozenset[str], known: Facts, kind: str) -> None:
    gate = {"junit": "gate.tests", "coverage": "gate.coverage", "smoke": "gate.smoke"}[kind]
    without = replace(known, evidence=tuple(piece for piece in known.evidence if piece.kind != kind))
    policy = compiled(document(asks | {"a gate", "another gate"}))
    findings = [f for f in asked(without, policy).findings if f.rule == gate]
    assert len(findings) == len(known.release.items)
    assert all(f.verdict is Verdict.CANNOT_TELL for f in findings)


@PROPERTY
@given(demands, st.sampled_from(sorted(DEMANDS)), somewhat_damaged, questions, moments)
@example(frozenset(), "a gate", GOOD, question(), NOW)
def test_adding_a_demand_never_turns_a_no_into_a_yes(
    asks: frozenset[str], more: str, known: Facts, about: Question, now: datetime
) -> None:
    base = document(asks)
    stricter = deepcopy(base)
    DEMANDS[more](stricter)
    if asked(known, compiled(stricter), about, now).allowed:
        assert asked(known, compiled(base), about, now).allowed


@PROPERTY
@given(demands, somewhat_damaged, questions, moments)
def test_adding_a_hold_never_turns_a_no_into_a_yes(
    asks: frozenset[str], known: Facts, about: Question, now: datetime
) -> None:
    policy = compiled(document(asks))
    if asked(replace(known, holds=(*known.holds, hold(id="one more"))), policy, about, now).allowed:
        assert asked(known, policy, about, now).allowed


def test_the_first_demand_is_what_opens_an_environment() -> None:
    """The one exception: what asks for nothing is closed, and its first gate opens it."""
    nothing: dict[str, Any] = {"environments": {"production": {"gates": []}}}
    assert against(asked(policy=rulebook(**nothing))) == ["requirement.present"]
    assert asked(policy=rulebook()).allowed


@PROPERTY
@given(demands, somewhat_damaged, st.sampled_from([Action.START, Action.CONTINUE]), moments)
def test_one_more_requirement_never_turns_a_no_into_a_yes(
    asks: frozenset[str], known: Facts, action: Action, now: datetime
) -> None:
    policy, about = compiled(document(asks)), going(action)
    items = [replace(i, requires={**i.requires, "platform": ">=3"}) for i in known.release.items]
    more = replace(known, release=replace(known.release, items=tuple(items)))
    if asked(more, policy, about, now).allowed:
        assert asked(known, policy, about, now).allowed


@PROPERTY
@given(demands, somewhat_damaged, questions, moments)
def test_rules_of_before_let_no_less_through(
    asks: frozenset[str], known: Facts, about: Question, now: datetime
) -> None:
    policies = both(compiled(document(asks)))
    if decide(about, policies, known, now).allowed:
        assert decide(about, policies, known, now, version=1).allowed


# ---- what does not matter


def shuffled(known: Facts, seed: int) -> Facts:
    chance = random.Random(seed)

    def mixed(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(chance.sample(values, len(values)))

    items = tuple(replace(i, changes=mixed(i.changes), authors=mixed(i.authors)) for i in known.release.items)
    return replace(
        known,
        release=replace(known.release, items=mixed(items)),
        evidence=mixed(known.evidence),
        approvals=mixed(known.approvals),
        verified=mixed(known.verified),
        holds=mixed(known.holds),
        way_back=mixed(known.way_back),
        running=mixed(known.running),
        origins=tuple(replace(o, heads=mixed(o.heads)) for o in mixed(known.origins)),
    )


@PROPERTY
@given(demands, somewhat_damaged, questions, st.integers(0, 1000))
def test_the_order_of_facts_does_not_matter(asks: frozenset[str], known: Facts, about: Question, seed: int) -> None:
    policy = compiled(document(asks))
    assert asked(shuffled(known, seed), policy, about) == asked(known, policy, about)


@PROPERTY
@given(demands, somewhat_damaged, questions)
def test_the_same_question_has_the_same_answer(asks: frozenset[str], known: Facts, about: Question) -> None:
    policy = compiled(document(asks))
    assert asked(known, policy, about) == asked(known, policy, about)


@PROPERTY
@given(demands, st.text(max_size=8))
def test_a_commit_to_another_module_voids_nothing(asks: frozenset[str], commit: str) -> None:
    policy = compiled(document(asks - {"a branch"}))
    there = replace(GOOD_RELEASE.items[0], subject=subject(commit=commit))
    moved = replace(GOOD, release=replace(GOOD_RELEASE, items=(there,)))
    assert asked(moved, policy) == asked(GOOD, policy)


@pytest.mark.parametrize(
    ("part", "void"),
    [
        ({"source": "sha256:x"}, {"gate.tests", "gate.coverage", "gate.smoke", "approval.owners", "after.staging"}),
        ({"artifacts": "sha256:x"}, {"gate.smoke", "approval.owners", "after.staging"}),
        ({"migrations": "sha256:x"}, {"approval.owners", "after.staging"}),
        ({"configuration": {"production": "sha256:x"}}, {"approval.owners"}),
        ({"targets": {"staging": "sha256:x"}}, {"after.staging"}),
    ],
)
def test_a_changed_part_voids_all_that_bound_it_and_nothing_else(part: dict[str, Any], void: set[str]) -> None:
    policy = compiled(document({"a gate", "another gate", "the owners", "staging"}))
    changed = replace(GOOD, release=release(item(subject=subject(**part))))
    assert set(against(asked(changed, policy))) == void


# ---- two policies


@PROPERTY
@given(demands, demands, somewhat_damaged, questions, moments)
def test_going_forward_needs_yes_from_both_policies_and_going_back_from_the_current(
    old: frozenset[str], new: frozenset[str], known: Facts, about: Question, now: datetime
) -> None:
    pinned, current = compiled(document(old)), compiled(document(new))
    decision = asked(known, current, about, now, pinned=pinned)
    by_current, by_pinned = asked(known, current, about, now), asked(known, pinned, about, now)
    if about.action is Action.ROLLBACK:
        assert decision == by_current
        assert decision.policies == (current.digest,)
    else:
        assert decision.allowed is (by_current.allowed and by_pinned.allowed)


# ---- total, and the same years later


texts = st.text(max_size=6) | st.sampled_from(["production", "billing", "minor", "olga", "\ud800", "junit", "hold"])
instants = st.datetimes(timezones=st.just(UTC)) | st.sampled_from(
    [NOW, datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
anything: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
actors = st.builds(Actor, texts, texts, st.sampled_from(Assurance))
mappings = st.dictionaries(texts, texts, max_size=2)
any_facts = st.builds(
    Facts,
    st.builds(
        Release,
        texts,
        texts,
        st.sampled_from(ReleaseState),
        st.lists(
            st.builds(
                Item,
                texts,
                texts,
                texts,
                st.builds(Subject, texts, texts, texts, mappings, mappings, texts),
                instants,
                st.lists(st.builds(Change, texts, texts, texts, st.booleans(), texts), max_size=2).map(tuple),
                st.lists(texts, max_size=2).map(tuple),
                mappings,
            ),
            max_size=2,
        ).map(tuple),
        instants,
        texts,
        st.none() | instants,
    ),
    st.lists(
        st.builds(
            Evidence,
            texts,
            st.sampled_from(["junit", "coverage", "smoke", "gossip"]),
            texts,
            mappings,
            st.dictionaries(texts | st.sampled_from(["total", "failed", "line"]), anything, max_size=3),
            instants,
            instants,
            texts,
            texts,
            texts,
        ),
        max_size=3,
    ).map(tuple),
    st.lists(
        st.builds(
            Approval,
            texts,
            actors,
            st.sampled_from(Answer),
            texts,
            texts,
            instants,
            texts,
            texts,
            texts,
            st.none() | instants,
        ),
        max_size=2,
    ).map(tuple),
    st.lists(st.builds(Verified, texts, texts, texts, texts, instants), max_size=2).map(tuple),
    st.lists(st.builds(Hold, texts, texts, texts, instants, st.none() | instants, texts, texts), max_size=2).map(tuple),
    st.lists(st.builds(WayBack, texts, texts, st.none() | instants, st.none() | st.booleans(), texts), max_size=2).map(
        tuple
    ),
    st.lists(st.builds(Running, texts, texts, texts, mappings, texts), max_size=3).map(tuple),
    st.lists(
        st.builds(
            Origin, texts, texts, st.lists(st.builds(Head, texts, texts, st.booleans()), max_size=2).map(tuple), texts
        ),
        max_size=2,
    ).map(tuple),
)
any_question = st.builds(Question, st.sampled_from(Action), actors, texts, texts, st.booleans())


@PROPERTY
@given(demands, any_facts, any_question | questions, instants)
def test_it_never_raises(asks: frozenset[str], known: Facts, about: Question, now: datetime) -> None:
    decision = asked(known, compiled(document(asks)), about, now)
    assert isinstance(decision, Decision)
    assert decision.findings


@PROPERTY
@given(demands, somewhat_damaged)
def test_values_that_are_no_numbers_never_pass(asks: frozenset[str], known: Facts) -> None:
    strange: dict[str, object] = {"total": math.nan, "failed": math.nan, "line": math.inf}
    nothing = replace(known, evidence=tuple(replace(piece, values=strange) for piece in known.evidence))
    policy = compiled(document(asks | {"a gate", "another gate"}))
    gates = [f.verdict for f in asked(nothing, policy).findings if f.rule.startswith("gate.")]
    assert set(gates) == {Verdict.CANNOT_TELL}


def test_a_subject_that_has_no_digest_allows_nothing() -> None:
    half = facts(release(item(to_version="\ud800")))
    decision = asked(half, rulebook(environments={"production": {"approvals": [{"from": "$owners"}]}}))
    assert decision.subject == ""
    # Without an answer for it nobody has to know the subject; with one, the rule cannot tell.
    answered = replace(half, approvals=(approval("alice", GOOD_RELEASE),))
    again = asked(answered, rulebook(environments={"production": {"approvals": [{"from": "$owners"}]}}))
    assert found(again, "approval").verdict is Verdict.CANNOT_TELL
    assert not decision.allowed


def test_a_rulebook_may_be_any_that_compiles() -> None:
    policy = Policy.model_validate_json('{"tidegate": 1, "organization": "x", "timezone": "UTC"}')
    least: Rulebook = compile_policy(policy, "sha256:0")
    assert decide(question(), Policies(least, least), facts(), NOW).verdict is Verdict.DENY
    assert both(least).pinned is least
