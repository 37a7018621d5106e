"""The trees of files that were read before, kept on disk by the digest of their content.

A cache is a convenience and never a fault: what cannot be read, is not as it was written, or may have been written by
somebody else, is not there; what cannot be written is not kept. It holds the trees of files without a mistake alone,
since only their trees are of use later.

An entry is a file named by the SHA-256 of the content that was read. Its first line says which Tidegate wrote it, and
the SHA-256 of the tree that follows, as JSON. Entries of other kinds lie beside them: see ``known.py``.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Mapping as Environment
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any

import tidegate
from tidegate.policyfile.mistakes import Place
from tidegate.policyfile.tree import Document, Mapping, Node, Scalar, Sequence

VARIABLE = "TIDEGATE_CACHE"
"""The variable of the environment that names the directory, or is ``off``."""

MAX_ENTRIES = 64
"""How many trees are kept; those that were not asked for the longest go first."""

MAX_BYTES = 64 * 1024 * 1024
"""How much all entries together may take; see :data:`MAX_ENTRIES`."""

LEAST_CONTENT = 1024
"""Below it (bytes), to read a file is as fast as to find its tree, even with what the reader imports."""

_YOUNG_S = 3600.0
"""An entry that is younger is not marked as asked for."""

_KIND = "tree 1"
"""The number goes up when the form of an entry changes, or the tree that is made of a content."""

SUFFIXES = (".tree", ".policy")
"""How the names of entries end."""

_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_directory(environment: Environment[str, str] = os.environ) -> Path | None:
    """Where trees are kept: ``TIDEGATE_CACHE``, or ``tidegate`` where caches are kept; None: nowhere."""
    said = environment.get(VARIABLE, "")
    if said:
        return None if said == "off" else Path(said)
    # A relative path is to be ignored: XDG Base Directory Specification, 0.8.
    caches = Path(environment.get("XDG_CACHE_HOME", ""))
    if not caches.is_absolute():
        try:
            caches = Path.home() / ".cache"
        except RuntimeError:
            return None
    return caches / "tidegate"


def find(directory: Path | None, content: bytes, name: str) -> Document | None:
    """The tree of a content, if it is kept; ``name`` is what its places call the file."""
    if directory is None or len(content) < LEAST_CONTENT:
        return None
    tree = find_entry(directory, _entry_name(content), _KIND)
    if tree is None:
        return None
    try:
        root, nodes, characters = json.loads(tree)
        return Document(_decoded(root, name), (), nodes, characters)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def keep(directory: Path | None, content: bytes, document: Document) -> None:
    """Keep the tree of a content, if it is without a mistake and there is where to keep it."""
    if directory is None or len(content) < LEAST_CONTENT or document.mistakes or document.empty:
        return
    tree = json.dumps([_encoded(document.root), document.nodes, document.characters], separators=(",", ":")).encode()
    keep_entry(directory, _entry_name(content), _KIND, tree)


def _entry_name(content: bytes) -> str:
    return f"{sha256(content).hexdigest()}.tree"


# ---- entries of any kind


def find_entry(directory: Path, entry: str, kind: str) -> bytes | None:
    """What :func:`keep_entry` kept under this name, of this kind, if it is still what was written."""
    path = directory / entry
    try:
        written, touched_at = _read_ours(path)
        head, _, body = written.partition(b"\n")
        if head != _head(kind, body):
            return None
        if time() - touched_at > _YOUNG_S:
            os.utime(path)
    except OSError:
        return None
    return body


def keep_entry(directory: Path, entry: str, kind: str, body: bytes) -> None:
    """Keep an entry, if there is where to keep it; its name ends with one of :data:`SUFFIXES`.

    ``kind`` says in words how it is to be read; who asks for another kind finds nothing.
    """
    if len(body) > MAX_BYTES:
        return
    with suppress(OSError):
        if _is_ours(directory):
            _write(directory, entry, _head(kind, body) + b"\n" + body)
            _drop_oldest(directory)


def _head(kind: str, body: bytes) -> bytes:
    return f"tidegate {tidegate.__version__} {kind} {sha256(body).hexdigest()}".encode()


# ---- the directory


def _is_ours(directory: Path) -> bool:
    """Whether the directory is ours alone; it is made if it is missing, and nobody else's is above it."""
    if not directory.exists():
        above = next(path for path in directory.absolute().parents if path.exists())
        # Under sudo, the home may be another's: nothing of root's is left there.
        if above.stat().st_uid not in (0, os.geteuid()):
            return False
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    return _is_safe(directory.lstat(), stat.S_ISDIR)


def _is_safe(found: os.stat_result, is_kind: Any) -> bool:
    return is_kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & _OTHERS_MAY_WRITE


def _read_ours(path: Path) -> tuple[bytes, float]:
    """The bytes of an entry that only we can have written, and when it was written or asked for.

    Raises:
        OSError: there is none, or it may be somebody else's.
    """
    if not _is_safe(path.parent.lstat(), stat.S_ISDIR):
        raise PermissionError
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not _is_safe(found, stat.S_ISREG) or found.st_size > MAX_BYTES:
            raise PermissionError
        return file.read(MAX_BYTES), found.st_mtime


def _write(directory: Path, name: str, written: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".new", dir=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(written)
        Path(temporary).replace(directory / name)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _drop_oldest(directory: Path) -> None:
    """Keep the newest entries within the bounds; what a crash left unfinished is an entry like any other."""
    with os.scandir(directory) as entries:
        found = [(entry.stat(follow_symlinks=False), Path(entry.path)) for entry in entries if _is_entry(entry)]
    found.sort(key=lambda one: one[0].st_mtime_ns, reverse=True)
    total = 0
    for index, (status, path) in enumerate(found):
        total += status.st_size
        if index >= MAX_ENTRIES or total > MAX_BYTES:
            path.unlink(missing_ok=True)


def _is_entry(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith((*SUFFIXES, ".new")) and entry.is_file(follow_symlinks=False)


# ---- the tree as JSON
#
# A scalar is [line, column, value, skipped] or, if it is no text, [line, column, value, skipped, text]; a list is
# [line, column, [...]], and a mapping [line, column, {key: [line, column, value]}]. What aliases share is written
# out: the limits count it like that too. ``skipped`` is how far after its place the text begins; -1: nowhere.


def _encoded(node: Node) -> list[Any]:
    line, column, _ = node.place
    if isinstance(node, Scalar):
        skipped = -1 if node.inside is None else node.inside - column
        scalar = [line, column, node.value, skipped]
        return scalar if isinstance(node.value, str) else [*scalar, node.text]
    if isinstance(node, Sequence):
        return [line, column, [_encoded(item) for item in node.items]]
    items = {key: [place.line, place.column, _encoded(value)] for key, (place, value) in node.items.items()}
    return [line, column, items]


def _decoded(entry: list[Any], name: str) -> Node:
    # The hot loop of every command: named tuples are made by the constructor that their own would call.
    line, column, value, *rest = entry
    place = _new(Place, (line, column, name))
    if rest:
        skipped = rest[0]
        inside = None if skipped < 0 else column + skipped
        return _new(Scalar, (place, value, rest[1] if len(rest) > 1 else value, inside))
    if isinstance(value, list):
        return Sequence(place, [_decoded(item, name) for item in value])
    return Mapping(
        place, {key: (_new(Place, (at[0], at[1], name)), _decoded(at[2], name)) for key, at in value.items()}
    )


_new = tuple.__new__
