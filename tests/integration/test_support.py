"""The tests' own servers and repositories are what they say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.gitrepo import GitRepository
from tests.support.patience import PATIENCE_S
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT, Server, ServerFailedError
from tests.support.sshd import SshServer, start_sshd, why_no_sshd


def test_a_database_is_empty_and_can_be_written(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    assert sa.inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE probe (n INTEGER)"))
        connection.execute(sa.text("INSERT INTO probe VALUES (1)"))
    assert sa.inspect(engine).get_table_names() == ["probe"]
    engine.dispose()


def test_postgres_is_durable_and_off_the_network(postgres_url: str) -> None:
    engine = sa.create_engine(postgres_url)
    with engine.connect() as connection:
        names = ("fsync", "synchronous_commit", "listen_addresses")
        settings = [connection.scalar(sa.text(f"SHOW {name}")) for name in names]
    engine.dispose()
    assert settings == ["on", "on", ""]


def test_a_prepared_database_is_prepared_once_and_copied(postgres_server: PostgresServer) -> None:
    prepared: list[str] = []

    def prepare(url: str) -> None:
        prepared.append(url)
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE probe (n INTEGER)"))

    urls = [postgres_server.prepared_database("copied", prepare) for _ in range(2)]
    assert len(prepared) == 1
    assert len({*urls, *prepared}) == 3
    for url in urls:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        assert sa.inspect(engine).get_table_names() == ["probe"]
        postgres_server.drop_database(url)
        with pytest.raises(sa.exc.OperationalError, match="does not exist"):
            engine.connect()


def test_a_killed_postgres_keeps_what_was_committed(own_postgres_server: PostgresServer) -> None:
    url = own_postgres_server.fresh_database()
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE probe (n INTEGER)"))
    own_postgres_server.kill()
    with pytest.raises(sa.exc.OperationalError):
        engine.connect()
    own_postgres_server.start()
    assert sa.inspect(engine).get_table_names() == ["probe"]


def test_no_server_outlives_killed_tests() -> None:
    """A process that starts PostgreSQL and is killed without a word: the kernel stops the server."""
    story = (
        "import sys; from tests.support.postgres import *; s = PostgresServer(find_postgres()); s.start();"
        "print(s.directory, s._server.process.pid, flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", story]
    with subprocess.Popen(words, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        directory, server = tests.stdout.readline().split()
        tests.kill()
    assert _ends(int(server))
    subprocess.run(["rm", "-r", directory], check=True)


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import sys; print('no room'); sys.exit(7)"]
    server = Server(words, log=tmp_path / "log", account=None, stop=signal.SIGTERM)
    with pytest.raises(ServerFailedError, match="ended with 7: no room"):
        server.wait_until(lambda: False)


def test_a_server_that_never_answers_is_stopped(tmp_path: Path) -> None:
    server = Server(["sleep", "600"], log=tmp_path / "log", account=None, stop=signal.SIGTERM)
    with pytest.raises(ServerFailedError, match=r"no answer within 0\.1 s"):
        server.wait_until(lambda: False, within_s=0.1)
    assert server.process.returncode == -signal.SIGTERM


def test_ssh_runs_a_command_and_copies_a_file(ssh_server: SshServer, tmp_path: Path) -> None:
    said = subprocess.run(
        ["ssh", *ssh_server.options, ssh_server.host, "id -u; cat"], input="a word", capture_output=True, text=True
    )
    assert (said.returncode, said.stdout) == (0, f"{os.geteuid()}\na word")
    (tmp_path / "here").write_text("package")
    copied = ["scp", "-q", *ssh_server.options, str(tmp_path / "here"), f"{ssh_server.host}:{tmp_path}/there"]
    subprocess.run(copied, check=True)
    assert (tmp_path / "there").read_text() == "package"


def test_ssh_refuses_another_key_and_another_host(ssh_server: SshServer, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    stranger = [o.replace(str(ssh_server.key), str(tmp_path / "other")) for o in ssh_server.options]
    (tmp_path / "nobody_known").write_text("")
    elsewhere = [o.replace(str(ssh_server.known_hosts), str(tmp_path / "nobody_known")) for o in ssh_server.options]
    for options, says in ((stranger, "Permission denied"), (elsewhere, "Host key verification failed")):
        done = subprocess.run(["ssh", *options, ssh_server.host, "true"], capture_output=True, text=True)
        assert done.returncode == 255
        assert says in done.stderr


def test_sshd_can_be_stopped(tmp_path: Path) -> None:
    if reason := why_no_sshd():
        pytest.skip(reason)
    server = start_sshd(tmp_path)
    server.stop()
    done = subprocess.run(["ssh", *server.options, server.host, "true"], capture_output=True, text=True)
    assert done.returncode == 255
    assert "Connection refused" in done.stderr


def test_the_same_commits_have_the_same_names(new_git_repository: Callable[[str], GitRepository]) -> None:
    def build(name: str) -> str:
        repository = new_git_repository(name)
        repository.commit("feat: begin", {"billing/app.py": "print(1)\n"})
        repository.tag("v1.0.0", message="1.0.0")
        repository.branch("fix")
        repository.commit("fix: count", {"billing/app.py": "print(2)\n"})
        repository.switch("main")
        return repository.merge("fix", "Merge fix")

    first, second = build("one"), build("two")
    assert first == second


def test_a_repository_has_the_fixed_author_and_dates(git_repository: GitRepository) -> None:
    git_repository.commit("feat: one")
    git_repository.commit("feat: two")
    log = git_repository.git("log", "--format=%an <%ae> %aI %s").splitlines()
    assert log == [
        "Alice Example <alice@example.org> 2026-01-05T12:01:00+00:00 feat: two",
        "Alice Example <alice@example.org> 2026-01-05T12:00:00+00:00 feat: one",
    ]


def _ends(pid: int) -> bool:
    """Whether a process that is no child of ours is gone, or dead and unreaped."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False
