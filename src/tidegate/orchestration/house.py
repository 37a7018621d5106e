"""The parts that the use cases are given. ``app.py`` joins them; tests join others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from tidegate.artifacts.store import ArtifactStore
from tidegate.channels.contract import Channel
from tidegate.clock import Clock
from tidegate.core.policy import Metrics
from tidegate.drivers.contract import Driver
from tidegate.engine.legs import Json, LegReport
from tidegate.orchestration.together import Together
from tidegate.sources.contract import Source
from tidegate.store.database import Database

DriverFor = Callable[[str, str, Mapping[str, Any]], Driver]
"""The driver of (component, environment, target settings)."""


def nobody(_: str) -> None:
    """Says nothing: the progress of commands that are piped."""


class Legs(Protocol):
    """Where legs are enqueued: the queue of a command, or the engine of a process that also runs them."""

    def migrate(self) -> None:
        """Make sure that there are the tables to enqueue in; before the transaction that enqueues, never inside it."""

    def enqueue(self, connection: sa.Connection, leg_name: str, leg_id: str, argument: Json) -> None:
        """Enqueue a leg in the transaction of ``connection``."""

    def status(self, leg_id: str) -> LegReport:
        """How a leg stands."""


def package_in(packages: Path, digest: str) -> Path:
    """The file of a package in a folder of them, by its SHA-256: a lock of images, or else an archive."""
    lock = packages / f"{digest}.lock.json"
    return lock if lock.exists() else packages / f"{digest}.tar.gz"


@dataclass(frozen=True)
class House:
    """Everything a use case may touch.

    ``root`` is the directory of the policy file and the repository; ``state`` holds the database's neighbours:
    packages, ways back, locks. ``wake`` tells the executor of this process that something is due; ``say`` reports
    progress to a person; ``answers`` is where people who answer at the same time wait for each other.
    """

    root: Path
    state: Path
    database: Database
    queue: Legs
    clock: Clock
    driver_for: DriverFor
    source_for: Callable[[Mapping[str, str], Metrics], Source]
    channel_for: Callable[[str], Channel]
    wake: Callable[[], None] = lambda: None
    say: Callable[[str], None] = nobody
    answers: Together[Any, Any] = field(default_factory=Together, compare=False)

    @property
    def packages(self) -> Path:
        """Where built packages lie, named by their SHA-256."""
        return self.state / "packages"

    @property
    def artifacts(self) -> ArtifactStore:
        """Where what else was built lies: images by their blobs, archives."""
        return ArtifactStore(self.state / "artifacts")

    def package_path(self, digest: str) -> Path:
        """The file of the package with that SHA-256 (64 hexadecimal digits): an archive, or a lock of images."""
        return package_in(self.packages, digest)

    def lock_path(self, digest: str) -> Path:
        """Where a lock of images lies, by the SHA-256 of its bytes."""
        return self.packages / f"{digest}.lock.json"

    def now(self) -> datetime:
        """The time, in UTC."""
        return self.clock()
