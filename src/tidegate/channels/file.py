"""A file that people read: each message is a line of Markdown, written once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from typing import BinaryIO, ClassVar

from tidegate.channels import place
from tidegate.channels.contract import DELIVERED, Answer, Message, Outcome, Surroundings, nowhere


class FileChannel:
    """Appends to one file, durably. The key stands in a comment beside the line, so that nothing is said twice."""

    recognised: ClassVar[bool] = True

    def __init__(self, address: str, around: Surroundings) -> None:
        self._path = place.below(address, around.root)
        self._at = around.at

    def deliver(self, message: Message, leaving: Callable[[], None] = nowhere) -> Answer:
        """Append the line, unless one with this key is there; then read it back. It never leaves a doubt."""
        mark = f"<!-- {hashlib.sha256(message.key.encode('utf-8', 'replace')).hexdigest()[:24]} -->".encode()
        line = b"- " + _one_line(message.body).encode("utf-8", "replace") + b" " + mark + b"\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Not blocking, and no link: what stands there may have been put there since by anybody.
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            with os.fdopen(os.open(self._path, flags, 0o644), "r+b", buffering=0) as file:
                if fault := self._fault(file):
                    return fault
                fcntl.flock(file, fcntl.LOCK_EX)
                self._at("send:before")
                written = _append_once(file, line, mark)
                self._at("send:accepted")
        except OSError as error:
            return self._later(
                f"the message cannot be written: {error.strerror or error}", "make the file writable; it is tried again"
            )
        return DELIVERED if written else self._later("the message was written and is not there", "look at the file")

    def _fault(self, file: BinaryIO) -> Answer | None:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return self._later("it is no plain file", "remove what stands there")
        if status.st_size > place.LIMIT_BYTES:
            return self._later(
                f"the file has {status.st_size >> 20} MiB, and at most {place.LIMIT_BYTES >> 20} are read",
                "put it away under another name; the next message begins a new one",
            )
        return None

    def _later(self, what: str, remedy: str) -> Answer:
        return Answer(Outcome.LATER, what, remedy, str(self._path))


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
