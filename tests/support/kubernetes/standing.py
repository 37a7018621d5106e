"""A simulated cluster in a process of its own, for tests whose own processes are killed.

    python -m tests.support.kubernetes.standing DIRECTORY

writes a kubeconfig into the directory and serves until its standard input is closed. Every image can be pulled.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from tests.support.kubernetes.controllers import Running
from tests.support.kubernetes.server import ROLLOUTS, ApiServer
from tests.support.kubernetes.world import RBAC
from tests.support.processes import PROJECT

READY = "ready"


class _AnyImage(dict[str, str]):
    """Whatever is asked for can be pulled and runs."""

    def get(self, key: str, default: str | None = None) -> str:  # type: ignore[override]
        return super().get(key, "ok")


@contextmanager
def standing_cluster(directory: Path) -> Iterator[Path]:
    """Such a process; the path of its kubeconfig."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.support.kubernetes.standing", str(directory)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith(READY), said
        yield Path(said.removeprefix(READY).strip())
        process.stdin.close()


def rollouts_of(kubeconfig: Path, namespace: str, name: str) -> int:
    """How often Tidegate has rolled a workload out, counting its removal."""
    url = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    with urllib.request.urlopen(url + ROLLOUTS) as answer:  # noqa: S310
        return len(json.load(answer).get(f"{namespace}/{name}", [None])) - 1


def main() -> int:
    api = ApiServer()
    api.grant("tidegate", RBAC)
    api.controllers.images = _AnyImage()
    kubeconfig = api.kubeconfig(Path(sys.argv[1]))
    with Running(api.controllers):
        print(READY, kubeconfig, flush=True)  # noqa: T201
        sys.stdin.read()
    api.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
