"""Effects: their state table, the order of tokens, and what an observation says of an effect."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.effect import (
    EFFECT,
    EFFECT_TABLE,
    EVENT_OF_FINDING,
    Act,
    Effect,
    EffectEvent,
    EffectState,
    Finding,
    Health,
    Observation,
    Package,
    Presence,
    Stage,
    Token,
    judge,
)
from tidegate.errors import TransitionError, UsageError

TO = Package("1.1.0", "a" * 64, "shop")
OTHER = Package("1.0.0", "b" * 64, "shop")
EFFECT_1 = Effect("r1", "wave1", "web1", 1, "shop", "production", Act.DEPLOY, TO, OTHER)
REMOVAL = replace(EFFECT_1, act=Act.REMOVE, to=None)
TOKEN = Token(1, 5)
DONE = Observation("web1", True, TO, TOKEN, EFFECT_1.key, Stage.DONE, Health.YES)

tokens = st.builds(Token, st.integers(0, 3), st.integers(0, 3), st.integers(0, 1))
presences = st.one_of(st.sampled_from([TO, OTHER]), st.sampled_from(Presence))
observations = st.builds(
    Observation,
    unit=st.just("web1"),
    reachable=st.booleans(),
    running=presences,
    token=st.none() | tokens,
    last_key=st.sampled_from([None, EFFECT_1.key, "r0:wave1:web1:1"]),
    last_stage=st.none() | st.sampled_from(Stage),
    healthy=st.sampled_from(Health),
    busy=st.booleans(),
)


@given(state=st.sampled_from(EffectState), event=st.sampled_from(EffectEvent))
def test_what_the_table_does_not_list_raises(state: EffectState, event: EffectEvent) -> None:
    if event in EFFECT_TABLE[state]:
        assert EFFECT.next(state, event) is EFFECT_TABLE[state][event]
        return
    with pytest.raises(TransitionError, match=f"effect that is {state.value} cannot take {event.value}"):
        EFFECT.next(state, event)


def test_every_state_is_in_the_table_and_reached_from_intended() -> None:
    reached, new = set[EffectState](), {EffectState.INTENDED}
    while new:
        reached |= new
        new = {to for state in new for to in EFFECT_TABLE[state].values()} - reached
    assert reached == set(EFFECT_TABLE) == set(EffectState)


def test_nothing_is_confirmed_that_was_not_dispatched() -> None:
    assert EffectState.CONFIRMED not in EFFECT_TABLE[EffectState.INTENDED].values()
    assert [state for state in EffectState if EFFECT.is_final(state)] == [
        EffectState.CONFIRMED,
        EffectState.FAILED,
        EffectState.OVERTAKEN,
        EffectState.WITHDRAWN,
    ]


@given(finding=st.sampled_from(Finding), state=st.sampled_from([EffectState.DISPATCHED, EffectState.UNKNOWN]))
def test_every_finding_can_be_recorded_on_an_effect_that_was_dispatched(finding: Finding, state: EffectState) -> None:
    assert EVENT_OF_FINDING[finding] in EFFECT_TABLE[state]


@given(lower=tokens, higher=tokens)
def test_tokens_are_ordered_by_epoch_then_counter_then_glass(lower: Token, higher: Token) -> None:
    parts = [(token.epoch, token.counter, token.glass) for token in (lower, higher)]
    assert (lower < higher) == (parts[0] < parts[1])


@given(tokens)
def test_breaking_the_glass_outranks_its_lease_and_no_later_one(token: Token) -> None:
    assert token.breaking_glass() >= token
    assert token.breaking_glass() < Token(token.epoch, token.counter + 1)


def test_only_numbers_from_zero_are_tokens() -> None:
    for fields in ((-1, 0, 0), (0, -1, 0), (0, 0, 2)):
        with pytest.raises(UsageError, match="is not a fencing token"):
            Token(*fields)


@pytest.mark.parametrize(
    ("seen", "finding"),
    [
        (DONE, Finding.CONFIRMED),
        (replace(DONE, healthy=Health.CANNOT_TELL), Finding.CONFIRMED),
        (replace(DONE, healthy=Health.NO), Finding.FAILED),
        (replace(DONE, token=Token(1, 6)), Finding.CONFIRMED),
        (replace(DONE, running=OTHER), Finding.IN_DOUBT),
        (replace(DONE, running=Presence.FOREIGN), Finding.IN_DOUBT),
        (replace(DONE, running=Presence.ABSENT), Finding.IN_DOUBT),
        (replace(DONE, reachable=False), Finding.IN_DOUBT),
        (replace(DONE, busy=True), Finding.IN_DOUBT),
        (replace(DONE, running=Presence.UNSEEN), Finding.IN_DOUBT),
        (replace(DONE, last_key="r0:wave1:web1:1"), Finding.NOT_DONE),
        (replace(DONE, last_key=None, last_stage=None, token=None, running=Presence.ABSENT), Finding.NOT_DONE),
        (replace(DONE, last_key="r0:wave1:web1:1", token=Token(1, 6)), Finding.OVERTAKEN),
        (replace(DONE, last_key="r0:wave1:web1:1", token=Token(1, 5, 1)), Finding.OVERTAKEN),
        (replace(DONE, last_stage=Stage.RESTARTING), Finding.IN_DOUBT),
        (replace(DONE, last_stage=Stage.RESTARTING, token=Token(1, 6)), Finding.OVERTAKEN),
        (replace(DONE, last_stage=Stage.STOPPING), Finding.IN_DOUBT),
        (replace(DONE, last_stage=Stage.RESTART_FAILED), Finding.FAILED),
        (replace(DONE, last_stage=Stage.SWITCHED), Finding.NOT_DONE),
        (replace(DONE, last_stage=Stage.RESTARTED), Finding.NOT_DONE),
    ],
)
def test_what_an_observation_says_of_an_effect(seen: Observation, finding: Finding) -> None:
    assert judge(EFFECT_1, seen, TOKEN) is finding


def test_a_removal_is_confirmed_by_absence_alone() -> None:
    gone = replace(DONE, running=Presence.ABSENT, last_key=REMOVAL.key, healthy=Health.CANNOT_TELL)
    assert judge(REMOVAL, gone, TOKEN) is Finding.CONFIRMED
    assert judge(REMOVAL, replace(gone, running=TO), TOKEN) is Finding.IN_DOUBT


@given(observations, tokens)
def test_confirmed_is_only_what_was_read_back_as_done(seen: Observation, token: Token) -> None:
    if judge(EFFECT_1, seen, token) is Finding.CONFIRMED:
        assert seen.reachable
        assert TO.same_as(seen.running)
        assert (seen.last_key, seen.last_stage) == (EFFECT_1.key, Stage.DONE)


@given(observations, tokens)
def test_what_cannot_be_read_is_in_doubt(seen: Observation, token: Token) -> None:
    assert judge(EFFECT_1, replace(seen, reachable=False), token) is Finding.IN_DOUBT


@given(observations, tokens)
def test_who_is_outranked_is_never_told_to_go_on(seen: Observation, token: Token) -> None:
    outranked = replace(seen, token=Token(token.epoch, token.counter + 1))
    assert judge(EFFECT_1, outranked, token) is not Finding.NOT_DONE


HOSTILE = ["", "-rf", "../x", "a/b", "a b", "a\nb", ".hidden", "a;b", "$(x)", "a:b", "é", "x" * 129, "a\0"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_no_name(text: str) -> None:
    for what in ("rollout", "step", "unit", "component", "environment"):
        with pytest.raises(UsageError, match=f"{what} .* is not a name"):
            replace(EFFECT_1, **{what: text})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"version .* is not a name"):
        Package(text, "a" * 64)


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "a" * 65, "../" + "a" * 61, "g" * 64])
def test_only_a_sha_256_is_a_digest(digest: str) -> None:
    with pytest.raises(UsageError, match="is not a SHA-256 digest"):
        Package("1.0.0", digest)


def test_an_effect_goes_to_a_version_or_removes() -> None:
    with pytest.raises(UsageError, match="an effect that is to deploy needs a version to go to"):
        replace(EFFECT_1, to=None)
    with pytest.raises(UsageError, match="an effect that is to remove needs no version to go to"):
        replace(REMOVAL, to=TO)
    with pytest.raises(UsageError, match="attempts count from 1"):
        replace(EFFECT_1, attempt=0)


def test_each_attempt_has_a_key_of_its_own() -> None:
    assert EFFECT_1.key == "r1:wave1:web1:1"
    assert replace(EFFECT_1, attempt=2).key == "r1:wave1:web1:2"
