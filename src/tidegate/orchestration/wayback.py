"""The way back, written down before a rollout starts: enough to go back with nothing else left.

It lies beside the database and on every unit, with room reserved for the journal of whoever uses it. It names what
each unit is to run again, under which token, and who may decide it. ``tidegate rollback --break-glass`` works from it
alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.clock import to_text
from tidegate.core.actor import Assurance
from tidegate.core.canonical import canonical
from tidegate.core.effect import Package, Token
from tidegate.core.policy import Act
from tidegate.core.rules.actor_permitted import minimum_assurance, permitted_people
from tidegate.drivers.contract import Driver
from tidegate.errors import NotFoundError, StoreError, TargetError
from tidegate.orchestration.house import House
from tidegate.store import policies
from tidegate.store.releases import actor_record
from tidegate.store.rollouts import Rollout

FORMAT = "tidegate/way-back/1"


@dataclass(frozen=True, slots=True)
class WayBackDocument:
    """A way back, as it was written down."""

    rollout: str
    release: str
    component: str
    environment: str
    target: Package | None
    leaves: Package | None
    token: Token
    units: tuple[str, ...]
    settings: Mapping[str, Any]
    may_roll_back: Mapping[str, tuple[str, ...]]
    assurance: Assurance
    written_at: str
    started_by: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """The document."""
        return canonical(
            {
                "format": FORMAT,
                "rollout": self.rollout,
                "release": self.release,
                "component": self.component,
                "environment": self.environment,
                "target": _package_record(self.target),
                "leaves": _package_record(self.leaves),
                "token": [self.token.epoch, self.token.counter],
                "units": list(self.units),
                "settings": self.settings,
                "may_roll_back": {person: list(keys) for person, keys in self.may_roll_back.items()},
                "assurance": self.assurance,
                "written_at": self.written_at,
                "started_by": dict(self.started_by),
            }
        )


def _package_record(package: Package | None) -> dict[str, str] | None:
    return {"version": package.version, "digest": package.digest} if package else None


def _package(record: Mapping[str, str] | None) -> Package | None:
    return Package(record["version"], record["digest"]) if record else None


def read(data: bytes, where: str) -> WayBackDocument:
    """The way back that these bytes hold.

    Raises:
        StoreError: they hold none.
    """
    try:
        record = json.loads(data)
        if record["format"] != FORMAT:
            raise ValueError(f"its format is {record['format']!r}")
        return WayBackDocument(
            rollout=record["rollout"],
            release=record["release"],
            component=record["component"],
            environment=record["environment"],
            target=_package(record["target"]),
            leaves=_package(record["leaves"]),
            token=Token(*record["token"]),
            units=tuple(record["units"]),
            settings=record["settings"],
            may_roll_back={person: tuple(keys) for person, keys in record["may_roll_back"].items()},
            assurance=Assurance(record["assurance"]),
            written_at=record["written_at"],
            started_by=record["started_by"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"this is no way back that can be read: {error}", where=where, remedy="name another with --file"
        ) from error


def path_of(state: Path, component: str, environment: str) -> Path:
    """Where the way back of a component in an environment lies."""
    return state / "way-back" / f"{component}--{environment}.json"


def find(state: Path, component: str, environment: str) -> WayBackDocument:
    """The way back that lies beside the database.

    Raises:
        NotFoundError: there is none.
    """
    path = path_of(state, component, environment)
    try:
        return read(path.read_bytes(), str(path))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"no way back of {component} in {environment} was written down here",
            where=str(path),
            remedy="copy .tidegate/way-back.json from a unit of the target, and name it with --file",
        ) from error


def leave(house: House, driver: Driver, rollout: Rollout) -> None:
    """Write the way back of a rollout down, here and on every unit.

    Raises:
        StoreError: it cannot be written here.
        TargetError: it cannot be written on a unit.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    target = policy.components[rollout.component].targets[rollout.environment]
    environment = policy.environments[rollout.environment]
    people = permitted_people(policy, Act.ROLLBACK, environment)
    document = WayBackDocument(
        rollout=rollout.id,
        release=rollout.release,
        component=rollout.component,
        environment=rollout.environment,
        target=rollout.source,
        leaves=rollout.target,
        token=rollout.token,
        units=driver.units,
        settings=target.model_dump(mode="json"),
        may_roll_back={person: policy.people[person].keys for person in people},
        assurance=minimum_assurance(environment),
        written_at=to_text(house.now()),
        started_by=actor_record(rollout.started_by),
    ).to_bytes()
    write_durably(path_of(house.state, rollout.component, rollout.environment), document)
    reserve_journal(house.state)
    if not driver.abilities.way_back_on_target:
        return
    keeps = [package for package in (rollout.source,) if package is not None]
    for unit in driver.units:
        driver.write_way_back(unit, document, rollout.token, keeps)
        if driver.read_way_back(unit) != document:
            raise TargetError(
                "the way back was written and cannot be read again", where=unit, remedy="look at the unit's disk"
            )


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file as a whole, so that it survives a power cut.

    Raises:
        StoreError: it cannot be written.
    """
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(
            f"the way back cannot be written: {error.strerror}", where=str(path), remedy="free the disk, then repeat"
        ) from error


JOURNAL_ROOM = 256 << 10
"""Bytes that are kept free for a break-glass journal: written beforehand, so that a full disk cannot refuse them."""


def journal_path(state: Path) -> Path:
    """Where break-glass acts are journalled."""
    return state / "break-glass.journal"


def reserve_journal(state: Path) -> None:
    """Make room for the journal, unless there is one.

    Raises:
        StoreError: there is no room.
    """
    path = journal_path(state)
    if not path.exists():
        write_durably(path, b"\n" * JOURNAL_ROOM)
