"""What a database needs of a package: the files of its migrations, and for a tool that runs code all of it."""

from __future__ import annotations

import contextlib
import posixpath
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tidegate.core.effect import Package
from tidegate.core.image_lock import ImageLock, read_image_lock
from tidegate.databases.contract import Files
from tidegate.errors import TargetError, UsageError
from tidegate.migrations.folder import LIMIT_BYTES, is_migration
from tidegate.unpacking import unpack_data

MOST_FILES = 3_000
MOST_UNPACKED = 4 << 30
"""Bytes of a package that is unpacked to run its code; and so many members:"""

MOST_MEMBERS = 100_000


def beside(path: Path, package: Package) -> Path:
    """The package of another version, which lies where this one does.

    Raises:
        TargetError: it is not there.
    """
    for name in (f"{package.digest}.lock.json", f"{package.digest}.tar.gz"):
        if (found := path.parent / name).exists():
            return found
    raise TargetError(
        f"the package of {package} is not here, and its migrations are in it",
        remedy="restore the packages beside Tidegate's database, or take the database back by hand",
    )


def lock_in(path: Path) -> ImageLock | None:
    """The lock of images that a package is, if it is one."""
    if not path.name.endswith(".lock.json"):
        return None
    try:
        return read_image_lock(path.read_bytes())
    except (OSError, UsageError) as error:
        raise _unreadable(path, error) from error


def archive_of(path: Path) -> Path:
    """The archive of the component's files: the package itself, or the one that a lock of images names."""
    lock = lock_in(path)
    return path if lock is None else path.parent / f"{lock.archive}.tar.gz"


def files_in(archive: Path, folder: str) -> Files:
    """The files below ``folder`` that may be migrations, by their path in the package.

    Raises:
        TargetError: the package cannot be read.
    """
    top = "" if folder == "." else f"{posixpath.normpath(folder)}/"
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r|gz") as tar:
            for member in tar:
                path = posixpath.normpath(member.name)
                if not member.isreg() or not path.startswith(top) or not is_migration(path):
                    continue
                if member.size > LIMIT_BYTES or len(found) >= MOST_FILES:
                    raise TargetError(
                        f"{path} is too large, or one of more than {MOST_FILES} files, to be run as a migration",
                        remedy="name the directory that holds the migrations alone",
                    )
                source = tar.extractfile(member)
                found[path] = source.read() if source else b""
    except (OSError, tarfile.TarError, EOFError, ValueError, zlib.error) as error:
        raise _unreadable(archive, error) from error
    return found


@contextlib.contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """The package unpacked in a directory of our own, which is gone afterwards.

    Raises:
        TargetError: it cannot be unpacked: it is damaged, leads out of itself, is too large, or the disk is full.
    """
    with tempfile.TemporaryDirectory(prefix="tidegate-migrations-") as name:
        try:
            with tarfile.open(archive, "r|gz") as tar:
                members = size = 0
                for member in tar:
                    members, size = members + 1, size + member.size
                    if members > MOST_MEMBERS or size > MOST_UNPACKED:
                        raise TargetError("the package is too large to be unpacked", remedy="release less in it")
                    unpack_data(tar, member, Path(name))
        except (OSError, tarfile.TarError, EOFError, ValueError, zlib.error) as error:
            raise _unreadable(archive, error) from error
        yield Path(name)


def _unreadable(path: Path, error: Exception) -> TargetError:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return TargetError(
        f"the package cannot be read: {str(said)[:200]}",
        where=str(path),
        remedy="restore the packages beside Tidegate's database",
    )
