"""Where backups lie: each file is there as a whole, or not at all.

A backup is written beside its place under a name that nobody reads, brought to the disk, and then renamed. Whoever is
killed before that leaves a part behind, which the next one removes. Only what the database names is a backup.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from tidegate.errors import ConflictError, StoreError

_CHUNK = 1 << 20
_PART = ".part"


class Keeping:
    """The files of one backup, by its name, in a directory; a lock keeps two commands from taking it at once."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self._name = name

    def path(self, file: str) -> Path:
        """Where a file of it lies."""
        return self.directory / file

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else takes or removes backups of this name meanwhile. What a killed command left is removed.

        Raises:
            ConflictError: somebody does.
            StoreError: the directory cannot be written.
        """
        with _explained(self.directory):
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.directory / f".{self._name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConflictError(
                    f"another command takes the backup {self._name} right now",
                    where=str(self.directory),
                    remedy="wait for its end: tidegate backup list",
                ) from error
            with _explained(self.directory):
                for left in self.directory.glob(f".{self._name}~*{_PART}"):
                    left.unlink(missing_ok=True)
            yield
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def new(self, file: str) -> Iterator[Path]:
        """A file to be written in the block, which gets its name at its end; where the block fails, there is none.

        Raises:
            StoreError: it cannot be written, as on a full disk.
        """
        part = self.directory / f".{self._name}~{file}{_PART}"
        with _explained(self.directory):
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        try:
            yield part
            with _explained(self.directory):
                _to_disk(part)
                part.rename(self.path(file))
                _to_disk(self.directory)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def remove(self, file: str) -> None:
        """Remove a file; does nothing where there is none.

        Raises:
            StoreError: it cannot be removed.
        """
        with _explained(self.directory):
            self.path(file).unlink(missing_ok=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def hash_file(path: Path, algorithm: str = "sha256") -> tuple[int, str]:
    """The size in bytes and the digest (hexadecimal) of what is on the disk now.

    Raises:
        OSError: it cannot be read.
    """
    found, size = hashlib.new(algorithm, usedforsecurity=False), 0
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            found.update(data)
            size += len(data)
    return size, found.hexdigest()


@contextlib.contextmanager
def _explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(error, directory) from error


def unwritable(error: OSError, directory: Path) -> StoreError:
    """The error of a backup that could not be written."""
    return StoreError(
        f"the backup cannot be written: {error.strerror or error}",
        where=str(directory),
        remedy="free the disk, or keep it elsewhere: kept_in",
    )
