"""A file that people read: each message is a line of Markdown, written once."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

from tidegate.errors import UsageError, WorldError


class FileChannel:
    """Appends to one file, durably. The key stands in a comment beside the line, so that nothing is said twice."""

    def __init__(self, address: str, root: Path) -> None:
        self._path = (root / address).resolve()
        if not self._path.is_relative_to(root.resolve()):
            raise UsageError(
                f"the file {address} lies outside {root}", remedy="name a file below the policy's directory"
            )

    def deliver(self, key: str, body: str) -> None:
        """Append the line, unless one with this key is there; then read it back."""
        mark = f"<!-- {hashlib.sha256(key.encode()).hexdigest()[:24]} -->"
        line = f"- {_one_line(body)} {mark}\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                if mark in file.read():
                    return
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                written = mark in file.read()
        except OSError as error:
            raise WorldError(
                f"the message cannot be written: {error.strerror}",
                where=str(self._path),
                remedy="make the file writable; it is tried again",
            ) from error
        if not written:
            raise WorldError(
                "the message was written and is not there", where=str(self._path), remedy="look at the file"
            )


def _one_line(body: str) -> str:
    """Text of strangers stays one line of text: no control characters, no HTML, no Markdown that acts."""
    plain = "".join(c if c.isprintable() else " " for c in body)
    for character in "\\`*_[]<>|#":
        plain = plain.replace(
            character, "\\" + character if character not in "<>" else {"<": "&lt;", ">": "&gt;"}[character]
        )
    return plain
