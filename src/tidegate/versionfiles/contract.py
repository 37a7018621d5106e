"""What a format of version files promises.

A version file is written by people and by tools, and read by both. A format

- is given bytes and answers with values: no file, no network, no process, no clock;
- *locates* with a parser of the language, never with a regular expression over the whole file: what stands in a comment
  or in another string is not a version;
- names each place at which the file says a version by its bytes, and all else that the file says as atoms, so that
  ``plan.py`` can splice, read again, and hold the one against the other;
- refuses with file, line and remedy what it cannot read, and never guesses.

Adding one: a module here and one line in ``registry.py``. Docs: docs/howto/add-a-version-file.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from tidegate.errors import UsageError
from tidegate.versionfiles.source import Source
from tidegate.versionfiles.spelling import Spelling


class Role(Enum):
    """How a file comes to name a version at a place."""

    OWN = "this is the component's version, whatever it is: it must be the old one"
    STATED = "the file states a version of something that may be the component: changed where it is the old one"
    FOUND = "the file names many versions: those that are the old one are meant"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a version at a place cannot be changed there, and what to do."""

    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Value:
    """A version at a place: ``text`` is what the bytes from ``start`` to ``end`` say.

    Args:
        what: the place in the words of the file: ``packages[""].version``.
        atom: under which atom of the reading it stands, between ``prefix`` and ``suffix``; None: it is none.
        whose: of the values that are FOUND, those of one component: the name of an image or of a requirement.
        refusal: it can be read but not changed; told when this version is meant.
        unquoted: YAML without quotes, where a version such as 1.10 would be read as a number.
    """

    start: int
    end: int
    text: str
    what: str
    role: Role = Role.OWN
    atom: Hashable = None
    prefix: str = ""
    suffix: str = ""
    whose: str = ""
    refusal: Refusal | None = None
    unquoted: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: the versions by their places, and everything else.

    Args:
        atoms: texts in which versions can stand, by whatever names them in the file.
        form: all the rest, mostly as a digest (:class:`Form`): what must be the same after an edit.
        none: what is missing where there are no values.
        name: what the file calls the package whose version it states; empty: nothing.
    """

    values: tuple[Value, ...]
    atoms: Mapping[Any, object] = field(default_factory=dict)
    form: object = ()
    none: str = "it says no version"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of the component besides its versions.

    Args:
        names: images, packages and requirements that are the component's; empty: those at the old version.
        images: the repositories of its images, from the policy.
        own: what its manifests among the version files call it: a crate, a package.
    """

    names: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    own: tuple[str, ...] = ()

    @property
    def packages(self) -> frozenset[str]:
        """What its packages are called: as somebody says, else as its manifests say."""
        return frozenset(self.names or self.own)


NO_HINTS = Hints()


class Form:
    """All that a file says besides the versions, as one digest: a file of millions of values needs no more memory."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, *parts: object) -> None:
        """Add what comes next in the file."""
        self._hash.update(repr(parts).encode("utf-8", "surrogatepass"))

    def extend(self, text: str) -> None:
        """Add text that may come in pieces: how it is cut makes no difference."""
        self._hash.update(text.encode("utf-8", "surrogatepass"))

    def digest(self) -> str:
        """The digest of what was added."""
        return self._hash.hexdigest()


WRITTEN_BYTES = 512 << 10
"""The size of a file that people write: a manifest, a script, a list."""

MADE_BYTES = 6 << 20
"""The size of a file that tools write: the lock of a large npm workspace has some five million bytes."""


class Format(Protocol):
    """Reads one form of version file."""

    @property
    def name(self) -> str:
        """Its short name, for ``--json``: ``package.json``."""

    @property
    def form(self) -> str:
        """What it reads, for people: ``an npm manifest``."""

    @property
    def spelling(self) -> Spelling:
        """How versions are written in it."""

    @property
    def limit(self) -> int:
        """The largest file that is read, in bytes."""

    def recognises(self, source: Source) -> bool:
        """Whether the file is of this form, by its name or its content. Never raises."""

    def read(self, source: Source, hints: Hints, wanted: str) -> Reading:
        """What the file says.

        Args:
            wanted: the version that is looked for; empty: whatever the file says.

        Raises:
            UsageError: it cannot be read, or not at the place where it would say its version.
        """


def refused(source: Source, offset: int, what: str, remedy: str) -> UsageError:
    """The one way in which a format refuses; ``offset`` in bytes."""
    return UsageError(what, where=source.where(offset), remedy=remedy)


def unreadable(source: Source, line: int, language: str, because: str) -> UsageError:
    """A file that its language's parser does not take; ``line`` from 1, 0 where it is not known."""
    where = f"{source.name}:{line}" if line else source.name
    return UsageError(f"this is not {language}: {because}", where=where, remedy="mend the file")
