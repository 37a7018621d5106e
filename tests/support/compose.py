"""Compose projects for the tests: a real engine and registry, images from scratch, and agents that die where told."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.docker import DockerEngine
from tests.support.hosts import TARGET
from tests.support.processes import find_program
from tests.support.registry import ContainerRegistry
from tidegate.core.effect import Package
from tidegate.core.image_lock import ImageLock
from tidegate.drivers.compose import ComposeDriver, ComposeSettings
from tidegate.drivers.compose.driver import agent_source
from tidegate.drivers.host.transport import AGENT

COMPOSE_PROGRAM = find_program("docker-compose")  # before a test puts another one first
OWN_AGENT = AGENT.parents[1] / "compose" / "agent.py"

COMPOSE = """\
services:
  web:
    image: {host}/shop:latest
    network_mode: none
    stop_signal: SIGKILL
"""

# Counts what Compose was told that starts or stops something, where no deployment looks.
COUNTING = """\
#!/bin/sh
case " $* " in
  *" up "*|*" down "*) for word; do test "$last" = --project-name && echo "$word" >> "{record}"; last=$word; done;;
esac
exec {program} "$@"
"""


def why_no_compose() -> str:
    """Why Compose cannot be run here, or an empty text."""
    return "" if COMPOSE_PROGRAM else "docker-compose is not installed: run scripts/debian-packages"


def tar_of(files: Mapping[str, bytes], mode: int = 0o644) -> bytes:
    """A tar of these files."""
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return kept.getvalue()


@dataclass
class Images:
    """Images of a static busybox and a few files, pushed to a registry; each is made once."""

    engine: DockerEngine
    registry: ContainerRegistry
    digests: dict[tuple[str, str], str] = field(default_factory=dict)

    def name(self, repository: str = "shop") -> str:
        return f"{self.registry.host}/{repository}"

    def digest(self, version: str, repository: str = "shop", command: str = "sleep 100000") -> str:
        """The digest of the image of a version; it sleeps, and one whose version holds ``bad`` is unhealthy."""
        key = (repository, version)
        if key not in self.digests:
            self.digests[key] = self._make(version, repository, command)
        return self.digests[key]

    def _make(self, version: str, repository: str, command: str) -> str:
        busybox = Path(str(find_program("busybox"))).read_bytes()
        files = {"bin/busybox": busybox, "VERSION": version.encode()}
        files |= {"unhealthy": b""} if "bad" in version else {}
        image = f"{self.name(repository)}:{version}"
        changes = {
            "CMD": json.dumps(["/bin/busybox", *command.split()]),
            "HEALTHCHECK --interval=100ms --timeout=5s --retries=3 CMD": json.dumps(
                ["/bin/busybox", "test", "!", "-e", "/unhealthy"]
            ),
        }
        words = [word for change, value in changes.items() for word in ("--change", f"{change} {value}")]
        subprocess.run(
            [str(find_program("docker")), "import", *words, "-", image],
            input=tar_of(files, 0o755),
            env=self.engine.environment,
            check=True,
            capture_output=True,
        )
        self.engine.docker("push", image)
        listed = json.loads(self.engine.docker("image", "inspect", image).stdout)[0]["RepoDigests"]
        self.engine.docker("image", "rm", image)
        return str(listed[0].partition("@")[2])

    def package(
        self, directory: Path, version: str, files: Mapping[str, str] | None = None, component: str = "shop"
    ) -> tuple[Path, Package]:
        """The image lock of a version, with its archive beside it."""
        contents = {"docker-compose.yml": COMPOSE.format(host=self.registry.host), "VERSION": version, **(files or {})}
        archive = gzip.compress(tar_of({name: text.encode() for name, text in contents.items()}), mtime=0)
        digest = hashlib.sha256(archive).hexdigest()
        (directory / f"{digest}.tar.gz").write_bytes(archive)
        lock = ImageLock(component, version, digest, {self.name(): self.digest(version)})
        path = directory / f"{lock.package.digest}.json"
        path.write_bytes(lock.to_bytes())
        return path, lock.package


def dying_agent(stage: str) -> bytes:
    """The agent, but killed when it has recorded ``stage``."""
    dying = (
        "\n_note = host.note\n"
        "def _dying(place, entry):\n"
        "    _note(place, entry)\n"
        f"    if entry['stage'] == {str(stage)!r}:\n"
        "        import signal\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "host.note = _dying\n"
    ).encode()
    return agent_source(AGENT.read_bytes(), OWN_AGENT.read_bytes() + dying)


@dataclass(frozen=True, slots=True)
class Projects:
    """Places ``web1``, ``web2`` of one component beside one engine, reached at ``address``."""

    directory: Path
    images: Images
    address: str = "local"
    ssh: Mapping[str, Any] | None = None

    def path(self, unit: str) -> Path:
        return self.directory / unit

    def project(self, unit: str) -> str:
        return f"{self.directory.name.lower().replace('_', '-')[:40]}-{unit}"

    @property
    def record(self) -> Path:
        return self.directory / "calls"

    def restarts(self, unit: str) -> int:
        calls = self.record.read_text().split() if self.record.exists() else []
        return calls.count(self.project(unit))

    def programs(self) -> Path:
        """A directory to be found first: Compose that counts its calls."""
        directory = self.directory / "bin"
        directory.mkdir(exist_ok=True)
        program = directory / "docker-compose"
        program.write_text(COUNTING.format(record=self.record, program=COMPOSE_PROGRAM))
        program.chmod(0o755)
        return directory

    def settings(self, **more: Any) -> dict[str, Any]:
        socket = f"unix://{self.images.engine.directory}/docker.sock"
        places = [
            {
                "name": unit,
                "directory": str(self.path(unit)),
                "address": self.address,
                "engine": socket,
                "project": self.project(unit),
                "python": sys.executable,
            }
            for unit in ("web1", "web2")
        ]
        ssh = {"ssh": dict(self.ssh)} if self.ssh else {}
        more = {"health_timeout": "5s", "program": "docker-compose", **ssh, **more}
        return {"driver": "compose", "places": places, **more}

    def driver(self, agent: bytes | None = None, observe_wait_s: float = 30.0, **more: Any) -> ComposeDriver:
        settings = ComposeSettings.model_validate(self.settings(**more))
        return ComposeDriver(TARGET, settings, agent=agent, observe_wait_s=observe_wait_s)

    def compose(self, unit: str, *words: str, directory: Path) -> str:
        """Compose by hand."""
        done = subprocess.run(
            [str(COMPOSE_PROGRAM), "--project-name", self.project(unit), *words],
            cwd=directory,
            env={"PATH": "/usr/bin:/bin", **self.images.engine.environment},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def occupy(self, unit: str) -> Path:
        """Start the project by hand; where its files are."""
        directory = self.directory / f"{unit}-by-hand"
        directory.mkdir()
        image = f"{self.images.name()}@{self.images.digest('0.9.0')}"
        text = COMPOSE.format(host=self.images.registry.host).replace(f"{self.images.name()}:latest", image)
        (directory / "docker-compose.yml").write_text(text)
        self.compose(unit, "up", "-d", directory=directory)
        return directory

    def containers(self, unit: str) -> list[str]:
        """The ids of the project's containers, running or not."""
        label = f"label=com.docker.compose.project={self.project(unit)}"
        return self.images.engine.docker("ps", "--all", "--quiet", "--filter", label).stdout.split()

    def close(self) -> None:
        """Remove what is left."""
        for unit in ("web1", "web2"):
            if ids := self.containers(unit):
                self.images.engine.docker("rm", "--force", *ids, check=False)
