"""A driver that keeps a little world in memory and passes the contract suite: it stands in for platforms in tests.

The world outlives the drivers that act in it, as real hosts outlive our processes.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.core.effect import (
    Act,
    Effect,
    Health,
    Observation,
    Package,
    Presence,
    Stage,
    Token,
)
from tidegate.drivers.contract import Abilities, Fence, Readiness, Step, Target
from tidegate.errors import FencedError, NotFoundError, TargetError, UsageError

_ENDED = frozenset({Stage.DONE, Stage.RESTART_FAILED, Stage.STOP_FAILED})


@dataclass(slots=True)
class SimulatedUnit:
    """One host of the world. Tests read it, and set what goes wrong with it."""

    running: Package | Presence = Presence.ABSENT
    token: Token | None = None
    journal: list[tuple[str, Stage]] = field(default_factory=list)
    kept: dict[tuple[str, str], Package] = field(default_factory=dict)
    keeps: frozenset[tuple[str, str]] = frozenset()
    way_back: bytes | None = None
    restarts: int = 0
    reachable: bool = True
    room: bool = True  #: whether a package still fits
    restart_works: bool = True


def _healthy(unit: str, package: Package) -> Health:
    return Health.YES


class SimulatedWorld:
    """The hosts, by name. ``health`` says how a version fares on a unit."""

    def __init__(self, units: Sequence[str], health: Callable[[str, Package], Health] = _healthy) -> None:
        self.units = {name: SimulatedUnit() for name in units}
        self.health = health
        self.lock = threading.RLock()


class SimulatorDriver:
    """The contract, kept in memory.

    Args:
        at: called with the stage and the unit after each line of a unit's journal; raises to end an act there, as a
            power cut would.
    """

    def __init__(
        self, target: Target, world: SimulatedWorld, at: Callable[[Stage, str], None] = lambda stage, unit: None
    ) -> None:
        self._target = target
        self._world = world
        self._at = at

    @property
    def target(self) -> Target:
        return self._target

    @property
    def abilities(self) -> Abilities:
        return Abilities(fence=Fence.TARGET, restore=True, remove=True, adopt=True, way_back_on_target=True)

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(self._world.units)

    def online(self, unit: str) -> Readiness:
        if not self._unit(unit).reachable:
            return Readiness(unit, False, f"{unit}: no answer", "Bring the host back.")
        return Readiness(unit, True, "simulated")

    def observe(self, unit: str) -> Observation:
        with self._world.lock:
            state = self._unit(unit)
            if not state.reachable:
                return Observation(unit, False, Presence.UNSEEN, detail="no answer")
            key, stage = state.journal[-1] if state.journal else (None, None)
            kept = tuple(state.kept[key] for key in sorted(state.kept))
            return Observation(unit, True, state.running, state.token, key, stage, self.health(unit), kept=kept)

    def render(self, effects: Sequence[Effect]) -> tuple[Step, ...]:
        return tuple(
            Step(effect.key, effect.unit, verb, f"{verb} {effect.to or 'nothing'}")
            for effect in effects
            for verb in self._verbs(effect)
        )

    def apply(self, effect: Effect, package: Path | None, token: Token) -> Observation:
        verbs = self._verbs(effect)
        with self._world.lock:
            state = self._admit(effect.unit, token)
            seen = {stage for key, stage in state.journal if key == effect.key}
            begun = {Stage.RESTARTING: Stage.RESTARTED, Stage.STOPPING: Stage.STOPPED}
            in_doubt = any(start in seen and end not in seen for start, end in begun.items())
            if not seen & _ENDED and not in_doubt:
                self._check_superseded(effect, state, seen)
                self._carry_out(_Work(self, effect, package, state, seen), verbs)
            return self.observe(effect.unit)

    def adopt(self, unit: str, version: str, token: Token) -> Observation:
        with self._world.lock:
            state = self._unit(unit)
            if state.running is Presence.ABSENT:
                raise TargetError(f"nothing runs on {unit}", where=unit, remedy="Deploy a first version instead.")
            state = self._admit(unit, token, foreign=True)
            if not isinstance(state.running, Package):
                adopted = Package(version, hashlib.sha256(unit.encode()).hexdigest(), "adopted")
                state.running = state.kept[adopted.version, adopted.digest] = adopted
            return self.observe(unit)

    def health(self, unit: str) -> Health:
        state = self._unit(unit)
        if not state.reachable or not isinstance(state.running, Package):
            return Health.CANNOT_TELL
        return self._world.health(unit, state.running)

    def counts_source(self, unit: str) -> str | None:
        self._unit(unit)
        return None

    def write_way_back(self, unit: str, document: bytes, token: Token, keeps: Sequence[Package] = ()) -> None:
        with self._world.lock:
            state = self._admit(unit, token)
            state.way_back = document
            state.keeps = frozenset((package.version, package.digest) for package in keeps)

    def read_way_back(self, unit: str) -> bytes | None:
        state = self._unit(unit)
        if not state.reachable:
            raise _unreachable(unit)
        return state.way_back

    def _unit(self, unit: str) -> SimulatedUnit:
        try:
            return self._world.units[unit]
        except KeyError:
            raise NotFoundError(
                f"{self._target.component} has no host {unit!r} in {self._target.environment}",
                remedy=f"Use one of: {', '.join(self._world.units)}.",
            ) from None

    def _admit(self, unit: str, token: Token, foreign: bool = False) -> SimulatedUnit:
        state = self._unit(unit)
        if not state.reachable:
            raise _unreachable(unit)
        if state.running is Presence.FOREIGN and not foreign:
            raise TargetError(
                f"{unit} holds files that Tidegate did not put there", where=unit, remedy="Run `tidegate adopt`."
            )
        if state.token is not None and state.token > token:
            raise FencedError(
                f"token {token} is outranked by {state.token}, which this host has seen",
                where=unit,
                remedy="Stop: somebody else has taken over.",
            )
        state.token = token
        return state

    def _verbs(self, effect: Effect) -> tuple[str, ...]:
        self._unit(effect.unit)
        if (effect.component, effect.environment) != (self._target.component, self._target.environment):
            raise UsageError(
                f"an effect on {effect.component} in {effect.environment} is not for this target",
                remedy="Ask the driver of its own target.",
            )
        return ("stop", "switch") if effect.act is Act.REMOVE else ("receive", "switch", "restart", "health", "prune")

    def _check_superseded(self, effect: Effect, state: SimulatedUnit, seen: set[Stage]) -> None:
        if seen and state.journal[-1][0] != effect.key:
            raise TargetError(
                f"key {effect.key} was left unfinished, and {state.journal[-1][0]} came after it",
                where=effect.unit,
                remedy="Observe the host, and begin a new attempt.",
            )

    def _carry_out(self, work: _Work, verbs: Sequence[str]) -> None:
        for verb in verbs:
            getattr(work, verb)()
            if work.seen & _ENDED:
                return
        work.note(Stage.DONE)


@dataclass(slots=True)
class _Work:
    """One key being carried out."""

    driver: SimulatorDriver
    effect: Effect
    package: Path | None
    state: SimulatedUnit
    seen: set[Stage]

    def note(self, stage: Stage) -> None:
        self.state.journal.append((self.effect.key, stage))
        self.seen.add(stage)
        self.driver._at(stage, self.effect.unit)

    def receive(self) -> None:
        to, unit = self._to, self.effect.unit
        if (to.version, to.digest) in self.state.kept:
            return
        if self.package is None:
            raise TargetError(
                f"the host does not have release {to}, and no package was given",
                where=unit,
                remedy="Give the package of this version.",
            )
        if not self.state.room:
            raise TargetError("no room: the disk is full", where=unit, remedy="Free space on the host, then try again.")
        digest = hashlib.sha256(self.package.read_bytes()).hexdigest()
        if digest != to.digest:
            raise TargetError(
                f"the package was refused: its digest is {digest}, and should be {to.digest}",
                where=unit,
                remedy="Build the package again, and look at it.",
            )
        self.state.kept[to.version, to.digest] = to
        self.note(Stage.UNPACKED)

    def switch(self) -> None:
        if Stage.SWITCHED not in self.seen:
            self.state.running = self.effect.to or Presence.ABSENT
            self.note(Stage.SWITCHED)

    def restart(self) -> None:
        self._command(Stage.RESTARTING, Stage.RESTARTED, Stage.RESTART_FAILED)

    def stop(self) -> None:
        if isinstance(self.state.running, Package):
            self._command(Stage.STOPPING, Stage.STOPPED, Stage.STOP_FAILED)

    def health(self) -> None:
        healthy = self.driver.health(self.effect.unit)
        self.note(Stage.HEALTHY if healthy is Health.YES else Stage.UNHEALTHY)

    def prune(self) -> None:
        """Keep the last three, and what one may have to return to."""
        previous = self.effect.previous
        wanted = set(list(self.state.kept)[-3:]) | self.state.keeps | {(self._to.version, self._to.digest)}
        if previous:
            wanted.add((previous.version, previous.digest))
        for key in [key for key, package in self.state.kept.items() if key not in wanted and package.name != "adopted"]:
            del self.state.kept[key]

    @property
    def _to(self) -> Package:
        if self.effect.to is None:
            raise UsageError(f"{self.effect.key} goes to no version", remedy="Use remove to go to absent.")
        return self.effect.to

    def _command(self, begun: Stage, ended: Stage, failed: Stage) -> None:
        if ended in self.seen:
            return
        self.note(begun)
        self.state.restarts += 1
        self.note(ended if self.state.restart_works else failed)


def _unreachable(unit: str) -> TargetError:
    return TargetError("the host does not answer", where=unit, remedy="Bring the host back, then observe it.")
