"""A driver whose target has a database: its migrations are run in a wave of their own, before and after the units.

It puts itself around another driver and keeps to the same contract. The database has a unit of its own, ``database``,
to which ``deploy`` means to run the migrations of a version, and ``restore`` to undo those that it does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.core.effect import Effect, Health, Observation, Package, Token
from tidegate.core.wave import DATABASE
from tidegate.drivers.contract import Abilities, Driver, Readiness, Step, Target

if TYPE_CHECKING:
    from tidegate.databases.database import Database


class MigratedDriver:
    """The driver of a target that has a database."""

    def __init__(self, driver: Driver, database: Database) -> None:
        self._driver = driver
        self._database = database

    @property
    def target(self) -> Target:
        return self._driver.target

    @property
    def abilities(self) -> Abilities:
        return replace(
            self._driver.abilities, database=self._database.tool, database_goes_back=self._database.goes_back
        )

    @property
    def units(self) -> tuple[str, ...]:
        return self._driver.units

    def online(self, unit: str) -> Readiness:
        return self._database.online() if unit == DATABASE else self._driver.online(unit)

    def observe(self, unit: str) -> Observation:
        return self._database.observe() if unit == DATABASE else self._driver.observe(unit)

    def render(self, effects: Sequence[Effect]) -> tuple[Step, ...]:
        return tuple(step for effect in effects for step in self._steps(effect))

    def apply(self, effect: Effect, package: Path | None, token: Token) -> Observation:
        acting = self._database if effect.unit == DATABASE else self._driver
        return acting.apply(effect, package, token)

    def adopt(self, unit: str, version: str, token: Token) -> Observation:
        return self._driver.adopt(unit, version, token)

    def health(self, unit: str) -> Health:
        return Health.CANNOT_TELL if unit == DATABASE else self._driver.health(unit)

    def counts_source(self, unit: str) -> str | None:
        return None if unit == DATABASE else self._driver.counts_source(unit)

    def write_way_back(self, unit: str, document: bytes, token: Token, keeps: Sequence[Package] = ()) -> None:
        self._driver.write_way_back(unit, document, token, keeps)

    def read_way_back(self, unit: str) -> bytes | None:
        return self._driver.read_way_back(unit)

    def _steps(self, effect: Effect) -> tuple[Step, ...]:
        if effect.unit != DATABASE:
            return self._driver.render([effect])
        sentence, argv = self._database.sentence(effect)
        return (Step(effect.key, effect.unit, "migrate", sentence, argv),)
