"""The one place where parts are chosen and joined. Nothing is built at import."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.clock import Clock, system_clock
from tidegate.errors import NotFoundError

if TYPE_CHECKING:
    # Commands that open no database start without what a database needs.
    from tidegate.core.lint import Abilities
    from tidegate.core.policy import Metrics
    from tidegate.drivers.contract import Driver
    from tidegate.engine.legs import LegReport
    from tidegate.orchestration.house import House
    from tidegate.sources.contract import Source
    from tidegate.store.database import Database, Seam

POLICY_FILE = "tidegate.yaml"
STATE_DIRECTORY = ".tidegate"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. ``database`` is a URL, or empty for the SQLite file in the state directory."""

    root: Path
    database: str = ""

    @property
    def state(self) -> Path:
        """The directory of the database and what lies beside it."""
        return self.root / STATE_DIRECTORY

    @property
    def database_url(self) -> str:
        """The URL of the database."""
        return self.database or f"sqlite:///{self.state / 'tidegate.db'}"


def find_settings(start: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the directory in which, or above which, a policy file lies.

    Raises:
        NotFoundError: there is none.
    """
    for directory in (start.resolve(), *start.resolve().parents):
        if (directory / POLICY_FILE).is_file() or (directory / STATE_DIRECTORY).is_dir():
            return Settings(directory, environment.get("TIDEGATE_DATABASE", ""))
    raise NotFoundError(
        f"there is no {POLICY_FILE} here or above",
        where=str(start),
        remedy="go to the directory of your policy file, or name it with --directory",
    )


def build_house(
    settings: Settings,
    *,
    clock: Clock = system_clock,
    say: Callable[[str], None] | None = None,
    at: Seam | None = None,
    driver_for: Callable[[str, str, Mapping[str, Any]], Driver] | None = None,
    only_looks: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> House:
    """Join the parts. The database's schema is brought up to date on the way.

    Args:
        environment: the settings of channels; see docs/channels/.
        only_looks: nothing is written, and the schema is left as it is; the caller looks whether there is one.

    Raises:
        StoreError: the database cannot be reached, or is of a newer Tidegate.
    """
    from tidegate.channels.contract import Surroundings
    from tidegate.channels.registry import channel_for
    from tidegate.orchestration.house import House, nobody
    from tidegate.store.database import nowhere, open_database
    from tidegate.store.schema import ensure_schema

    around = Surroundings(settings.root, environment, clock, at or nowhere)
    database = open_database(settings.database_url, clock=clock, at=at or nowhere)
    if not only_looks:
        ensure_schema(database)
    return House(
        root=settings.root,
        state=settings.state,
        database=database,
        queue=_Queue(database),
        clock=clock,
        driver_for=driver_for or make_driver,
        source_for=lambda urls, metrics: make_source(urls, metrics, clock),
        channel_for=lambda address: channel_for(address, around),
        say=say or nobody,
    )


class _Queue:
    """The queue of a command that runs no legs; the workflow engine is imported when it first enqueues one."""

    def __init__(self, database: Database) -> None:
        from tidegate.engine.queue import LegQueue

        self._queue = LegQueue(database)
        self._migrated = False

    def migrate(self) -> None:
        """Create the engine's tables before the first transaction that enqueues."""
        if not self._migrated:
            self._queue.migrate()
            self._migrated = True

    def enqueue(self, connection: Any, leg_name: str, leg_id: str, argument: dict[str, Any]) -> None:
        """As ``LegQueue.enqueue``."""
        self._queue.enqueue(connection, leg_name, leg_id, argument)

    def status(self, leg_id: str) -> LegReport:
        """As ``LegQueue.status``."""
        return self._queue.status(leg_id)


def make_driver(component: str, environment: str, settings: Mapping[str, Any]) -> Driver:
    """The driver that a target's settings name.

    Raises:
        PolicyError: there is no such driver, or its settings are wrong.
    """
    from tidegate.drivers import registry
    from tidegate.drivers.contract import Target

    return registry.build(Target(component, environment), settings)


def check_target(
    component: str, environment: str, settings: Mapping[str, object]
) -> list[tuple[tuple[str | int, ...], str]]:
    """What the drivers say of a target's settings: where in them, and what is wrong there; see ``load_policy``."""
    from tidegate.drivers import registry
    from tidegate.drivers.contract import Target

    return registry.mistakes(Target(component, environment), settings)


def abilities() -> Abilities:
    """What this version can do of all that a policy can name."""
    from tidegate.channels.registry import CHANNELS
    from tidegate.core.lint import Abilities
    from tidegate.drivers.registry import DRIVERS
    from tidegate.readers.registry import READERS

    return Abilities(
        frozenset(DRIVERS), frozenset(CHANNELS), frozenset(reader.kind for reader in READERS) | {"environment"}
    )


def make_source(urls: Mapping[str, str], metrics: Metrics, clock: Clock) -> Source:
    """The source of the counters of these units.

    Raises:
        UsageError: its settings are wrong.
    """
    from tidegate.sources import registry

    settings = {"urls": dict(urls), "requests": metrics.requests, "errors": metrics.errors}
    return registry.make_source("prometheus-text", settings, clock)
