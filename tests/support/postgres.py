"""A real PostgreSQL for the tests, on a socket in a directory of its own, and databases on it.

It is durable as in production (``fsync`` on) unless told otherwise: the kill matrix would prove nothing without.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from tests.support.processes import UNPACKED, Server, find_program, run_as, unprivileged_account

OWNER = "tidegate"
PORT = 5432  # only a part of the socket's name: nothing listens on the network


def find_postgres() -> Path | None:
    """The directory with ``postgres`` and ``initdb``: unpacked for this working copy, Debian's newest, or by PATH."""
    if (UNPACKED / "postgres").exists() and (UNPACKED / "initdb").exists():
        return UNPACKED
    found = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb") if (p.parent / "postgres").exists()]
    if found:
        return max(found, key=lambda p: float(p.parent.name))
    initdb = find_program("initdb")
    return initdb.parent if initdb and (initdb.parent / "postgres").exists() else None


class PostgresServer:
    """One server; ``stop`` and ``start`` again to see what happens meanwhile, ``close`` at the end."""

    def __init__(self, binaries: Path, *, fsync: bool = True) -> None:
        self._binaries = binaries
        self._fsync = fsync
        self._account: pwd.struct_passwd | None = unprivileged_account()
        self._server: Server | None = None
        self._templates: dict[str, str] = {}
        self._count = 0
        # Not pytest's directory: a socket's path must be short, and the account must be able to reach it.
        self.directory = Path(tempfile.mkdtemp(prefix="tidegate-pg-"))
        self._data = self.directory / "data"
        self._make_cluster()

    def _make_cluster(self) -> None:
        if self._account is not None:
            os.chown(self.directory, self._account.pw_uid, self._account.pw_gid)
        choices = ["-U", OWNER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        run_as(self._account, [self._binaries / "initdb", "-D", self._data, *choices])

    def start(self) -> None:
        """Start and wait until it answers; the address is the same each time.

        Raises:
            ServerFailedError: it did not.
        """
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.directory),
            "port": str(PORT),
            "fsync": "on" if self._fsync else "off",
            "shared_buffers": "32MB",
            "max_connections": "200",
            "log_min_messages": "warning",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [self._binaries / "postgres", "-D", self._data, *options]
        # SIGINT is PostgreSQL's fast shutdown: sessions are ended, data is written.
        self._server = Server(command, log=self.directory / "log", account=self._account, stop=signal.SIGINT)
        self._server.wait_until(self._answers)

    def stop(self) -> None:
        """Stop it in order; connections are cut."""
        if self._server is not None:
            self._server.stop()

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, without a checkpoint. ``start`` recovers from its log."""
        if self._server is not None:
            os.killpg(self._server.process.pid, signal.SIGKILL)
            self._server.process.wait()

    def close(self) -> None:
        """Stop it and remove all its files."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str) -> str:
        """The address as SQLAlchemy writes it."""
        return f"postgresql+psycopg://{OWNER}@/{database}?host={quote(str(self.directory), safe='/')}&port={PORT}"

    def fresh_database(self, name: str = "tidegate", *, template: str = "template0") -> str:
        """A new database, named after ``name`` with a number, as a copy of ``template``; the address of it."""
        self._count += 1
        database = f"{name}_{self._count}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", database, template)
        return self.url(database)

    def prepared_database(self, name: str, prepare: Callable[[str], None]) -> str:
        """A copy of a database that ``prepare(url)`` has filled once per server; it must close its connections."""
        if name not in self._templates:
            url = self.fresh_database(f"{name}_template")
            prepare(url)
            self._templates[name] = _database_of(url)
        return self.fresh_database(name, template=self._templates[name])

    def drop_database(self, url: str) -> None:
        """Remove it, cutting whoever is still connected."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", _database_of(url))

    def _execute(self, statement: str, *names: str) -> None:
        import psycopg
        from psycopg import sql

        with psycopg.connect(self._conninfo(), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*(sql.Identifier(n) for n in names)))

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self._conninfo(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _conninfo(self) -> str:
        return f"host={self.directory} port={PORT} user={OWNER} dbname=postgres"


def started_server() -> PostgresServer:
    """A server that runs, for what kills processes and not the machine: what the kernel was given is safe.

    Raises:
        SystemExit: PostgreSQL is not installed.
    """
    binaries = find_postgres()
    if binaries is None:
        raise SystemExit("PostgreSQL is not installed: run scripts/debian-packages")
    server = PostgresServer(binaries, fsync=False)
    try:
        server.start()
    except BaseException:
        server.close()
        raise
    return server


def _database_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]
