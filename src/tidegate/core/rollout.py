"""The life of a rollout, as a table."""

from __future__ import annotations

from enum import StrEnum

from tidegate.core.machine import Machine


class Direction(StrEnum):
    """Whether a rollout carries a new version forward, goes back, or only recorded what ran already."""

    FORWARD = "forward"
    BACK = "back"
    ADOPTED = "adopted"


class RolloutState(StrEnum):
    """Where a rollout stands.

    running
        A leg carries a wave. A decision (start, continue, resume) brings it here together with the leg; the end of
        the wave takes it out. Bounded by the drivers' time-outs. After a crash the engine re-enters the leg, which
        reads every dispatched effect back.
    watching
        Nothing is being done; the watch looks at what runs. The end of a wave brings it here, a verdict takes it out,
        at the latest when the watch's time is over. After a crash the next sweep goes on from the detector's row.
    paused
        Waits for a person: the watch was inconclusive, a hold or a lost right stopped it, or somebody paused it. May
        stay for ever, and is shown as waiting. A rollback can always take it out.
    in_doubt
        An effect is UNKNOWN: its target could not be read back. The executor asks the target again until it answers;
        a person may roll back meanwhile.
    reversing
        A rollback has taken over the lease and is under way; it alone acts now.
    succeeded
        All waves are confirmed by reading back, and the watch found them good. A later rollback may reverse it.
    rolled_back
        A rollback has undone it, confirmed by reading back. Final.
    """

    RUNNING = "running"
    WATCHING = "watching"
    PAUSED = "paused"
    IN_DOUBT = "in_doubt"
    REVERSING = "reversing"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"

    @property
    def said(self) -> str:
        """The state in words."""
        return self.value.replace("_", " ")


class RolloutEvent(StrEnum):
    """What happens to a rollout."""

    WAVE_CONFIRMED = "wave_confirmed"
    PROVEN = "proven"
    FINISHED = "finished"
    PAUSED = "paused"
    RESUMED = "resumed"
    DOUBTED = "doubted"
    RESOLVED = "resolved"
    REVERSED = "reversed"
    RETURNED = "returned"


_S, _E = RolloutState, RolloutEvent

ROLLOUT = Machine[RolloutState, RolloutEvent](
    "rollout",
    {
        _S.RUNNING: {
            _E.WAVE_CONFIRMED: _S.WATCHING,
            _E.FINISHED: _S.SUCCEEDED,
            _E.PAUSED: _S.PAUSED,
            _E.DOUBTED: _S.IN_DOUBT,
            _E.REVERSED: _S.REVERSING,
        },
        _S.WATCHING: {
            _E.PROVEN: _S.RUNNING,
            _E.FINISHED: _S.SUCCEEDED,
            _E.PAUSED: _S.PAUSED,
            _E.REVERSED: _S.REVERSING,
        },
        _S.PAUSED: {_E.RESUMED: _S.RUNNING, _E.FINISHED: _S.SUCCEEDED, _E.REVERSED: _S.REVERSING},
        _S.IN_DOUBT: {_E.RESOLVED: _S.RUNNING, _E.PAUSED: _S.PAUSED, _E.REVERSED: _S.REVERSING},
        _S.REVERSING: {_E.RETURNED: _S.ROLLED_BACK},
        _S.SUCCEEDED: {_E.REVERSED: _S.REVERSING},
        _S.ROLLED_BACK: {},
    },
)

ACTIVE = frozenset({_S.RUNNING, _S.WATCHING, _S.PAUSED, _S.IN_DOUBT})
"""The states in which a rollout owns its component in its environment; the schema allows one such row each."""
