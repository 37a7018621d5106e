"""Packs a component's tree at a commit into a ``.tar.gz`` or a ``.zip`` whose bytes depend on the tree alone.

The package is an artifact of the subject that is approved, so two machines must make the same bytes, and a commit that
changes nothing in the component must not change them. Therefore:

* ``git archive`` is not used: it obeys ``export-ignore`` and ``export-subst``, by which a file would silently be
  missing or changed, and runs the filters that a repository's configuration names. Every file is packed as committed.
* Entries are sorted by their path's bytes and have fixed owners, modes and times.
* Neither a tar library nor a compressor takes part; the bytes are described in :mod:`tidegate.git.tarball` and
  :mod:`tidegate.git.ziparchive`.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tidegate.core.plain import plain
from tidegate.errors import NotFoundError, UsageError, WorldError
from tidegate.git.repository import Repository
from tidegate.git.tarball import Entry, tar_gz
from tidegate.git.tree import EXECUTABLE, LINK, SUBMODULE, TreeEntry, check_inside, entries_at, normal_path
from tidegate.git.ziparchive import zip_stored

_LINK_DEPTH = 40
MAX_MEMBERS = 100_000
"""The most members that a package may have, as on the target."""
MAX_UNPACKED = 64 << 30
"""The most bytes that a package may be unpacked, in all; a target has its own, lower limit (``max_unpacked``)."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was written: where, its ``sha256:`` digest, its size in bytes, the commit it was made from."""

    path: Path
    digest: str
    size: int
    commit: str


def build_package(
    repository: Repository, revision: str, path: str, target: Path, prefix: str = "", form: str = "tar.gz"
) -> Package:
    """Write the package of the files under ``path`` at a revision to ``target``, wholly or not at all.

    Args:
        form: ``tar.gz`` or ``zip``.
        path: the component's folder; entries are named from there. ``.`` is the whole repository.
        prefix: a folder into which everything is put, such as ``billing-1.2.0``; nothing where it is empty.

    Raises:
        UsageError: the path is none inside the repository; it holds a submodule, a link that leads out of the package,
            or a name that no package may hold.
        NotFoundError: there is nothing to pack.
        RepositoryError: an object is missing or damaged.
        WorldError: the target cannot be written.
    """
    commit = repository.resolve(revision)
    folder = check_inside(repository, commit, path)
    entries = _named(entries_at(repository, commit, [folder]), folder)
    if not entries:
        raise NotFoundError(f'there are no files in "{folder}" at commit {commit[:10]}', remedy="Name another folder.")
    _check(entries)
    top = b"" if not prefix else os.fsencode(normal_path(prefix)) + b"/"
    pieces = _FORMS[form](_entries(repository, entries, top))
    digest, size = _write_atomically(target, pieces)
    return Package(target, digest, size, commit)


_FORMS = {"tar.gz": tar_gz, "zip": zip_stored}


def check_package(path: Path, where: str) -> None:
    """See that a package made elsewhere can be unpacked as a ``.tar.gz``; nothing is written.

    What its members may be called is asked where it is unpacked.

    Args:
        where: what the file is called in the refusal.

    Raises:
        UsageError: it is none, holds nothing, or holds more than a target takes.
        OSError: it cannot be read.
    """
    try:
        with tarfile.open(path, "r|gz") as tar:
            problem = _too_much(tar)
    except (tarfile.TarError, EOFError, ValueError, OverflowError, zlib.error) as error:
        problem = f"it is not a gzipped tar ({str(error)[:200] or type(error).__name__})"
    except OSError as error:
        if error.errno is not None:
            raise
        problem = f"it is not a gzipped tar ({str(error)[:200]})"  # gzip's own, such as a wrong checksum
    if problem:
        raise UsageError(
            f"this is no package: {problem}", where=where, remedy="give a .tar.gz that a target can unpack"
        )


def _too_much(tar: tarfile.TarFile) -> str:
    """What is wrong with the number and size of the members; ``""``: nothing."""
    members = size = 0
    while (member := tar.next()) is not None:
        members, size = members + 1, size + member.size
        if members > MAX_MEMBERS:
            return f"it has more than {MAX_MEMBERS} members"
        if size > MAX_UNPACKED:
            return f"unpacked, it has more than {MAX_UNPACKED} bytes"
    return "" if members else "there is nothing in it"


def _named(entries: Iterable[TreeEntry], folder: str) -> dict[bytes, TreeEntry]:
    """The entries by their name in the package; a component that is one file is packed under the file's own name."""
    start = b"" if folder == "." else os.fsencode(folder) + b"/"
    return {
        entry.path.removeprefix(start) if entry.path.startswith(start) else entry.path.rsplit(b"/")[-1]: entry
        for entry in entries
    }


def _check(entries: Mapping[bytes, TreeEntry]) -> None:
    for name, entry in entries.items():
        if entry.mode == SUBMODULE:
            raise UsageError(
                f'"{plain(entry.name, 200)}" is a submodule: its files are in another repository, and no digest here '
                "covers them",
                remedy="Copy its files into the repository, or release it as a component of its own.",
            )
        if any(part.lower() in {b"", b".", b"..", b".git"} for part in name.split(b"/")):
            raise UsageError(
                f'"{plain(entry.name, 200)}" is a name that no package may hold', remedy="Remove it from the history."
            )


def _entries(repository: Repository, named: Mapping[bytes, TreeEntry], top: bytes) -> Iterator[Entry]:
    """What is packed, in the order of the names' bytes."""
    names = sorted(named)
    # All links are known before the first entry is handed on: whether one leads out may depend on another.
    links = [name for name in names if named[name].mode == LINK]
    _refuse_escapes(dict(zip(links, repository.blobs([named[name].oid for name in links]), strict=True)))
    for name, content in zip(names, repository.blobs([named[name].oid for name in names]), strict=True):
        mode = named[name].mode
        yield Entry(top + name, content, is_executable=mode == EXECUTABLE, is_link=mode == LINK)


def _refuse_escapes(links: Mapping[bytes, bytes]) -> None:
    for name, target in links.items():
        if not _stays_inside(name, target, links):
            raise UsageError(
                f'the symbolic link "{plain(os.fsdecode(name), 200)}" leads to "{plain(os.fsdecode(target), 200)}", '
                "outside the package",
                remedy="Let it lead to a file of the component by a relative path, or replace it by a copy.",
            )


def _stays_inside(name: bytes, target: bytes, links: Mapping[bytes, bytes]) -> bool:
    """Walk the target as the kernel would, following the package's own links.

    Spelling alone would not do: with ``a/b -> ..``-like links, ``b/../x`` is not beside ``b``. A link to nothing stays;
    one that leads in circles does not.
    """
    place = list(name.split(b"/")[:-1])
    way = _steps(target)
    followed = 0
    while way is not None and way:
        step = way.pop()
        if step == b"..":
            if not place:
                return False
            place.pop()
            continue
        place.append(step)
        if (further := links.get(b"/".join(place))) is not None:
            followed += 1
            steps = _steps(further)
            if steps is None or followed > _LINK_DEPTH:
                return False
            place.pop()
            way.extend(steps)
    return way is not None


def _steps(target: bytes) -> list[bytes] | None:
    """A target's parts, the first one last; None for an absolute or impossible one."""
    if not target or target.startswith(b"/") or b"\0" in target:
        return None
    return [part for part in reversed(target.split(b"/")) if part not in {b"", b"."}]


def _write_atomically(target: Path, pieces: Iterable[bytes]) -> tuple[str, int]:
    """Write beside the target, force it to the disk, and rename; what was there stays until then."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            answer = write_pieces(file, pieces)
        unfinished.chmod(0o644)
        unfinished.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return answer


def write_pieces(file: IO[bytes], pieces: Iterable[bytes]) -> tuple[str, int]:
    """Write the pieces and force them to the disk; their ``sha256:`` digest and their size in bytes."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        file.write(piece)
    file.flush()
    os.fsync(file.fileno())
    return f"sha256:{digest.hexdigest()}", size


def sync_folder(folder: Path) -> None:
    """The rename itself must survive a power loss too."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(target: Path, error: OSError) -> WorldError:
    return WorldError(
        f"the package cannot be written: {error.strerror or error}",
        where=str(target),
        remedy="Make the folder writable and see that the disk has room.",
    )


def digest_of_file(path: Path) -> str:
    """``sha256:`` and the SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
