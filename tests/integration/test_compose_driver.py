"""The Compose driver on a real engine: what the contract suite does not ask of every driver."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.compose import OWN_AGENT, Images, Projects, why_no_compose
from tests.support.hosts import effect
from tests.support.sshd import SshServer
from tidegate.core.effect import Act, Finding, Health, Observation, Package, Presence, Stage, Token, judge
from tidegate.drivers.compose import ComposeDriver
from tidegate.drivers.compose.driver import agent_source
from tidegate.drivers.host.transport import AGENT
from tidegate.errors import TargetError

TOKEN = Token(1, 1)


@pytest.fixture
def projects(compose_images: Images, tmp_path: Path) -> Iterator[Projects]:
    if reason := why_no_compose():
        pytest.skip(reason)
    made = Projects(tmp_path, compose_images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{made.programs()}:{os.environ['PATH']}")
        yield made
    made.close()


def deploy(
    driver: ComposeDriver, package: tuple[Path, Package], step: str = "s1", act: Act = Act.DEPLOY, **more: int
) -> Observation:
    return driver.apply(effect("web1", step, package[1], act=act, **more), package[0], TOKEN)


def environment_of(projects: Projects, service: str) -> list[str]:
    ids = projects.images.engine.docker("ps", "--quiet", "--filter", f"name={projects.project('web1')}_{service}_")
    (one,) = ids.stdout.split()
    shown = projects.images.engine.docker("inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", one)
    return shown.stdout.split()


def services(projects: Projects, more: str = "", web: str = "") -> str:
    base = f"image: {projects.images.name()}:latest\n    network_mode: none\n    stop_signal: SIGKILL\n"
    return f"services:\n  web:\n    {base}{web}{more}"


def test_an_image_that_the_registry_does_not_have_changes_nothing(projects: Projects, tmp_path: Path) -> None:
    driver = projects.driver()
    good = projects.images.package(tmp_path, "1.0.0")
    deploy(driver, good)
    absent = replace(projects.images, digests={("shop", "1.1.0"): "sha256:" + "0" * 64})
    missing = absent.package(tmp_path, "1.1.0")
    with pytest.raises(TargetError, match=r"the engine does not have .*@sha256:0000") as caught:
        deploy(driver, missing, "s2")
    assert caught.value.remedy == "See that the registry has this digest and lets the engine in; nothing was changed."
    seen = driver.observe("web1")
    assert good[1].same_as(seen.running)
    assert (seen.healthy, seen.last_stage) == (Health.YES, Stage.UNPACKED)
    assert projects.restarts("web1") == 1


def test_an_engine_that_does_not_answer_is_seen_as_such(projects: Projects, tmp_path: Path) -> None:
    place = {"directory": str(tmp_path / "web1"), "engine": f"unix://{tmp_path}/nothing.sock"}
    driver = projects.driver(places=[{"name": "web1", **place}])
    seen = driver.observe("web1")
    assert (seen.reachable, seen.running) == (False, Presence.UNSEEN)
    assert "the Docker engine does not answer" in seen.detail
    package = projects.images.package(tmp_path, "1.0.0")
    assert judge(effect("web1", "s1", package[1]), seen, TOKEN) is Finding.IN_DOUBT
    with pytest.raises(TargetError, match="the Docker engine does not answer"):
        deploy(driver, package)
    assert not driver.online("web1").ready
    assert driver.health("web1") is Health.CANNOT_TELL


def test_what_somebody_else_started_or_stopped_is_seen(projects: Projects, tmp_path: Path) -> None:
    driver = projects.driver()
    package = projects.images.package(tmp_path, "1.0.0")
    deploy(driver, package)
    (one,) = projects.containers("web1")
    projects.images.engine.docker("kill", one)
    seen = driver.observe("web1")
    assert package[1].same_as(seen.running)
    assert (seen.healthy, seen.detail) == (Health.NO, "service web is exited (status 137)")
    projects.occupy("web1")
    seen = driver.observe("web1")
    assert seen.running is Presence.FOREIGN
    assert judge(effect("web1", "s1", package[1]), seen, TOKEN) is Finding.IN_DOUBT
    again = driver.apply(effect("web1", "s2", package[1]), None, TOKEN)
    assert package[1].same_as(again.running), "nothing stops the way back to what was there"


def test_a_project_of_another_component_is_refused(projects: Projects, tmp_path: Path) -> None:
    package = projects.images.package(tmp_path, "1.0.0")
    deploy(projects.driver(), package)
    place = {
        "name": "web1",
        "directory": str(tmp_path / "other"),
        "project": projects.project("web1"),
        "engine": f"unix://{projects.images.engine.directory}/docker.sock",
    }
    from tidegate.drivers.compose import ComposeSettings
    from tidegate.drivers.contract import Target

    settings = ComposeSettings.model_validate(projects.settings(places=[place]))
    other = ComposeDriver(Target("billing", "production"), settings)
    assert other.observe("web1").running is Presence.FOREIGN
    assert not other.online("web1").ready
    with pytest.raises(TargetError, match=r"the project .*-web1 belongs to shop in production"):
        other.adopt("web1", "1.0.0", TOKEN)


def test_secrets_reach_the_service_and_no_file(
    projects: Projects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("hush-from-file\n")
    monkeypatch.setenv("SHOP_TOKEN", "hush-from-env")
    configuration = (
        f"LEVEL=info\nPASSWORD=secret:file:{tmp_path}/password\nTOKEN=secret:env:SHOP_TOKEN\nKEY=secret:command:vault\n"
    )
    files = {
        "docker-compose.yml": services(
            projects, web='    env_file: config/prod.env\n    environment:\n      URL: "db://${PASSWORD}@db"\n'
        ),
        "config/prod.env": configuration,
    }
    vault = tmp_path / "vault"
    vault.write_text("#!/bin/sh\necho hush-from-command\n")
    vault.chmod(0o755)
    driver = projects.driver(env_file="config/prod.env", secrets={"vault": [str(vault)]})
    seen = deploy(driver, projects.images.package(tmp_path, "1.0.0", files))
    assert seen.last_stage is Stage.DONE
    found = environment_of(projects, "web")
    assert {"URL=db://hush-from-file@db", "PASSWORD=hush-from-file", "TOKEN=hush-from-env"} <= set(found)
    assert {"KEY=hush-from-command", "LEVEL=info"} <= set(found)
    written = [path for path in projects.path("web1").rglob("*") if path.is_file() and b"hush" in path.read_bytes()]
    assert written == []


def test_a_secret_that_is_not_there_changes_nothing(projects: Projects, tmp_path: Path) -> None:
    driver = projects.driver(env_file="prod.env")
    deploy(driver, projects.images.package(tmp_path, "1.0.0", {"prod.env": "A=1\n"}))
    package = projects.images.package(tmp_path, "1.1.0", {"prod.env": "PASSWORD=secret:env:NOT_SET_ANYWHERE\n"})
    with pytest.raises(TargetError, match="PASSWORD: secret:env:NOT_SET_ANYWHERE cannot be resolved: there is no such"):
        deploy(driver, package, "s2")
    seen = driver.observe("web1")
    assert isinstance(seen.running, Package)
    assert seen.running.version == "1.0.0"
    assert projects.restarts("web1") == 1


def test_a_rollback_brings_the_configuration_of_its_version_back(projects: Projects, tmp_path: Path) -> None:
    driver = projects.driver(env_file="prod.env")
    compose = services(projects, web="    env_file: prod.env\n")

    def package(version: str, level: str) -> tuple[Path, Package]:
        files = {"docker-compose.yml": compose, "prod.env": f"LEVEL={level}\n"}
        return projects.images.package(tmp_path, version, files)

    old, new = package("1.0.0", "info"), package("1.1.0", "debug")
    deploy(driver, old)
    deploy(driver, new, "s2")
    assert "LEVEL=debug" in environment_of(projects, "web")
    seen = driver.apply(effect("web1", "back", old[1], act=Act.RESTORE), None, TOKEN)
    assert old[1].same_as(seen.running)
    assert "LEVEL=info" in environment_of(projects, "web")


def test_a_service_that_is_not_released_runs_on(projects: Projects, tmp_path: Path) -> None:
    database = f"{projects.images.name('database')}@{projects.images.digest('15', 'database')}"
    compose = services(projects, f"  db:\n    image: {database}\n    network_mode: none\n    stop_signal: SIGKILL\n")
    driver = projects.driver()
    deploy(driver, projects.images.package(tmp_path, "1.0.0", {"docker-compose.yml": compose}))
    before = set(projects.containers("web1"))
    seen = deploy(driver, projects.images.package(tmp_path, "1.1.0", {"docker-compose.yml": compose}), "s2")
    assert seen.healthy is Health.YES
    assert len(before & set(projects.containers("web1"))) == 1, "the database's container, and only that"


def test_a_removal_leaves_volumes_and_other_projects(projects: Projects, tmp_path: Path) -> None:
    docker = projects.images.engine.docker
    compose = services(projects, "volumes:\n  data:\n", web="    volumes: [data:/data]\n")
    driver = projects.driver()
    deploy(driver, projects.images.package(tmp_path, "1.0.0", {"docker-compose.yml": compose}))
    projects.occupy("web2")
    seen = driver.apply(effect("web1", "gone", None), None, TOKEN)
    assert (seen.running, seen.last_stage) == (Presence.ABSENT, Stage.DONE)
    assert projects.containers("web1") == []
    assert len(projects.containers("web2")) == 1
    volume = f"{projects.project('web1')}_data"
    assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}").stdout.split() == [volume]
    docker("volume", "rm", volume)


def test_a_job_that_ended_well_is_well(projects: Projects, tmp_path: Path) -> None:
    def compose(status: int) -> str:
        image = f"    image: {projects.images.name()}:latest\n    network_mode: none\n"
        job = f'  migrate:\n{image}    command: ["/bin/busybox", "sh", "-c", "exit {status}"]\n'
        return services(projects, job)

    driver = projects.driver(jobs=["migrate"], health_timeout="10s")
    good = projects.images.package(tmp_path, "1.0.0", {"docker-compose.yml": compose(0)})
    assert deploy(driver, good).healthy is Health.YES
    bad = projects.images.package(tmp_path, "1.1.0", {"docker-compose.yml": compose(3)})
    seen = deploy(driver, bad, "s2")
    assert (seen.healthy, seen.detail) == (Health.NO, "service migrate ended with status 3")


def test_a_release_that_does_not_start_has_failed(projects: Projects, tmp_path: Path) -> None:
    compose = services(projects, web='    command: ["/not/there"]\n')
    package = projects.images.package(tmp_path, "1.0.0", {"docker-compose.yml": compose})
    seen = deploy(projects.driver(), package)
    assert seen.last_stage is Stage.RESTART_FAILED
    assert judge(effect("web1", "s1", package[1]), seen, TOKEN) is Finding.FAILED
    assert "docker-compose ended with status 1" in seen.detail


def test_dry_run_and_act_are_the_same_calls(projects: Projects, tmp_path: Path) -> None:
    driver = projects.driver(files=["docker-compose.yml", "prod.yml"], env_file="prod.env")
    to = Package("1.0.0", "a" * 64)
    release = f"{projects.path('web1')}/releases/1.0.0--aaaaaaaaaaaa"
    start = ("docker-compose", "--project-name", projects.project("web1"), "--env-file", f"{release}/prod.env")
    last = f"{projects.path('web1')}/.tidegate/overrides/1.0.0--aaaaaaaaaaaa.json"
    files = ("-f", f"{release}/docker-compose.yml", "-f", f"{release}/prod.yml", "-f", last)
    steps = {step.verb: step.argv for step in driver.render([effect("web1", "s1", to)])}
    assert steps["restart"] == (*start, *files, "up", "--detach", "--no-build", "--remove-orphans")
    assert steps["pull"] == (*start, *files, "pull", "--quiet", "--ignore-pull-failures")
    assert list(steps) == ["receive", "unpack", "pull", "switch", "restart", "health", "prune"]


def test_what_outlives_its_agent_keeps_others_out(projects: Projects, tmp_path: Path) -> None:
    killed = agent_source(
        AGENT.read_bytes(),
        OWN_AGENT.read_bytes()
        + b"""
def _killed(child, place, request, timeout_s):
    while not os.path.exists(place.root + ".began"):
        time.sleep(0.01)
    os.kill(os.getpid(), 9)
host.wait_for = _killed
""",
    )
    package = projects.images.package(tmp_path, "1.0.0")
    projects.images.engine.docker("pull", f"{projects.images.name()}@{projects.images.digest('1.0.0')}")
    real = (projects.programs() / "docker-compose").read_text()
    slow = f"#!/bin/sh\n: > {tmp_path}/web1.began\nsleep 4\ndate +%s > {tmp_path}/ended\n"
    (tmp_path / "bin" / "docker-compose").write_text(slow)
    with pytest.raises(TargetError, match="the agent ended without an answer"):
        deploy(projects.driver(agent=killed), package)
    (tmp_path / "bin" / "docker-compose").write_text(real)
    busy = projects.driver(observe_wait_s=0.1).observe("web1")
    assert busy.busy, "what Compose has begun is still under way"
    seen = projects.driver().observe("web1")
    assert judge(effect("web1", "s1", package[1]), seen, TOKEN) is Finding.IN_DOUBT
    again = deploy(projects.driver(), package, attempt=2)
    assert again.last_stage is Stage.DONE
    assert not (tmp_path / "ended").exists(), "Compose itself ended with its agent"


def test_a_place_over_ssh_is_deployed_to(projects: Projects, ssh_server: SshServer, tmp_path: Path) -> None:
    ssh = {"config": "none", "identity": str(ssh_server.key), "known_hosts": str(ssh_server.known_hosts)}
    address = f"ssh://{ssh_server.user}@{ssh_server.host}:{ssh_server.port}"
    driver = replace(projects, address=address, ssh=ssh).driver()
    package = projects.images.package(tmp_path, "1.0.0")
    assert driver.online("web1").ready, driver.online("web1")
    seen = deploy(driver, package)
    assert package[1].same_as(seen.running)
    assert seen.healthy is Health.YES
    driver.write_way_back("web1", b"{}", TOKEN)
    assert driver.read_way_back("web1") == b"{}"
    assert driver.apply(effect("web1", "gone", None), None, TOKEN).running is Presence.ABSENT
