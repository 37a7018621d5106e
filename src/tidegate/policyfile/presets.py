"""The presets: whole policies to build on, each in versions of its own, with a starter for who begins with one.

A preset is ``presets/NAME@VERSION.yaml`` in this package, and ``presets/NAME.starter.yaml`` is the file with which
``tidegate init`` begins. A preset without a starter is one that other presets build on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from tidegate.errors import NotFoundError
from tidegate.policyfile.mistakes import did_you_mean, shown

SCHEME = "preset:"
"""How the name of a preset begins where a file could be named too."""

_NAME = r"[a-z0-9][a-z0-9-]{0,62}"
_FILE = re.compile(rf"({_NAME})@([1-9][0-9]{{0,5}})\.yaml")
_REFERENCE = re.compile(rf"({_NAME})(?:@([1-9][0-9]{{0,5}}))?")
_STARTER = ".starter.yaml"


@dataclass(frozen=True, slots=True)
class Preset:
    """One version of a preset, with its text."""

    name: str
    version: int
    content: bytes

    def __str__(self) -> str:
        return f"{SCHEME}{self.name}@{self.version}"

    @property
    def sentence(self) -> str:
        """What it says of itself: the comment with which its text begins, up to the first full stop."""
        words: list[str] = []
        for line in self.content.decode("utf-8", "replace").splitlines():
            text = line.removeprefix("#").strip()
            if not line.startswith("#") or (words and not text):
                break
            if not text.startswith("yaml-language-server:"):
                words.append(text)
        said, stop, _ = " ".join(words).partition(". ")
        return f"{said}." if stop else said


class Presets:
    """The presets in a directory."""

    def __init__(self, directory: Traversable) -> None:
        self._directory = directory

    def versions(self) -> Mapping[str, tuple[int, ...]]:
        """The versions of each preset, the oldest first, by name."""
        found: dict[str, list[int]] = {}
        for name, version in filter(None, map(_numbered, self._names())):
            found.setdefault(name, []).append(version)
        return {name: tuple(sorted(found[name])) for name in sorted(found)}

    def offered(self) -> list[str]:
        """The presets that one can begin with."""
        names = set(self._names())
        return [name for name in self.versions() if f"{name}{_STARTER}" in names]

    def get(self, name: str, version: int | None = None) -> Preset:
        """A preset; without a version, the newest of it.

        Raises:
            NotFoundError: there is none of that name, or not in that version.
        """
        if version is not None and (found := self._read(name, version)) is not None:
            return found
        known = self.versions()
        if name not in known:
            raise NotFoundError(
                f"there is no preset {shown(name)}{did_you_mean(name, known)}", remedy=_one_of(list(known))
            )
        number = version or known[name][-1]
        if number not in known[name]:
            there = [f"{SCHEME}{name}@{one}" for one in known[name]]
            raise NotFoundError(f"the preset {shown(name)} has no version {number}", remedy=_one_of(there))
        return Preset(name, number, self._file(name, number).read_bytes())

    def _read(self, name: str, version: int) -> Preset | None:
        """A preset of an exact version, without a look at the others."""
        file = self._file(name, version)
        return Preset(name, version, file.read_bytes()) if _numbered(file.name) and file.is_file() else None

    def _file(self, name: str, version: int) -> Traversable:
        return self._directory / f"{name}@{version}.yaml"

    def find(self, reference: str) -> Preset:
        """The preset that ``NAME`` or ``NAME@VERSION`` means.

        Raises:
            NotFoundError: there is none, or it is written otherwise.
        """
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            return self.get(reference)
        return self.get(match[1], int(match[2]) if match[2] else None)

    def starter(self, name: str) -> bytes:
        """The file with which one begins who builds on the preset.

        Raises:
            NotFoundError: there is no such preset, or it is none to begin with.
        """
        offered = self.offered()
        if name not in offered:
            what = f"no preset to begin with is called {shown(name)}{did_you_mean(name, offered)}"
            raise NotFoundError(what, remedy=_one_of(offered))
        return (self._directory / f"{name}{_STARTER}").read_bytes()

    def _names(self) -> list[str]:
        return [entry.name for entry in self._directory.iterdir()] if self._directory.is_dir() else []


PRESETS = Presets(files("tidegate.policyfile") / "presets")
"""The presets that come with Tidegate."""


def _numbered(file: str) -> tuple[str, int] | None:
    match = _FILE.fullmatch(file)
    return (match[1], int(match[2])) if match else None


def _one_of(names: list[str]) -> str:
    return f"name one of: {', '.join(names)}" if names else "write a policy without a preset: this Tidegate has none"
