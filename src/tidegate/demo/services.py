#!/usr/bin/env python3
"""Starts and stops the services of a demo's hosts: `services start`, `services stop`, `services list`.

Needs nothing but Python: the demo leaves a copy beside its hosts. What is started is what is deployed: the directory
to which `current` leads.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PORT = "port"
CURRENT = Path("billing", "current")


def hosts(directory: Path) -> Iterator[tuple[Path, str]]:
    """The directories of the hosts and their ports."""
    for file in sorted(directory.glob(f"hosts/*/*/{PORT}")):
        yield file.parent, file.read_text(encoding="ascii").strip()


def version(host: Path) -> str:
    """The version that is deployed on a host, by the name of its directory."""
    return (host / CURRENT).resolve().name.partition("--")[0]


def run(host: Path, port: str, act: str) -> None:
    """Start or stop the service of a host.

    Raises:
        CalledProcessError: it does not start or stop.
    """
    release = (host / CURRENT).resolve()
    program = [sys.executable, "-B", str(release / "run.py"), act]
    subprocess.run(
        [*program, "--port", port, "--pid-file", str(host / "billing.pid")],
        check=True,
        cwd=release,
        env={**os.environ, "TIDEGATE_VERSION": version(host)},
    )


def main(words: list[str]) -> int:
    """The command."""
    if len(words) != 2 or words[1] not in ("start", "stop", "list"):
        sys.stderr.write("usage: services start|stop|list\n")
        return 2
    for host, port in hosts(Path(words[0]).resolve().parent):
        if words[1] != "list":
            run(host, port, words[1])
        running = "runs" if (host / "billing.pid").exists() else "is stopped"
        sys.stdout.write(f"{host.parent.name} {host.name}: billing {version(host)} {running}, port {port}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
