"""How a version is written in a file: as it is given, or as PEP 440 has it.

Versions are texts here, so that ``02.01.11`` stays what it is. Only Python's tools read ``1.2.0-rc.2`` otherwise than
it is meant, and their files are written in their spelling: ``1.2.0rc2``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from tidegate.core.plain import plain
from tidegate.errors import UsageError

MAX_LENGTH = 255
"""Characters, as of a version in ``core/version.py``."""

_VERSION = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.+_-]*[0-9A-Za-z])?")


def version_text(text: str) -> str:
    """The text, where it can be a version in every format: nothing in it means anything to any language.

    Raises:
        UsageError: it cannot.
    """
    if len(text) > MAX_LENGTH or not _VERSION.fullmatch(text) or not any(c.isdigit() for c in text):
        raise UsageError(
            f'"{plain(text, 80)}" is no version that can be written into files',
            remedy="write letters, digits, dots, hyphens and plus signs, such as 1.2.0 or 1.2.0-rc.1",
        )
    return text


class Spelling(Protocol):
    """How versions are written in a format."""

    def write(self, version: str) -> str:
        """The version as the file has it.

        Raises:
            UsageError: it cannot be said there.
        """

    def same(self, text: str, version: str) -> bool:
        """Whether the file's text says the version."""


@dataclass(frozen=True, slots=True)
class Exact:
    """As it is given."""

    def write(self, version: str) -> str:
        """The version itself."""
        return version

    def same(self, text: str, version: str) -> bool:
        """Whether the texts are equal."""
        return text == version


@dataclass(frozen=True, slots=True)
class Pep440:
    """As PEP 440 has it: ``1.2.0rc2`` for ``1.2.0-rc.2``. A version of numbers alone stays as it is given."""

    def write(self, version: str) -> str:
        """The version in PEP 440's spelling.

        Raises:
            UsageError: PEP 440 cannot say it, or would take it for something after the release.
        """
        from packaging.version import InvalidVersion, Version

        try:
            said = Version(version)
        except InvalidVersion as error:
            raise _unsayable(version, "cannot say it") from error
        if "-" in version and said.is_postrelease:
            raise _unsayable(version, f"takes it for {said}, which comes after the release")
        return version if re.fullmatch(r"[0-9.]+", version) else str(said)

    def same(self, text: str, version: str) -> bool:
        """Whether both mean one version to PEP 440: ``1.2.0rc2`` is ``1.2.0-rc.2``, and ``1.2`` is not ``1.2.0``."""
        return text == version or (_normal(text) is not None and _normal(text) == _normal(version))


@dataclass(frozen=True, slots=True)
class Tag:
    """As the tag of an image: as it is given, if a registry takes it."""

    def write(self, version: str) -> str:
        """The version itself.

        Raises:
            UsageError: it has characters that no tag has.
        """
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", version):
            raise UsageError(
                f"{plain(version, 80)} cannot be the tag of an image, which has letters, digits, dots and hyphens",
                remedy="leave the build metadata out of the version",
            )
        return version

    def same(self, text: str, version: str) -> bool:
        """Whether the texts are equal."""
        return text == version


@lru_cache(maxsize=1024)
def _normal(text: str) -> str | None:
    """The version in PEP 440's one spelling; None: it is none to PEP 440, or has a ``v`` or spaces around it."""
    from packaging.version import InvalidVersion, Version

    if not text[:1].isdigit() or text != text.strip():
        return None

    try:
        return str(Version(text))
    except InvalidVersion:
        return None


def _unsayable(version: str, why: str) -> UsageError:
    return UsageError(
        f"{plain(version, 80)} has no spelling for Python: PEP 440 {why}",
        remedy="call the pre-release alpha.N, beta.N or rc.N, such as 1.2.0-rc.1",
    )


EXACT = Exact()
PEP440 = Pep440()
TAG = Tag()
