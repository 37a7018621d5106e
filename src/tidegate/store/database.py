"""Opening Tidegate's database and running transactions on it: one file of SQLite, or PostgreSQL by URL.

A caller has two verbs. ``write()`` is one transaction that may change things, ``read()`` one consistent look.

    with database.write() as connection:
        connection.execute(...)
        database.after_commit(connection, engine.wake)

What each promises on the two databases:

    ======== ============================================== ======================================================
             SQLite                                         PostgreSQL
    ======== ============================================== ======================================================
    write    BEGIN IMMEDIATE: one writer at a time          READ COMMITTED; whoever reads in order to write takes
                                                            row locks (SELECT ... FOR UPDATE) in the lock order
    read     BEGIN with query_only: a snapshot              REPEATABLE READ, READ ONLY: a snapshot
    durable  WAL with synchronous=FULL, read back           synchronous_commit at least on, fsync seen by checks()
    waiting  5 s for the writer's lock                      20 s for a row lock; a transaction left idle for 10 s is
                                                            ended by the server, so that a frozen process cannot
                                                            hold everybody's locks
    ======== ============================================== ======================================================

Why READ COMMITTED and row locks, and not SERIALIZABLE: a decision locks the head of the log, so every writer of an
organisation queues on that row anyway; SERIALIZABLE would abort where READ COMMITTED waits.

Every foreign exception is wrapped where it leaves a transaction, as ``store/failure.py`` says.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event

from tidegate.clock import Clock, system_clock
from tidegate.errors import StoreError, TidegateError, UsageError
from tidegate.store import failure, sqlite_clock

Seam = Callable[[str], None]
"""Called with the name of a point of execution, such as ``commit:before``; the kill tests stop the process there."""

TURN_S = 60.0
"""How long whoever writes to a SQLite file, or looks into it, waits for the others of its process."""

LOOKS = 20
"""How many of this process look into a SQLite file at once; fewer than there are connections."""

SQLITE_BUSY_S = 5.0
POSTGRES_CONNECT_S = 5
POSTGRES_LOCK_MS = 20_000
POSTGRES_IDLE_IN_TRANSACTION_MS = 10_000
"""A process that stands still longer than this in the middle of a transaction loses it: a paused machine may not hold
the head of the log for ever. Not less than a lease, or honest work is lost on a busy machine; clearly less than others
wait for a lock, or they give up just before."""
POOL_TIMEOUT_S = 10

_logger = logging.getLogger(__name__)
_DRIVERS = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing ``tidegate db check`` looked at: what was found, and what to do where it is not as it must be."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def nowhere(point: str) -> None:
    """The seam of every ordinary run: nothing happens at ``point``."""


def open_database(url: str, *, clock: Clock = system_clock, at: Seam = nowhere) -> Database:
    """The database that ``url`` names. Nothing is opened or created before the first transaction.

    Args:
        url: ``sqlite:///relative/path``, ``sqlite:////absolute/path`` or ``postgresql://user@host/name``.
        at: called before and after each commit, with ``commit:before`` and ``commit:after``.

    Raises:
        UsageError: the URL is none, or names a database that Tidegate does not speak to.
    """
    return Database(_parse(url), clock=clock, at=at)


def _parse(url: str) -> sa.URL:
    # The text itself is never repeated in an error: it may hold a password.
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise _bad_url("the database URL cannot be read") from error
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise _bad_url(f"databases of kind {parsed.drivername!r} are not supported")
    if driver == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise _bad_url("a SQLite database needs a file: several connections share it")
    if driver != "sqlite" and not parsed.database:
        raise _bad_url("the URL does not say which database of the server is meant")
    return parsed.set(drivername=driver)


def _bad_url(what: str) -> UsageError:
    return UsageError(what, remedy="Write it as sqlite:///path/to/file.db or postgresql://user@host:5432/name.")


class Database:
    """One database: its connections, its transactions, and the seam at which the kill tests stop a commit."""

    def __init__(self, url: sa.URL, *, clock: Clock = system_clock, at: Seam = nowhere) -> None:
        self.url = url
        self.clock = clock
        self.at = at
        self._engines: dict[str, sa.Engine] = {}
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._begin_turns()
        self._watching: tuple[int, Any] | None = None
        self._afterwards: dict[int, list[Callable[[], None]]] = {}

    def __repr__(self) -> str:
        return f"Database({self.where!r})"

    @property
    def kind(self) -> Literal["sqlite", "postgresql"]:
        """Which of the two databases this is."""
        return "sqlite" if self.url.drivername == "sqlite" else "postgresql"

    @property
    def path(self) -> Path | None:
        """The file, on SQLite."""
        return Path(str(self.url.database)) if self.kind == "sqlite" else None

    @property
    def where(self) -> str:
        """The place as errors name it: the path, or host, port and database name; no user, no password."""
        if self.path is not None:
            return str(self.path)
        host = self.url.host or self.url.query.get("host") or "local socket"
        port = f":{self.url.port}" if self.url.port else ""
        return f"{host}{port}/{self.url.database}"

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """One transaction that may change things; committed when the block ends, rolled back when it raises.

        Raises:
            StoreBusyError: another process held the lock for longer than we wait. Nothing was changed.
            StoreError: the database cannot be reached or written. Nothing was changed, unless the message says that
                the connection was lost while committing.
        """
        with failure.wrapped(self.where), self._turn("write"), self._main().connect() as connection:
            connection.info["tidegate_write"] = True
            transaction = connection.begin()
            try:
                yield connection
                self.at("commit:before")
                with failure.wrapped_commit(self.where):
                    transaction.commit()
            except BaseException:
                self._afterwards.pop(id(connection), None)
                self._roll_back(transaction)
                raise
            self.at("commit:after")
            afterwards = self._afterwards.pop(id(connection), [])
        _call_all(afterwards)

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """One consistent look: all statements see the same state, and none can change it.

        Raises:
            StoreError: the database cannot be reached or read, or the block tried to change something.
        """
        with failure.wrapped(self.where), self._turn("look"), self._main().connect() as connection:
            if self.kind == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection.info["tidegate_write"] = False
            transaction = connection.begin()
            try:
                yield connection
            finally:
                self._roll_back(transaction)

    def version(self) -> int | None:
        """A number that is another one after anything was committed, by whomever; None where the database has none.

        Two equal ones, the second taken within ``write()``, say that nothing has changed between the two: what was read
        after the first is as it would be read now. Source: https://sqlite.org/pragma.html#pragma_data_version, which
        compares what one connection has seen; that of this one commits nothing itself. PostgreSQL tells nothing alike.

        Raises:
            StoreError: the database cannot be read.
        """
        if self.kind != "sqlite":
            return None
        if self._pid != os.getpid():
            self._begin_turns()  # another thread may have been here when this process was forked
        with failure.wrapped(self.where), self._versions:
            if self._watching is None or self._watching[0] != os.getpid():
                self._watching = (os.getpid(), self._engine("versions").raw_connection())
            return int(self._watching[1].cursor().execute("PRAGMA data_version").fetchone()[0])

    def after_commit(self, connection: sa.Connection, then: Callable[[], None]) -> None:
        """Call ``then`` once the transaction of ``connection`` is committed; never, if it is rolled back.

        What it raises is logged and goes no further: the transaction is done, and must not look as if it had failed.
        """
        self._afterwards.setdefault(id(connection), []).append(then)

    def engine_of_workflows(self) -> sa.Engine:
        """A pool of its own for the workflow engine, on the same database.

        Of its own, because the engine begins SQLite transactions itself, and because a pool that our transactions have
        emptied must not keep a running leg from writing its checkpoint.
        """
        return self._engine("workflows")

    def close(self) -> None:
        """Close all idle connections; the next transaction opens new ones."""
        with self._versions:
            if self._watching is not None:
                self._watching[1].close()
            self._watching = None
        with self._lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()

    def checks(self) -> tuple[Check, ...]:
        """What ``tidegate db check`` asks of a database: reachable, durable, private, whole."""
        try:
            with self.read() as connection:
                return tuple(_sqlite_checks(connection, self.path) if self.path else _postgres_checks(connection))
        except TidegateError as error:
            return (Check("database", False, str(error), error.remedy),)

    @staticmethod
    def _roll_back(transaction: sa.RootTransaction) -> None:
        # A lost connection cannot be rolled back; the server has done it, and the first error is the one that tells.
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            transaction.rollback()

    @contextlib.contextmanager
    def _turn(self, to: Literal["write", "look"]) -> Iterator[None]:
        """The writers of this process to a SQLite file one after the other, its readers a few at a time.

        SQLite lets one write at a time, and has the others ask again and again, the later the less often: of hundreds
        of threads some would ask in vain until their time is over; and no more can look than there are connections.
        Whoever waits longer than a minute asks all the same, and whoever has a turn needs no second one.
        """
        if self._pid != os.getpid():
            # A fork may have happened while another thread had its turn, which is not here to end it.
            self._begin_turns()
        turn, mine = (self._writing if to == "write" else self._looks), self._mine
        if self.kind != "sqlite" or getattr(mine, to, False):
            yield
            return
        taken = turn.acquire(timeout=TURN_S)
        setattr(mine, to, True)
        try:
            yield
        finally:
            setattr(mine, to, False)
            if taken:
                turn.release()

    def _begin_turns(self) -> None:
        self._writing = threading.RLock()
        self._looks = threading.BoundedSemaphore(LOOKS)
        self._mine = threading.local()
        self._versions = threading.Lock()

    def _main(self) -> sa.Engine:
        return self._engine("main")

    def _engine(self, name: str) -> sa.Engine:
        with self._lock:
            if self._pid != os.getpid():
                self._forget_inherited_connections()
            if name not in self._engines:
                create = _sqlite_engine if self.kind == "sqlite" else _postgres_engine
                self._engines[name] = create(self.url, name, self.where)
            return self._engines[name]

    def _forget_inherited_connections(self) -> None:
        # After a fork both processes hold the same sockets and files: whoever closes them here harms the parent.
        for engine in self._engines.values():
            engine.dispose(close=False)
        self._engines.clear()
        self._pid = os.getpid()
        self._begin_turns()


def _call_all(afterwards: list[Callable[[], None]]) -> None:
    for then in afterwards:
        try:
            then()
        except Exception:
            _logger.exception("what should follow a commit failed")


def _sqlite_engine(url: sa.URL, name: str, where: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_size=10,
        max_overflow=20,
        pool_timeout=POOL_TIMEOUT_S,
        connect_args={"timeout": SQLITE_BUSY_S, "check_same_thread": False},
    )
    # Creating the file is part of connecting, so that opening a database that is never used leaves nothing behind.
    path = Path(str(url.database))
    event.listen(engine, "do_connect", lambda *_: _create_private(path))
    if name == "workflows":
        event.listen(engine, "connect", lambda dbapi, _: _prepare_sqlite(dbapi, where, isolation="IMMEDIATE"))
    else:
        event.listen(engine, "connect", lambda dbapi, _: _prepare_sqlite(dbapi, where, isolation=None))
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_private(path: Path) -> None:
    # Before SQLite does: it would create the file as the umask says, readable by everybody on most machines.
    if path.exists():
        return
    try:
        _make_directory(path.parent)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(
            f"the database file cannot be created: {error.strerror}",
            where=str(path),
            remedy="Make its directory writable, or name another place in TIDEGATE_DATABASE.",
        ) from error


def _make_directory(directory: Path) -> None:
    """Make the directory where it is not there; one that is ours alone is none of Git's: ``git add`` takes nothing."""
    if not directory.is_dir():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignored = directory / ".gitignore"
        ignored.touch(0o600)
        ignored.write_text("*\n")


def _prepare_sqlite(dbapi: Any, where: str, isolation: str | None) -> None:
    dbapi.isolation_level = isolation
    sqlite_clock.install(dbapi)
    dbapi.execute(f"PRAGMA busy_timeout={int(SQLITE_BUSY_S * 1000)}")
    dbapi.execute("PRAGMA foreign_keys=ON")
    journal = _switch_to_wal(dbapi)
    dbapi.execute("PRAGMA synchronous=FULL")
    synchronous = dbapi.execute("PRAGMA synchronous").fetchone()[0]
    if (journal, synchronous) != ("wal", 2):
        raise StoreError(
            f"the file system gives no durable write-ahead log (journal {journal}, synchronous {synchronous})",
            where=where,
            remedy="Keep the database on a local disk, not on a network file system.",
        )


def _switch_to_wal(dbapi: Any) -> str:
    # Switching the journal ignores the busy timeout: of two that open a new file at once, one is told "locked".
    import sqlite3

    deadline = time.monotonic() + SQLITE_BUSY_S
    while True:
        try:
            return str(dbapi.execute("PRAGMA journal_mode=WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: sa.Connection) -> None:
    # query_only makes a write inside read() an error; as a deferred transaction it could lose the race for the lock.
    write = bool(connection.info.get("tidegate_write", False))
    if connection.info.get("query_only") is not (not write):
        connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if write else 'ON'}")
        connection.info["query_only"] = not write
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _postgres_engine(url: sa.URL, name: str, where: str) -> sa.Engine:
    try:
        engine = sa.create_engine(
            url,
            isolation_level="READ COMMITTED",
            pool_size=5 if name == "main" else 10,
            max_overflow=20,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args={
                "connect_timeout": POSTGRES_CONNECT_S,
                "application_name": "tidegate" if name == "main" else "tidegate engine",
                "keepalives": 1,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 20_000,
            },
        )
    except ImportError as error:
        raise StoreError(
            "PostgreSQL needs the package psycopg, which is not installed",
            where=where,
            remedy="Install it with: pip install 'tidegate[postgres]'",
        ) from error
    event.listen(engine, "connect", lambda dbapi, _: _prepare_postgres(dbapi))
    event.listen(engine, "after_cursor_execute", _arm_idle_timeout)
    return engine


_POSTGRES_SESSION = """
SELECT set_config('lock_timeout', %s, false),
       set_config('idle_in_transaction_session_timeout', %s, false),
       set_config('TimeZone', 'UTC', false),
       set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') = 'off' THEN 'on'
                                             ELSE current_setting('synchronous_commit') END, false)
"""


def _arm_idle_timeout(_: Any, cursor: Any, __: str, ___: Any, ____: Any, many: bool) -> None:
    """One plain statement after those that were sent together.

    psycopg sends many in pipeline mode, which ends with a Flush; by it PostgreSQL (15.18, ``PostgresMain``) takes back
    the timer of ``idle_in_transaction_session_timeout``, and sets it again only after the next plain statement.
    """
    if many:
        cursor.connection.execute("SELECT 1")


def _prepare_postgres(dbapi: Any) -> None:
    with dbapi.cursor() as cursor:
        cursor.execute(_POSTGRES_SESSION, (str(POSTGRES_LOCK_MS), str(POSTGRES_IDLE_IN_TRANSACTION_MS)))
    # Committed, or the pool's rollback on return would undo the settings.
    dbapi.commit()


def _sqlite_checks(connection: sa.Connection, path: Path) -> Iterator[Check]:
    def pragma(name: str) -> Any:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    yield Check("database", True, _sqlite_name())
    yield Check("durability", (pragma("journal_mode"), pragma("synchronous")) == ("wal", 2), "WAL, synchronous=FULL")
    whole = str(pragma("quick_check(1)"))
    yield Check("integrity", whole == "ok", whole, "Restore the newest backup.")
    mode = stat.S_IMODE(path.stat().st_mode)
    yield Check("permissions", not mode & 0o077, f"{mode:04o}", f"Make it private: chmod 600 {path}")
    free = _free_bytes(path.parent)
    yield Check("free space", free > 64 << 20, f"{free >> 20} MiB", "Free some space: a full disk stops all decisions.")


def _sqlite_name() -> str:
    import sqlite3

    return f"SQLite {sqlite3.sqlite_version}"


def _free_bytes(directory: Path) -> int:
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def _postgres_checks(connection: sa.Connection) -> Iterator[Check]:
    def setting(name: str) -> str:
        return str(connection.execute(sa.text("SELECT current_setting(:name)"), {"name": name}).scalar())

    yield Check("database", True, f"PostgreSQL {setting('server_version')}")
    durable = (setting("fsync"), setting("full_page_writes"), setting("synchronous_commit"))
    yield Check(
        "durability",
        durable[:2] == ("on", "on") and durable[2] != "off",
        "fsync {}, full_page_writes {}, synchronous_commit {}".format(*durable),
        "Turn fsync and full_page_writes on: without them acknowledged decisions are lost at power loss.",
    )
    encoding = setting("server_encoding")
    yield Check("encoding", encoding == "UTF8", encoding, "Create the database anew with ENCODING 'UTF8'.")
