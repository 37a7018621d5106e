"""The two policies: 7D's real one, and the same with its times shortened so that one can watch."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from tidegate.errors import InternalError

REAL = "tidegate-7d.yaml"
ACTIVE = "tidegate.yaml"
REHEARSAL = 'rehearsal: "times are shortened, and no train is waited for"'

SHORTER = (
    ("notice: 7d   ", "notice: 3s   "),
    ("skips: []                 # it waits for the train", "skips: [train]            # it does not"),
    ("soak: 24h", "soak: 2s "),
    ("before: 2d", "before: 2s"),
    ("for: 1h ", "for: 5s "),
    ("every: 15s", "every: 1s "),
)
"""What the rehearsal changes: each text stands once in the real policy."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host of the demo: a directory and a port of this machine."""

    name: str
    environment: str
    directory: Path
    port: int

    @property
    def path(self) -> Path:
        """The directory that Tidegate deploys to."""
        return self.directory / "billing"

    @property
    def pid_file(self) -> Path:
        """Where the service writes its process id."""
        return self.directory / "billing.pid"


def real_policy(hosts: Sequence[Host], keys: Mapping[str, str]) -> str:
    """The real policy, for these hosts and with these people's public keys."""
    text = Path(__file__).with_name("policy.yaml").read_text(encoding="utf-8")
    values = {**keys, "python": _python()}
    values |= {name: _hosts([h for h in hosts if h.environment == name]) for name in ("staging", "production")}
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def _hosts(hosts: Sequence[Host]) -> str:
    return "\n".join(
        f"          - {{name: {host.name}, path: {json.dumps(str(host.path))}, values: {{port: {host.port}}}}}"
        for host in hosts
    )


def _python() -> str:
    """What begins the commands on the hosts; ``env`` where this Python's path could not stand there itself."""
    return "python3" if shutil.which("python3") else f"env, {json.dumps(sys.executable)}"


def rehearsal_policy(real: str) -> str:
    """The real policy with its times shortened, and marked.

    Raises:
        InternalError: the real policy does not hold what is to be shortened.
    """
    text = real
    for long, short in SHORTER:
        if text.count(long) != 1:
            raise InternalError(f"the demo's policy holds {long!r} {text.count(long)} times", remedy="report this")
        text = text.replace(long, short)
    return text.replace("organization:", f"{REHEARSAL}\norganization:", 1)


def differences(real: str, rehearsal: str) -> list[str]:
    """The lines that differ, as a diff shows them."""
    lines = unified_diff(real.splitlines(), rehearsal.splitlines(), REAL, ACTIVE, lineterm="", n=0)
    return [line for line in lines if not line.startswith("@@")]
