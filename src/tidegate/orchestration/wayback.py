"""The way back, written down before anything is touched: enough to go back with nothing else left.

It lies on every unit and beside the database, with room reserved for the journal of whoever uses it. It names what
each unit is to run again, under which token, and who may decide it. ``tidegate rollback --break-glass`` works from it
alone.

The units come first, the copy beside the database last: where that one names a rollout and its token, every unit has
it too, and whoever comes again after a crash need not write it a second time.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.clock import to_text
from tidegate.core.actor import Assurance
from tidegate.core.canonical import canonical
from tidegate.core.effect import Package, Share, Token
from tidegate.core.policy import Act, Policy
from tidegate.core.rollout import Direction
from tidegate.core.rules.actor_permitted import minimum_assurance, permitted_people
from tidegate.core.wave import DATABASE, Wave, waves_back
from tidegate.drivers.contract import Driver
from tidegate.errors import NotFoundError, StoreError, TargetError, TidegateError, UsageError
from tidegate.orchestration import migration
from tidegate.orchestration.abreast import abreast
from tidegate.orchestration.configuration import target_settings
from tidegate.orchestration.emergency_script import path_beside, script_of
from tidegate.orchestration.house import House
from tidegate.store import policies
from tidegate.store.releases import actor_record
from tidegate.store.rollouts import Rollout

FORMAT = "tidegate/way-back/2"
_FORMER = "tidegate/way-back/1"
"""It knew of the units alone."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WayBackDocument:
    """A way back, as it was written down.

    ``rollout`` is the one that is taken back, ``target`` what runs again, ``leaves`` what runs no more; None is
    *absent*. ``token`` is that of the lease under which it was written. ``waves`` are the way in its order: what was
    shifted, the units, the database where it goes back; ``database`` says in words what becomes of that.
    """

    organization: str
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
    waves: tuple[Wave, ...]
    database: str = ""

    def to_bytes(self) -> bytes:
        """The document."""
        return canonical(
            {
                "format": FORMAT,
                "organization": self.organization,
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
                "waves": [wave_record(wave) for wave in self.waves],
                "database": self.database,
            }
        )


def _package_record(package: Package | None) -> dict[str, str] | None:
    return {"version": package.version, "digest": package.digest} if package else None


def _package(record: Mapping[str, str] | None) -> Package | None:
    return Package(record["version"], record["digest"]) if record else None


def wave_record(wave: Wave) -> dict[str, Any]:
    """A wave of the way back as it is written down; :func:`wave_of` reads it."""
    return {"units": list(wave.units), "share": [wave.share.of, wave.share.points] if wave.share else None}


def wave_of(record: Mapping[str, Any]) -> Wave:
    """The wave that was written down; see :func:`wave_record`."""
    share = record["share"]
    return Wave(tuple(record["units"]), Share(*share) if share else None, watched=False)


def read(data: bytes, where: str) -> WayBackDocument:
    """The way back that these bytes hold.

    Raises:
        StoreError: they hold none.
    """
    try:
        record = json.loads(data)
        if record["format"] not in (FORMAT, _FORMER):
            raise ValueError(f"its format is {record['format']!r}")
        units = tuple(record["units"])
        former = [{"units": units, "share": None}]
        waves = tuple(wave_of(wave) for wave in (former if record["format"] == _FORMER else record["waves"]))
        if not units or not {*units} <= {unit for wave in waves if wave.share is None for unit in wave.units}:
            raise ValueError("its waves leave units out")
        return WayBackDocument(
            organization=record["organization"],
            rollout=record["rollout"],
            release=record["release"],
            component=record["component"],
            environment=record["environment"],
            target=_package(record["target"]),
            leaves=_package(record["leaves"]),
            token=Token(*record["token"]),
            units=units,
            settings=record["settings"],
            may_roll_back={person: tuple(keys) for person, keys in record["may_roll_back"].items()},
            assurance=Assurance(record["assurance"]),
            written_at=record["written_at"],
            started_by=record["started_by"],
            waves=waves,
            database=str(record.get("database", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise StoreError(
            f"this is no way back that can be read: {error}", where=where, remedy="name another with --file"
        ) from error


def path_of(state: Path, component: str, environment: str) -> Path:
    """Where the way back of a component in an environment lies."""
    return state / "way-back" / environment / f"{component}.json"


def find(state: Path, component: str, environment: str) -> WayBackDocument:
    """The way back that lies beside the database.

    Raises:
        NotFoundError: there is none.
        StoreError: it cannot be read.
    """
    path = path_of(state, component, environment)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(
            f"no way back of {component} in {environment} was written down here",
            where=str(path),
            remedy="copy .tidegate/way-back.json from a unit of the target, and name it with --file",
        ) from error
    except OSError as error:
        raise StoreError(
            f"the way back cannot be read: {error.strerror}",
            where=str(path),
            remedy="copy .tidegate/way-back.json from a unit of the target, and name it with --file",
        ) from error
    return read(data, str(path))


def leave(house: House, driver: Driver, rollout: Rollout) -> None:
    """Write the way back of a forward rollout down, on every unit and here, unless it lies there already.

    Raises:
        StoreError: it cannot be written here.
        TargetError: it cannot be written on a unit.
    """
    if lies(house.state, rollout):
        return
    document = document_of(house, driver, rollout).to_bytes()
    units = driver.units if driver.abilities.way_back_on_target else ()

    path = path_of(house.state, rollout.component, rollout.environment)
    drafts: list[Path] = []

    def make_ready() -> None:
        reserve_journal(house.state, len(driver.units) + _BESIDE)
        _leave_script(house, rollout)
        drafts.append(_drafted(path, document))

    try:
        abreast(lambda unit: _leave_on(driver, unit, document, rollout), units, make_ready)
    except BaseException:
        for draft in drafts:
            draft.unlink(missing_ok=True)
        raise
    for draft in drafts:
        _put(draft, path)


def _leave_script(house: House, rollout: Rollout) -> None:
    """Write the script that goes the way back, before that itself lies beside the database."""
    path = path_of(house.state, rollout.component, rollout.environment)
    target = rollout.target if rollout.direction is Direction.BACK else rollout.source
    script = path_beside(path)
    write_durably(script, script_of(rollout.component, rollout.environment, _taken_back(rollout), target))
    with contextlib.suppress(OSError):  # it runs by `sh` all the same
        script.chmod(0o700)


def leave_if_possible(house: House, driver: Driver, rollout: Rollout) -> None:
    """Write the way of a rollback down, here and on its units: it must be finished without the database, too.

    Nothing stops a rollback, and so it does not wait for this: what cannot be written is logged.
    """
    if lies(house.state, rollout):
        return
    try:
        document = document_of(house, driver, rollout).to_bytes()
        _leave_script(house, rollout)
        write_durably(path_of(house.state, rollout.component, rollout.environment), document)
        reserve_journal(house.state, len(driver.units) + _BESIDE)
    except TidegateError as error:
        _logger.warning("the way of rollback %s is not written down: %s", rollout.id, error)


def lies(state: Path, rollout: Rollout) -> bool:
    """Whether the way back of a rollout lies beside the database, and so on its units, too."""
    try:
        found = find(state, rollout.component, rollout.environment)
    except TidegateError:
        return False
    return (found.rollout, found.token) == (_taken_back(rollout), rollout.token)


def _taken_back(rollout: Rollout) -> str:
    return rollout.reverses if rollout.direction is Direction.BACK else rollout.id


def document_of(house: House, driver: Driver, rollout: Rollout) -> WayBackDocument:
    """The way back from a rollout; from a rollback, the same way that it goes itself, under its own token."""
    back = rollout.direction is Direction.BACK
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        after = (
            migration.way_back(connection, policy, rollout, rollout.source, beforehand=True)
            if driver.abilities.database and not back
            else None
        )
    goes_back = driver.abilities.database_goes_back and after is not None and after.database
    environment = policy.environments[rollout.environment]
    return WayBackDocument(
        organization=policy.organization,
        rollout=_taken_back(rollout),
        release=rollout.release,
        component=rollout.component,
        environment=rollout.environment,
        target=rollout.target if back else rollout.source,
        leaves=rollout.source if back else rollout.target,
        token=rollout.token,
        units=driver.units,
        settings=target_settings(policy, rollout.component, rollout.environment),
        may_roll_back=_people(policy, rollout.environment),
        assurance=minimum_assurance(environment),
        written_at=to_text(house.now()),
        started_by=actor_record(rollout.started_by),
        waves=_way(rollout, driver.units, database=goes_back),
        database=after.because if after is not None else "",
    )


def _way(rollout: Rollout, units: Sequence[str], *, database: bool) -> tuple[Wave, ...]:
    """The way in waves: each unit is taken, since nobody will know how far the rollout has come."""
    if rollout.direction is Direction.FORWARD:
        return waves_back(rollout.waves, units, database=database)
    given_again = any(wave.share is not None and wave.share.points for wave in rollout.waves)
    undone = any(wave.units == (DATABASE,) for wave in rollout.waves)
    return waves_back(rollout.waves, units, to_other=given_again, database=undone)


def _people(policy: Policy, environment: str) -> dict[str, tuple[str, ...]]:
    people = permitted_people(policy, Act.ROLLBACK, policy.environments[environment])
    return {person: policy.people[person].keys for person in people}


def _leave_on(driver: Driver, unit: str, document: bytes, rollout: Rollout) -> None:
    driver.write_way_back(unit, document, rollout.token, [rollout.source] if rollout.source else [])
    if driver.read_way_back(unit) != document:
        raise TargetError(
            "the way back was written and cannot be read again", where=unit, remedy="look at the unit's disk"
        )


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file as a whole, so that it survives a power cut.

    Raises:
        StoreError: it cannot be written.
    """
    _put(_drafted(path, data), path)


def _drafted(path: Path, data: bytes) -> Path:
    """A draft of a file beside it, whose bytes survive a power cut; :func:`_put` puts it in the file's place."""
    draft = _draft_beside(path)
    try:
        _make_directory(path.parent)
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _not_written(path, error) from error
    return draft


def _put(draft: Path, path: Path) -> None:
    try:
        try:
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)
        _remove_left(path)
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the way back cannot be written: {error.strerror}", where=str(path), remedy="free the disk, then repeat"
    )


def _draft_beside(path: Path) -> Path:
    """A name that nobody else writes at: another thread of ours, or another process that has our number elsewhere."""
    return path.with_suffix(f".{uuid.uuid4().hex}.draft")


def _remove_left(path: Path) -> None:
    """Remove the drafts that whoever was killed has left; nobody writes at one for as long as that."""
    for draft in path.parent.glob(f"{path.stem}.*.draft"):
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime > _LEFT_S:
                draft.unlink()


def _make_directory(path: Path) -> None:
    """As ``mkdir -p``, with every name that is new made durable."""
    if not path.is_dir():
        _make_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make what was created, renamed or removed in a directory durable."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


_BESIDE = 4
"""Lines beside those of the units: the shifts, and the database."""

_LEFT_S = 3600

JOURNAL_ROOM = 64 << 10
"""Bytes that are kept free for a break-glass journal: written beforehand, so that a full disk cannot refuse them."""

JOURNAL_ROOM_PER_UNIT = 2 << 10
"""Bytes beyond that for each unit of the largest target: a line of it has at most 1.2 KiB."""


def journal_path(state: Path) -> Path:
    """Where break-glass acts are journalled."""
    return state / "break-glass.journal"


def reserve_journal(state: Path, units: int = 0) -> None:
    """Make room for the journal of an act on so many units, unless there is.

    Raises:
        StoreError: there is no room on the disk.
    """
    path, room = journal_path(state), JOURNAL_ROOM + units * JOURNAL_ROOM_PER_UNIT
    try:
        # Lines are never replaced by anything shorter, so what is behind the last of them is free.
        data = path.read_bytes()
    except OSError:
        _create_room(path, room)
        return
    if not data.strip(b"\n") and len(data) < room:
        # Somebody may be writing the first line just now; they lock this very file, and it only grows.
        _append(path, b"\n" * (room - len(data)))


def _create_room(path: Path, room: int) -> None:
    draft = _draft_beside(path)
    try:
        write_durably(draft, b"\n" * room)
        # Never in place of a journal that somebody has just begun.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        sync_directory(path.parent)
        _remove_left(path)
    except OSError as error:
        raise _no_room(path, error) from error
    finally:
        draft.unlink(missing_ok=True)


def _append(path: Path, data: bytes) -> None:
    try:
        with path.open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _no_room(path, error) from error


def _no_room(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"no room can be kept for the break-glass journal: {error.strerror}",
        where=str(path),
        remedy="free the disk, then repeat",
    )
