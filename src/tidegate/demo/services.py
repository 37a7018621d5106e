#!/usr/bin/env python3
"""Starts and stops the services of a demo's hosts, and asks them as customers do.

    services start | stop | list | ask

Needs nothing but Python: the demo leaves a copy beside its hosts. What is started is what is deployed: the directory
to which `current` leads. `ask` goes on until Ctrl-C: without customers, no watch can prove a new version good.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from itertools import count
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


def ask(ports: Sequence[str]) -> None:
    """Ask for invoices, some fifty a second, and say every second how many were well answered; without end.

    A host that takes no connection is passed over, as a load balancer does.
    """
    counts = {"answered": 0, "failed": 0, "passed over": 0}
    said = time.monotonic()
    for number in count():
        counts[_asked(ports[number % len(ports)], 1 + number // len(ports) * 7 % 24)] += 1
        if time.monotonic() - said >= 1:
            said = time.monotonic()
            sys.stdout.write(", ".join(f"{many} {what}" for what, many in counts.items()) + "\n")
            sys.stdout.flush()
        time.sleep(0.02)


def _asked(port: str, customer: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/?customer={customer}", timeout=5) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        error.close()
        return "failed"
    except OSError:
        return "passed over"
    return "answered"


def main(words: list[str]) -> int:
    """The command."""
    if len(words) != 2 or words[1] not in ("start", "stop", "list", "ask"):
        sys.stderr.write("usage: services start|stop|list|ask\n")
        return 2
    found = list(hosts(Path(words[0]).resolve().parent))
    if words[1] == "ask":
        try:
            ask([port for host, port in found if host.parent.name == "production"])
        except KeyboardInterrupt:
            return 130
    for host, port in found:
        if words[1] != "list":
            run(host, port, words[1])
        running = "runs" if (host / "billing.pid").exists() else "is stopped"
        sys.stdout.write(f"{host.parent.name} {host.name}: billing {version(host)} {running}, port {port}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
