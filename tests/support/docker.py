"""A real Docker engine for the tests, with everything in a directory of its own; nothing of it is on the network.

It is Debian's ``docker.io``, started by the tests: no bridge, no firewall rules, images as plain directories (vfs),
a containerd of its own. An image ``FROM scratch`` needs no network. Only root can start one.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.support.processes import Server, ServerFailedError, find_program

PROGRAMS = ("dockerd", "containerd", "runc", "docker")


def why_no_docker() -> str:
    """Why no engine can be started here, or an empty text."""
    for program in PROGRAMS:
        if find_program(program) is None:
            return f"{program} is not installed: run scripts/debian-packages as root"
    return "" if os.geteuid() == 0 else "only root can start a Docker engine"


class DockerEngine:
    """One engine; ``close`` at the end."""

    def __init__(self) -> None:
        # Not pytest's directory: a socket's path must be short.
        self.directory = Path(tempfile.mkdtemp(prefix="tidegate-docker-"))
        (self.directory / "client").mkdir()
        self._server: Server | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the command ``docker`` is told: this engine, and no configuration of the user's."""
        return {"DOCKER_HOST": f"unix://{self.directory}/docker.sock", "DOCKER_CONFIG": str(self.directory / "client")}

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            ServerFailedError: it did not: the kernel may not allow it here.
        """
        configuration = self.directory / "daemon.json"
        configuration.write_text("{}")
        settings = {
            "config-file": configuration,
            "data-root": self.directory / "data",
            "exec-root": self.directory / "exec",
            "pidfile": self.directory / "pid",
            "host": f"unix://{self.directory}/docker.sock",
            "group": str(os.getegid()),
            "bridge": "none",
            "iptables": "false",
            "ip6tables": "false",
            "ip-forward": "false",
            "storage-driver": "vfs",
            "exec-opt": "native.cgroupdriver=cgroupfs",
            "log-level": "warn",
        }
        command: list[str | Path] = [find_program("dockerd") or "dockerd"]
        command += [f"--{name}={value}" for name, value in settings.items()]
        self._server = Server(command, log=self.directory / "log", account=None, stop=signal.SIGTERM)
        self._server.wait_until(lambda: self.docker("version", check=False).returncode == 0)

    def docker(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of Docker against it."""
        environment = {**os.environ, **self.environment}
        program = str(find_program("docker"))
        return subprocess.run([program, *words], env=environment, capture_output=True, text=True, check=check)

    def close(self) -> None:
        """Stop it and remove all its files."""
        if self._server is not None:
            self._server.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def start_docker() -> DockerEngine:
    """Start an engine.

    Raises:
        ServerFailedError: ``why_no_docker`` has something to say, or it did not start.
    """
    if reason := why_no_docker():
        raise ServerFailedError(reason)
    engine = DockerEngine()
    try:
        engine.start()
    except ServerFailedError:
        engine.close()
        raise
    return engine
