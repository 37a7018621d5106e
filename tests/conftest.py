"""Real parts for the tests: databases on both engines, an SSH server, Git repositories."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]

from tests.support.compose import Images
from tests.support.docker import DockerEngine, start_docker, why_no_docker
from tests.support.gitrepo import ISOLATED, UNSET, GitRepository
from tests.support.kubernetes.real import Kubernetes, running_kubernetes, why_no_kubernetes
from tests.support.postgres import PostgresServer, find_postgres
from tests.support.processes import ServerFailedError
from tests.support.registry import ContainerRegistry, running_registry, why_no_registry
from tests.support.sshd import SshServer, start_sshd, why_no_sshd

# A busy machine is no fault of the code: nothing here is judged by how long it took. In CI the examples are the same
# at each run, so that a change is answered for what it changed; elsewhere they are new ones each time.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("here", _UNTIMED)
settings.register_profile("ci", _UNTIMED, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


HERE = Path(__file__).parent


class LongFirst(LoadFileScheduling):  # type: ignore[misc]
    """A file stays on one worker, so that its module fixtures are built once; but for the stories of the kill matrix,
    which share nothing and take minutes each."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if "test_kill_matrix.py" in nodeid else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Give the files to workers in the order of :func:`pytest_collection_modifyitems`."""
    return LongFirst(config, log)


OF_REAL_PARTS = ("acceptance", "contract", "integration")
"""The folders whose tests start processes and servers."""


ONE_OF = 3
"""Of so many tests that tell the same in another place, one is run by ``make test``; ``make thorough`` runs the others.

Flows are told on SQLite, and one of these on PostgreSQL; what reads and writes rows is tested on both by itself. What a
driver promises is told of the host and of the simulated cluster, and one of these over SSH and by Docker.
"""
_IN_OTHER_PLACES = {
    "integration/test_flow_": ("postgres",),
    "integration/test_real_traffic": ("postgres",),
    "integration/test_engine": ("postgres",),
    "integration/test_frozen_workers": ("[",),
    "integration/test_kill_sending": ("[",),
    "contract/test_driver_contract": ("compose-local", "host-over-ssh"),
    "docs/test_bench": ("[",),
}


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave to ``make thorough`` what is told in another place, but for some of it, always the same."""
    path = item.path.relative_to(HERE).as_posix()
    elsewhere = next((marks for start, marks in _IN_OTHER_PLACES.items() if path.startswith(start)), ())
    if any(mark in item.name for mark in elsewhere) and zlib.crc32(item.nodeid.encode()) % ONE_OF:
        item.add_marker(pytest.mark.thorough)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: begun last, one of them would keep one worker busy while the others stand idle.

    And a second try for tests of real parts: thousands of processes share two cores, and each hour one of them is
    starved. pytest names each test that was run again; what fails by itself fails twice.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    for item in items:
        if item.path.relative_to(HERE).parts[0] in OF_REAL_PARTS:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session", autouse=True)
def isolated_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep this machine's and user's configuration and cache of Git, SSH and Tidegate out of every test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [*UNSET, "SSH_AUTH_SOCK", *(n for n in os.environ if n.startswith("TIDEGATE_"))]:
            patch.delenv(name, raising=False)
        for name, value in ISOLATED.items():
            patch.setenv(name, value)
        patch.setenv("TIDEGATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL, one per process that runs tests; skips where its programs are absent."""
    binaries = find_postgres()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: run scripts/debian-packages")
    server = PostgresServer(binaries)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL for one test alone, which may stop or kill it."""
    binaries = find_postgres()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: run scripts/debian-packages")
    server = PostgresServer(binaries)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'tidegate.db'}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database, removed afterwards."""
    url = postgres_server.fresh_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database, once on each engine."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A running SSH server on loopback; skips where there can be none."""
    if reason := why_no_sshd():
        pytest.skip(reason)
    server = start_sshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """A running Docker engine, which the environment points to; skips where there can be none."""
    if reason := why_no_docker():
        pytest.skip(reason)
    try:
        engine = start_docker()
    except ServerFailedError as error:
        pytest.skip(f"no Docker engine starts here: {str(error)[-500:]}")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine.environment.items():
            patch.setenv(name, value)
        yield engine
    engine.close()


@pytest.fixture(scope="session")
def compose_images(docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """Images on a running engine, and in a registry that it reaches."""
    if reason := why_no_registry():
        pytest.skip(reason)
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield Images(docker_engine, registry)


@pytest.fixture(scope="session")
def kubernetes() -> Iterator[Kubernetes]:
    """A real cluster; skips where none is named and none can be started."""
    if reason := why_no_kubernetes():
        pytest.skip(reason)
    try:
        with running_kubernetes() as found:
            yield found
    except ServerFailedError as error:
        pytest.skip(f"no cluster starts here: {str(error)[-500:]}")


@pytest.fixture
def container_registry(tmp_path: Path) -> Iterator[ContainerRegistry]:
    """A running registry with nothing in it; skips where there can be none."""
    if reason := why_no_registry():
        pytest.skip(reason)
    with running_registry(tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def git_repository(tmp_path: Path) -> GitRepository:
    """An empty Git repository on the branch ``main``."""
    return GitRepository(tmp_path / "repository")


@pytest.fixture
def new_git_repository(tmp_path: Path) -> Callable[[str], GitRepository]:
    """Makes Git repositories by name, for tests that need several."""
    return lambda name: GitRepository(tmp_path / name)
