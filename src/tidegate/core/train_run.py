"""A run of a train: when its releases are opened, when they are locked, when it departs, and who was aboard.

A run is a row with a due time; each step is done once. The releases of its components are opened at the freeze of its
environment, or earlier where the policy says so: then what joins later joins the next run. From the freeze on, what is
aboard is locked. At the departure it is written down who may go, and what stands in the way of the rest; when the run
closes, who went. Whoever missed it is aboard the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tidegate.core.calendar import Departure, Timetable
from tidegate.core.facts import Change, Release
from tidegate.core.machine import Machine
from tidegate.core.policy import Freeze, Policy, Skippable, Train

BY_HAND = "by-hand"
"""In place of a time: people open the releases of a train."""


class RunState(StrEnum):
    """Where a run of a train stands.

    planned
        Its time has not come. The adoption of a policy plans the next run of each of its trains, and each run that
        boards, or is missed, the one after it. A crash leaves it as it is.
    boarded
        The releases of its components were opened, or it is known why not. It is locked at the freeze. A crash while
        they are opened leaves it planned; whoever looks next opens those that are missing.
    locked
        What is aboard is fixed: only what the freeze allows still joins.
    departed
        It stands at the platform: what may go can start, until it closes.
    closed
        It is written down who went and who missed it. Final.
    missed
        Its departure passed before its releases were opened, since nobody looked, or the policy gave it up. Final.
    """

    PLANNED = "planned"
    BOARDED = "boarded"
    LOCKED = "locked"
    DEPARTED = "departed"
    CLOSED = "closed"
    MISSED = "missed"


class RunEvent(StrEnum):
    """What happens to a run."""

    BOARDED = "boarded"
    LOCKED = "locked"
    DEPARTED = "departed"
    CLOSED = "closed"
    PASSED = "passed"
    WITHDRAWN = "withdrawn"


TRAIN_RUN = Machine[RunState, RunEvent](
    "train run",
    {
        RunState.PLANNED: {
            RunEvent.BOARDED: RunState.BOARDED,
            RunEvent.PASSED: RunState.MISSED,
            RunEvent.WITHDRAWN: RunState.MISSED,
        },
        RunState.BOARDED: {
            RunEvent.LOCKED: RunState.LOCKED,
            RunEvent.WITHDRAWN: RunState.MISSED,
        },
        RunState.LOCKED: {
            RunEvent.DEPARTED: RunState.DEPARTED,
            RunEvent.WITHDRAWN: RunState.MISSED,
        },
        RunState.DEPARTED: {RunEvent.CLOSED: RunState.CLOSED},
        RunState.CLOSED: {},
        RunState.MISSED: {},
    },
)

UNDER_WAY = frozenset({RunState.BOARDED, RunState.LOCKED, RunState.DEPARTED})
"""The states of a run that has passengers and is not over."""

IS_LOCKED = frozenset({RunState.LOCKED, RunState.DEPARTED})
"""The states of a run whose passengers are fixed."""


class Standing(StrEnum):
    """How a component stands in a run: from what it has aboard to what became of it."""

    ABOARD = "aboard"
    NOT_OPENED = "not opened"
    MAY_GO = "may go"
    HELD_UP = "held up"
    WENT = "went"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Run:
    """One run, all times UTC: ``boards_at <= locks_at <= departs_at < closes_at``."""

    train: str
    departs_at: datetime
    boards_at: datetime
    locks_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Passenger:
    """What a component has in a run. ``release`` is empty where none could be opened; ``because`` says why.

    ``opened`` is whether the train opened it, ``later`` how many changes at the branch it does not have.
    """

    component: str
    release: str
    version: str
    standing: Standing
    because: tuple[str, ...] = ()
    opened: bool = False
    later: int = 0


def run_of(policy: Policy, name: str, departure: Departure) -> Run:
    """The run of a train that departs so."""
    train = policy.trains[name]
    freeze = freeze_of(policy, train)
    locks_at = departure.opens - (freeze.before if freeze else timedelta(0))
    ahead = train.opens if isinstance(train.opens, timedelta) else timedelta(0)
    return Run(name, departure.opens, min(locks_at, departure.opens - ahead), locks_at, departure.closes)


def freeze_of(policy: Policy, train: Train) -> Freeze | None:
    """The freeze before a departure of a train; None where its environment has none."""
    environment = policy.environments.get(train.to)
    return environment.freeze if environment else None


def departure_after(timetable: Timetable, moment: datetime) -> Departure | None:
    """The first departure after ``moment``; None: none within the horizon."""
    found = timetable.departure_at_or_after(moment)
    while found is not None and found.opens <= moment:
        found = timetable.departure_at_or_after(found.closes)
    return found


MOST_DEPARTURES = 1000
"""How many departures are counted at most."""


def departures(timetable: Timetable, after: datetime, until: datetime) -> Iterable[Departure]:
    """The departures after one moment and not after another, in order."""
    found = departure_after(timetable, after)
    for _ in range(MOST_DEPARTURES):
        if found is None or found.opens > until:
            return
        yield found
        found = departure_after(timetable, found.opens)


def riders(policy: Policy, train: str) -> list[str]:
    """The components that ride a train, by name."""
    return sorted(name for name in policy.components if train in policy.trains_of(name))


def rides(policy: Policy, release_type: str) -> bool:
    """Whether releases of a type ride trains; one that the policy does not know rides none."""
    kind = policy.release_types.get(release_type)
    return kind is not None and Skippable.TRAIN not in kind.skips


def joined_since(older: Release, changes: Iterable[Change]) -> list[Change]:
    """The changes that an older release of the same component does not have."""
    known = {change.sha for item in older.items for change in item.changes}
    return [change for change in changes if change.sha not in known]


def not_let_in(freeze: Freeze, changes: Iterable[Change]) -> list[Change]:
    """The changes that may not join any more once the content is frozen."""
    return [change for change in changes if change.kind not in freeze.allow or change.breaking]
