"""Policies that were read before, kept on disk by the digest of the files that they are made of.

What is kept of a policy is what laying its files on one another makes: the document in its long form, as JSON, and the
bytes by which the policy is stored and named. Where anything in it stands is read from the files when it is asked for.

Only a policy without a mistake is kept, and ``cache.py`` says what is believed of an entry. A working copy of Tidegate
changes without its version: the code by which a policy was made is part of what an entry must say.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from tidegate.core import policy
from tidegate.policyfile.cache import find_entry, keep_entry
from tidegate.policyfile.extending import Layer

LEAST_CONTENT = 4 * 1024
"""Below it (bytes of all files), to lay them is as fast as to find the policy."""

_FORM = 1
"""Goes up when the form of an entry changes."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was made of a policy's files: the document in its long form, and the stored form, both as JSON."""

    document: bytes
    resolved: bytes


def find(directory: Path | None, layers: tuple[Layer, ...]) -> Known | None:
    """What is kept of the policy that is made of these layers."""
    if directory is None or _is_small(layers):
        return None
    body = find_entry(directory, _entry_name(layers), _kind())
    if body is None:
        return None
    document, _, resolved = body.partition(b"\n")
    return Known(document, resolved)


def keep(directory: Path | None, layers: tuple[Layer, ...], known: Known) -> None:
    """Keep what was made of these layers, if there is where to keep it."""
    if directory is not None and not _is_small(layers):
        # Neither of the two has a line break: JSON escapes those of texts.
        keep_entry(directory, _entry_name(layers), _kind(), known.document + b"\n" + known.resolved)


def _is_small(layers: tuple[Layer, ...]) -> bool:
    return sum(len(layer.content) for layer in layers) < LEAST_CONTENT


def _entry_name(layers: tuple[Layer, ...]) -> str:
    """By the content of each layer and those that it builds on, in their order; what they are called is no matter."""
    numbers = {layer.name: number for number, layer in enumerate(layers)}
    made_of = [(sha256(layer.content).hexdigest(), [numbers[base] for base in layer.bases]) for layer in layers]
    return f"{sha256(repr(made_of).encode()).hexdigest()}.policy"


def _kind() -> str:
    return f"policy {_FORM} by {_code()}"


@cache
def _code() -> str:
    """A name of the code that reads policies: of its files, when each was written and how large it is."""
    directories = [Path(module).parent for module in (policy.__file__, __file__)]
    return sha256(repr(sorted(_stamps(directories))).encode()).hexdigest()[:16]


def _stamps(directories: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for directory in directories:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    found = entry.stat()
                    yield entry.name, found.st_mtime_ns, found.st_size
