"""A real MariaDB for the tests, on a socket in a directory of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from tests.support.processes import Server, find_program, run_as, unprivileged_account

USER = "keeper"
PASSWORD = "p#a's \"w\\o:r@d/ "
"""With all that an option file or an address could stumble over."""


def find_mariadb() -> Path | None:
    """The program of the server; None where it is not installed."""
    return find_program("mariadbd") if find_program("mariadb-install-db") else None


class MariaDBServer:
    """One server; ``close`` at the end."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self._account = unprivileged_account()
        self._server: Server | None = None
        self.directory = Path(tempfile.mkdtemp(prefix="tidegate-my-"))
        self.socket = self.directory / "socket"
        if self._account is not None:
            os.chown(self.directory, self._account.pw_uid, self._account.pw_gid)
        install = find_program("mariadb-install-db")
        choices = ["--no-defaults", f"--datadir={self.directory / 'data'}", "--skip-test-db"]
        choices += ["--auth-root-authentication-method=normal"]
        run_as(self._account, [install or "mariadb-install-db", *choices])

    def start(self) -> None:
        """Start and wait until it answers."""
        options = [f"--datadir={self.directory / 'data'}", f"--socket={self.socket}", "--skip-networking"]
        options += ["--innodb-buffer-pool-size=32M", f"--pid-file={self.directory / 'pid'}"]
        self._server = Server(
            [self._program, "--no-defaults", *options],
            log=self.directory / "log",
            account=self._account,
            stop=signal.SIGTERM,
        )
        self._server.wait_until(lambda: self.asked("SELECT 1").returncode == 0)

    def prepare(self) -> None:
        """Make the user with whom backups are taken."""
        password = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
        self.sql(f"CREATE USER {USER}@localhost IDENTIFIED BY '{password}'; GRANT ALL ON *.* TO {USER}@localhost")

    def stop(self) -> None:
        """Stop it in order."""
        if self._server is not None:
            self._server.stop()

    def close(self) -> None:
        """Stop it and remove all its files."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def asked(self, query: str, database: str = "") -> subprocess.CompletedProcess[str]:
        """What the server says to root."""
        words = ["mariadb", "--no-defaults", f"--socket={self.socket}", "-u", "root", "--batch", "-N"]
        words += ["--default-character-set=utf8mb4", *([database] if database else [])]
        return subprocess.run(words, input=query, capture_output=True, text=True, check=False)

    def sql(self, query: str, database: str = "") -> str:
        """What the server answers to root; it must."""
        done = self.asked(query, database)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def url(self, database: str) -> str:
        """The address of a database, as a policy's secret has it."""
        name, password = quote(database, safe=""), quote(PASSWORD, safe="")
        return f"mysql://{USER}:{password}@localhost/{name}?unix_socket={quote(str(self.socket), safe='/')}"
