"""A small house to measure in: a repository, people with keys, a policy, and hosts that answer at once.

Everything is as in production except the targets, which are the drivers' simulator: what is left is Tidegate's own
cost.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.gitrepo import GitRepository
from tests.support.postgres import PostgresServer, find_postgres
from tidegate.app import Settings, build_house, make_driver
from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer
from tidegate.drivers.contract import Driver, Target
from tidegate.drivers.seams import SeamedDriver
from tidegate.drivers.simulator import SimulatedWorld, SimulatorDriver
from tidegate.orchestration import approval, evidence, policy, release
from tidegate.orchestration.executor import Executor, until
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.policyfile.load import load_policy
from tidegate.signing import ssh
from tidegate.store import rollouts
from tidegate.store.election import ExecutorLock
from tidegate.store.rollouts import Rollout

PEOPLE = {"olga": ["ops"], "alice": ["module-team"], "bob": ["module-team"]}
JUNIT = b'<testsuites><testsuite name="a" tests="1"><testcase name="y" time="0.1"/></testsuite></testsuites>'
OLGA = Actor("olga", "ssh", Assurance.SIGNATURE)
ENDED = frozenset({"succeeded", "rolled_back", "paused", "in_doubt"})


@dataclass
class World:
    """A directory with a policy and a repository, its house, and the simulated hosts of its environments."""

    root: Path
    url: str
    units: int
    touched: Callable[[str], None] = lambda point: None
    last_touched: threading.Event = field(default_factory=threading.Event)
    targets: dict[tuple[str, str], SimulatedWorld] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.house: House = build_house(Settings(self.root, self.url), driver_for=self.driver_for)

    def driver_for(self, component: str, environment: str, settings: Mapping[str, Any]) -> Driver:
        """The simulator of a target, or the real driver that it names; ``touched`` is told of each call to a host."""
        if settings["driver"] != "simulator":
            return SeamedDriver(make_driver(component, environment, settings), self._touch)
        if (component, environment) not in self.targets:
            self.targets[component, environment] = SimulatedWorld([f"web{n}" for n in range(1, self.units + 1)])
        hosts = self.targets[component, environment]
        return SeamedDriver(SimulatorDriver(Target(component, environment), hosts), self._touch)

    def _touch(self, point: str) -> None:
        self.touched(point)
        if point == f"apply:after:web{self.units}":
            self.last_touched.set()

    def claim(self, person: str) -> Claim:
        """The person, with their key."""
        return Claim(person, self.root / "keys" / person)

    def open(self, version: str, component: str = "billing") -> str:
        """Open a release of that version, with the report of its tests; its id."""
        opened = release.open_release(self.house, component, self.claim("olga"), version=version).release.id
        report = self.root / "junit.xml"
        report.write_bytes(JUNIT)
        evidence.add(self.house, opened, report, self.claim("olga"))
        return opened

    def signed(self, release_id: str, environment: str, person: str) -> tuple[bytes, str]:
        """A person's yes, signed elsewhere: the statement and its signature; nobody has verified it yet."""
        statement = approval.statement_for(self.house, release_id, environment, person, Answer.APPROVE).to_bytes()
        return statement, ssh.sign(statement, self.root / "keys" / person, ssh.ACT)

    def rollout(self, rollout_id: str) -> Rollout:
        """How a rollout stands."""
        with self.house.database.read() as connection:
            return rollouts.load(connection, rollout_id)

    def wait_for(self, rollout_id: str, timeout_s: float = 30.0) -> Rollout:
        """Wait until a rollout has ended; nothing is asked before the last host was acted on, since asking costs CPU.

        Raises:
            RuntimeError: it has not succeeded, so that measuring it means nothing.
        """
        self.last_touched.wait(timeout_s)
        until(lambda: self.rollout(rollout_id).state.value in ENDED, timeout_s, every_s=0.005)
        found = self.rollout(rollout_id)
        if found.state.value != "succeeded":
            raise RuntimeError(f"{rollout_id} is {found.state.value}: {found.because}")
        return found

    @contextlib.contextmanager
    def executor(self) -> Iterator[Executor]:
        """An executor in this process."""
        lock = None
        if self.house.database.kind == "sqlite":
            lock = ExecutorLock(self.root / ".tidegate" / "executor.lock")
            if not lock.try_acquire():
                raise RuntimeError("somebody else executes here")
        running = Executor(self.house, lock=lock)
        running.open()
        try:
            yield running
        finally:
            running.close()
            if lock is not None:
                lock.release()


def policy_document(keys: Mapping[str, str], approvals: bool) -> dict[str, Any]:
    """The policy: staging lets everything in; production asks for two yeses, or for none."""
    target = {"driver": "simulator"}
    asked = [{"from": "module-team", "count": 2}] if approvals else []
    return {
        "tidegate": 1,
        "organization": "Bench",
        "timezone": "Europe/Berlin",
        "people": {
            name: {"name": name.title(), "groups": groups, "keys": [keys[name]]} for name, groups in PEOPLE.items()
        },
        "permits": {"open": ["ops"], "adopt": ["ops"], "hold": ["ops"], "start": ["ops"], "rollback": ["ops"]},
        "components": {
            "billing": {
                "kind": "module",
                "path": "app",
                "tag": "billing-v{version}",
                "targets": {"production": target},
            }
        },
        "gates": {"tests": {"evidence": "junit", "pass": "tests.total > 0 && tests.failed == 0"}},
        "release_types": {"minor": {"bump": "minor", "gates": ["tests"], "approvals": asked}},
        "environments": {
            "production": {"purpose": "production", "strategy": {"rolling": {"batch": 1}}},
        },
    }


@contextlib.contextmanager
def made_world(
    kind: str = "sqlite",
    *,
    units: int = 1,
    approvals: bool = False,
    shape: Callable[[dict[str, Any]], None] = lambda policy: None,
    files: Mapping[str, str] | None = None,
) -> Iterator[World]:
    """A world in a temporary directory, gone at the end.

    Args:
        kind: ``sqlite`` or ``postgresql``.
        units: hosts of production; a wave is one of them.
        shape: changes the policy before it is adopted.
        files: what the repository holds beside the rest.

    Raises:
        UnavailableError: there is no PostgreSQL on this machine.
    """
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-bench-")))
        url = stack.enter_context(postgres()) if kind == "postgresql" else ""
        document = policy_document(_keys(root), approvals)
        shape(document)
        _repository(root, list(document["components"]), files or {})
        (root / "tidegate.yaml").write_text(json.dumps(document, indent=1))
        world = World(root, url, units)
        stack.callback(world.house.database.close)
        world.house.queue.migrate()
        policy.adopt_first(world.house, load_policy(root / "tidegate.yaml"))
        yield world


class UnavailableError(Exception):
    """What a bench needs is not on this machine; the message says what."""


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own, as durable as in production; the address of an empty database on it.

    Raises:
        UnavailableError: its programs are not here.
    """
    binaries = find_postgres()
    if binaries is None:
        raise UnavailableError("PostgreSQL is not installed: run scripts/debian-packages")
    server = PostgresServer(binaries)
    try:
        server.start()
        yield server.fresh_database()
    finally:
        server.close()


def _repository(root: Path, components: Sequence[str], files: Mapping[str, str]) -> None:
    repository = GitRepository(root)
    ignored = "keys\n.tidegate\ntidegate.yaml\n"
    repository.commit("feat: first", {"app/a.txt": "1", ".gitignore": ignored, **files})
    for name in components:
        repository.tag(f"{name}-v1.0.0")
    repository.commit("feat: second", {"app/a.txt": "2"})


def _keys(root: Path) -> dict[str, str]:
    folder = root / "keys"
    folder.mkdir(mode=0o700)
    for name in PEOPLE:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True, capture_output=True)
    return {name: (folder / f"{name}.pub").read_text().strip() for name in PEOPLE}
