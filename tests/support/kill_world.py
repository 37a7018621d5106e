"""The little world of the kill matrix: one component, two environments of three hosts, and the house that serves it.

A world is a directory that can be copied while nobody works in it. All paths are inside it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from tests.support.gitrepo import GitRepository
from tests.support.kill_agents import ForkedHostDriver
from tidegate.app import Settings, build_house
from tidegate.clock import system_clock
from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer
from tidegate.core.policy import Metrics
from tidegate.drivers.contract import Driver, Target
from tidegate.drivers.host.driver import HostDriver
from tidegate.drivers.host.settings import HostSettings
from tidegate.drivers.seams import SeamedDriver
from tidegate.engine.legs import LegState
from tidegate.orchestration import approval, evidence, release, rollout, sweep
from tidegate.orchestration import policy as policies_
from tidegate.orchestration.executor import Executor, until
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.policyfile.load import load_policy
from tidegate.sources.contract import Sample, Source
from tidegate.store import outbox, releases, rollouts
from tidegate.store.database import Database, Seam, nowhere
from tidegate.store.election import ExecutorLock

UNITS = ("web1", "web2", "web3")
RITA = Actor("rita", "ssh key of the tests", Assurance.SIGNATURE)
PLACE = "/world"
"""What the policy calls the directory of the hosts; each world's driver puts its own in place of it."""

RESTART = (
    'echo "$0 $(tail -n 1 "$1/.tidegate/journal.jsonl")" >> "$1.restarts"; while test -e "$1.slow"; do sleep 0.02; done'
)
"""Notes the version, and the last line of the host's journal, in which the key stands; waits where a test says so."""

JUNIT = (
    '<testsuites><testsuite name="a" tests="1" failures="0" errors="0" skipped="0">'
    '<testcase classname="x" name="y" time="0.1"/></testsuite></testsuites>'
)


def policy_text(keys: Mapping[str, str]) -> str:
    """The policy: staging without a watch, production with one of some milliseconds."""

    def target(environment: str) -> dict[str, Any]:
        return {
            "driver": "host",
            "hosts": [{"name": unit, "path": f"{PLACE}/{environment}/{unit}"} for unit in UNITS],
            "restart": ["/bin/sh", "-c", RESTART, "{version}", "{path}"],
            "stop": ["/bin/sh", "-c", RESTART, "stop", "{path}"],
            "health": {"command": ["test", "!", "-e", "unhealthy"]},
            "health_timeout": "50ms",
            "metrics": "http://127.0.0.1:9/{host}",
        }

    approved = {"from": "team"}
    policy = {
        "tidegate": 1,
        "organization": "Example",
        "timezone": "Europe/Berlin",
        "people": {
            "rita": {"name": "Rita", "groups": ["rm"], "keys": [keys["rita"]]},
            "alice": {"name": "Alice", "groups": ["team"], "keys": [keys["alice"]]},
            "alice-example": {"name": "Alice Example", "email": "alice@example.org"},
        },
        "permits": {"open": ["rm"], "adopt": ["rm"], "hold": ["rm"]},
        "components": {
            "shop": {
                "path": "app",
                "tag": "shop-v{version}",
                "targets": {name: target(name) for name in ("staging", "production")},
            }
        },
        "release_types": {"minor": {"bump": "minor", "approvals": [approved]}},
        "gates": {"tests": {"evidence": "junit", "pass": "tests.total > 0 && tests.failed == 0"}},
        "environments": {
            "staging": {
                "purpose": "staging",
                "gates": ["tests"],
                "strategy": {"rolling": {"batch": 2}},
                "permits": {"start": ["rm"], "rollback": ["rm"]},
            },
            "production": {
                "purpose": "production",
                "gates": ["tests"],
                "strategy": {"rolling": {"batch": 2, "checkpoint": "20ms"}},
                "permits": {"start": ["rm"], "rollback": ["rm"]},
            },
        },
        "watch": {
            "production": {
                "for": "60ms",
                "every": "20ms",
                "metrics": {"requests": "http_requests_total", "errors": "http_errors_total"},
                "roll_back_when": [{"error_rate": "> 5%"}],
            }
        },
        "communication": [
            {"on": occasion, "to": "file:NOTICES.md", "say": words}
            for occasion, words in (
                ("release.opened", "announced"),
                ("rollout.progressed", "status"),
                ("release.completed", "released"),
                ("release.rolled_back", "rolled-back"),
            )
        ],
    }
    # JSON is YAML: no quoting of our own.
    return json.dumps(policy, indent=1)


class HostCounts:
    """Counters that each host keeps: busy ever since, and all errors where the running version has ``errors``."""

    def __init__(self, directory: Path, urls: Mapping[str, str]) -> None:
        self._directory = directory
        self._units = frozenset(urls)

    def read(self, unit: str) -> Sample | None:
        """What the unit has counted by now: a thousand requests since we looked last."""
        place = self._directory / unit
        record = place.with_suffix(".counts")
        requests, errors = map(int, record.read_text().split()) if record.exists() else (0, 0)
        requests += 1000
        errors += 1000 if (place / "current" / "errors").exists() else 0
        draft = record.with_suffix(f".{threading.get_ident()}.draft")
        draft.write_text(f"{requests} {errors}")
        draft.replace(record)
        return Sample(requests, errors, system_clock())


@dataclass(frozen=True)
class World:
    """A directory and a database.

    ``forked``: the agents are forked by ``kill_agents.serve``, which must run. ``agent`` is the source of another one.
    """

    directory: Path
    url: str = ""
    forked: bool = True
    agent: bytes | None = None

    @property
    def repository(self) -> Path:
        return self.directory / "repository"

    @property
    def hosts(self) -> Path:
        return self.directory / "hosts"

    @property
    def agents(self) -> Path:
        return self.directory / "agents"

    def claim(self, person: str) -> Claim:
        return Claim(person, self.directory / "keys" / person)

    def driver(self, component: str, environment: str, settings: Mapping[str, Any], at: Seam = nowhere) -> Driver:
        """The host driver on this world's directories, with its seam."""
        hosts = [{**host, "path": host["path"].replace(PLACE, str(self.hosts), 1)} for host in settings["hosts"]]
        made = HostSettings.model_validate({**settings, "hosts": hosts})
        for host in hosts:
            Path(host["path"]).parent.mkdir(parents=True, exist_ok=True)
        target = Target(component, environment)
        return SeamedDriver(
            ForkedHostDriver(target, made, self.agents)
            if self.forked
            else HostDriver(target, made, agent=self.agent, observe_wait_s=5.0),
            at,
        )

    def house(self, at: Seam = nowhere) -> House:
        """The parts, joined, with the kill points of commits and driver calls at ``at``."""

        def source_for(urls: Mapping[str, str], _: Metrics) -> Source:
            return HostCounts(self.hosts / "production", urls)

        built = build_house(
            Settings(self.repository, self.url),
            at=at,
            driver_for=lambda component, environment, settings: self.driver(component, environment, settings, at),
        )
        built.queue.migrate()
        _opened.append(built.database)
        return replace(built, source_for=source_for)

    def lock(self) -> ExecutorLock:
        """The executor's lock of this world."""
        return ExecutorLock(self.repository / ".tidegate" / "executor.lock")


_opened: list[Database] = []


def close_all() -> None:
    """Close the databases of all houses that were built in this process."""
    while _opened:
        _opened.pop().close()


def execute(
    world: World,
    at: Seam,
    commands: Callable[[House], object],
    over: Callable[[House], bool],
    *,
    timeout_s: float = 20.0,
    lease_s: float = 0.5,
    close: bool = True,
) -> bool:
    """Run an executor, give the commands in the same process, and go on until it is over; whether it was.

    Args:
        close: end in order; a worker that is about to end its process need not.
    """
    house = world.house(at)
    lock = world.lock()
    if house.database.kind == "sqlite" and not lock.wait(timeout_s):
        return False
    executor = Executor(house, lock=lock, at=at, look_again_s=0.05, lease_s=lease_s)
    executor.open()
    commands(executor.house)
    done = until(lambda: over(executor.house), timeout_s, every_s=0.03)
    if close:
        executor.close(2.0)
        house.database.close()
        lock.release()
    return done


def hurry() -> None:
    """Claims of what is due last a moment, so that a successor need not wait half a minute for the dead one's."""
    sweep.CLAIM = timedelta(milliseconds=200)
    rollout.LOOK_AFTER_LEG = timedelta(milliseconds=500)


def all_is_quiet(house: House) -> bool:
    """Whether nothing is due to anybody: no rollout under way, no message undelivered, no leg unfinished."""
    with house.database.read() as connection:
        found = rollouts.find(connection)
        busy = {r.state.value for r in found} & {"running", "watching", "in_doubt", "reversing"}
        if busy or outbox.undelivered(connection):
            return False
    legs = [house.queue.status(rollout.leg_id(r.id, n + 1)).state for r in found for n in range(r.legs)]
    return not set(legs) & {LegState.QUEUED, LegState.RUNNING}


def make_keys(directory: Path) -> dict[str, str]:
    """A key pair for each person; their public halves."""
    directory.mkdir(parents=True)
    keys = {}
    for person in ("rita", "alice"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", person, "-f", str(directory / person)]
        subprocess.run(command, check=True)
        keys[person] = (directory / f"{person}.pub").read_text().strip()
    return keys


def found(world: World) -> None:
    """Version 1.0.0 runs in both environments; nothing else has happened yet."""
    keys = make_keys(world.directory / "keys")
    git = GitRepository(world.repository)
    git.commit("feat: the beginning", {"app/VERSION": "0"})
    git.tag("shop-v0.9.0")
    git.commit("feat: first", {"app/VERSION": "1", "tidegate.yaml": policy_text(keys), ".gitignore": ".tidegate\n"})
    (world.directory / "junit.xml").write_text(JUNIT)

    def commands(house: House) -> None:
        policies_.adopt_first(house, load_policy(world.repository / "tidegate.yaml"))
        opened = open_and_approve(world, house, "0.10.0")
        for environment in ("staging", "production"):
            rollout.start(house, opened, environment, RITA)
            assert until(lambda: all_is_quiet(house), 20, 0.01)

    assert execute(world, nowhere, commands, all_is_quiet)


def prepare(world: World, *, files: Mapping[str, str], carry_to: str = "") -> None:
    """A release with these files is open and approved, and was carried to an environment where one is named."""
    git = GitRepository(world.repository)
    git.commit("feat: second", {"app/VERSION": "2", **files})

    def commands(house: House) -> None:
        opened = open_and_approve(world, house, "0.11.0")
        if carry_to:
            rollout.start(house, opened, carry_to, RITA)

    assert execute(world, nowhere, commands, all_is_quiet)


def open_and_approve(world: World, house: House, version: str) -> str:
    """Open the release of the head, add its tests, approve it for both environments. Its id.

    Each command is given only where the rows do not show it, as a person looks before repeating one.
    """
    opened = f"shop-{version}"
    with house.database.read() as connection:
        known = releases.list_ids(connection)
    if opened not in known:
        release.open_release(house, "shop", world.claim("rita"), version=version)
    with house.database.read() as connection:
        row = releases.load(connection, opened)
        tested = bool(releases.evidence_of(connection, opened))
        approved = {signed.approval.environment for signed in releases.approvals_of(connection, opened)}
    assert row.facts.id == opened
    if not tested:
        evidence.add(house, opened, world.directory / "junit.xml", world.claim("rita"))
    for environment in ("staging", "production"):
        if environment not in approved:
            approval.answer(house, opened, environment, world.claim("alice"), Answer.APPROVE)
    return opened


class Points:
    """Counts the kill points as they are passed; ``on_point`` is told the name of each, numbered by occurrence."""

    def __init__(self, on_point: Callable[[str], None]) -> None:
        self._on_point = on_point
        self._counts: Counter[str] = Counter()
        self._guard = threading.Lock()

    def __call__(self, point: str) -> None:
        name = f"{point} {_caller()}" if point.startswith("commit:") else point
        with self._guard:
            self._counts[name] += 1
            number = self._counts[name]
        self._on_point(f"{name} #{number}")


def _caller() -> str:
    """Who commits: the use case nearest to the transaction."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(("tidegate.orchestration", "tidegate.engine", "tidegate.store.schema")):
            return f"{module.rpartition('.')[2]}.{frame.f_code.co_name.strip('_')}"
        frame = frame.f_back
    return "?"


def copy(template: Path, to: Path) -> None:
    """A copy of a world's directory."""
    shutil.copytree(template, to, symlinks=True, ignore=shutil.ignore_patterns("agents"))
