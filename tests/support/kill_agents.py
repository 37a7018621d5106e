"""Agents of the host driver that start in a few milliseconds: forked from one warm process, not started by exec.

Everything else is as on a real host: the agent's own code, a process of its own that outlives whoever asked it, real
files, real restart commands. Only the way to it differs: a socket instead of the pipes of a child.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tidegate.drivers.command import Completed, Limits
from tidegate.drivers.contract import Target
from tidegate.drivers.host.driver import HostDriver
from tidegate.drivers.host.settings import HostSettings
from tidegate.drivers.host.transport import AGENT, Transport
from tidegate.errors import TargetError


def load_agent() -> ModuleType:
    """The agent as a module, without running it."""
    spec = importlib.util.spec_from_file_location("tidegate_agent", AGENT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def serve(path: Path, agent: ModuleType) -> None:
    """Answer each connection by a process of its own, for ever."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # A short name: the path of a socket may have 107 characters.
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path.name)
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _answer(connection, agent)
            connection.close()


def _answer(connection: socket.socket, agent: ModuleType) -> None:
    try:
        # The agent runs commands and waits for them, as in any process.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.chdir("/")
        sys.stdin = connection.makefile("r", encoding="ascii")
        sys.stdout = connection.makefile("w", encoding="ascii")
        agent.main()
        sys.stdout.flush()
        # A package that it needed no more is read to its end: a socket that is closed before loses the answer, too.
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass
    finally:
        os._exit(0)


@dataclass(frozen=True, slots=True)
class ForkedTransport(Transport):
    """The way to a host's agent over the socket of :func:`serve`."""

    socket_path: str = ""

    def ask(self, request: Mapping[str, Any], limits: Limits, payload: Path | bytes = b"") -> dict[str, Any]:
        """As :meth:`Transport.ask`."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(limits.timeout_s)
                connection.connect(self.socket_path)
                body = payload if isinstance(payload, bytes) else payload.read_bytes()
                connection.sendall(json.dumps(request).encode("ascii") + b"\n" + body)
                connection.shutdown(socket.SHUT_WR)
                said = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        except OSError as error:
            raise TargetError(f"the agent does not answer: {error}", where=self.where, remedy="Start it.") from error
        return self._result(Completed(0, said))


class ForkedHostDriver(HostDriver):
    """The host driver, whose agents are forked."""

    def __init__(self, target: Target, settings: HostSettings, socket_path: Path) -> None:
        super().__init__(target, settings, observe_wait_s=5.0)
        self._socket = str(socket_path)

    def _transport(self, unit: str) -> Transport:
        return ForkedTransport(unit, ("agent",), b"", socket_path=self._socket)
