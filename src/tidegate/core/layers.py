"""Which file said what, where a policy builds on others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.core.naming import Path


class Layers(Protocol):
    """Which file said what: the file itself lies on top of what it builds on."""

    @property
    def files(self) -> Sequence[str]:
        """The names of the files, the deepest first, the file itself last."""

    def layer_of(self, path: Path) -> int | None:
        """The highest of them that says anything at or below a path; None: none does."""


@dataclass(frozen=True, slots=True)
class OneFile:
    """A policy that builds on nothing: everything stands in it."""

    files: Sequence[str] = ("tidegate.yaml",)

    def layer_of(self, path: Path) -> int | None:
        """All of it."""
        return 0
