from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.policy import Strategy
from tidegate.core.rollout import ACTIVE, ROLLOUT, RolloutEvent, RolloutState, waves
from tidegate.errors import TransitionError

S, E = RolloutState, RolloutEvent


def strategy(**kinds: Any) -> Strategy:
    return Strategy.model_validate(kinds)


def rolling(batch: object) -> Strategy:
    return strategy(rolling={"batch": batch})


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
    assert caught.value.what == f"a rollout that is reversing cannot take {event.value}"
    assert caught.value.remedy == "what it can take now: returned"


def test_what_may_act_is_what_is_neither_over_nor_taken_over() -> None:
    assert set(RolloutState) - ACTIVE == {S.REVERSING, S.SUCCEEDED, S.ROLLED_BACK}


def test_every_state_is_explained() -> None:
    told = inspect.cleandoc(RolloutState.__doc__ or "")
    assert re.findall(r"^(\w+)$", told, re.MULTILINE) == [state.value for state in RolloutState]


UNITS = [f"host-{n}" for n in range(1, 31)]


@pytest.mark.parametrize(
    ("how", "units", "sizes"),
    [
        (strategy(recreate={}), 3, [3]),
        (strategy(recreate={}), 0, []),
        (rolling(1), 3, [1, 1, 1]),
        (rolling(2), 5, [2, 2, 1]),
        (rolling(10), 3, [3]),
        (rolling(0.25), 4, [1, 1, 1, 1]),
        (rolling(0.25), 3, [1, 1, 1]),
        (rolling(0.5), 3, [2, 1]),
        # As floats, 0.28 * 25 is a little more than 7.
        (rolling(0.28), 25, [7, 7, 7, 4]),
        (rolling(0.1), 30, [3] * 10),
        (rolling(0.07), 30, [3] * 10),
        (rolling(0.000001), 2, [1, 1]),
        (rolling(0.5), 0, []),
    ],
)
def test_waves(how: Strategy, units: int, sizes: list[int]) -> None:
    assert [len(wave) for wave in waves(UNITS[:units], how)] == sizes


@given(st.integers(0, 30), st.integers(1, 40) | st.sampled_from([0.01, 0.1, 0.25, 0.333333, 0.5, 0.99]))
def test_every_unit_is_in_one_wave_in_its_order(units: int, batch: float) -> None:
    made = waves(UNITS[:units], rolling(batch))
    assert [unit for wave in made for unit in wave] == UNITS[:units]
    assert all(made)
    assert len({len(wave) for wave in made[:-1]}) <= 1
