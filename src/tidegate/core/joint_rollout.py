"""The life of a joint rollout, as a table: the rollouts of a release's components to one environment, one after the
other, carried out as one."""

from __future__ import annotations

from enum import StrEnum

from tidegate.core.machine import Machine


class JointState(StrEnum):
    """Where a joint rollout stands.

    running
        The rollout of one of its components is under way, or waits for a person: that rollout says how it stands. The
        start of the component brings it here, the end of its rollout takes it out. After a crash that rollout's rows
        say how to go on.
    waiting
        A component is done, and the next one has not begun. The executor asks the rules about it, at once and again
        as long as they refuse; whatever changes asks at once. After a crash the next sweep asks.
    paused
        Nothing of it is under way, and a person has to take it on: somebody paused it, or who started it is not
        proven any more. May stay for ever, and is shown as waiting. A rollback can always take it out.
    returning
        It is taken back, the last component first. The executor begins each way back when the one before has ended.
        After a crash the next sweep goes on.
    in_doubt
        A part of it was taken back and the rest stands: a component may not go back by itself, or somebody took one
        back alone. A person takes back the rest. May stay for ever, and is shown.
    succeeded
        Each component was carried and found good. A later rollback may take it back.
    rolled_back
        Nothing that it brought stands any more, confirmed by reading back. Final.
    """

    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    RETURNING = "returning"
    IN_DOUBT = "in_doubt"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"

    @property
    def said(self) -> str:
        """The state in words."""
        return self.value.replace("_", " ")


class JointEvent(StrEnum):
    """What happens to a joint rollout."""

    STEPPED = "stepped"
    BEGUN = "begun"
    FINISHED = "finished"
    PAUSED = "paused"
    REVERSED = "reversed"
    DOUBTED = "doubted"
    RETURNED = "returned"


_S, _E = JointState, JointEvent
_AWAY = {_E.REVERSED: _S.RETURNING, _E.DOUBTED: _S.IN_DOUBT, _E.RETURNED: _S.ROLLED_BACK}

JOINT_ROLLOUT = Machine[JointState, JointEvent](
    "joint rollout",
    {
        _S.RUNNING: {_E.STEPPED: _S.WAITING, _E.FINISHED: _S.SUCCEEDED, **_AWAY},
        _S.WAITING: {_E.BEGUN: _S.RUNNING, _E.FINISHED: _S.SUCCEEDED, _E.PAUSED: _S.PAUSED, **_AWAY},
        _S.PAUSED: {_E.BEGUN: _S.RUNNING, _E.FINISHED: _S.SUCCEEDED, **_AWAY},
        _S.RETURNING: {_E.DOUBTED: _S.IN_DOUBT, _E.RETURNED: _S.ROLLED_BACK},
        _S.IN_DOUBT: {_E.REVERSED: _S.RETURNING, _E.RETURNED: _S.ROLLED_BACK},
        _S.SUCCEEDED: _AWAY,
        _S.ROLLED_BACK: {},
    },
)

UNDER_WAY = frozenset({_S.RUNNING, _S.WAITING, _S.PAUSED, _S.RETURNING, _S.IN_DOUBT})
"""The states in which it is not over; the schema allows one such row for each release and environment."""

GOES_ON = frozenset({_S.RUNNING, _S.WAITING, _S.PAUSED})
"""The states in which it still goes forward, or may."""
