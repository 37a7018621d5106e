"""The journal of what was done without the database: each line fsynced, into room reserved before the rollout began."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.core.canonical import canonical
from tidegate.errors import StoreBusyError, StoreError
from tidegate.orchestration.wayback import sync_directory
from tidegate.store.database import Seam, nowhere


class Journal:
    """Lines of canonical JSON in reserved room, each naming the digest of the one before it, each fsynced.

    From the first line until :meth:`close`, or the end of the process, nobody else can write or import it.

    Args:
        at: called before and after each line, with ``journal:before`` and ``journal:after``; the kill tests' seam.
    """

    def __init__(self, path: Path, *, at: Seam = nowhere) -> None:
        self._path = path
        self._at = at
        self._descriptor: int | None = None
        self._end = 0
        self._last = ""
        self._torn = 0

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one line, durably.

        Raises:
            StoreError: it cannot be written, or what is there was changed.
            StoreBusyError: somebody else writes or imports it.
        """
        self._at("journal:before")
        try:
            descriptor = self._open()
            line = canonical({**entry, "after": self._last}) + b"\n"
            # What a crash left half written is overwritten as a whole.
            _write_at(descriptor, line + b"\n" * (self._torn - len(line)), self._end)
            os.fsync(descriptor)
        except OSError as error:
            raise unwritable(self._path, error) from error
        self._last = hashlib.sha256(line).hexdigest()
        self._end += len(line)
        self._torn = 0
        self._at("journal:after")

    def close(self) -> None:
        """Let others write and import it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> int:
        if self._descriptor is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = open_locked(self._path, create=True)
            try:
                content = read_all(descriptor)
                _, self._end, self._last = scan(content, self._path)
                self._torn = len(content[self._end :].rstrip(b"\n"))
                sync_directory(self._path.parent)
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor = descriptor
        return self._descriptor


def open_locked(path: Path, *, create: bool) -> int:
    """The journal, locked for us: the one that bears its name now, not one that was put away meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _bears_name(descriptor, path):
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise StoreBusyError(
                "the break-glass journal is being written or imported",
                where=str(path),
                remedy="wait until that has ended, then repeat",
            ) from error
        os.close(descriptor)


def _bears_name(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)


def read_all(descriptor: int) -> bytes:
    return b"".join(iter(lambda: os.read(descriptor, 1 << 16), b""))


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        if written == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        data, offset = data[written:], offset + written


def unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the journal cannot be written: {error.strerror}",
        where=str(path),
        remedy="name a place that can be written with --journal",
    )


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The entries of a journal, in order; a last line that was cut off by a crash is left out.

    Raises:
        StoreError: it was changed, or cannot be read.
    """
    try:
        return scan(path.read_bytes(), path)[0]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"the break-glass journal cannot be read: {error.strerror}",
            where=str(path),
            remedy="give this user the file, then repeat",
        ) from error


def scan(content: bytes, path: Path) -> tuple[list[dict[str, Any]], int, str]:
    """The entries, where the last of them ends, and its digest."""
    entries: list[dict[str, Any]] = []
    end, last = 0, ""
    while True:
        line, newline, rest = content[end:].partition(b"\n")
        entry = _entry(line) if newline else None
        if entry is None:
            # Free room, or a line that a crash cut off: nothing can follow it.
            if rest.strip(b"\n"):
                raise changed(path, len(entries) + 1)
            return entries, end, last
        if entry.get("after") != last:
            raise changed(path, len(entries) + 1)
        entries.append(entry)
        last = hashlib.sha256(line + b"\n").hexdigest()
        end += len(line) + 1


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def changed(path: Path, number: int) -> StoreError:
    return StoreError(
        "the break-glass journal was changed",
        where=f"{path}:{number}",
        remedy="move it to a safe place, and settle with whoever broke the glass what was done",
    )
