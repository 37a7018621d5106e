"""The contract of a runner: a tool that runs migrations.

A runner knows the tool's files, its table, and its commands. Locks, the fence, time limits, and reading back are done
around it, once for all of them, in ``database.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tidegate.core.written import written
from tidegate.errors import TargetError

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

Files = Mapping[str, bytes]
"""The files of the directory of migrations in a package, by their path in the package."""


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


def demand_name(name: str, path: str) -> None:
    """A name that is handed to a command is one, and nothing that the command could take for an option.

    Raises:
        TargetError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise TargetError(
            f"{path}: {written(name)} is no name that can be handed to a command",
            remedy="write it with letters, digits and _",
        )


@dataclass(frozen=True, slots=True)
class Goal:
    """What the tool's table is to hold afterwards, and what it must not hold; more than that may stand there."""

    holds: frozenset[str]
    lacks: frozenset[str] = frozenset()

    def met(self, recorded: frozenset[str]) -> bool:
        """Whether the table is as it is to be."""
        return self.holds <= recorded and not self.lacks & recorded

    def missing(self, recorded: frozenset[str]) -> str:
        """The first that is not as it is to be, in words; empty where all are."""
        for name in sorted(self.holds - recorded):
            return f"{name} is not recorded"
        for name in sorted(self.lacks & recorded):
            return f"{name} is recorded still"
        return ""


@dataclass(frozen=True, slots=True)
class Work:
    """One run of migrations.

    ``files`` are those of the version that the database is to come to, ``code`` those of the version whose code runs:
    on the way back the later one, since it alone knows how to undo what it brought. ``recorded`` is what the tool's
    table holds now. ``call`` runs a command where the package is unpacked; it raises where that fails. ``connection``
    is our own, with our lock; ``fenced`` says within a transaction of it that nobody has outranked us, or raises.
    """

    goal: Goal
    files: Files
    code: Files
    back: bool
    recorded: frozenset[str]
    call: Callable[[Sequence[str]], None]
    connection: Connection
    fenced: Callable[[], None]
    version: str
    labels: Mapping[str, str] = field(default_factory=dict)


class Runner(Protocol):
    """A tool that runs migrations."""

    @property
    def runs_code(self) -> bool:
        """Whether its migrations are the application's code, which the package has to be unpacked for."""

    @property
    def table(self) -> str:
        """The tool's own table, in which it records what was run."""

    def goal(self, files: Files, leaves: Files | None, labels: Mapping[str, str]) -> Goal:
        """What the tool's table holds of a version with these files.

        Args:
            leaves: the files of the version that is left, on the way back; None on the way forward.
            labels: for Django the label of an app, by the name of its directory, where they differ.

        Raises:
            TargetError: the files say it in no way that can be read.
        """

    def recorded(self, connection: Connection) -> frozenset[str]:
        """What the tool's table holds; nothing where there is no such table yet."""

    def sentence(self, back: bool) -> tuple[str, ...]:
        """The command, as it would be called; empty where none is."""

    def run(self, work: Work) -> None:
        """Run what is missing, or undo what is too much.

        Raises:
            TargetError: it failed; what was done until then is read back by the caller.
        """
