from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.release import RELEASE, ReleaseEvent, ReleaseState
from tidegate.errors import TransitionError

S, E = ReleaseState, ReleaseEvent


def test_every_state_stands_in_the_table() -> None:
    assert set(RELEASE.table) == set(ReleaseState)
    assert {event for row in RELEASE.table.values() for event in row} == set(ReleaseEvent)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], S.OPEN),
        ([E.STARTED], S.ROLLING),
        ([E.STARTED, E.ADVANCED], S.OPEN),
        ([E.STARTED, E.STOPPED], S.OPEN),
        ([E.STARTED, E.ADVANCED, E.STARTED, E.COMPLETED], S.RELEASED),
        ([E.STARTED, E.COMPLETED, E.TAKEN_BACK], S.ROLLED_BACK),
        ([E.STARTED, E.TAKEN_BACK], S.ROLLED_BACK),
        ([E.CANCELLED], S.CANCELLED),
    ],
)
def test_a_life(events: list[ReleaseEvent], state: ReleaseState) -> None:
    current = S.OPEN
    for event in events:
        current = RELEASE.next(current, event)
    assert current is state


@pytest.mark.parametrize(
    ("state", "event", "what"),
    [
        (S.ROLLING, E.CANCELLED, "a release that is rolling cannot be cancelled"),
        (S.ROLLING, E.STARTED, "a release that is rolling cannot be started"),
        (S.RELEASED, E.STARTED, "a release that is released cannot be started"),
        (S.ROLLED_BACK, E.STARTED, "a release that is rolled back cannot be started"),
        (S.CANCELLED, E.STARTED, "a release that is cancelled cannot be started"),
    ],
)
def test_what_cannot_be(state: ReleaseState, event: ReleaseEvent, what: str) -> None:
    with pytest.raises(TransitionError) as caught:
        RELEASE.next(state, event)
    assert caught.value.what == what


@given(st.lists(st.sampled_from(ReleaseEvent), max_size=12))
def test_what_is_over_stays_over_and_what_was_taken_back_never_goes_again(events: list[ReleaseEvent]) -> None:
    state, seen = S.OPEN, [S.OPEN]
    for event in events:
        if event in RELEASE.table[state]:
            state = RELEASE.next(state, event)
            seen.append(state)
    for final in (S.ROLLED_BACK, S.CANCELLED):
        assert final not in seen[:-1]
    assert seen.count(S.RELEASED) <= 1


def test_every_state_is_explained() -> None:
    told = inspect.cleandoc(ReleaseState.__doc__ or "")
    assert re.findall(r"^(\w+)$", told, re.MULTILINE) == [state.value for state in ReleaseState]
