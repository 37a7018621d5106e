"""The life of a release, as a table."""

from __future__ import annotations

from enum import StrEnum

from tidegate.core.machine import Machine


class ReleaseState(StrEnum):
    """Where a release stands.

    open
        Being prepared, judged and approved. `release open` brings it here, and so does every rollout that ends
        without having taken it to all of production. It may stay for weeks. A crash leaves it as it is.
    rolling
        A rollout of it is under way somewhere. The decision that starts a rollout brings it here, the end of that
        rollout takes it out. After a crash the rollout's rows say how to go on.
    released
        It is verified in production, in each environment of that purpose in which its components have a target, or in
        some, and a person gave the rest up. Only a rollback of production takes it out of here. Where it is brought
        to another environment again, it stays.
    rolled_back
        It was in production, or on its way there, and was taken back. Final: the fix is another release.
    cancelled
        A person gave it up. Final.
    superseded
        A newer release of the component has all that is in it and more, and took its place. Final.
    """

    OPEN = "open"
    ROLLING = "rolling"
    RELEASED = "released"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @property
    def said(self) -> str:
        """The state in words."""
        return self.value.replace("_", " ")


class ReleaseEvent(StrEnum):
    """What happens to a release."""

    STARTED = "started"
    ADVANCED = "advanced"
    COMPLETED = "completed"
    TAKEN_BACK = "taken_back"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


RELEASE = Machine[ReleaseState, ReleaseEvent](
    "release",
    {
        ReleaseState.OPEN: {
            ReleaseEvent.STARTED: ReleaseState.ROLLING,
            ReleaseEvent.CANCELLED: ReleaseState.CANCELLED,
            ReleaseEvent.SUPERSEDED: ReleaseState.SUPERSEDED,
            ReleaseEvent.TAKEN_BACK: ReleaseState.ROLLED_BACK,
            ReleaseEvent.COMPLETED: ReleaseState.RELEASED,
        },
        ReleaseState.ROLLING: {
            ReleaseEvent.ADVANCED: ReleaseState.OPEN,
            ReleaseEvent.STOPPED: ReleaseState.OPEN,
            ReleaseEvent.COMPLETED: ReleaseState.RELEASED,
            ReleaseEvent.TAKEN_BACK: ReleaseState.ROLLED_BACK,
        },
        ReleaseState.RELEASED: {ReleaseEvent.TAKEN_BACK: ReleaseState.ROLLED_BACK},
        ReleaseState.ROLLED_BACK: {},
        ReleaseState.CANCELLED: {},
        ReleaseState.SUPERSEDED: {},
    },
)
