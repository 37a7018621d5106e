from __future__ import annotations

from enum import StrEnum

import pytest

from tidegate.core.machine import Machine
from tidegate.errors import TransitionError


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    DARK = "dark"


class Event(StrEnum):
    SWITCH = "switch"
    FAIL = "fail"


LIGHT = Machine[Light, Event](
    "traffic light",
    {
        Light.RED: {Event.SWITCH: Light.GREEN, Event.FAIL: Light.DARK},
        Light.GREEN: {Event.SWITCH: Light.RED},
        Light.DARK: {},
    },
)


def test_an_event_that_is_listed_leads_on() -> None:
    assert LIGHT.next(Light.RED, Event.SWITCH) is Light.GREEN
    assert LIGHT.next(Light.GREEN, Event.SWITCH) is Light.RED


@pytest.mark.parametrize(
    ("state", "what", "remedy"),
    [
        (Light.GREEN, "a traffic light that is green cannot take fail", "what it can take now: switch"),
        (Light.DARK, "a traffic light that is dark cannot take fail", "what it can take now: nothing: it is over"),
    ],
)
def test_an_event_that_is_not_listed_raises(state: Light, what: str, remedy: str) -> None:
    with pytest.raises(TransitionError) as caught:
        LIGHT.next(state, Event.FAIL)
    assert (caught.value.what, caught.value.remedy) == (what, remedy)


def test_only_what_leads_nowhere_is_final() -> None:
    assert [state for state in Light if LIGHT.is_final(state)] == [Light.DARK]


def test_the_diagram_is_the_table() -> None:
    assert LIGHT.diagram() == (
        "stateDiagram-v2\n"
        "    [*] --> red\n"
        "    red --> green: switch\n"
        "    red --> dark: fail\n"
        "    green --> red: switch\n"
        "    dark --> [*]\n"
    )
