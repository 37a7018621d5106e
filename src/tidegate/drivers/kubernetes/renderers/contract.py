"""The contract of a renderer: from the files of a version to texts in YAML. What they say is checked by its caller."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tidegate.drivers.command import Limits, run
from tidegate.drivers.kubernetes.renderers.tree import Archive
from tidegate.errors import TargetError

_MOST_RENDERED = 4 << 20
# A third of what others wait for a sign of life of whoever acts: nothing is beaten while a command runs.
_LIMITS = Limits(timeout_s=15.0, silence_s=15.0, output=_MOST_RENDERED)
_NOWHERE = "http://127.0.0.1:9"
_LONGEST_REASON = 600


@dataclass(frozen=True, slots=True)
class Order:
    """What is rendered: ``path`` in the archive, for a namespace.

    ``release`` and ``values`` are for renderers that know releases and files of values; ``cluster`` tells whoever
    asks the version of the cluster, or nothing.
    """

    path: str
    namespace: str
    release: str = ""
    values: Sequence[str] = ()
    cluster: Callable[[], str] = str


class Renderer(Protocol):
    """Makes manifests of files. It has no way to the network, and runs nothing that lies among the files."""

    def lacks(self) -> str:
        """What has to be installed here before it can render, or nothing."""

    def render(self, archive: Archive, order: Order) -> list[tuple[str, bytes]]:
        """Texts in YAML, each with the name by which it is spoken of.

        Raises:
            TargetError: it cannot be rendered.
        """


def refused(what: str, where: str) -> TargetError:
    """The refusal of a package whose manifests cannot be used."""
    return TargetError(
        f"the package was refused: {what}", where=where, remedy="Correct the manifests, and build again."
    )


def found(*names: str) -> str:
    """The absolute path of the first of these commands that is installed, or nothing."""
    return next((path for name in names if (path := shutil.which(name))), "")


def rendered(argv: Sequence[str], archive: Archive, called: str, path: str) -> bytes:
    """What a command makes of the files; it runs beside them, with an empty home, no PATH and no way to the network.

    Without a PATH it starts no ``git``, and its requests go to a proxy that is not there.
    """
    with archive.unpacked() as (tree, home):
        env = {
            "HOME": str(home),
            "PATH": str(home),
            "TMPDIR": str(home),
            "LANG": "C",
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), _NOWHERE),
        }
        done = run(argv, limits=_LIMITS, where=archive.where, env=env, cwd=tree)
        if done.status == 0:
            return done.stdout
        why = " ".join(done.stderr.replace(f"{_real(tree)}/", "").replace(f"{tree}/", "").split())
        raise refused(
            f"{called} cannot render {path}: {why[:_LONGEST_REASON] or f'status {done.status}'}", archive.where
        )


def _real(path: Path) -> Path:
    return path.resolve()
