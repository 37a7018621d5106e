"""Opening a database, transactions on it, what its failures become, and the executor's lock."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.support.patience import PATIENCE_S
from tests.support.postgres import PostgresServer
from tidegate.errors import InternalError, StoreBusyError, StoreError, TidegateError, UsageError
from tidegate.store import database as module
from tidegate.store import failure
from tidegate.store.database import Database, open_database
from tidegate.store.election import ExecutorLock

TALLY = sa.table("tally", sa.column("n"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def on_file(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/deep/tidegate.db")
    yield opened
    opened.close()


def look(database: Database) -> None:
    with database.read() as connection:
        connection.execute(sa.select(1))


def change(database: Database, n: int) -> None:
    with database.write() as connection:
        connection.execute(TALLY.update().values(n=n))


def tally(database: Database, n: int = 0) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE tally (n INTEGER NOT NULL)")
        connection.execute(TALLY.insert().values(n=n))


def change_and_fail(database: Database) -> None:
    with database.write() as connection:
        connection.execute(TALLY.update().values(n=9))
        raise ZeroDivisionError


def test_its_version_is_another_one_after_any_commit_and_after_nothing_else(on_file: Database) -> None:
    tally(on_file)
    other = open_database(f"sqlite:///{on_file.path}")
    try:
        first = on_file.version()
        assert first is not None
        look(on_file)
        with pytest.raises(ZeroDivisionError):
            change_and_fail(on_file)
        assert on_file.version() == first
        with on_file.write() as connection:
            connection.execute(TALLY.update().values(n=1))
            assert on_file.version() == first
        second = on_file.version()
        assert second != first
        change(other, 2)
        third = on_file.version()
        assert third != second
        with on_file.engine_of_workflows().begin() as connection:
            connection.execute(TALLY.update().values(n=3))
        assert on_file.version() != third
    finally:
        other.close()
    on_file.close()
    assert on_file.version() == on_file.version()


def test_a_fork_asks_for_the_version_by_a_connection_of_its_own(on_file: Database) -> None:
    tally(on_file)
    before = on_file.version()
    child = os.fork()
    if child == 0:
        first = on_file.version()
        change(on_file, 5)
        os._exit(0 if first is not None and on_file.version() != first else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert on_file.version() != before


def test_postgresql_tells_no_version() -> None:
    assert open_database("postgresql://nobody@localhost/none").version() is None


def total(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(TALLY.c.n)).scalar_one())


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://root:s3cret@host/db", "databases of kind 'mysql' are not supported"),
        ("no url s3cret", "the database URL cannot be read"),
        ("sqlite://", "a SQLite database needs a file: several connections share it"),
        ("sqlite:///:memory:", "a SQLite database needs a file: several connections share it"),
        ("postgresql://user:s3cret@host", "the URL does not say which database of the server is meant"),
    ],
)
def test_a_url_that_names_no_database_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_database(url)
    assert str(caught.value) == sentence
    assert "s3cret" not in str(caught.value) + caught.value.remedy


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_is_one(scheme: str) -> None:
    database = open_database(f"{scheme}://user:s3cret@example.org:5433/releases")
    assert (database.kind, database.where) == ("postgresql", "example.org:5433/releases")
    assert repr(database) == "Database('example.org:5433/releases')"


def test_a_file_is_made_private_and_only_when_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "tidegate.db"
    database = open_database(f"sqlite:///{path}")
    assert not path.parent.exists()
    tally(database)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    database.close()


def test_sqlite_is_durable_on_every_kind_of_connection(on_file: Database) -> None:
    def settings(connection: sa.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    with on_file.write() as connection:
        assert settings(connection) == ["wal", 2, 1, 5000]
    with on_file.read() as connection:
        assert settings(connection) == ["wal", 2, 1, 5000]
    with on_file.engine_of_workflows().connect() as connection:
        assert settings(connection) == ["wal", 2, 1, 5000]


def test_no_update_is_lost_among_eight_threads(database: Database) -> None:
    tally(database)

    def add() -> None:
        for _ in range(25):
            with database.write() as connection:
                n = connection.execute(sa.select(TALLY.c.n).with_for_update()).scalar_one()
                connection.execute(TALLY.update().values(n=n + 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total(database) == 200


def test_a_read_is_one_snapshot(database: Database) -> None:
    tally(database, 1)
    with database.read() as connection:
        before = connection.execute(sa.select(TALLY.c.n)).scalar_one()
        with database.write() as other:
            other.execute(TALLY.update().values(n=2))
        assert (before, connection.execute(sa.select(TALLY.c.n)).scalar_one()) == (1, 1)
    assert total(database) == 2


def test_a_read_cannot_change_anything(database: Database) -> None:
    tally(database, 1)
    with pytest.raises(StoreError, match="the database cannot be written"), database.read() as connection:
        connection.execute(TALLY.update().values(n=2))
    assert total(database) == 1
    # The same connection, taken from the pool again, writes.
    with database.write() as connection:
        connection.execute(TALLY.update().values(n=3))
    assert total(database) == 3


def test_what_raises_is_rolled_back_and_wakes_nobody(database: Database) -> None:
    tally(database, 1)
    called: list[str] = []

    def fail() -> None:
        with database.write() as connection:
            connection.execute(TALLY.update().values(n=2))
            database.after_commit(connection, lambda: called.append("woken"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.write() as connection:
        connection.execute(sa.select(TALLY.c.n))
    assert (total(database), called) == (1, [])


def test_what_follows_a_commit_sees_it_committed_and_cannot_fail_it(database: Database) -> None:
    tally(database, 1)
    seen: list[int] = []

    def fail() -> None:
        raise RuntimeError("too late")

    with database.write() as connection:
        connection.execute(TALLY.update().values(n=2))
        database.after_commit(connection, fail)
        database.after_commit(connection, lambda: seen.append(total(database)))
    assert seen == [2]


def test_the_seam_is_on_both_sides_of_the_commit(database: Database) -> None:
    tally(database, 1)
    points: list[tuple[str, int]] = []
    watched = Database(database.url, at=lambda point: points.append((point, total(database))))
    with watched.write() as connection:
        connection.execute(TALLY.update().values(n=2))
    assert points == [("commit:before", 1), ("commit:after", 2)]
    watched.close()


def test_a_locked_file_says_so(on_file: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SQLITE_BUSY_S", 0.1)
    tally(on_file, 1)
    holder = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1]); "
        "connection.execute('BEGIN IMMEDIATE'); print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(on_file.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(StoreBusyError, match="the database is locked by another process") as caught:
            tally(on_file)
        process.kill()
    assert caught.value.exit_code == 6
    assert total(on_file) == 1


def test_a_locked_row_says_so(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POSTGRES_LOCK_MS", 100)
    database = open_database(postgres_url)
    tally(database, 1)
    with database.write() as holder:
        holder.execute(TALLY.update().values(n=2))
        with pytest.raises(StoreBusyError, match="the database is locked by another process"):
            change(database, 3)
    assert total(database) == 2
    database.close()


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
def test_who_stands_still_in_a_transaction_holds_nobody_up(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    monkeypatch.setattr(module, "POSTGRES_IDLE_IN_TRANSACTION_MS", 200)
    database = open_database(postgres_url)
    tally(database, 1)
    statement = TALLY.update().where(TALLY.c.n == sa.bindparam("was")).values(n=2)
    rows = [{"was": 1}, {"was": 9}]
    still = database.write()
    holder = still.__enter__()
    holder.execute(statement, rows if many else rows[0])
    change(database, 3)  # waits for the lock until the server has taken it from the other one
    assert total(database) == 3
    with pytest.raises(StoreError, match="lost while committing"):
        still.__exit__(None, None, None)
    database.close()


def write_much(database: Database, *statements: str) -> None:
    with database.write() as connection:
        connection.execute(TALLY.update().values(n=2))
        for statement in (*statements, "CREATE TABLE large AS SELECT zeroblob(1000000) AS b"):
            connection.exec_driver_sql(statement)


def test_a_full_disk_records_nothing(on_file: Database) -> None:
    tally(on_file, 1)
    with pytest.raises(StoreError, match="the disk is full: nothing was recorded"):
        write_much(on_file, "PRAGMA max_page_count=2")
    assert total(on_file) == 1


def test_a_disk_that_really_fills_up_records_nothing(tmp_path: Path) -> None:
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(tmp_path)], capture_output=True
        ).returncode
    ):
        pytest.skip("a small file system can be mounted by root only")
    database = open_database(f"sqlite:///{tmp_path}/tidegate.db")
    try:
        tally(database, 1)
        with pytest.raises(StoreError, match="the disk is full: nothing was recorded"):
            write_much(database)
        assert total(database) == 1
    finally:
        database.close()
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not a database, and long enough to be read as a header " * 20)
    with pytest.raises(StoreError, match=r"notes\.txt: the file is not a database"):
        look(open_database(f"sqlite:///{path}"))


def test_a_damaged_file_says_so(on_file: Database) -> None:
    with on_file.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x TEXT)")
        connection.execute(sa.text("INSERT INTO t VALUES (:x)"), [{"x": "x" * 2000} for _ in range(50)])
    on_file.close()
    assert on_file.path is not None
    content = bytearray(on_file.path.read_bytes())
    content[4096 : 4096 * 20] = b"\xff" * (4096 * 19)
    on_file.path.write_bytes(content)
    with pytest.raises(StoreError, match="the database file is damaged"), on_file.read() as connection:
        connection.exec_driver_sql("SELECT count(x) FROM t").all()
    (check,) = [check for check in on_file.checks() if not check.ok]
    assert check.remedy == "Restore the newest backup."


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="the database file cannot be created") as caught:
        look(open_database(f"sqlite:///{tmp_path}/file/tidegate.db"))
    assert caught.value.remedy.startswith("Make its directory writable")


def test_a_server_that_is_not_there_says_so_without_the_password() -> None:
    database = open_database("postgresql://user:s3cret@127.0.0.1:1/releases")
    with pytest.raises(StoreError, match="the server cannot be reached") as caught, database.read():
        pass
    assert caught.value.where == "127.0.0.1:1/releases"
    assert "s3cret" not in f"{caught.value} {caught.value.remedy} {caught.value!r}"


def test_a_missing_database_or_table_says_so(postgres_server: PostgresServer, database: Database) -> None:
    with pytest.raises(StoreError, match=r"the server (has no such database|cannot be reached)"):
        look(open_database(postgres_server.url("nowhere")))
    with pytest.raises(StoreError, match="the database has not the tables of this version"):
        total(database)


def _sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("original", "kind", "sentence"),
    [
        (psycopg.errors.DiskFull("x"), StoreError, "the server's disk is full: nothing was recorded"),
        (psycopg.errors.DeadlockDetected("x"), StoreBusyError, "the database is locked by another process"),
        (psycopg.errors.SerializationFailure("x"), StoreBusyError, "the database is locked by another process"),
        (psycopg.errors.TooManyConnections("x"), StoreError, "the server has no connection left"),
        (psycopg.errors.AdminShutdown("bye"), StoreError, "the server cannot be reached: bye"),
        (psycopg.errors.InvalidPassword("x"), StoreError, "the server refused the login"),
        (psycopg.errors.DivisionByZero("by 0"), StoreError, "the database failed: by 0"),
        (_sqlite_error(sqlite3.SQLITE_READONLY), StoreError, "the database cannot be written"),
        (_sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), StoreBusyError, "the database is locked by another process"),
        (_sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), StoreError, "the disk failed"),
    ],
)
def test_what_a_failure_means(original: Exception, kind: type[TidegateError], sentence: str) -> None:
    error = failure.meaning(sa.exc.OperationalError("INSERT", {"x": "secret value"}, original), "here")
    assert (type(error), error.what, error.where) == (kind, sentence, "here")


def test_a_broken_rule_of_the_schema_is_our_own_fault(database: Database) -> None:
    tally(database)
    with (
        pytest.raises(InternalError, match="a rule of the schema stopped a wrong record"),
        database.write() as connection,
    ):
        connection.execute(TALLY.insert().values(n=None))


def test_a_forked_child_opens_connections_of_its_own(database: Database) -> None:
    tally(database, 1)
    child = os.fork()
    if child == 0:
        try:
            with database.write() as connection:
                connection.execute(TALLY.update().values(n=2))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert total(database) == 2


def test_checks_find_a_healthy_database(database: Database) -> None:
    checks = {check.name: check for check in database.checks()}
    assert all(check.ok for check in checks.values())
    assert "durability" in checks


def test_checks_find_a_file_that_everybody_may_read(on_file: Database) -> None:
    tally(on_file)
    assert on_file.path is not None
    on_file.path.chmod(0o644)
    (check,) = [check for check in on_file.checks() if not check.ok]
    assert (check.name, check.found, check.remedy) == (
        "permissions",
        "0644",
        f"Make it private: chmod 600 {on_file.path}",
    )


def test_one_process_is_elected_and_says_who(tmp_path: Path) -> None:
    first, second = ExecutorLock(tmp_path / "d" / "lock"), ExecutorLock(tmp_path / "d" / "lock")
    assert second.holder() is None
    assert first.try_acquire()
    assert not second.try_acquire()
    assert not second.wait(0.01)
    assert str(second.holder()).startswith(f"pid {os.getpid()} since ")
    first.release()
    assert second.wait(0.01)


def test_asking_who_holds_it_never_takes_it(tmp_path: Path) -> None:
    lock, asking = ExecutorLock(tmp_path / "lock"), threading.Event()

    def ask() -> None:
        while not asking.is_set():
            ExecutorLock(tmp_path / "lock").holder()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        assert lock.try_acquire()
        lock.release()
    asking.set()
    for thread in threads:
        thread.join()


def test_the_lock_ends_with_its_process_even_if_a_child_lives_on(tmp_path: Path) -> None:
    script = (
        "import os,sys,time; from pathlib import Path; from tidegate.store.election import ExecutorLock\n"
        "lock=ExecutorLock(Path(sys.argv[1])); assert lock.try_acquire()\n"
        "child=os.fork()\n"
        "if child==0: assert not lock.held; print(os.getpid(),flush=True); time.sleep(60)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        lock = ExecutorLock(tmp_path / "lock")
        assert not lock.try_acquire()
        holder.kill()
        holder.wait()
        assert lock.wait(PATIENCE_S)
        os.kill(child, signal.SIGKILL)


def test_a_lock_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="the executor's lock cannot be used") as caught:
        ExecutorLock(tmp_path / "file" / "lock").try_acquire()
    assert caught.value.remedy == "Make the directory writable for this user, on a local disk."


def test_more_writers_and_readers_than_there_are_connections_take_turns(on_file: Database) -> None:
    tally(on_file)
    failed: list[TidegateError] = []

    def add_one() -> None:
        try:
            look(on_file)
            with on_file.write() as connection:
                connection.execute(TALLY.update().values(n=TALLY.c.n + 1))
        except TidegateError as error:
            failed.append(error)

    threads = [threading.Thread(target=add_one) for _ in range(120)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, total(on_file)) == ([], 120)


def test_git_leaves_the_directory_of_the_database_alone(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    for directory in (tmp_path / "made", there):
        opened = open_database(f"sqlite:///{directory / 'tidegate.db'}")
        with opened.write():
            pass
        opened.close()
    assert (tmp_path / "made" / ".gitignore").read_text() == "*\n"
    assert not (there / ".gitignore").exists()


def test_whoever_looks_may_look_again_however_many_do(tmp_path: Path) -> None:
    opened = open_database(f"sqlite:///{tmp_path / 'tidegate.db'}")
    with opened.write() as connection:
        connection.execute(sa.text("CREATE TABLE tally (n INTEGER)"))
    together = threading.Barrier(module.LOOKS)
    seen: list[int] = []

    def look() -> None:
        with opened.read():
            together.wait(PATIENCE_S)
            with opened.read() as again:
                seen.append(len(again.execute(sa.select(TALLY.c.n)).all()))

    threads = [threading.Thread(target=look) for _ in range(module.LOOKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(45)
    assert seen == [0] * module.LOOKS
    opened.close()
