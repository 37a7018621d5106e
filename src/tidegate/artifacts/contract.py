"""What a kind of artifact promises.

An artifact is made from the files of one commit, never from the work tree, and is known by one digest that covers every
byte of it. A kind

- builds into the store that it is given and nowhere else, wholly or not at all;
- believes what it reads back, never an exit code;
- answers with the digest, or raises an error of ours; the caller records it.

Whether the same commit gives the same digest again depends on the kind (``is_reproducible``). What was built is kept,
so that it need not be built again: what was approved is what is pushed and deployed.

Adding one: a module here, one line in ``registry.py``, and its key in the policy's ``Artifact``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tidegate.artifacts.store import ArtifactStore
from tidegate.core.policy import Artifact
from tidegate.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built, from what.

    ``folder`` is the directory in the repository, ``commit`` a full name. ``say`` takes one line of progress.
    """

    artifact: Artifact
    version: str
    repository: Repository
    commit: str
    committed_at: datetime
    folder: str
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Built:
    """What was built: its digest, its size in bytes, and the file name under which it is given to people, if any."""

    digest: str
    size: int
    file: str = ""


class ArtifactKind(Protocol):
    """Builds one kind of artifact, and looks whether one is whole."""

    @property
    def name(self) -> str:
        """What records call it."""

    @property
    def is_reproducible(self) -> bool:
        """Whether the same files give the same digest on every machine."""

    def build(self, order: Order, store: ArtifactStore) -> Built:
        """Build it into the store. What a build that was killed left behind does no harm.

        Raises:
            ArtifactError: it cannot be built.
            UsageError: the files do not fit, such as a link that leads out of the folder.
            TimedOutError, TargetError: a tool took too long, or is not there.
        """

    def check(self, digest: str, store: ArtifactStore) -> int:
        """Read everything that the digest covers; how many bytes.

        Raises:
            NotFoundError: a part is not in the store.
            DamagedRecordError: a part is not what its digest says.
        """
