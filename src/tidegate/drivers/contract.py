"""The contract of every driver.

A driver is built for one target: one component in one environment, with the settings of the policy. Its *units* are
the smallest parts that it acts on separately, such as hosts. Every method may be called from several threads at once,
for different units and for the same one.

Time-outs, limits, redaction and the wrapping of foreign errors are in ``drivers/command.py``, once for all drivers.
The suite in ``tests/contract/test_driver_contract.py`` holds every driver, and the simulator, to these promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # Checking a policy asks what drivers there are, and acts on nothing.
    from tidegate.core.effect import Effect, Health, Observation, Package, Token


class Fence(StrEnum):
    """Where a late actor is stopped."""

    TARGET = "target"  #: the unit keeps the highest token and refuses a lower one
    STORE = "store"  #: only Tidegate's store does: an actor frozen past its lease may act once more


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a driver can do; planning reads it, and the contract suite skips by it."""

    fence: Fence
    restore: bool  #: can go back to an earlier version
    remove: bool  #: can go back to absent
    adopt: bool  #: can record what runs there today
    way_back_on_target: bool  #: keeps the way back on the unit, readable without Tidegate's store
    switch: str = ""  #: the name of the traffic switch
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: the units of each pool of a traffic switch
    weighs: bool = True  #: whether the traffic switch can give a pool a part; else all or nothing
    flag: str = ""  #: the feature flag that can be switched on for a share of the users
    database: str = ""  #: the tool that runs the migrations of its database
    database_goes_back: bool = False  #: whether the policy lets that database go back
    images: bool = False  #: runs images: a package is an image lock, with the archive it names beside it


@dataclass(frozen=True, slots=True)
class Target:
    """What a driver is built for."""

    component: str
    environment: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer to "are you there, and may I?"; ``remedy`` is empty where the answer is yes."""

    unit: str
    ready: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that will be done on one unit, as a value. ``argv`` is empty where no command is run."""

    key: str
    unit: str
    verb: str
    sentence: str
    argv: tuple[str, ...] = ()


class Driver(Protocol):
    """Deploys one component to the units of one environment."""

    @property
    def target(self) -> Target:
        """What it was built for."""

    @property
    def abilities(self) -> Abilities:
        """What it can do. Constant, and known without touching the target."""

    @property
    def units(self) -> tuple[str, ...]:
        """The units, in the order of the policy."""

    def online(self, unit: str) -> Readiness:
        """Whether the unit is there and we may act on it. Changes nothing; never raises for what it finds there.

        Raises:
            NotFoundError: there is no such unit (so does every method below).
        """

    def observe(self, unit: str) -> Observation:
        """What the unit runs, how far it came with the last key, which token it has seen, whether it is healthy.

        Changes nothing. Waits briefly for an act under way, so that one which outlives its caller is seen complete;
        then says ``busy``. A unit that does not answer is an observation too (``reachable`` is false), not an error.
        """

    def render(self, effects: Sequence[Effect]) -> tuple[Step, ...]:
        """What ``apply`` would do for each effect, in order. Touches nothing; ``apply`` carries out these very steps.

        Raises:
            UsageError: an effect is not for this target, or needs an ability that the driver does not have.
        """

    def apply(self, effect: Effect, package: Path | None, token: Token) -> Observation:
        """Carry out ``effect`` and read the unit back.

        Idempotent by ``effect.key``: a second call resumes where the first one stopped; it never restarts a second
        time, and where the key is done it changes nothing. Where a restart was begun and its end was not recorded, it
        changes nothing either: the observation says so, and a new attempt (a new key) is a decision.

        A bad outcome (restart failed, unhealthy) is an observation, not an error.

        Args:
            package: the file of ``effect.to``; may be None for what the unit still keeps. For a driver that runs
                images it is an image lock (``core/image_lock.py``), and ``<archive>.tar.gz`` lies beside it.
            token: remembered by the unit before anything else is done.

        Raises:
            FencedError: the unit has seen a higher token; nothing was changed.
            TargetError: it could not be carried out or its answer was lost; observe before going on.
            UsageError: as ``render``.
        """

    def adopt(self, unit: str, version: str, token: Token) -> Observation:
        """Record what the unit runs today as ``version``, so that one can return to it. Restarts nothing.

        A second call changes nothing where what runs is already known.

        Raises:
            FencedError, TargetError: as ``apply``; also where nothing is there, or not in a form that can be kept.
        """

    def health(self, unit: str) -> Health:
        """One health check, now. A unit that does not answer us is *cannot tell*."""

    def counts_source(self, unit: str) -> str | None:
        """Where the watch reads this unit's counts (a URL), or None where the policy names none."""

    def write_way_back(self, unit: str, document: bytes, token: Token, keeps: Sequence[Package] = ()) -> None:
        """Leave ``document`` on the unit, replacing an earlier one; durable when it returns.

        ``keeps`` are versions that it leads to: the unit never removes them while the document stands.

        Raises:
            FencedError, TargetError: as ``apply``.
        """

    def read_way_back(self, unit: str) -> bytes | None:
        """The document last written, or None.

        Raises:
            TargetError: the unit does not answer.
        """
