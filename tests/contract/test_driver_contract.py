"""The promises of every driver, and of the simulator that stands in for them.

A new driver joins by a *world* in the fixture below: a real platform with the units ``web1`` and ``web2``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.compose import Images, Projects, why_no_compose
from tests.support.compose import dying_agent as dying_compose_agent
from tests.support.hosts import TARGET, Hosts, dying_agent, effect, make_package
from tests.support.kubernetes.real import RealCluster, real_cluster
from tests.support.kubernetes.world import SimulatedCluster, records, simulated_cluster
from tests.support.sshd import SshServer
from tidegate.core.effect import Act, Finding, Health, Observation, Package, Presence, Stage, Token, judge
from tidegate.drivers.command_driver import CommandDriver, CommandSettings
from tidegate.drivers.contract import Driver, Fence
from tidegate.drivers.seams import SeamedDriver
from tidegate.drivers.simulator import SimulatedWorld, SimulatorDriver
from tidegate.errors import FencedError, NotFoundError, TargetError, UsageError

TOKEN = Token(1, 1)
LATER = Token(1, 2)


class World(Protocol):
    """Something real behind a driver."""

    def driver(self) -> Driver: ...

    def driver_dying_at(self, stage: Stage) -> Driver | None:
        """One whose unit loses power when its journal holds ``stage``; None where it never stands there."""

    def driver_cut_off(self) -> Driver | None:
        """One that does not reach its units; None where that cannot be."""

    def restarts(self, unit: str) -> int: ...

    def occupy(self, unit: str) -> None:
        """Put something there that Tidegate did not."""

    def package(self, directory: Path, version: str) -> tuple[Path, Package]:
        """A package of ``version``; one whose version holds ``bad`` is unhealthy."""


@dataclass(frozen=True, slots=True)
class HostWorld:
    hosts: Hosts

    def driver(self) -> Driver:
        return self.hosts.driver()

    def driver_dying_at(self, stage: Stage) -> Driver:
        return self.hosts.driver(agent=dying_agent(stage))

    def driver_cut_off(self) -> Driver | None:
        if self.hosts.address == "local":
            return None
        return replace(self.hosts, address="ssh://127.0.0.1:1").driver()

    def restarts(self, unit: str) -> int:
        return len(self.hosts.restarts(unit))

    def occupy(self, unit: str) -> None:
        self.hosts.path(unit).mkdir()
        (self.hosts.path(unit) / "index.html").write_text("installed by hand")

    def package(self, directory: Path, version: str) -> tuple[Path, Package]:
        return make_package(directory, version)


@dataclass(frozen=True, slots=True)
class ComposeWorld:
    projects: Projects

    def driver(self) -> Driver:
        return self.projects.driver()

    def driver_dying_at(self, stage: Stage) -> Driver:
        return self.projects.driver(agent=dying_compose_agent(stage))

    def driver_cut_off(self) -> Driver | None:
        if self.projects.address == "local":
            return None
        return replace(self.projects, address="ssh://127.0.0.1:1").driver()

    def restarts(self, unit: str) -> int:
        return self.projects.restarts(unit)

    def occupy(self, unit: str) -> None:
        self.projects.occupy(unit)

    def package(self, directory: Path, version: str) -> tuple[Path, Package]:
        return self.projects.images.package(directory, version)


# Where a script of an organisation keeps what it deployed, and how often it did something.
DEPLOY = """\
#!/bin/sh
echo "$2" >> "$0.$1.acts"
case "$2" in stopped) rm -f "$0.$1";; *) echo "$2 $3" > "$0.$1";; esac
"""
OBSERVE = """\
#!/bin/sh
test -e "$1" || { echo '{"version": null}'; exit; }
read -r version digest < "$1"
case "$version" in *bad*) healthy=false;; *) healthy=true;; esac
test -n "$digest" && digest="\\"$digest\\"" || digest=null
echo "{\\"version\\": \\"$version\\", \\"digest\\": $digest, \\"healthy\\": $healthy}"
"""


@dataclass(frozen=True, slots=True)
class CommandWorld:
    directory: Path

    def driver(self) -> Driver:
        return self._driver(lambda stage, unit: None)

    def _driver(self, at: Callable[[Stage, str], None]) -> Driver:
        deploy, observe = self.directory / "deploy", self.directory / "observe"
        for path, text in ((deploy, DEPLOY), (observe, OBSERVE)):
            if not path.exists():
                path.write_text(text)
        act = ["sh", str(deploy), "{unit}"]
        settings = {
            "directory": str(self.directory / "journals"),
            "units": ["web1", "web2"],
            "observe": ["sh", str(observe), f"{deploy}.{{unit}}"],
            "deploy": [*act, "{version}", "{digest}"],
            "remove": [*act, "stopped"],
            "verify": ["sh", "-c", "case $1 in *bad*) exit 1;; esac", "verify", "{version}"],
            "health_timeout": "1s",
        }
        return CommandDriver(TARGET, CommandSettings.model_validate(settings), at=at)

    def driver_dying_at(self, stage: Stage) -> Driver:
        def at(reached: Stage, unit: str) -> None:
            if reached is stage:
                raise PowerCutError("no power", where=unit, remedy="Bring it back.")

        return self._driver(at)

    def driver_cut_off(self) -> Driver | None:
        return None

    def restarts(self, unit: str) -> int:
        acts = self.directory / f"deploy.{unit}.acts"
        return len(acts.read_text().split()) if acts.exists() else 0

    def occupy(self, unit: str) -> None:
        (self.directory / f"deploy.{unit}").write_text("0.9.0\n")

    def package(self, directory: Path, version: str) -> tuple[Path, Package]:
        return make_package(directory, version)


class PowerCutError(TargetError):
    """The simulated unit lost power."""


@dataclass(frozen=True, slots=True)
class SimulatedUnits:
    world: SimulatedWorld

    def driver(self) -> Driver:
        return SimulatorDriver(TARGET, self.world)

    def driver_dying_at(self, stage: Stage) -> Driver:
        def at(reached: Stage, unit: str) -> None:
            if reached is stage:
                raise PowerCutError("no power", where=unit, remedy="Bring it back.")

        return SimulatorDriver(TARGET, self.world, at)

    def driver_cut_off(self) -> Driver | None:
        self.world.units["web1"].reachable = False
        return self.driver()

    def restarts(self, unit: str) -> int:
        return self.world.units[unit].restarts

    def occupy(self, unit: str) -> None:
        self.world.units[unit].running = Presence.FOREIGN

    def package(self, directory: Path, version: str) -> tuple[Path, Package]:
        return make_package(directory, version)


def over_ssh(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    server: SshServer = request.getfixturevalue("ssh_server")
    ssh = {"config": "none", "identity": str(server.key), "known_hosts": str(server.known_hosts)}
    return f"ssh://{server.user}@{server.host}:{server.port}", ssh


def compose_world(request: pytest.FixtureRequest, directory: Path) -> Iterator[World]:
    if reason := why_no_compose():
        pytest.skip(reason)
    images: Images = request.getfixturevalue("compose_images")
    way = over_ssh(request) if request.param == "compose-over-ssh" else ("local", None)
    projects = Projects(directory, images, *way)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{projects.programs()}:{os.environ['PATH']}")
        try:
            yield ComposeWorld(projects)
        finally:
            projects.close()


@dataclass(frozen=True, slots=True)
class KubernetesWorld:
    """Workloads of a cluster. A switch and the restart that follows it are one write: it never dies between them."""

    cluster: SimulatedCluster | RealCluster

    def driver(self) -> Driver:
        return self.cluster.driver()

    def driver_dying_at(self, stage: Stage) -> Driver | None:
        return None if stage is Stage.RESTARTING else self.cluster.dying(records(stage), done=True)

    def driver_cut_off(self) -> Driver | None:
        return self.cluster.dying(lambda request: True, before=True)

    def restarts(self, unit: str) -> int:
        return self.cluster.restarts(unit)

    def occupy(self, unit: str) -> None:
        self.cluster.occupy(unit)

    def package(self, directory: Path, version: str) -> tuple[Path, Package]:
        return self.cluster.package(directory, version)


CLUSTERS = {
    "kubernetes-manifests": ("Deployment", True),
    "kubernetes-images": ("Deployment", False),
    "kubernetes-stateful-images": ("StatefulSet", False),
}
REAL = {name.replace("kubernetes", "real-kubernetes"): made for name, made in CLUSTERS.items()}


PARAMS = ("host-local", "host-over-ssh", "compose-local", "command", "simulator", *CLUSTERS, *REAL)


@pytest.fixture(params=PARAMS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "host-local":
        yield HostWorld(Hosts(tmp_path))
    elif request.param == "host-over-ssh":
        yield HostWorld(Hosts(tmp_path, *over_ssh(request)))
    elif request.param == "command":
        yield CommandWorld(tmp_path)
    elif request.param == "simulator":
        yield SimulatedUnits(simulated())
    elif request.param.startswith("compose"):
        yield from compose_world(request, tmp_path)
    elif request.param in REAL:
        with real_cluster(tmp_path, request.getfixturevalue("kubernetes"), *REAL[request.param]) as cluster:
            yield KubernetesWorld(cluster)
    else:
        with simulated_cluster(tmp_path, *CLUSTERS[request.param]) as found:
            yield KubernetesWorld(found)


def simulated() -> SimulatedWorld:
    return SimulatedWorld(("web1", "web2"), lambda unit, to: Health("no" if "bad" in to.version else "yes"))


@pytest.fixture
def packages(world: World, tmp_path: Path) -> dict[str, tuple[Path, Package]]:
    directory = tmp_path / "packages"
    directory.mkdir()
    return {version: world.package(directory, version) for version in ("1.0.0", "1.1.0", "1.2.0", "1.3.0", "bad-2.0.0")}


Packages = dict[str, tuple[Path, Package]]


def deploy(driver: Driver, packages: Packages, version: str, step: str = "s1", token: Token = TOKEN) -> Observation:
    path, to = packages[version]
    return driver.apply(effect("web1", step, to), path, token)


def dying_at(world: World, stage: Stage) -> Driver:
    driver = world.driver_dying_at(stage)
    if driver is None:
        pytest.skip(f"this driver never stands at {stage}: it switches and restarts in one write")
    return driver


def test_a_unit_that_is_there_and_lets_us_is_ready(world: World) -> None:
    assert world.driver().online("web1").ready
    assert world.driver().units == ("web1", "web2")
    assert world.driver().target == TARGET


def test_a_unit_that_the_policy_does_not_name_is_not_found(world: World) -> None:
    for ask in (world.driver().online, world.driver().observe, world.driver().health, world.driver().read_way_back):
        with pytest.raises(NotFoundError, match=r"shop has no \w+ 'web9' in production"):
            ask("web9")


def test_a_fresh_unit_is_absent(world: World) -> None:
    seen = world.driver().observe("web1")
    assert (seen.running, seen.token, seen.last_key, seen.kept) == (Presence.ABSENT, None, None, ())
    assert world.driver().health("web1") is Health.CANNOT_TELL


def test_a_deployed_version_is_read_back_by_anybody(world: World, packages: Packages) -> None:
    to = packages["1.0.0"][1]
    answered = deploy(world.driver(), packages, "1.0.0")
    seen = world.driver().observe("web1")
    assert answered == seen
    assert to.same_as(seen.running)
    assert (seen.token, seen.last_key, seen.last_stage) == (TOKEN, "r1:s1:web1:1", Stage.DONE)
    assert (seen.healthy, seen.kept) == (Health.YES, (to,))
    assert judge(effect("web1", "s1", to), seen, TOKEN) is Finding.CONFIRMED
    assert world.driver().observe("web2").running is Presence.ABSENT


def test_a_second_apply_of_a_done_key_changes_nothing(world: World, packages: Packages) -> None:
    first = deploy(world.driver(), packages, "1.0.0")
    assert deploy(world.driver(), packages, "1.0.0") == first
    assert world.restarts("web1") == 1


def test_a_restore_needs_no_package_for_what_the_unit_keeps(world: World, packages: Packages) -> None:
    driver, old = world.driver(), packages["1.0.0"][1]
    deploy(driver, packages, "1.0.0", "s1")
    deploy(driver, packages, "1.1.0", "s2")
    seen = driver.apply(effect("web1", "back", old, act=Act.RESTORE), None, LATER)
    assert old.same_as(seen.running)
    assert world.restarts("web1") == 3


def test_a_restore_of_what_the_unit_does_not_keep_needs_the_package(world: World, packages: Packages) -> None:
    driver = world.driver()
    deploy(driver, packages, "1.1.0")
    path, old = packages["1.0.0"]
    back = effect("web1", "back", old, act=Act.RESTORE)
    with pytest.raises(TargetError, match=r"does not have release 1.0.0.*, and no package was given"):
        driver.apply(back, None, TOKEN)
    assert packages["1.1.0"][1].same_as(driver.observe("web1").running)
    assert old.same_as(driver.apply(back, path, TOKEN).running)


def test_a_removed_component_is_absent(world: World, packages: Packages) -> None:
    driver, gone = world.driver(), effect("web1", "gone", None)
    deploy(driver, packages, "1.0.0")
    seen = driver.apply(gone, None, TOKEN)
    assert seen.running is Presence.ABSENT
    assert judge(gone, seen, TOKEN) is Finding.CONFIRMED
    assert world.restarts("web1") == 2
    assert driver.apply(gone, None, TOKEN) == seen
    assert world.restarts("web1") == 2


def test_a_removal_of_what_never_was_is_done_without_stopping_anything(world: World) -> None:
    seen = world.driver().apply(effect("web1", "gone", None), None, TOKEN)
    assert (seen.running, seen.last_stage) == (Presence.ABSENT, Stage.DONE)
    assert world.restarts("web1") == 0


def test_the_fence_refuses_whoever_is_outranked(world: World, packages: Packages) -> None:
    driver = world.driver()
    if driver.abilities.fence is not Fence.TARGET:
        pytest.skip("this driver's fence is the store")
    before = deploy(driver, packages, "1.0.0", token=LATER)
    for act in (
        lambda: deploy(driver, packages, "1.1.0", "s2"),
        lambda: deploy(driver, packages, "1.0.0", "s1"),
        lambda: driver.write_way_back("web1", b"{}", TOKEN),
        lambda: driver.adopt("web1", "0.9.0", TOKEN),
    ):
        with pytest.raises(FencedError, match=r"is outranked by .*, which this \w+ has seen"):
            act()
    assert driver.observe("web1") == before
    assert driver.read_way_back("web1") is None
    assert world.restarts("web1") == 1


def test_a_lease_is_outranked_by_its_break_glass_and_both_by_the_next_lease(world: World) -> None:
    driver = world.driver()
    for lower, higher in pairwise((TOKEN, TOKEN.breaking_glass(), LATER, Token(2, 0))):
        driver.write_way_back("web1", b"{}", lower)
        driver.write_way_back("web1", b"{}", higher)
        with pytest.raises(FencedError):
            driver.write_way_back("web1", b"{}", lower)


def test_the_same_token_may_go_on(world: World, packages: Packages) -> None:
    driver = world.driver()
    for version in ("1.0.0", "1.1.0"):
        assert deploy(driver, packages, version, version).token == TOKEN
    assert world.restarts("web1") == 2


def test_a_way_back_raises_the_fence(world: World, packages: Packages) -> None:
    driver = world.driver()
    deploy(driver, packages, "1.0.0")
    driver.write_way_back("web1", b"{}", LATER)
    with pytest.raises(FencedError):
        deploy(driver, packages, "1.1.0", "s2")
    seen = driver.observe("web1")
    assert judge(effect("web1", "s2", packages["1.1.0"][1]), seen, TOKEN) is Finding.OVERTAKEN
    assert judge(effect("web1", "s1", packages["1.0.0"][1]), seen, TOKEN) is Finding.CONFIRMED


def test_an_unhealthy_version_is_an_observation_not_an_error(world: World, packages: Packages) -> None:
    seen = deploy(world.driver(), packages, "bad-2.0.0")
    assert (seen.healthy, seen.last_stage) == (Health.NO, Stage.DONE)
    assert judge(effect("web1", "s1", packages["bad-2.0.0"][1]), seen, TOKEN) is Finding.FAILED
    assert world.driver().health("web1") is Health.NO


def test_other_bytes_than_promised_are_refused_and_the_previous_version_runs_on(
    world: World, packages: Packages
) -> None:
    driver = world.driver()
    deploy(driver, packages, "1.0.0")
    with pytest.raises(TargetError, match=r"the package was refused: its digest is [0-9a-f]{64}, and should be"):
        driver.apply(effect("web1", "s2", packages["1.1.0"][1]), packages["1.2.0"][0], TOKEN)
    assert packages["1.0.0"][1].same_as(driver.observe("web1").running)
    assert world.restarts("web1") == 1


@pytest.mark.parametrize("stage", [Stage.UNPACKED, Stage.SWITCHED, Stage.RESTARTED, Stage.HEALTHY, Stage.DONE])
def test_an_act_that_lost_power_is_resumed_and_restarts_once(world: World, packages: Packages, stage: Stage) -> None:
    to = packages["1.0.0"][1]
    with pytest.raises(TargetError):
        deploy(dying_at(world, stage), packages, "1.0.0")
    seen = world.driver().observe("web1")
    assert seen.last_stage is stage
    expected = Finding.CONFIRMED if stage is Stage.DONE else Finding.NOT_DONE
    assert judge(effect("web1", "s1", to), seen, TOKEN) is expected
    seen = deploy(world.driver(), packages, "1.0.0")
    assert judge(effect("web1", "s1", to), seen, TOKEN) is Finding.CONFIRMED
    assert world.restarts("web1") == 1


def test_an_act_that_lost_power_in_the_restart_is_in_doubt_and_stays_so(world: World, packages: Packages) -> None:
    path, to = packages["1.0.0"]
    with pytest.raises(TargetError):
        deploy(dying_at(world, Stage.RESTARTING), packages, "1.0.0")
    before = world.restarts("web1")
    for seen in (world.driver().observe("web1"), deploy(world.driver(), packages, "1.0.0")):
        assert judge(effect("web1", "s1", to), seen, TOKEN) is Finding.IN_DOUBT
    assert world.restarts("web1") == before
    again = effect("web1", "s1", to, attempt=2)
    assert judge(again, world.driver().apply(again, path, TOKEN), TOKEN) is Finding.CONFIRMED
    assert world.restarts("web1") == before + 1


def test_an_act_left_unfinished_is_not_resumed_over_a_later_one(world: World, packages: Packages) -> None:
    with pytest.raises(TargetError):
        deploy(dying_at(world, Stage.SWITCHED), packages, "1.1.0", "s1")
    deploy(world.driver(), packages, "1.0.0", "s2")
    with pytest.raises(TargetError, match="key r1:s1:web1:1 was left unfinished, and r1:s2:web1:1 came after it"):
        deploy(world.driver(), packages, "1.1.0", "s1")
    assert packages["1.0.0"][1].same_as(world.driver().observe("web1").running)


def test_rendering_touches_nothing_and_says_what_will_be_done(world: World, packages: Packages) -> None:
    driver = world.driver()
    effects = [effect("web1", "s1", packages["1.0.0"][1]), effect("web2", "s1", None)]
    steps = driver.render(effects)
    assert steps == driver.render(effects)
    assert [step.verb for step in steps if step.unit == "web2"] == ["stop", "switch"]
    assert {step.key for step in steps} == {one.key for one in effects}
    assert driver.observe("web1").running is Presence.ABSENT
    assert driver.observe("web1").token is None


def test_an_effect_of_another_target_is_refused(world: World, packages: Packages) -> None:
    stray = replace(effect("web1", "s1", packages["1.0.0"][1]), environment="staging")
    for act in (lambda: world.driver().render([stray]), lambda: world.driver().apply(stray, None, TOKEN)):
        with pytest.raises(UsageError, match="an effect on shop in staging is not for this target"):
            act()


def test_what_tidegate_did_not_put_there_is_refused_until_it_is_adopted(world: World, packages: Packages) -> None:
    driver = world.driver()
    world.occupy("web1")
    assert driver.observe("web1").running is Presence.FOREIGN
    with pytest.raises(TargetError, match=r"holds (files|containers|pods|a version) that Tidegate did not put there"):
        deploy(driver, packages, "1.0.0")
    adopted = driver.adopt("web1", "0.9.0", TOKEN).running
    assert isinstance(adopted, Package)
    assert adopted.version == "0.9.0"
    assert world.restarts("web1") == 0
    for step, version in enumerate(("1.0.0", "1.1.0", "1.2.0", "1.3.0")):
        deploy(driver, packages, version, f"s{step}")
    seen = driver.apply(effect("web1", "back", adopted, act=Act.RESTORE), None, TOKEN)
    assert adopted.same_as(seen.running)


def test_adopting_what_is_known_changes_nothing(world: World, packages: Packages) -> None:
    driver = world.driver()
    before = deploy(driver, packages, "1.0.0")
    assert driver.adopt("web1", "0.9.0", TOKEN) == before
    with pytest.raises(TargetError, match=r"nothing runs (in|on) .*web2"):
        driver.adopt("web2", "0.9.0", TOKEN)


def test_the_way_back_is_read_as_it_was_written(world: World) -> None:
    driver = world.driver()
    assert driver.read_way_back("web1") is None
    for document in (b'{"to": "1.0.0"}\n', bytes(range(256)) * 300, b""):
        driver.write_way_back("web1", document, TOKEN)
        assert world.driver().read_way_back("web1") == document


def test_what_one_may_have_to_return_to_is_kept(world: World, packages: Packages) -> None:
    driver, named, previous = world.driver(), packages["1.0.0"][1], packages["1.1.0"][1]
    deploy(driver, packages, "1.0.0", "s0")
    driver.write_way_back("web1", b"{}", TOKEN, keeps=(named,))
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        deploy(driver, packages, version, version)
    path, to = packages["bad-2.0.0"]
    better = replace(to, version="2.0.0")
    driver.apply(effect("web1", "s4", better, previous=previous), path, TOKEN)
    assert named in driver.observe("web1").kept
    driver.write_way_back("web1", b"{}", TOKEN)
    for step in ("s5", "s6"):
        driver.apply(effect("web1", step, packages["1.3.0"][1], previous=previous), packages["1.3.0"][0], TOKEN)
    kept = driver.observe("web1").kept
    assert named not in kept
    assert previous in kept


def test_two_acts_at_once_on_one_unit_are_one_after_the_other(world: World, packages: Packages) -> None:
    versions = ("1.0.0", "1.1.0", "1.2.0")
    with ThreadPoolExecutor(3) as pool:
        seen = list(pool.map(lambda version: deploy(world.driver(), packages, version, version), versions))
    for version, observation in zip(versions, seen, strict=True):
        assert packages[version][1].same_as(observation.running)
    assert world.restarts("web1") == 3


def test_the_same_act_twice_at_once_is_done_once(world: World, packages: Packages) -> None:
    with ThreadPoolExecutor(3) as pool:
        seen = list(pool.map(lambda _: deploy(world.driver(), packages, "1.0.0"), range(3)))
    assert seen[0] == seen[1] == seen[2]
    assert world.restarts("web1") == 1


def test_units_are_acted_on_side_by_side(world: World, packages: Packages) -> None:
    driver, (path, to) = world.driver(), packages["1.0.0"]
    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(lambda unit: driver.apply(effect(unit, "s1", to), path, TOKEN), driver.units))
    assert [one.unit for one in seen if to.same_as(one.running)] == ["web1", "web2"]


def test_a_unit_that_does_not_answer_is_observed_as_such(world: World, packages: Packages) -> None:
    cut_off = world.driver_cut_off()
    if cut_off is None:
        pytest.skip("a machine always reaches itself")
    seen = cut_off.observe("web1")
    assert (seen.reachable, seen.running) == (False, Presence.UNSEEN)
    assert judge(effect("web1", "s1", packages["1.0.0"][1]), seen, TOKEN) is Finding.IN_DOUBT
    assert cut_off.health("web1") is Health.CANNOT_TELL
    assert not cut_off.online("web1").ready
    assert cut_off.online("web1").remedy
    with pytest.raises(TargetError, match=r"cannot reach the \w+|does not answer"):
        deploy(cut_off, packages, "1.0.0")
    with pytest.raises(TargetError):
        cut_off.read_way_back("web1")


def test_the_seams_are_before_and_after_each_call(world: World, packages: Packages) -> None:
    points: list[str] = []
    driver = SeamedDriver(world.driver(), points.append)
    deploy(driver, packages, "1.0.0")
    driver.observe("web1")
    driver.write_way_back("web1", b"{}", TOKEN)
    assert points == [
        "apply:before:web1",
        "apply:after:web1",
        "observe:before:web1",
        "observe:after:web1",
        "write_way_back:before:web1",
        "write_way_back:after:web1",
    ]
    assert driver.units == world.driver().units
