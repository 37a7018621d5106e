"""A file that people read: each message is a line of Markdown, written once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from tidegate.errors import UsageError, WorldError

LIMIT_BYTES = 64 << 20
"""A file of notices that has grown longer is put away by a person, not read whole again for each line."""

_NOT_FOR_PEOPLE = frozenset({".tidegate", ".git", "tidegate.yaml"})


class FileChannel:
    """Appends to one file, durably. The key stands in a comment beside the line, so that nothing is said twice."""

    def __init__(self, address: str, root: Path) -> None:
        try:
            self._path = (root / address).resolve()
            home = root.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"the file {address[:80]!r} cannot be found: {error}", remedy="name a plain file"
            ) from error
        if not self._path.is_relative_to(home) or self._path == home:
            raise UsageError(
                f"the file {address[:80]} lies outside {root}", remedy="name a file below the policy's directory"
            )
        if _NOT_FOR_PEOPLE & set(self._path.relative_to(home).parts):
            raise UsageError(
                f"the file {address[:80]} is not one that people read, and a line in it would destroy it",
                remedy="name a file of its own, such as NOTICES.md",
            )

    def deliver(self, key: str, body: str) -> None:
        """Append the line, unless one with this key is there; then read it back."""
        mark = f"<!-- {hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:24]} -->".encode()
        line = b"- " + _one_line(body).encode("utf-8", "replace") + b" " + mark + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Not blocking, and no link: what stands there may have been put there since by anybody.
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            with os.fdopen(os.open(self._path, flags, 0o644), "r+b", buffering=0) as file:
                self._demand_plain(file)
                fcntl.flock(file, fcntl.LOCK_EX)
                written = _append_once(file, line, mark)
        except OSError as error:
            raise WorldError(
                f"the message cannot be written: {error.strerror or error}",
                where=str(self._path),
                remedy="make the file writable; it is tried again",
            ) from error
        if not written:
            raise WorldError(
                "the message was written and is not there", where=str(self._path), remedy="look at the file"
            )

    def _demand_plain(self, file: BinaryIO) -> None:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise WorldError("it is no plain file", where=str(self._path), remedy="remove what stands there")
        if status.st_size > LIMIT_BYTES:
            raise WorldError(
                f"the file has {status.st_size >> 20} MiB, and at most {LIMIT_BYTES >> 20} are read",
                where=str(self._path),
                remedy="put it away under another name; the next message begins a new one",
            )


def _append_once(file: BinaryIO, line: bytes, mark: bytes) -> bool:
    """Append ``line`` unless its mark is there; whether it is there now."""
    before = _whole(file)
    if mark in before:
        return True
    # A line that a full disk or a crash cut short stays what it is; ours begins on a line of its own.
    wanted = line if not before or before.endswith(b"\n") else b"\n" + line
    while wanted:
        wanted = wanted[os.write(file.fileno(), wanted) :]
    os.fsync(file.fileno())
    return mark in _whole(file)


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _one_line(body: str) -> str:
    """Text of strangers stays one line of text: no control characters, no HTML, no Markdown that acts."""
    plain = "".join(c if c.isprintable() else " " for c in body)
    return "".join(_PLAIN.get(c, c) for c in plain)


_PLAIN = {c: "\\" + c for c in "\\`*_[]|#~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
