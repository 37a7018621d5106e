"""An organisation that releases: people with real keys, a repository, a policy with knobs, hosts, a house on either
database, and a clock that tests set.

    org = organisation(tmp_path, database_url)
    release = org.prepared()                     # opened, with test evidence and all approvals
    org.start(release, "production")             # carried to its end by ``org.carry()``

The hosts are those of the simulator, so that a rollout takes milliseconds. The legs are carried here, in the order in
which they were enqueued, by the very function that the engine's legs call; ``org.executing()`` runs the real executor.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support.facts import merged
from tests.support.gitrepo import GitRepository
from tests.support.patience import PATIENCE_S
from tests.support.postgres import PostgresServer
from tidegate.app import Settings, build_house
from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer
from tidegate.core.decision import Action, Decision, Question
from tidegate.core.leaf import Leaf
from tidegate.core.rollout import RolloutState
from tidegate.drivers.contract import Driver, Target
from tidegate.drivers.registry import around
from tidegate.drivers.simulator import SimulatedWorld, SimulatorDriver
from tidegate.engine.legs import LegReport, LegState
from tidegate.engine.queue import LegQueue
from tidegate.errors import TidegateError
from tidegate.orchestration import approval, audit, breakglass, evidence, glass_journal, rollout, sweep, wayback
from tidegate.orchestration import policy as policy_flow
from tidegate.orchestration import release as release_flow
from tidegate.orchestration.executor import Executor, until
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, nonce
from tidegate.orchestration.judge import judge
from tidegate.orchestration.leg import carry_waves
from tidegate.policyfile.load import LoadedPolicy, load_policy
from tidegate.store import outbox, requests, rollouts
from tidegate.store.database import open_database
from tidegate.store.election import ExecutorLock
from tidegate.store.rollouts import Rollout
from tidegate.store.schema import ensure_schema

NOW = datetime(2026, 12, 1, 18, 0, tzinfo=UTC)
"""A Tuesday, 10:00 in Los Angeles."""

JUNIT = (
    '<testsuites><testsuite name="a" tests="{total}" failures="{failed}" errors="0" skipped="0"{taken}>'
    "{cases}</testsuite></testsuites>"
)
UNITS = ("web1", "web2")
PEOPLE = ("alice", "bob", "carol", "rita", "mallory")
APPROVERS = ("alice", "bob", "carol")


@lru_cache(maxsize=1)
def keys() -> Path:
    """A directory with a key pair for each of :data:`PEOPLE`, made once per process that runs tests."""
    directory = Path(tempfile.mkdtemp(prefix="tidegate-keys-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    for person in PEOPLE:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", person, "-f", str(directory / person)]
        subprocess.run(command, check=True, capture_output=True)
    return directory


def public_key(person: str) -> str:
    """The public key of a person, as the policy lists it."""
    return (keys() / f"{person}.pub").read_text().strip()


@lru_cache(maxsize=1)
def _repository() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="tidegate-repository-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    repository = GitRepository(directory / "repository")
    repository.commit("feat: first", {"app/a.txt": "1", ".gitignore": ".tidegate\ntidegate.yaml\nNOTICES.md\n"})
    repository.tag("billing-v1.0.0")
    repository.commit("feat: second", {"app/a.txt": "2"})
    return repository.path


def _target(environment: str) -> dict[str, Any]:
    hosts = [{"name": unit, "path": f"/srv/{environment}/{unit}"} for unit in UNITS]
    return {"driver": "host", "hosts": hosts, "restart": ["true"], "stop": ["true"]}


def document(**changes: Any) -> dict[str, Any]:
    """The policy as a value, with ``changes``: mappings merge, everything else replaces, None takes away."""
    people = {
        name: {"name": name.title(), "groups": groups, "keys": [public_key(name)]}
        for name, groups in (
            ("alice", ["module-team"]),
            ("bob", ["module-team"]),
            ("carol", ["tech-leads"]),
            ("rita", ["rm"]),
        )
    }
    base = {
        "tidegate": 1,
        "organization": "Example",
        "timezone": "America/Los_Angeles",
        "people": {**people, "dave": {"name": "Dave", "email": "alice@example.org"}},
        "permits": {"open": ["rm"], "adopt": ["rm", "bob"], "hold": ["rm"], "start": ["rm"], "rollback": ["rm"]},
        "components": {
            "billing": {
                "path": "app",
                "tag": "billing-v{version}",
                "targets": {name: _target(name) for name in ("staging", "production")},
            }
        },
        "release_types": {
            "minor": {"bump": "minor", "approvals": [{"from": "module-team", "count": 2}, {"from": "tech-leads"}]},
            "patch": {"bump": "patch", "approvals": [{"from": "tech-leads"}]},
        },
        "gates": {"tests": {"evidence": "junit", "pass": "tests.total > 0 && tests.failed == 0"}},
        "environments": {
            "staging": {"purpose": "staging", "gates": ["tests"]},
            "production": {"purpose": "production", "gates": ["tests"], "strategy": {"rolling": {"batch": 1}}},
        },
    }
    return merged(base, changes)


def policy(**changes: Any) -> LoadedPolicy:
    """The policy, read as a file."""
    # JSON is YAML: no quoting of our own.
    return load_policy(json.dumps(document(**changes)).encode())


@dataclass
class SetClock:
    """A clock that stands still until it is set."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def go(self, length: timedelta) -> None:
        """Set it on, or back."""
        self.now += length


@dataclass
class Legs:
    """A queue whose legs are carried by whoever asks: enqueued when the transaction commits, and not before."""

    house: Callable[[], House]
    waiting: list[dict[str, Any]] = field(default_factory=list)

    def migrate(self) -> None:
        """Nothing to create."""

    def enqueue(self, connection: sa.Connection, leg_name: str, leg_id: str, argument: dict[str, Any]) -> None:
        self.house().database.after_commit(connection, lambda: self.waiting.append(argument))

    def status(self, leg_id: str) -> LegReport:
        """What nobody carries is only waiting."""
        return LegReport(LegState.QUEUED)


class _UndoneError(Exception):
    """Rolls a supposition back."""


@dataclass
class Organisation:
    """The parts of one organisation, and the acts of its people in few words."""

    root: Path
    url: str
    clock: SetClock
    house: House
    legs: Legs
    worlds: dict[str, SimulatedWorld]

    def claim(self, person: str, key: str | None = None) -> Claim:
        """Who says they act, with their own key; ``key`` "" signs with none, another name with that one's."""
        name = person if key is None else key
        return Claim(person, keys() / name if name else None)

    def open(self, version: str = "", type_: str = "") -> str:
        """Open a release; its id."""
        return release_flow.open_release(
            self.house, "billing", self.claim("rita"), version=version, type_=type_
        ).release.id

    def tested(self, release: str, *, failed: int = 0, taken: datetime | None = None, source: str = "") -> str:
        """Add a report of ten tests; the report's digest."""
        cases = "".join(
            f'<testcase classname="x" name="y{n}" time="0.1">{"<failure/>" if n < failed else ""}</testcase>'
            for n in range(10)
        )
        stamp = f' timestamp="{taken.isoformat()}"' if taken else ""
        report = self.root / ".tidegate" / f"junit-{nonce()}.xml"
        report.write_text(JUNIT.format(total=10, failed=failed, cases=cases, taken=stamp))
        return evidence.add(self.house, release, report, Claim("rita"), source=source).evidence.report

    def approve(self, release: str, *people: str, environment: str = "production") -> None:
        """Have people approve; all that the policy asks, if none is named."""
        for person in people or APPROVERS:
            approval.answer(self.house, release, environment, self.claim(person), Answer.APPROVE)

    def prepared(self, version: str = "") -> str:
        """A release that may go to production."""
        release = self.open(version)
        self.tested(release)
        self.approve(release)
        return release

    def start(self, release: str, environment: str = "production", person: str = "rita") -> str:
        """Start it, signed; the rollout's id."""
        return rollout.start(self.house, release, environment, self.claim(person))

    def carry(self) -> None:
        """Carry every leg that was enqueued, and those that follow from it."""
        while self.legs.waiting:
            self.carry_one()

    def carry_one(self) -> None:
        """Carry the leg that comes next, to the end of one wave."""
        argument = self.legs.waiting.pop(0)
        carry_waves(self.house, argument["rollout"], argument["leg"], lambda: None, lambda: False)

    def released(self, version: str = "") -> str:
        """A release that stands in production; its rollout's id."""
        started = self.start(self.prepared(version))
        self.carry()
        assert self.rollout(started).state is RolloutState.SUCCEEDED
        return started

    def break_glass(
        self, environment: str = "production", person: str = "rita", at: Callable[[str], None] = lambda _: None
    ) -> list[breakglass.UnitReturned]:
        """Go back without opening the database, by what lies beside it; ``at`` is called around each line written."""
        state = self.house.state
        found = wayback.find(state, "billing", environment)
        return breakglass.roll_back(
            found,
            self.house.driver_for("billing", environment, found.settings),
            self.claim(person),
            clock=self.clock,
            journal=glass_journal.Journal(wayback.journal_path(state), at=at),
            package=self.house.package_path(found.target.digest) if found.target else None,
            reason="the database is gone",
            say=lambda _: None,
        )

    def adopt(self, **changes: Any) -> str:
        """Have rita adopt the policy with ``changes``; its digest."""
        return policy_flow.adopt(self.house, policy(**changes), self.claim("rita")).digest

    def decide(self, release: str, environment: str = "production", *, supposing: str = "") -> Decision:
        """What a plain check says to rita, with her signature.

        Args:
            supposing: a change of the database behind Tidegate's back, undone afterwards.
        """
        question = Question(Action.START, Actor("rita", "ssh", Assurance.SIGNATURE), environment)
        if not supposing:
            with self.house.database.read() as connection:
                return judge(connection, release, question, self.house.now()).decision
        with contextlib.suppress(_UndoneError), self.house.database.write() as connection:
            connection.execute(sa.text(supposing))
            found = judge(connection, release, question, self.house.now()).decision
            raise _UndoneError
        return found

    def reasons(self, release: str, environment: str = "production", *, supposing: str = "") -> list[str]:
        """What stands in the way, in words."""
        return [finding.message for finding in self.decide(release, environment, supposing=supposing).against()]

    def rollout(self, rollout_id: str) -> Rollout:
        with self.house.database.read() as connection:
            return rollouts.load(connection, rollout_id)

    def leaves(self) -> list[Leaf]:
        return audit.leaves(self.house)

    def kinds(self) -> list[str]:
        """The kinds of all leaves, in order."""
        return [leaf.kind for leaf in self.leaves()]

    def running(self, environment: str = "production") -> list[str]:
        """The version that each host runs, or what it has instead."""
        units = self.worlds[environment].units.values()
        return [getattr(unit.running, "version", str(unit.running)) for unit in units]

    def counts(self) -> dict[str, int]:
        """How many rows each of our tables has."""
        from tidegate.store.tables import metadata

        with self.house.database.read() as connection:
            return {
                name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }

    def sql(self, statement: str, **values: Any) -> None:
        """Change the database behind Tidegate's back."""
        with self.house.database.write() as connection:
            connection.execute(sa.text(statement), values)

    def request(self, request: str) -> requests.Request:
        with self.house.database.read() as connection:
            return requests.load(connection, request)

    def sweep(self) -> None:
        """Do once what is due, one after the other."""
        for _, job in sweep.due_jobs(self.house, "the test"):
            job()

    def messages(self) -> list[outbox.MessageRow]:
        with self.house.database.read() as connection:
            return outbox.undelivered(connection)

    def beside(self) -> Organisation:
        """The same organisation as another process sees it: the same database, connections of its own."""
        legs = replace(self.legs, house=lambda: made.house)
        house = replace(self.house, database=open_database(self.url, clock=self.clock), queue=legs)
        made = replace(self, house=house, legs=legs)
        return made

    @contextlib.contextmanager
    def executing(self) -> Iterator[House]:
        """The real executor at work, and the house of its process."""
        lock = ExecutorLock(self.house.state / "executor.lock")
        on_sqlite = self.house.database.kind == "sqlite"
        assert not on_sqlite or lock.try_acquire()
        queue = LegQueue(self.house.database)
        executor = Executor(
            replace(self.house, queue=queue), lock=lock if on_sqlite else None, look_again_s=0.05, on_lost=lambda: None
        )
        executor.open()
        try:
            yield executor.house
        finally:
            executor.close()
            lock.release()

    def wait_for(self, rollout_id: str, *states: RolloutState) -> Rollout:
        """Wait for a rollout that the executor carries."""
        wanted = states or (RolloutState.SUCCEEDED,)

        def arrived() -> bool:
            with contextlib.suppress(Exception):
                return self.rollout(rollout_id).state in wanted
            return False

        self.wait_until(arrived)
        return self.rollout(rollout_id)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for what another thread or process does."""
        assert until(condition, PATIENCE_S), "it did not come to pass"


@contextlib.contextmanager
def refused(org: Organisation, kind: type[TidegateError], sentence: str, noun: str = "approval") -> Iterator[None]:
    """The block is refused so; one ``denied`` leaf says it, and no other row has changed."""
    before = org.counts()
    with pytest.raises(kind, match=sentence) as caught:
        yield
    assert caught.value.remedy
    after = org.counts()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {"tg_leaf": 1}
    leaf = org.leaves()[-1]
    assert leaf.kind == f"{noun}.denied"
    assert leaf.data["what"] == caught.value.what


def organisation(
    root: Path,
    url: str,
    clock: SetClock | None = None,
    units: Sequence[str] = UNITS,
    drivers: Callable[[str, str, Mapping[str, Any]], Driver] | None = None,
    **changes: Any,
) -> Organisation:
    """An organisation whose policy was adopted by the first use of its database.

    Args:
        units: the hosts of each environment.
        drivers: what deploys; else the simulator.
        changes: to the policy, as :func:`document` takes them.
    """
    shutil.copytree(_repository(), root, dirs_exist_ok=True)
    worlds = {name: SimulatedWorld(units) for name in ("staging", "production")}
    set_clock = clock or SetClock()

    def driver_for(component: str, environment: str, settings: Mapping[str, Any]) -> Driver:
        world = worlds.setdefault(environment, SimulatedWorld(units))
        return around(SimulatorDriver(Target(component, environment), world), settings)

    house = build_house(Settings(root, url), clock=set_clock, driver_for=drivers or driver_for)
    made = Organisation(root, url, set_clock, house, Legs(lambda: made.house), worlds)
    made.house = replace(house, queue=made.legs)
    policy_flow.adopt_first(made.house, policy(**changes))
    return made


@lru_cache(maxsize=1)
def _prepared_file() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="tidegate-database-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    _prepare(f"sqlite:///{directory / 'tidegate.db'}")
    return directory / "tidegate.db"


def _prepare(url: str) -> None:
    """Create all tables, ours and the engine's."""
    database = open_database(url)
    ensure_schema(database)
    queue = LegQueue(database)
    queue.migrate()
    queue.close()
    database.close()


def prepared_sqlite(directory: Path) -> str:
    """The address of a new SQLite file with all tables: a copy of one that is made once."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "tidegate.db"
    shutil.copyfile(_prepared_file(), path)
    path.chmod(0o600)
    return f"sqlite:///{path}"


def prepared_postgres(server: PostgresServer) -> str:
    """The address of a new PostgreSQL database with all tables: a copy of one that is made once per server."""
    return server.prepared_database("flows", _prepare)
