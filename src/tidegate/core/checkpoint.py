"""Checkpoints: what the log was at one moment, carried away and signed, so that the log can be held to it later.

The text follows the checkpoints of transparency logs: the log's name, the number of entries, the root in base64 and
a line with the time; then an empty line and the signature. What is signed is everything before the empty line.

    tidegate/7D Solutions
    42
    XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=
    time 2026-02-10T18:00:00.000000Z

    -----BEGIN SSH SIGNATURE-----
    ...
    -----END SSH SIGNATURE-----

Whoever holds the database can rewrite the log and its head together; they cannot rewrite a checkpoint that is
elsewhere. See C2SP tlog-checkpoint for the form, RFC 9162 for the tree.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidegate.clock import from_text, to_text
from tidegate.core.canonical import LARGEST_INTEGER
from tidegate.core.merkle import EMPTY_ROOT, HASH_BYTES, Frontier
from tidegate.errors import UsageError

LIMIT_CHARACTERS = 1 << 16
_TIME = "time "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log ``origin`` had ``size`` entries under ``root`` at ``time``."""

    origin: str
    size: int
    root: bytes
    time: datetime


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint as it was carried: ``body`` is exactly what was signed, ``signature`` an armored SSH signature."""

    checkpoint: Checkpoint
    body: bytes
    signature: str


class Standing(StrEnum):
    """How a log stands to a checkpoint of it."""

    SAME = "same"
    GROWN = "grown"
    CUT = "cut"
    REBUILT = "rebuilt"
    OTHER_LOG = "other_log"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the log stands to the checkpoint, in a sentence, and what to do."""

    standing: Standing
    what: str
    remedy: str = ""

    @property
    def holds(self) -> bool:
        """Whether everything that the checkpoint covers is still in the log, unchanged."""
        return self.standing in (Standing.SAME, Standing.GROWN)


def origin_of(organization: str) -> str:
    """The name of an organisation's log, as the first line of its checkpoints."""
    return f"tidegate/{organization}"


def body(checkpoint: Checkpoint) -> bytes:
    """The bytes that are signed.

    Raises:
        UsageError: the origin cannot stand on one line, or the root is no hash.
    """
    text = (
        f"{checkpoint.origin}\n{checkpoint.size}\n{b64encode(checkpoint.root).decode()}\n"
        f"{_TIME}{to_text(checkpoint.time)}\n"
    )
    _read(text)
    return text.encode()


def write(checkpoint: Checkpoint, signature: str) -> str:
    """The text of a checkpoint with its armored signature; raises what :func:`body` raises."""
    return f"{body(checkpoint).decode()}\n{signature.strip()}\n"


def read(text: str) -> SignedCheckpoint:
    """Read the text of a checkpoint, strictly. The signature is not verified here; it may be empty.

    Raises:
        UsageError: it is no checkpoint; ``what`` names the line.
    """
    if len(text) > LIMIT_CHARACTERS:
        raise _no_checkpoint(f"it is {len(text)} characters long")
    head, _, signature = text.partition("\n\n")
    signed = head if head.endswith("\n") else head + "\n"
    return SignedCheckpoint(_read(signed), signed.encode(), signature.strip())


def verify_against(leaves: Iterable[bytes], checkpoint: Checkpoint, *, origin: str) -> Comparison:
    """Hold a log to a checkpoint of it, whose signature has been verified.

    Tells a cut tail (fewer entries than the checkpoint counts) from a rebuilt tree (as many, but others).

    Args:
        leaves: the leaf hashes of the whole log, computed from its bytes.
        origin: the name of this log.
    """
    edge, root_then = Frontier(), EMPTY_ROOT
    for leaf in leaves:
        edge = edge.append(leaf)
        if edge.size == checkpoint.size:
            root_then = edge.root()
    return _compare(edge, root_then, checkpoint, origin)


def _compare(edge: Frontier, root_then: bytes, checkpoint: Checkpoint, origin: str) -> Comparison:
    then = f"the checkpoint of {to_text(checkpoint.time)}"
    if checkpoint.origin != origin:
        return Comparison(
            Standing.OTHER_LOG,
            f"{then} is of the log {checkpoint.origin!r}, and this is {origin!r}",
            "give a checkpoint of this log",
        )
    if edge.size < checkpoint.size:
        return Comparison(
            Standing.CUT,
            f"the log was cut: it has {edge.size} entries, and {then} counts {checkpoint.size}",
            f"restore the log from a backup that has entry {checkpoint.size - 1}, and find out who cut it",
        )
    if root_then != checkpoint.root:
        return Comparison(
            Standing.REBUILT,
            f"the log was rebuilt: its first {checkpoint.size} entries are not those of {then}",
            "restore the log from a backup made before, and find out who rebuilt it",
        )
    if edge.size == checkpoint.size:
        return Comparison(Standing.SAME, f"the log is as it was at {then}: {edge.size} entries")
    since = edge.size - checkpoint.size
    return Comparison(Standing.GROWN, f"the log holds all {checkpoint.size} entries of {then}, and {since} since")


def _read(signed: str) -> Checkpoint:
    lines = signed.split("\n")
    if len(lines) != 5 or lines[4]:
        raise _no_checkpoint(f"it has {len(lines) - 1} lines before the signature, and must have 4")
    origin, size, root, time = lines[:4]
    if not origin.isprintable() or origin != origin.strip() or not origin:
        raise _no_checkpoint(f"line 1 is {origin!r:.80}, and must name a log in printable characters")
    return Checkpoint(origin, _size(size), _root(root), _time(time))


def _size(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 16 and str(int(text)) == text:
        size = int(text)
        if size <= LARGEST_INTEGER:
            return size
    raise _no_checkpoint(f"line 2 is {text!r:.80}, and must be the number of entries")


def _root(text: str) -> bytes:
    try:
        root = b64decode(text, validate=True)
    except ValueError:
        root = b""
    if len(root) != HASH_BYTES or b64encode(root).decode() != text:
        raise _no_checkpoint(f"line 3 is {text!r:.80}, and must be a SHA-256 hash in base64")
    return root


def _time(text: str) -> datetime:
    try:
        time = from_text(text.removeprefix(_TIME))
        if _TIME + to_text(time) == text:
            return time
    except (ValueError, OverflowError):
        pass
    raise _no_checkpoint(f"line 4 is {text!r:.80}, and must be written as: {_TIME}2026-02-10T18:00:00.000000Z")


def _no_checkpoint(because: str) -> UsageError:
    return UsageError(
        f"this is no checkpoint of an audit log: {because}",
        remedy="give the file as tidegate audit export wrote it, unchanged",
    )
