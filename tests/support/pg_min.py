"""A PostgreSQL server of one's own, to stop and start at will; on a socket in its own directory, without TCP."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql


def binaries() -> Path | None:
    """The directory of PostgreSQL's programs; None where none is installed."""
    found = [*sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), reverse=True), shutil.which("pg_ctl")]
    return next((Path(path).parent for path in found if path), None)


class Server:
    """One cluster in a temporary directory; it refuses to run as root, and then runs as the user ``postgres``."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        # A short path: a socket's name may have no more than 107 bytes.
        self.directory = Path(tempfile.mkdtemp(prefix="tg-pg-"))
        self._data = self.directory / "data"
        self._prefix: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
            self._prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self._run(
            "initdb", "-D", str(self._data), "-U", "tidegate", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"
        )
        with (self._data / "postgresql.conf").open("a") as config:
            config.write(
                f"listen_addresses = ''\nunix_socket_directories = '{self.directory}'\nmax_connections = 200\n"
            )

    def url(self, database: str) -> str:
        """The URL by which Tidegate opens ``database``."""
        return f"postgresql+psycopg://tidegate@/{database}?host={self.directory}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self.directory / "log"), "-w", "-t", "60", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; ``immediate`` is as good as a crash."""
        self._run("pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop")

    def create(self, database: str, like: str = "template1") -> str:
        """Create a database, a copy of ``like``, and return its URL."""
        with psycopg.connect(f"host={self.directory} user=tidegate dbname=postgres", autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(database), sql.Identifier(like))
            )
        return self.url(database)

    def remove(self) -> None:
        """Stop it and remove all it wrote."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._prefix, str(self.programs / program), *arguments]
        # pg_ctl leaves the server its standard output: a pipe would never end.
        subprocess.run(
            command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )
