"""The little world of the kill matrix: one component, two environments of three hosts, and the house that serves it.

A world is a directory that can be copied while nobody works in it. All paths are inside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from tests.support.facts import merged
from tests.support.gitrepo import GitRepository
from tests.support.kill_agents import ForkedHostDriver
from tests.support.kill_parts import seam_backups, seamed_database, seamed_shares
from tests.support.kubernetes.world import FAST, IMAGE, digest_of, workload
from tests.support.patience import PATIENCE_S
from tidegate.app import Settings, build_house
from tidegate.clock import system_clock
from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer
from tidegate.core.joint_rollout import JointState
from tidegate.core.mark import MarkKind
from tidegate.core.policy import Metrics
from tidegate.databases import database
from tidegate.drivers.command_driver.driver import CommandDriver
from tidegate.drivers.command_driver.settings import CommandSettings
from tidegate.drivers.compose import ComposeDriver, ComposeSettings
from tidegate.drivers.contract import Driver, Target
from tidegate.drivers.host.driver import HostDriver
from tidegate.drivers.host.settings import HostSettings
from tidegate.drivers.kubernetes import KubernetesDriver, KubernetesSettings
from tidegate.drivers.registry import AROUND
from tidegate.drivers.seams import SeamedDriver
from tidegate.engine.legs import LegState
from tidegate.orchestration import (
    approval,
    bundle,
    checklist,
    checkpoint,
    delivery,
    document,
    evidence,
    joint_moves,
    proposal,
    release,
    rollout,
    sweep,
    train,
    waiver,
)
from tidegate.orchestration import policy as policies_
from tidegate.orchestration.executor import Executor, until
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.policyfile.load import load_policy
from tidegate.sources.contract import Sample, Source
from tidegate.store import artifacts, joint_rollouts, marks, outbox, policies, proposals, releases, rollouts
from tidegate.store.artifacts import ArtifactRow
from tidegate.store.database import Database, Seam, nowhere
from tidegate.store.election import ExecutorLock

UNITS = ("web1", "web2", "web3")
PORTAL_UNITS = ("desk",)
BUNDLE = "december"
RITA = Actor("rita", "ssh key of the tests", Assurance.SIGNATURE)
PLACE = "/world"
"""What the policy calls the directory of the hosts; each world's driver puts its own in place of it."""

RESTART = (
    'echo "$0 $(tail -n 1 "$1/.tidegate/journal.jsonl")" >> "$1.restarts"; while test -e "$1.slow"; do sleep 0.02; done'
)
"""Notes the version, and the last line of the host's journal, in which the key stands; waits where a test says so."""

NOTE = """
printf '%s {"key": "%s"}\\n' "$1" "$2" >> "$3.restarts"
if test "$1" = absent; then rm -f "$3.version"; else printf '%s' "$1" > "$3.draft" && mv "$3.draft" "$3.version"; fi
"""
"""The same for a target that is deployed to by commands: the version stands in a file."""

OBSERVE = """cat "$1.version" 2>/dev/null || echo '{"version": null}'"""

KUBECONFIG = "TIDEGATE_KILL_KUBECONFIG"
"""The variable that names the kubeconfig of the cluster of the story ``cluster``."""

ENGINE, IMAGES = "TIDEGATE_KILL_ENGINE", "TIDEGATE_KILL_IMAGES"
"""The variables that name the socket of the Docker engine of the story ``compose``, and its images: a JSON of the name
and of the digest of each version."""

JUNIT = (
    '<testsuites><testsuite name="a" tests="1" failures="0" errors="0" skipped="0">'
    '<testcase classname="x" name="y" time="0.1"/></testsuite></testsuites>'
)

LEASES_S = {"sqlite": 10.0, "postgresql": 0.5}
"""SQLite has no leases: at that pace, legs are looked for that were claimed and are not in hand. It is the executor's
own pace: on a busy machine a leg takes some tenths of a second to come to hand, and would be begun twice."""


def on_hosts(environment: str, units: Sequence[str] = UNITS) -> dict[str, Any]:
    """A target of hosts that are directories, with a flag."""
    return {
        "driver": "host",
        "hosts": [{"name": unit, "path": f"{PLACE}/{environment}/{unit}"} for unit in units],
        "restart": ["/bin/sh", "-c", RESTART, "{version}", "{path}"],
        "stop": ["/bin/sh", "-c", RESTART, "stop", "{path}"],
        "health": {"command": ["test", "!", "-e", "unhealthy"]},
        "health_timeout": "50ms",
        "metrics": "http://127.0.0.1:9/{host}",
        "flag": {"file": f"{PLACE}/{environment}.flags.json", "name": "new-checkout"},
    }


def policy_text(keys: Mapping[str, str], rehearsal: str = "", more: Mapping[str, Any] | None = None) -> str:
    """The policy: staging without a watch, production with one of some milliseconds; the team approves its change.

    Args:
        more: what a story has in it beside, merged into it.
    """

    def by_commands(environment: str) -> dict[str, Any]:
        note = ["/bin/sh", "-c", NOTE, "note"]
        return {
            "driver": "command",
            "directory": f"{PLACE}/{environment}",
            "units": list(UNITS),
            "observe": ["/bin/sh", "-c", OBSERVE, "observe", "{unit}"],
            "deploy": [*note, "{version}", "{key}", "{unit}"],
            "remove": [*note, "absent", "{key}", "{unit}"],
        }

    in_a_cluster = {
        "driver": "kubernetes",
        "kubeconfig": f"{PLACE}/kubeconfig",
        "namespace": "world",
        "deployment": list(UNITS),
        "manifests": "deploy",
        "failing_for": "100ms",
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
        "adoption": {"approvals": [approved]},
        "components": {
            "shop": {
                "path": "app",
                "tag": "shop-v{version}",
                "targets": {
                    **{name: on_hosts(name) for name in ("staging", "production")},
                    "scripted": by_commands("scripted"),
                    "cluster": in_a_cluster,
                },
            },
            # Released only together with the shop, and after it.
            "portal": {
                "path": "app",
                "tag": "portal-v{version}",
                "requires": {"shop": ">=0.1.0"},
                "targets": {"staging": on_hosts("staging", PORTAL_UNITS)},
            },
        },
        "release_types": {
            "minor": {"bump": "minor", "approvals": [approved]},
            "told": {"bump": "minor", "approvals": [approved]},
            "emergency": {"bump": "patch", "criteria": ["Production down"], "gates": ["tests"]},
        },
        "contacts": {name: {"title": name, "reach": "+1 555 0100"} for name in ("first", "second", "third")},
        "emergency": {
            "types": ["emergency"],
            "declared_by": ["rm"],
            "call": ["first", "second", "third"],
            "acknowledge_within": "20ms",
            "post_mortem": "0s",
        },
        "gates": {
            "tests": {
                "evidence": "junit",
                "pass": "tests.total > 0 && tests.failed == 0",
                "waiver": {"by": approved},
            }
        },
        "documents": {"rfc": {"title": "RFC", "reviewed_by": "team"}},
        "checklists": {
            "ready": {
                "title": "Ready",
                "items": {"docs": {"says": "Documented", "by": "team"}, "rfc": {"says": "Told", "document": "rfc"}},
            }
        },
        "environments": {
            "staging": {
                "purpose": "staging",
                "gates": ["tests"],
                "strategy": {"rolling": {"batch": 2}},
                "may_use": ["switched-on"],
                "permits": {"start": ["rm"], "rollback": ["rm"]},
            },
            "production": {
                "purpose": "production",
                "gates": ["tests"],
                "strategy": {"rolling": {"batch": 2, "checkpoint": "20ms"}},
                "permits": {"start": ["rm"], "rollback": ["rm"]},
            },
            "elsewhere": {"purpose": "staging"},
            **{
                name: {
                    "purpose": "staging",
                    "gates": ["tests"],
                    "strategy": {"rolling": {"batch": 2}},
                    "permits": {"start": ["rm"], "rollback": ["rm"]},
                }
                for name in ("scripted", "cluster")
            },
        },
        "strategies": {"switched-on": {"feature_flag": {}}},
        # No run of it is foreseen: the story that needs one plans it.
        "trains": {
            "freight": {"of": {"component": "shop"}, "every": "day at 10:00", "from": "2900-01-01", "to": "elsewhere"}
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
                ("emergency.declared", "status"),
                ("emergency.called", "status"),
                ("debt.overdue", "status"),
                ("train.boarded", "status"),
            )
        ]
        + [
            # Due at once of a release that is planned a month ahead; and of that alone.
            {"at": at, "to": "file:NOTICES.md", "say": words, "types": ["told"]}
            for at, words in (("-32d", "announced"), ("-31d", "status"), ("-1d", "released"))
        ],
    }
    if rehearsal:
        policy["rehearsal"] = rehearsal
    # JSON is YAML: no quoting of our own.
    return json.dumps(merged(policy, more or {}), indent=1)


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

    @property
    def namespace(self) -> str:
        """Its own in the cluster that all worlds share; there is nothing in it at first."""
        return f"w-{hashlib.sha256(str(self.directory).encode()).hexdigest()[:16]}"

    def claim(self, person: str) -> Claim:
        return Claim(person, self.directory / "keys" / person)

    def driver(self, component: str, environment: str, settings: Mapping[str, Any], at: Seam = nowhere) -> Driver:
        """The driver on this world's directories, with its seam."""
        target = Target(component, environment)
        if settings.get("database") is not None:
            settings = {**settings, "database": self._here(settings["database"])}
        if settings["driver"] == "kubernetes":
            here = {"kubeconfig": os.environ[KUBECONFIG], "namespace": self.namespace}
            return SeamedDriver(
                KubernetesDriver(target, KubernetesSettings.model_validate({**settings, **here}), pace=FAST), at
            )
        if settings["driver"] == "compose":
            return SeamedDriver(ComposeDriver(target, self._composed(settings), observe_wait_s=5.0), at)
        if settings["driver"] == "command":
            place = Path(settings["directory"].replace(PLACE, str(self.hosts), 1))
            place.mkdir(parents=True, exist_ok=True)
            commands = CommandSettings.model_validate({**settings, "directory": str(place)})
            return SeamedDriver(CommandDriver(target, commands, observe_wait_s=5.0), at)
        hosts = [{**host, "path": host["path"].replace(PLACE, str(self.hosts), 1)} for host in settings["hosts"]]
        flag = {**settings["flag"], "file": settings["flag"]["file"].replace(PLACE, str(self.hosts), 1)}
        own = {key: value for key, value in settings.items() if key not in AROUND}
        made = HostSettings.model_validate({**own, "hosts": hosts})
        for host in hosts:
            Path(host["path"]).parent.mkdir(parents=True, exist_ok=True)
        driver = (
            ForkedHostDriver(target, made, self.agents)
            if self.forked
            else HostDriver(target, made, agent=self.agent, observe_wait_s=5.0)
        )
        around = {"flag": flag, "traffic": self._balanced(settings.get("traffic"))}
        return SeamedDriver(seamed_database(seamed_shares(driver, around, at), settings.get("database"), at), at)

    @property
    def switch(self) -> Path:
        """The file in which it stands where its HAProxy listens."""
        return self.hosts / "haproxy.socket"

    def _balanced(self, traffic: Mapping[str, Any] | None) -> dict[str, Any] | None:
        return {**traffic, "socket": self.switch.read_text()} if traffic else None

    def project(self, unit: str) -> str:
        """The name of its project on the engine that all worlds share."""
        return f"{self.namespace}-{unit}"

    def _composed(self, settings: Mapping[str, Any]) -> ComposeSettings:
        here = self._here(settings)
        for place in here["places"]:
            place.update(engine=f"unix://{os.environ[ENGINE]}", project=self.project(place["name"]))
            place.update(python=sys.executable)
        services = {"web": json.loads(os.environ[IMAGES])["name"]}
        return ComposeSettings.model_validate({**here, "services": services})

    def _here(self, settings: Any) -> Any:
        """Settings with the paths of this world."""
        return json.loads(json.dumps(settings).replace(PLACE, str(self.hosts)))

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
        seam_backups(at)
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
    timeout_s: float = PATIENCE_S,
    lease_s: float | None = None,
    close: bool = True,
) -> bool:
    """Run an executor, give the commands in the same process, and go on until it is over; whether it was.

    Args:
        lease_s: as the executor's; without it, short where a successor waits for the dead one's.
        close: end in order; a worker that is about to end its process need not.
    """
    house = world.house(at)
    lock = world.lock()
    if house.database.kind == "sqlite" and not lock.wait(timeout_s):
        return False
    executor = Executor(house, lock=lock, at=at, look_again_s=0.25, lease_s=lease_s or LEASES_S[house.database.kind])
    executor.open()
    commands(executor.house)
    done = until(lambda: over(executor.house), timeout_s)
    if close:
        executor.close(2.0)
        house.database.close()
        lock.release()
    return done


def hurry(put: Callable[[Any, str, Any], None] = setattr) -> None:
    """Claims of what is due last a moment, so that a successor need not wait half a minute for the dead one's.

    Args:
        put: a process that does something else afterwards gives ``monkeypatch.setattr``.
    """
    for module in (sweep, delivery):
        put(module, "CLAIM", timedelta(milliseconds=200))
    for module in (train, joint_moves):
        put(module, "CLAIM", timedelta(milliseconds=500))
    put(database, "ASLEEP_S", 2.0)
    put(checkpoint, "LOOK_AFTER_LEG", timedelta(milliseconds=500))


def all_is_quiet(house: House) -> bool:
    """Whether nothing is due to anybody: no rollout under way, no message undelivered, no leg unfinished."""
    with house.database.read() as connection:
        found = rollouts.find(connection)
        busy = {r.state.value for r in found} & {"running", "watching", "in_doubt", "reversing"}
        joint = {one.state for one in joint_rollouts.find(connection)} & {JointState.WAITING, JointState.RETURNING}
        if busy or joint or outbox.undelivered(connection):
            return False
    legs = [house.queue.status(checkpoint.leg_id(r.id, n + 1)).state for r in found for n in range(r.legs)]
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


def found(
    world: World,
    more: Mapping[str, Any] | None = None,
    files: Mapping[str, str] | None = None,
    also_in: Sequence[str] = (),
) -> None:
    """Version 0.10.0 runs in both environments; nothing else has happened yet.

    Args:
        more: what the policy has beside.
        files: what the first version brings beside.
        also_in: the environments that it runs in, too.
    """
    keys = make_keys(world.directory / "keys")
    git = GitRepository(world.repository)
    git.commit("feat: the beginning", {"app/VERSION": "0"})
    git.tag("shop-v0.9.0")
    # JSON is YAML: no quoting of our own.
    manifests = "---\n".join(json.dumps(workload(unit)) + "\n" for unit in UNITS)
    git.commit(
        "feat: first",
        {
            "app/VERSION": "1",
            "app/deploy/all.yaml": manifests,
            "tidegate.yaml": policy_text(keys, more=more),
            ".gitignore": ".tidegate\n",
            **(files or {}),
        },
    )
    (world.directory / "junit.xml").write_text(JUNIT)

    def commands(house: House) -> None:
        policies_.adopt_first(house, load_policy(world.repository / "tidegate.yaml"))
        opened = open_and_approve(world, house, "0.10.0")
        for environment in ("staging", *also_in, "production"):
            rollout.start(house, opened, environment, RITA)
            assert until(lambda: all_is_quiet(house), PATIENCE_S, 0.01)

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


def image_of(version: str) -> tuple[str, str]:
    """The image of a version of the shop, by name and digest: one that was really pushed, where there are such."""
    if IMAGES not in os.environ:
        return IMAGE, digest_of(version)
    known = json.loads(os.environ[IMAGES])
    return known["name"], known["digests"][version]


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
        with house.database.write() as connection:
            name, digest = image_of(version)
            built = ArtifactRow("shop", "image", name, digest, 1, "", house.now(), "rita", house.now())
            artifacts.replace(connection, opened, [built])
        evidence.add(house, opened, world.directory / "junit.xml", world.claim("rita"))
    for environment in ("staging", "production"):
        if environment not in approved:
            approval.answer(house, opened, environment, world.claim("alice"), Answer.APPROVE)
    return opened


def open_together(world: World, house: House) -> str:
    """Open the release of the shop and the portal, add the tests of both, approve it for staging. Its id.

    Each command is given only where the rows do not show it.
    """
    with house.database.read() as connection:
        known = releases.list_ids(connection)
    if BUNDLE not in known:
        versions = {"shop": "0.11.0", "portal": "0.11.0"}
        bundle.open_bundle(house, BUNDLE, ["portal", "shop"], world.claim("rita"), type_="minor", versions=versions)
    with house.database.read() as connection:
        tested = {piece.component for piece in releases.evidence_of(connection, BUNDLE)}
        approved = releases.approvals_of(connection, BUNDLE)
    for component in {"shop", "portal"} - tested:
        evidence.add(house, BUNDLE, world.directory / "junit.xml", world.claim("rita"), component=component)
    if not approved:
        approval.answer(house, BUNDLE, "staging", world.claim("alice"), Answer.APPROVE)
    return BUNDLE


def say_of_release(world: World, house: House, name: str) -> None:
    """Attach a document and tick a checklist, ask for a waiver and agree to it; each only where no row shows it."""
    file = world.directory / "rfc.md"
    file.write_text("# RFC\n\nBecause.\n")
    until = house.now() + timedelta(days=1)
    rita, alice = world.claim("rita"), world.claim("alice")
    acts: dict[MarkKind, Callable[[], object]] = {
        MarkKind.DOCUMENT: lambda: document.attach(house, name, "rfc", file, rita),
        MarkKind.REVIEW: lambda: document.review(house, name, "rfc", alice),
        MarkKind.TICK: lambda: checklist.tick(house, name, "ready", "docs", alice),
        MarkKind.WAIVER: lambda: waiver.ask(house, name, "tests", rita, reason="no runner", until=until),
        MarkKind.WAIVER_YES: lambda: waiver.agree(house, name, "tests", alice),
    }
    with house.database.read() as connection:
        known = {signed.mark.kind for signed in marks.of_release(connection, name)}
    for kind, act in acts.items():
        if kind not in known:
            act()


def change_the_policy(world: World, house: House) -> str:
    """Propose another policy, say no and take that back, approve it, adopt it; its digest.

    Each command is given only where the rows do not show it.
    """
    keys = {person: (world.directory / "keys" / f"{person}.pub").read_text().strip() for person in ("rita", "alice")}
    loaded = load_policy(policy_text(keys, rehearsal="another one").encode())
    with house.database.read() as connection:
        adopted = policies.current(connection).digest == loaded.digest
        row = proposals.open_of(connection, loaded.digest)
        given = [signed.approval for signed in proposals.answers_of(connection, row.proposal.id)] if row else []
    said = {approval.actor.person: approval.revoked_at is None for approval in given}
    rita = world.claim("rita")
    if adopted:
        return loaded.digest
    if row is None:
        proposal.propose(house, loaded, rita, "it is time")
    if "rita" not in said:
        proposal.answer(house, loaded.digest, rita, Answer.REJECT, reason="wait")
    if said.get("rita", True):
        proposal.revoke(house, loaded.digest, rita)
    if "alice" not in said:
        proposal.answer(house, loaded.digest, world.claim("alice"), Answer.APPROVE)
    policies_.adopt(house, policies_.stored(house, loaded.digest, rita), rita)
    return loaded.digest


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
