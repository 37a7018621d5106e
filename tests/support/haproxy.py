"""A real HAProxy for the tests: one frontend, one backend, and its runtime socket, in a directory of its own."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.support.processes import Server, find_program

CONFIG = """\
global
    stats socket {socket} mode 600 level {level}
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 10s
    retries 2
    option redispatch
frontend customers
    bind 127.0.0.1:{port}
    default_backend shop
backend shop
    balance roundrobin
    {check}
{servers}
"""


def why_no_haproxy() -> str:
    """Why none can be started here, or an empty text."""
    return "" if find_program("haproxy") else "haproxy is not installed: run scripts/debian-packages as root"


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(path: Path, command: str) -> str:
    """What a runtime socket answers; empty where it does not."""
    try:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()
    except OSError:
        return ""


class HAProxy:
    """One HAProxy before servers on this machine; ``close`` at the end."""

    def __init__(self, servers: Mapping[str, int], *, check: str = "", level: str = "admin") -> None:
        # Not pytest's directory: a socket's path must be short.
        self.directory = Path(tempfile.mkdtemp(prefix="tidegate-haproxy-"))
        self.port = free_port()
        self.socket = self.directory / "admin.sock"
        checked = " check inter 100ms fall 2 rise 1" if check else ""
        lines = [f"    server {name} 127.0.0.1:{port} weight 100{checked}" for name, port in servers.items()]
        text = CONFIG.format(socket=self.socket, level=level, port=self.port, check=check, servers="\n".join(lines))
        (self.directory / "haproxy.cfg").write_text(text)
        self._server: Server | None = None

    def start(self) -> None:
        """Start it, and wait until its socket answers."""
        program = find_program("haproxy")
        assert program is not None
        command: list[str | Path] = [program, "-db", "-f", self.directory / "haproxy.cfg"]
        self._server = Server(command, log=self.directory / "log", account=None, stop=signal.SIGTERM)
        self._server.wait_until(lambda: bool(self.ask("show info")))

    def ask(self, command: str) -> str:
        """What its runtime socket answers; empty where it does not."""
        return ask(self.socket, command)

    def stop(self) -> None:
        """Stop it; its files stay."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def freeze(self, *, thaw: bool = False) -> None:
        """Stop it in the middle of whatever it does (SIGSTOP), or let it go on."""
        assert self._server is not None
        subprocess.run(["kill", "-CONT" if thaw else "-STOP", str(self._server.process.pid)], check=True)

    def close(self) -> None:
        """Stop it and remove all its files."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
