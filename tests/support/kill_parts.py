"""Parts of a driver that the kill matrix stops inside of a call: at each of the steps that it takes there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tidegate.backups.keeping import Keeping
from tidegate.core.effect import Token
from tidegate.databases.database import Database
from tidegate.databases.registry import runner
from tidegate.databases.settings import DatabaseSettings
from tidegate.drivers.contract import Driver, Target
from tidegate.drivers.migrated import MigratedDriver
from tidegate.drivers.registry import shared
from tidegate.drivers.switched import SwitchedDriver
from tidegate.orchestration import backup
from tidegate.store.database import Seam
from tidegate.traffic.haproxy import HAProxySettings, HAProxySwitch


class SeamedDatabase(Database):
    """An application's database whose every step towards it is a point: the lock, the claim, the token, a command."""

    def __init__(self, target: Target, settings: DatabaseSettings, at: Seam) -> None:
        super().__init__(target, settings, runner(settings))
        self._at = at

    def _lock(self, connection: Any, token: Token) -> None:
        self._at("migrate:before:lock")
        super()._lock(connection, token)
        self._at("migrate:after:lock")

    def _claim(self, *words: Any) -> bool:
        over = super()._claim(*words)
        self._at("migrate:after:claim")
        return over

    def _guard(self, connection: Any) -> None:
        super()._guard(connection)
        self._at("migrate:after:guard")

    def _demand_token(self, connection: Any, token: Token) -> None:
        """Of plain SQL each file: its transaction has begun, and nothing is in it yet."""
        super()._demand_token(connection, token)
        self._at("migrate:after:token")

    def _call(self, *words: Any) -> None:
        super()._call(*words)
        self._at("migrate:after:command")

    def _mark(self, *words: Any) -> None:
        self._at("migrate:before:mark")
        super()._mark(*words)
        self._at("migrate:after:mark")


def seamed_database(driver: Driver, settings: Mapping[str, Any] | None, at: Seam) -> Driver:
    """The driver with its database, where it has one."""
    if settings is None:
        return driver
    return MigratedDriver(driver, SeamedDatabase(driver.target, DatabaseSettings.model_validate(settings), at))


class SeamedHAProxy(HAProxySwitch):
    """A backend of HAProxy of which every weight and every drain that is set is a point."""

    def __init__(self, settings: HAProxySettings, units: Sequence[str], at: Seam) -> None:
        super().__init__(settings, units)
        self._at = at

    def _set(self, command: str) -> None:
        self._at("switch:before:set")
        super()._set(command)
        self._at("switch:after:set")


def seamed_shares(driver: Driver, settings: Mapping[str, Any], at: Seam) -> Driver:
    """The driver with its flag, and behind its traffic switch where it has one."""
    if settings.get("traffic") is None:
        return shared(driver, {"flag": settings["flag"]})
    declared = HAProxySettings.model_validate(settings["traffic"])
    return SwitchedDriver(driver, SeamedHAProxy(declared, driver.units, at), switch_name="haproxy")


class SeamedKeeping(Keeping):
    """Where backups lie, of which each file that is begun, written and named is a point."""

    def __init__(self, at: Seam, directory: Path, name: str) -> None:
        super().__init__(directory, name)
        self._at = at

    @contextmanager
    def new(self, file: str) -> Iterator[Path]:
        self._at("backup:before:write")
        with super().new(file) as part:
            yield part
            self._at("backup:before:name")
        self._at("backup:after:name")


def seam_backups(at: Seam) -> None:
    """Have the backups of this process pass these points."""
    setattr(backup, "Keeping", partial(SeamedKeeping, at))  # noqa: B010  it is a class there, and mypy minds
