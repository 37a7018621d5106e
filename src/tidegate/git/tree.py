"""What a commit contains under some paths: entries, their digest, one file.

Everything is read from the commit's tree; the work tree, with what is not committed in it, plays no part.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from tidegate.core.plain import plain
from tidegate.errors import NotFoundError, TidegateError, UsageError
from tidegate.git.repository import Repository

FILE, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"

_DIGEST_HEADER = "tidegate source 1\nobject-format {format}\n"


class TreeEntry(NamedTuple):
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
    return check_each_inside(repository, commit, [path])[path]


def check_each_inside(repository: Repository, commit: str, paths: Iterable[str]) -> dict[str, str]:
    """The normal form of each of several paths, as :func:`check_inside`, by one look at the tree."""
    normal = {path: normal_path(path) for path in paths}
    looked_for = {place for path in normal.values() if path != "." for place in (*_way(path), path)}
    there = _listed(repository, commit, sorted(looked_for), recursive=False) if looked_for else ()
    links = {entry.name for entry in there if entry.mode == LINK}
    for path in normal.values():
        if path != ".":
            _refuse_links(path, links)
            _refuse_escape_on_disk(repository, path)
            # What is below a path may stand for it, where that was asked for too.
            if not any(entry.name == path or entry.name.startswith(f"{path}/") for entry in there):
                raise _nothing_at(repository, commit, path)
    return normal


def _way(normal: str) -> list[str]:
    return [str(folder) for folder in reversed(PurePosixPath(normal).parents) if str(folder) != "."]


def _refuse_links(normal: str, links: Collection[str]) -> None:
    """In the tree: Git does not follow links, so a path through one would silently be empty."""
    for place in (*_way(normal), normal):
        if place in links:
            raise UsageError(
                f'the path "{normal}" leads through the symbolic link "{plain(place, 200)}"',
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
    import difflib

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
    import hashlib

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


def sized_files_at(repository: Repository, revision: str, folder: str) -> tuple[tuple[TreeEntry, int], ...]:
    """The entries in a folder, at any depth, with the size of each in bytes (0 of a submodule), in their paths' order.

    Nothing where the folder does not exist at that revision.

    Raises:
        UsageError: as :func:`check_inside`.
    """
    commit = repository.resolve(revision)
    try:
        normal = check_inside(repository, commit, folder)
    except NotFoundError:
        return ()
    output = repository.git(
        "ls-tree", "-z", "-l", "-r", "--full-tree", commit, "--", *([] if normal == "." else [normal])
    )
    return tuple(sorted(map(_read_sized, output.split(b"\0")[:-1])))


def folders_at(repository: Repository, revision: str, pattern: str) -> tuple[str, ...]:
    """The folders at a revision whose path from the root matches a shell pattern, part by part: ``modules/*``.

    ``*`` does not cross slashes. A folder whose name is no text in UTF-8, or has a control character, is left out: no
    path of the command line could name it.
    """
    wanted = PurePosixPath(pattern)
    output = repository.git("ls-tree", "-z", "--full-tree", "-r", "-d", "--name-only", repository.resolve(revision))
    found = (os.fsdecode(name) for name in output.split(b"\0") if name)
    return tuple(
        name
        for name in found
        if name.isprintable()
        and len(PurePosixPath(name).parts) == len(wanted.parts)
        and PurePosixPath(name).match(pattern)
    )


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


def files_directly_in(repository: Repository, commit: str, folders: Iterable[str]) -> tuple[TreeEntry, ...]:
    """The files that lie directly in these folders at a commit; nothing where a folder is not there, or is a link.

    Args:
        commit: a full commit name: unlike its neighbours this asks Git once, because it is asked on every start.
    """
    entries = _listed(repository, commit, [_inside(normal_path(folder)) for folder in folders], recursive=False)
    return tuple(entry for entry in entries if entry.mode in {FILE, EXECUTABLE})


def small_files(
    repository: Repository, revision: str, paths: Iterable[str], limit_bytes: int
) -> dict[str, bytes | TidegateError]:
    """The content of several files at a revision, or why there is none: by one look at the tree, whatever their number.

    What is missing is a :class:`NotFoundError`; a link, a folder, or more than ``limit_bytes`` a :class:`UsageError`.
    """
    commit = repository.resolve(revision)
    normal = {path: _or_fault(path) for path in paths}
    wanted = {path for path in normal.values() if isinstance(path, str)}
    looked_for = sorted({place for path in wanted for place in (*_way(path), path)})
    output = repository.git("ls-tree", "-z", "-l", "--full-tree", commit, "--", *looked_for) if looked_for else b""
    there = {entry.name: (entry, size) for entry, size in map(_read_sized, output.split(b"\0")[:-1])}
    found: dict[str, bytes | TidegateError] = {}
    names: dict[str, str] = {}
    for path, place in normal.items():
        if isinstance(place, TidegateError):
            found[path] = place
        elif fault := _why_not_read(place, there, limit_bytes, commit):
            found[path] = fault
        else:
            names[path] = there[place][0].oid
    found.update(zip(names, repository.blobs(names.values()), strict=True))
    return found


def _or_fault(path: str) -> str | TidegateError:
    try:
        return normal_path(path)
    except UsageError as error:
        return error


def _read_sized(line: bytes) -> tuple[TreeEntry, int]:
    facts, _, path = line.partition(b"\t")
    mode, _, oid, size = facts.decode().split(maxsplit=3)
    return TreeEntry(path, mode, oid), int(size) if size.strip().isdigit() else 0


def _why_not_read(
    place: str, there: Mapping[str, tuple[TreeEntry, int]], limit_bytes: int, commit: str
) -> TidegateError | None:
    link = next((way for way in (*_way(place), place) if way in there and there[way][0].mode == LINK), None)
    if link is not None:
        remedy = "Write the path to which the link leads, if that is inside the repository."
        return UsageError(f'"{place}" leads through the symbolic link "{plain(link, 200)}"', remedy=remedy)
    if place not in there:
        return NotFoundError(f'there is no "{place}" at commit {commit[:10]}', remedy="write it, and commit it")
    entry, size = there[place]
    if entry.mode not in {FILE, EXECUTABLE}:
        return UsageError(f'"{place}" is not a file at commit {commit[:10]}', remedy="Name a file.")
    if size > limit_bytes:
        what = f'"{place}" has {size >> 10} KiB, and at most {limit_bytes >> 10} KiB are read'
        return UsageError(what, remedy="make it shorter, or split it")
    return None
