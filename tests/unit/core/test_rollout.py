from __future__ import annotations

import inspect
import re

import pytest

from tidegate.core.rollout import ACTIVE, ROLLOUT, RolloutEvent, RolloutState
from tidegate.errors import TransitionError

S, E = RolloutState, RolloutEvent


def test_every_state_stands_in_the_table() -> None:
    assert set(ROLLOUT.table) == set(RolloutState)
    assert {event for row in ROLLOUT.table.values() for event in row} == set(RolloutEvent)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([E.WAVE_CONFIRMED, E.PROVEN, E.WAVE_CONFIRMED, E.FINISHED], S.SUCCEEDED),
        ([E.FINISHED, E.REVERSED, E.RETURNED], S.ROLLED_BACK),
        ([E.WAVE_CONFIRMED, E.REVERSED], S.REVERSING),
        ([E.WAVE_CONFIRMED, E.PAUSED, E.RESUMED], S.RUNNING),
        ([E.WAVE_CONFIRMED, E.PAUSED, E.FINISHED], S.SUCCEEDED),
        ([E.DOUBTED, E.RESOLVED], S.RUNNING),
        ([E.DOUBTED, E.PAUSED, E.REVERSED, E.RETURNED], S.ROLLED_BACK),
    ],
)
def test_a_life(events: list[RolloutEvent], state: RolloutState) -> None:
    current = S.RUNNING
    for event in events:
        current = ROLLOUT.next(current, event)
    assert current is state


@pytest.mark.parametrize("state", sorted(ACTIVE | {S.SUCCEEDED}))
def test_a_rollback_can_always_take_it_over(state: RolloutState) -> None:
    assert ROLLOUT.next(state, E.REVERSED) is S.REVERSING


@pytest.mark.parametrize("event", sorted(set(RolloutEvent) - {E.RETURNED}))
def test_nothing_disturbs_what_is_being_taken_back(event: RolloutEvent) -> None:
    with pytest.raises(TransitionError) as caught:
        ROLLOUT.next(S.REVERSING, event)
    assert caught.value.what == f"a rollout that is reversing cannot be {event.value}"
    assert caught.value.remedy == "what it can take now: returned"


def test_what_may_act_is_what_is_neither_over_nor_taken_over() -> None:
    assert set(RolloutState) - ACTIVE == {S.REVERSING, S.SUCCEEDED, S.ROLLED_BACK}


def test_every_state_is_explained() -> None:
    told = inspect.cleandoc(RolloutState.__doc__ or "")
    assert re.findall(r"^(\w+)$", told, re.MULTILINE) == [state.value for state in RolloutState]


def test_a_state_is_told_in_words() -> None:
    assert (S.IN_DOUBT.said, S.ROLLED_BACK.said, S.RUNNING.said) == ("in doubt", "rolled back", "running")
