"""Hosts for the tests of the host driver: directories, packages to put there, and agents that die where told."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.core.effect import Act, Effect, Package
from tidegate.drivers.contract import Target
from tidegate.drivers.host.driver import HostDriver
from tidegate.drivers.host.settings import HostSettings
from tidegate.drivers.host.transport import AGENT

TARGET = Target("shop", "production")

RESTART = """\
#!/bin/sh
# $1: the host's directory, $2: the version. Counts the restarts where no deployment looks.
echo "$2" >> "$1.restarts"
test ! -e broken-restart || { echo "it will not start" >&2; exit 3; }
"""


def effect(unit: str, step: str, to: Package | None, **more: Any) -> Effect:
    """An effect of rollout ``r1``: a deployment, unless ``act`` says otherwise."""
    fields: dict[str, Any] = {"act": Act.DEPLOY if to else Act.REMOVE, "attempt": 1, "previous": None, **more}
    return Effect("r1", step, unit, fields["attempt"], "shop", "production", fields["act"], to, fields["previous"])


def make_package(directory: Path, version: str, files: Mapping[str, str] | None = None) -> tuple[Path, Package]:
    """A package of ``version``; one whose version holds ``bad`` is unhealthy."""
    contents = {"VERSION": version, "bin/serve": "#!/bin/sh\n", **(files or {})}
    if "bad" in version:
        contents["unhealthy"] = ""
    path = directory / f"{version}.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            member.mode = 0o755 if name.startswith("bin/") else 0o644
            tar.addfile(member, io.BytesIO(content.encode()))
    return path, package_of(path, version)


def package_of(path: Path, version: str) -> Package:
    """What ``path`` is, as a value."""
    return Package(version, hashlib.sha256(path.read_bytes()).hexdigest(), "shop")


def dying_agent(stage: str, *, before: bool = False) -> bytes:
    """The agent, but killed when it has recorded ``stage``, or just before it would."""
    return (
        AGENT.read_bytes()
        + (
            "\n_note = note\n"
            "def note(place, entry):\n"
            f"    if entry['stage'] == {str(stage)!r} and {before!r}:\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n"
            "    _note(place, entry)\n"
            f"    if entry['stage'] == {str(stage)!r}:\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n"
        ).encode()
    )


@dataclass(frozen=True, slots=True)
class Hosts:
    """Directories ``web1``, ``web2`` of one component, reached at ``address``."""

    directory: Path
    address: str = "local"
    ssh: Mapping[str, Any] | None = None

    def path(self, unit: str) -> Path:
        return self.directory / unit

    def restarts(self, unit: str) -> list[str]:
        """The versions that were restarted, in order."""
        record = self.directory / f"{unit}.restarts"
        return record.read_text().split() if record.exists() else []

    def settings(self, **more: Any) -> dict[str, Any]:
        script = self.directory / "restart.sh"
        if not script.exists():
            script.write_text(RESTART)
        hosts = [
            {"name": unit, "path": str(self.path(unit)), "address": self.address, "python": sys.executable}
            for unit in ("web1", "web2")
        ]
        ssh = {"ssh": dict(self.ssh)} if self.ssh else {}
        command = ["/bin/sh", str(script), "{path}"]
        return {
            "driver": "host",
            "hosts": hosts,
            "restart": [*command, "{version}"],
            "stop": [*command, "stopped"],
            "health": {"command": ["test", "!", "-e", "unhealthy"]},
            "health_timeout": "200ms",
            **ssh,
            **more,
        }

    def driver(self, agent: bytes | None = None, observe_wait_s: float = 10.0, **more: Any) -> HostDriver:
        settings = HostSettings.model_validate(self.settings(**more))
        return HostDriver(TARGET, settings, agent=agent, observe_wait_s=observe_wait_s)
