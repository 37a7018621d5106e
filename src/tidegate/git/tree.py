"""What a commit contains under some paths: entries, their digest, one file.

Everything is read from the commit's tree; the work tree, with what is not committed in it, plays no part.
"""

from __future__ import annotations

import difflib
import fnmatch
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tidegate.core.commit import plain
from tidegate.errors import NotFoundError, UsageError
from tidegate.git.repository import Repository

FILE, EXECUTABLE, LINK, SUBMODULE, FOLDER = "100644", "100755", "120000", "160000", "040000"

_DIGEST_HEADER = "tidegate source 1\nobject-format {format}\n"


@dataclass(frozen=True, slots=True, order=True)
class TreeEntry:
    """One entry of a commit's tree: ``path`` from the repository's root, as the bytes that Git keeps."""

    path: bytes
    mode: str
    oid: str

    @property
    def name(self) -> str:
        """The path as text; bytes that are no UTF-8 as lone surrogates, as Python's file functions take them."""
        return os.fsdecode(self.path)


def normal_path(text: str) -> str:
    """A path inside the repository in its one spelling: ``modules/billing`` for ``./modules//billing/``.

    ``.`` is the whole repository.

    Raises:
        UsageError: it is absolute, climbs out by ``..``, is empty, or contains control characters or backslashes.
    """
    parts = PurePosixPath(text).parts
    wrong = _path_fault(text, parts)
    if wrong:
        raise UsageError(
            f'the path "{plain(text, 200)}" {wrong}',
            remedy="Write a path from the repository's root, such as modules/billing, or . for all of it.",
        )
    return str(PurePosixPath(*parts)) if parts else "."


def _path_fault(text: str, parts: Sequence[str]) -> str:
    if not text.strip():
        return "is empty"
    if text.startswith("/"):
        return "is absolute, and a component lies inside the repository"
    if ".." in parts:
        return "leads outside the repository by .."
    if not text.isprintable() or "\\" in text:
        return "contains a control character or a backslash"
    return ""


def check_inside(repository: Repository, commit: str, path: str) -> str:
    """The normal form of a path that exists at a commit and stays in the repository, in the tree and on the disk.

    Raises:
        UsageError: it is no path inside the repository, or a symbolic link on the way leads elsewhere.
        NotFoundError: the commit has nothing there.
    """
    normal = normal_path(path)
    if normal == ".":
        return normal
    _refuse_links(repository, commit, normal)
    _refuse_escape_on_disk(repository, normal)
    if not _listed(repository, commit, [normal], recursive=False):
        raise _nothing_at(repository, commit, normal)
    return normal


def _refuse_links(repository: Repository, commit: str, normal: str) -> None:
    """In the tree: Git does not follow links, so a path through one would silently be empty."""
    way = [str(folder) for folder in reversed(PurePosixPath(normal).parents) if str(folder) != "."]
    for entry in _listed(repository, commit, [*way, normal], recursive=False):
        # Git also lists the neighbours of what lies below a folder that is asked for.
        if entry.mode == LINK and entry.name in {*way, normal}:
            raise UsageError(
                f'the path "{normal}" leads through the symbolic link "{plain(entry.name, 200)}"',
                remedy="Write the path to which the link leads, if that is inside the repository.",
            )


def _refuse_escape_on_disk(repository: Repository, normal: str) -> None:
    """On the disk: what is checked out may be a link although the commit has a folder there."""
    if repository.is_bare:
        return
    place = repository.root / normal
    if not place.resolve().is_relative_to(repository.root.resolve()):
        raise UsageError(
            f'the path "{normal}" leads outside the repository: on the disk it is a symbolic link to {place.resolve()}',
            remedy="Replace the link by a folder of the repository.",
        )


def _nothing_at(repository: Repository, commit: str, normal: str) -> NotFoundError:
    parent = str(PurePosixPath(normal).parent)
    siblings = [entry.name for entry in _listed(repository, commit, [_inside(parent)], recursive=False)]
    near = difflib.get_close_matches(normal, siblings, n=1)
    hint = f'Did you mean "{plain(near[0], 200)}"?' if near else f"Look at: git ls-tree --name-only {commit[:10]}"
    return NotFoundError(f'there is no "{normal}" at commit {commit[:10]}', where=str(repository.root), remedy=hint)


def _inside(folder: str) -> str:
    """A path with a slash lists what is in the folder instead of the folder itself."""
    return "." if folder == "." else f"{folder}/"


def _listed(repository: Repository, commit: str, paths: Sequence[str], recursive: bool) -> tuple[TreeEntry, ...]:
    deep = ["-r"] if recursive else []
    limits = [] if "." in paths else list(paths)
    output = repository.git("ls-tree", "-z", "--full-tree", *deep, commit, "--", *limits)
    return tuple(_read_entry(line) for line in output.split(b"\0") if line)


def _read_entry(line: bytes) -> TreeEntry:
    facts, _, path = line.partition(b"\t")
    mode, _, oid = facts.decode().split(" ")
    return TreeEntry(path, mode, oid)


def entries_at(repository: Repository, revision: str, paths: Iterable[str]) -> tuple[TreeEntry, ...]:
    """All files, links and submodules under ``paths`` at a revision, each once, in the order of their path's bytes.

    Raises:
        UsageError, NotFoundError: as :func:`check_inside`, for each path.
    """
    commit = repository.resolve(revision)
    normal = [check_inside(repository, commit, path) for path in paths]
    return tuple(sorted(set(_listed(repository, commit, normal, recursive=True))))


def source_digest(repository: Repository, revision: str, paths: Iterable[str]) -> str:
    """The digest of a component's source: all entries under its path and its declared shared paths.

    A commit that changes only what lies elsewhere leaves it as it is. The exact bytes are those of
    :func:`digest_bytes`.

    Raises:
        UsageError, NotFoundError: as :func:`check_inside`. A declared path that does not exist is refused: a misspelt
            one would bind nothing.
    """
    return entries_digest(entries_at(repository, revision, paths), repository.object_format)


def entries_digest(entries: Iterable[TreeEntry], object_format: str) -> str:
    """``sha256:`` and the SHA-256 of :func:`digest_bytes`."""
    return "sha256:" + hashlib.sha256(digest_bytes(entries, object_format)).hexdigest()


def digest_bytes(entries: Iterable[TreeEntry], object_format: str) -> bytes:
    """The bytes over which a digest of entries is made.

    ``tidegate source 1``, a line end, ``object-format sha1`` (or ``sha256``), a line end; then for each entry, in the
    order of the paths' bytes and each once: its mode in six octal digits, a space, its object name in hexadecimal, a
    space, its path from the repository's root, a zero byte. The same content in a repository of another object format
    has another digest: names of one format cannot be computed from those of the other.
    """
    lines = (f"{entry.mode} {entry.oid} ".encode() + entry.path + b"\0" for entry in sorted(set(entries)))
    return _DIGEST_HEADER.format(format=object_format).encode() + b"".join(lines)


def files_at(repository: Repository, revision: str, folder: str, pattern: str = "*") -> tuple[TreeEntry, ...]:
    """The entries in a folder, at any depth, whose path from there matches a shell pattern (``*`` crosses slashes).

    Nothing where the folder does not exist at that revision: a component may have no migrations yet.

    Raises:
        UsageError: as :func:`check_inside`.
    """
    try:
        entries = entries_at(repository, revision, [folder])
    except NotFoundError:
        return ()
    start = "" if normal_path(folder) == "." else normal_path(folder) + "/"
    return tuple(entry for entry in entries if fnmatch.fnmatchcase(entry.name.removeprefix(start), pattern))


def files_digest(repository: Repository, revision: str, folder: str, pattern: str = "*") -> str:
    """The digest of :func:`files_at`, by :func:`digest_bytes`; the digest of no entries where there are none."""
    return entries_digest(files_at(repository, revision, folder, pattern), repository.object_format)


def read_file(repository: Repository, revision: str, path: str) -> bytes:
    """The content of one file at a revision.

    Raises:
        NotFoundError: there is no file of that path.
        UsageError: the path is none inside the repository, or leads to a link or a folder.
    """
    commit = repository.resolve(revision)
    normal = check_inside(repository, commit, path)
    entry, *_ = _listed(repository, commit, [normal], recursive=False) or (None,)
    if entry is None or entry.mode not in {FILE, EXECUTABLE}:
        raise UsageError(f'"{normal}" is not a file at commit {commit[:10]}', remedy="Name a file.")
    return next(iter(repository.blobs([entry.oid])))
