"""Backups of a real PostgreSQL and a real MariaDB: taken, read back, spoilt, restored beside them, compared."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.mariadb import PASSWORD, MariaDBServer, find_mariadb
from tests.support.postgres import PostgresServer, find_postgres
from tidegate.backups import postgres as postgres_module
from tidegate.backups.contract import Kind, NotWholeError
from tidegate.backups.mysql import MySQLBackup
from tidegate.backups.postgres import PostgresBackup
from tidegate.core.backup import compared
from tidegate.core.secret import Secret
from tidegate.errors import ConflictError, TargetError, UsageError

POSTGRES = """
CREATE TABLE "we; ird.t" (id serial PRIMARY KEY, x text, b bytea, f float8, at timestamptz DEFAULT now());
INSERT INTO "we; ird.t" (x, b, f) SELECT md5(i::text), decode(md5(i::text), 'hex'), 1e-300 * i
    FROM generate_series(1, 500) AS i;
INSERT INTO "we; ird.t" (x) VALUES (NULL), ('ü; DROP'), ('');
CREATE SCHEMA s; CREATE TABLE s.empty (); CREATE TABLE s.parted (k int) PARTITION BY RANGE (k);
CREATE TABLE s.part PARTITION OF s.parted FOR VALUES FROM (0) TO (10); INSERT INTO s.parted VALUES (1), (1);
CREATE VIEW v AS SELECT 1; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
"""
MARIADB = """
CREATE TABLE `t``x` (id int PRIMARY KEY AUTO_INCREMENT, x text, b blob, f float, d double, dt datetime(6),
    ts timestamp NULL, bi bit(5), g point);
INSERT INTO `t``x` (x, b, f, d, dt, ts, bi, g)
    VALUES ('a\\n\\tü', x'00ff01', 1.1, 1e-7, now(6), now(), b'101', point(1, 2));
INSERT INTO `t``x` () VALUES (), (); CREATE VIEW v AS SELECT 1; CREATE TABLE empty (i int);
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    found = find_postgres()
    if found is None or shutil.which("pg_dump") is None:
        pytest.skip("PostgreSQL and its clients are not installed")
    server = PostgresServer(found, fsync=False)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDBServer]:
    found = find_mariadb()
    if found is None or shutil.which("mariadb-dump") is None:
        pytest.skip("MariaDB and its clients are not installed")
    server = MariaDBServer(found)
    server.start()
    server.prepare()
    yield server
    server.close()


class Database:
    """One database with something in it, and its kind of backup."""

    def __init__(self, kind: Kind, execute: Callable[[str], Any], address: str, table: str) -> None:
        self.kind, self.execute, self.address, self.table = kind, execute, address, table


def _of_postgres(server: PostgresServer) -> Database:
    import psycopg

    url = server.fresh_database("shop")

    def execute(query: str) -> None:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(query.encode())

    execute(POSTGRES)
    return Database(PostgresBackup(Secret(url), where="backups.db.of.postgres"), execute, url, '"we; ird.t"')


def _of_mariadb(server: MariaDBServer) -> Database:
    name = f"sh-op {len(server.sql('SHOW DATABASES'))}"
    server.sql(f"CREATE DATABASE `{name}`")
    server.sql(MARIADB, name)
    kind = MySQLBackup(Secret(server.url(name)), where="backups.db.of.mysql")
    return Database(kind, lambda query: server.sql(query, name), server.url(name), "`t``x`")


@pytest.fixture(params=["postgres", "mariadb"])
def database(request: pytest.FixtureRequest) -> Database:
    server = request.getfixturevalue(request.param)
    return _of_postgres(server) if request.param == "postgres" else _of_mariadb(server)


def taken(database: Database, directory: Path) -> tuple[Path, dict[str, str | None]]:
    file = directory / f"a{database.kind.suffix}"
    file.touch(mode=0o600)
    return file, dict(database.kind.take(file))


def test_what_is_restored_is_what_was_backed_up(database: Database, tmp_path: Path) -> None:
    file, figures = taken(database, tmp_path)
    look = database.kind.look(file, figures)
    assert look.outcome is True, look
    assert None not in figures.values()
    # What is written after the snapshot is not in it, and makes no difference.
    database.execute(f"DELETE FROM {database.table}")  # noqa: S608  of this test
    database.kind.demand_free("scratch_1", figures)
    database.kind.make("scratch_1", figures)
    try:
        database.kind.restore(file, "scratch_1")
        assert compared(figures, database.kind.measure("scratch_1"))[0] is True
        with pytest.raises(ConflictError, match="there is a database scratch_1 already, and nothing is restored over"):
            database.kind.demand_free("scratch_1", figures)
    finally:
        database.kind.remove("scratch_1")
    database.kind.demand_free("scratch_1", figures)


def test_one_row_that_differs_is_found(database: Database, tmp_path: Path) -> None:
    file, figures = taken(database, tmp_path)
    database.execute(f"UPDATE {database.table} SET x = 'other' WHERE id = 1")  # noqa: S608  of this test
    later = tmp_path / "later"
    later.mkdir()
    _, after = taken(database, later)
    outcome, said = compared(figures, after)
    assert outcome is False
    assert " rows, " in said
    assert file.stat().st_size


@pytest.mark.parametrize("spoil", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: data[:-100]])
def test_what_was_cut_off_is_not_whole(database: Database, tmp_path: Path, spoil: Any) -> None:
    file, figures = taken(database, tmp_path)
    file.write_bytes(spoil(file.read_bytes()))
    assert database.kind.look(file, figures).outcome is False


def test_what_cannot_be_restored_is_the_backups_fault(database: Database, tmp_path: Path) -> None:
    file, figures = taken(database, tmp_path)
    data = file.read_bytes()
    file.write_bytes(data[:200] + b"CREATE NONSENSE;\n" * 20 + data[600:])
    database.kind.make("scratch_2", figures)
    try:
        with pytest.raises(NotWholeError):
            database.kind.restore(file, "scratch_2")
    finally:
        database.kind.remove("scratch_2")


@pytest.mark.parametrize("name", ["", "Scratch", "a b", "x;drop", "-x", "a" * 64, "é"])
def test_a_scratch_place_has_a_plain_name(database: Database, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a scratch database"):
        database.kind.demand_free(name, {"events": "0"})


def test_nobody_sees_the_password(mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that lies in front of the real one writes down how it was started, and what it found."""
    database = _of_mariadb(mariadb)
    tools = tmp_path / "tools"
    tools.mkdir()
    real = shutil.which("mariadb-dump")
    (tools / "mariadb-dump").write_text(
        f'#!/bin/sh\nfor word in "$@"; do echo "$word"; done >{tmp_path}/words\nenv >{tmp_path}/env\n'
        f'file="${{1#*=}}"; stat -c %a "$file" >{tmp_path}/mode; echo "$file" >{tmp_path}/file\nexec {real} "$@"\n'
    )
    (tools / "mariadb-dump").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    taken(database, tmp_path)
    told = (tmp_path / "words").read_text() + (tmp_path / "env").read_text()
    assert PASSWORD not in told
    assert "w\\o" not in told
    assert (tmp_path / "mode").read_text().strip() == "600"
    assert not Path((tmp_path / "file").read_text().strip()).exists()


def test_a_wrong_address_never_tells_its_password(tmp_path: Path) -> None:
    for make in (PostgresBackup, MySQLBackup):
        with pytest.raises(UsageError) as caught:
            make(Secret("http://user:hunter2@host/x"), where="backups.db.of")
        assert "hunter2" not in str(caught.value) + caught.value.remedy


def test_the_server_is_gone(postgres: PostgresServer, tmp_path: Path) -> None:
    database = _of_postgres(postgres)
    file, figures = taken(database, tmp_path)
    postgres.kill()
    try:
        with pytest.raises(TargetError, match="the database cannot be used: "):
            taken(database, tmp_path)
        # Whether the backup can be restored nobody can tell; it is not the backup's fault.
        with pytest.raises(TargetError) as caught:
            database.kind.restore(file, "scratch_3")
        assert not isinstance(caught.value, NotWholeError)
        assert figures
    finally:
        postgres.start()


def test_the_server_is_gone_in_the_middle(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone between the snapshot and the dump."""
    database = _of_postgres(postgres)
    real = postgres_module._figures

    def then_gone(connection: Any) -> dict[str, str | None]:
        found = real(connection)
        postgres.kill()
        return found

    monkeypatch.setattr(postgres_module, "_figures", then_gone)
    try:
        with pytest.raises(TargetError, match="pg_dump ended with 1: "):
            taken(database, tmp_path)
    finally:
        postgres.start()


def test_a_table_that_changes_meanwhile_cannot_be_told(
    mariadb: MariaDBServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = _of_mariadb(mariadb)
    real = MySQLBackup._run

    def meanwhile(self: MySQLBackup, address: Any, program: str, words: Any, stdin: Any = ()) -> Any:
        done = real(self, address, program, words, stdin)
        if program == "mariadb-dump":
            database.execute("INSERT INTO empty VALUES (1)")
        return done

    monkeypatch.setattr(MySQLBackup, "_run", meanwhile)
    _, figures = taken(database, tmp_path)
    assert [name for name, figure in figures.items() if figure is None] == ["table empty"]
    assert compared(figures, figures | {"table empty": "0 rows, x"}) == (
        None,
        "table empty changed while the backup was taken",
    )


def test_events_are_not_restored_beside_the_real_ones(mariadb: MariaDBServer, tmp_path: Path) -> None:
    database = _of_mariadb(mariadb)
    database.execute("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM empty")
    _, figures = taken(database, tmp_path)
    with pytest.raises(UsageError, match="it has events, which would run beside the real ones"):
        database.kind.demand_free("scratch_4", figures)


def test_a_full_disk(postgres: PostgresServer, tmp_path: Path) -> None:
    """No file may grow beyond 16 blocks."""
    database = _of_postgres(postgres)
    database.execute('INSERT INTO "we; ird.t" (x) SELECT md5(random()::text) FROM generate_series(1, 20000)')
    program = (
        "import sys\nfrom pathlib import Path\nfrom tidegate.backups.postgres import PostgresBackup\n"
        "from tidegate.core.secret import Secret\nfrom tidegate.errors import TargetError\n"
        "try:\n    PostgresBackup(Secret(sys.argv[1])).take(Path(sys.argv[2]))\n"
        "except TargetError as error:\n    print(error.what)\n    sys.exit(7)\n"
    )
    target = tmp_path / "a.dump"
    target.touch()
    line = ["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", sys.executable, "-c", program]
    line += [database.address, str(target)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done
    assert done.stdout.startswith("pg_dump ended with ")
