"""What every kind of backup promises. Where nothing else is said, what goes wrong is a :class:`TargetError`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from tidegate.core.backup import Figures
from tidegate.drivers.command import Limits
from tidegate.errors import TargetError

LONG = Limits(timeout_s=12 * 3600.0, silence_s=12 * 3600.0)
"""For what takes as long as its data is large, and says nothing meanwhile."""


class NotWholeError(TargetError):
    """The backup is at fault: what is in it cannot be read, or cannot be restored."""

    retryable: ClassVar[bool] = False


class Look(NamedTuple):
    """What reading a backup has shown: it is whole (True), it is not, or nobody can tell (None); and why."""

    outcome: bool | None
    said: str


class Kind(Protocol):
    """One kind of backup, of one database or directory."""

    name: str
    suffix: str
    """How its files end, such as ``.dump``."""

    def take(self, file: Path) -> Figures:
        """Write the whole backup to ``file``, which is there and empty; what is compared after a restore.

        The figures are of the very state that the backup has. One that changed meanwhile is None.
        """

    def look(self, file: Path, figures: Figures) -> Look:
        """Read ``file`` as whoever restores it does, without restoring it; nothing is changed anywhere."""

    def demand_free(self, scratch: str, figures: Figures) -> None:
        """Make sure that ``scratch`` can be restored to, and that nothing is lost by it.

        Raises:
            ConflictError: there is something.
            UsageError: it is no name of a scratch place.
        """

    def make(self, scratch: str, figures: Figures) -> None:
        """Make the scratch place, empty. Where this fails, what is there is somebody else's."""

    def restore(self, file: Path, scratch: str) -> None:
        """Restore ``file`` to ``scratch``, which was made for it.

        Raises:
            NotWholeError: the backup cannot be restored.
        """

    def measure(self, scratch: str) -> Figures:
        """What is compared, of what was restored."""

    def remove(self, scratch: str) -> None:
        """Remove what was restored; does nothing where there is nothing."""
