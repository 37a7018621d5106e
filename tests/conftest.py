"""Real parts for the tests: databases on both engines, an SSH server, Git repositories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.gitrepo import ISOLATED, UNSET, GitRepository
from tests.support.postgres import PostgresServer, find_postgres
from tests.support.sshd import SshServer, start_sshd, why_no_sshd

# A busy machine is no fault of the code: nothing here is judged by how long it took. In CI the examples are the same
# at each run, so that a change is answered for what it changed; elsewhere they are new ones each time.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("here", _UNTIMED)
settings.register_profile("ci", _UNTIMED, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session", autouse=True)
def isolated_machine() -> Iterator[None]:
    """Keep this machine's and user's configuration of Git, SSH and Tidegate out of every test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [*UNSET, "SSH_AUTH_SOCK", *(n for n in os.environ if n.startswith("TIDEGATE_"))]:
            patch.delenv(name, raising=False)
        for name, value in ISOLATED.items():
            patch.setenv(name, value)
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


@pytest.fixture
def git_repository(tmp_path: Path) -> GitRepository:
    """An empty Git repository on the branch ``main``."""
    return GitRepository(tmp_path / "repository")


@pytest.fixture
def new_git_repository(tmp_path: Path) -> Callable[[str], GitRepository]:
    """Makes Git repositories by name, for tests that need several."""
    return lambda name: GitRepository(tmp_path / name)
