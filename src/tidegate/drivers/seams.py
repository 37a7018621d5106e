"""The seam at which the kill matrix stops a process: before and after each call to a driver."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from tidegate.core.effect import Effect, Health, Observation, Package, Token
from tidegate.drivers.contract import Abilities, Driver, Readiness, Step, Target

T = TypeVar("T")


class SeamedDriver:
    """A driver that calls ``at("apply:before:web1")`` and ``at("apply:after:web1")`` around what touches the unit.

    ``at`` names the method, the side and the unit. It may end the process, or raise; then the call, or its answer,
    is lost as it would be in a crash.
    """

    def __init__(self, driver: Driver, at: Callable[[str], None]) -> None:
        self._driver = driver
        self._at = at

    @property
    def target(self) -> Target:
        return self._driver.target

    @property
    def abilities(self) -> Abilities:
        return self._driver.abilities

    @property
    def units(self) -> tuple[str, ...]:
        return self._driver.units

    def render(self, effects: Sequence[Effect]) -> tuple[Step, ...]:
        return self._driver.render(effects)

    def counts_source(self, unit: str) -> str | None:
        return self._driver.counts_source(unit)

    def online(self, unit: str) -> Readiness:
        return self._between("online", unit, lambda: self._driver.online(unit))

    def observe(self, unit: str) -> Observation:
        return self._between("observe", unit, lambda: self._driver.observe(unit))

    def apply(self, effect: Effect, package: Path | None, token: Token) -> Observation:
        return self._between("apply", effect.unit, lambda: self._driver.apply(effect, package, token))

    def adopt(self, unit: str, version: str, token: Token) -> Observation:
        return self._between("adopt", unit, lambda: self._driver.adopt(unit, version, token))

    def health(self, unit: str) -> Health:
        return self._between("health", unit, lambda: self._driver.health(unit))

    def write_way_back(self, unit: str, document: bytes, token: Token, keeps: Sequence[Package] = ()) -> None:
        self._between("write_way_back", unit, lambda: self._driver.write_way_back(unit, document, token, keeps))

    def read_way_back(self, unit: str) -> bytes | None:
        return self._between("read_way_back", unit, lambda: self._driver.read_way_back(unit))

    def _between(self, method: str, unit: str, call: Callable[[], T]) -> T:
        self._at(f"{method}:before:{unit}")
        answer = call()
        self._at(f"{method}:after:{unit}")
        return answer
