"""The audit leaf: one entry of the log, as a value and as bytes, and the verification of a log from its bytes alone.

A leaf is written once, hashed as written, and never interpreted before its bytes are known to be the canonical ones:
if two byte strings could mean the same entry, the hash would not settle what was recorded.

**Time.** The time of each leaf is later than that of the one before it (:func:`next_time`), so that the order of the
log and the order of its times are one. When the machine's clock stands still or is set back, the log goes on by one
microsecond a leaf until the clock has caught up. The moment that a decision was made *for* is among its facts; the
leaf's time is when it was recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

from tidegate.clock import from_text, to_text
from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import LARGEST_INTEGER, canonical, digest, is_digest, parse
from tidegate.core.merkle import EMPTY_ROOT, Frontier, leaf_hash
from tidegate.errors import InternalError, StoreError, UsageError

FORMAT = "tidegate/leaf/1"
LIMIT_BYTES = 1 << 16
"""A leaf names the large things by digest; what is longer than this is no leaf."""

TICK = timedelta(microseconds=1)
_KIND = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_INQUIRE = (
    "stop, keep a copy of the database as it is, and compare it with an exported checkpoint "
    "(tidegate audit verify --against FILE) and with a backup"
)


class DamagedLeafError(StoreError):
    """Bytes that stand in the log are no audit leaf. Trying again changes nothing."""

    exit_code = 1
    retryable: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of the audit log.

    ``index`` counts from 0. ``kind`` is ``noun.verb_past``, such as ``approval.granted``. ``question`` and ``verdict``
    are empty where nothing was asked. ``digests`` names by digest what is kept by content (policies, facts, decision);
    ``versions`` says what decided. ``question`` and ``data`` hold what JSON can say, and little of it.
    """

    index: int
    time: datetime
    kind: str
    actor: Actor
    question: Mapping[str, Any] = field(default_factory=dict)
    verdict: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


def next_time(previous: datetime | None, now: datetime) -> datetime:
    """The time of the leaf after ``previous``: now, or one microsecond after it where the clock has not moved on."""
    return now if previous is None else max(now, previous + TICK)


def encode(leaf: Leaf) -> bytes:
    """The canonical bytes of a leaf.

    Raises:
        UsageError: it is longer than ``LIMIT_BYTES``, or holds a value that canonical JSON has no form for.
        InternalError: it is not what a leaf must be.
    """
    data = canonical({"format": FORMAT, **_members(leaf)})
    if len(data) > LIMIT_BYTES:
        raise UsageError(
            f"the audit entry {leaf.kind} would be {len(data)} bytes long, and at most {LIMIT_BYTES} are written",
            remedy="give shorter texts; refer to long ones by a link or a file",
        )
    try:
        _read(data)
    except DamagedLeafError as error:
        raise InternalError(
            f"{leaf.kind} cannot be recorded: {error.what}", remedy="report this with the command you ran"
        ) from error
    return data


def decode(data: bytes) -> Leaf:
    """Read the bytes of a leaf, strictly.

    Raises:
        DamagedLeafError: they are not canonical JSON, or a member is unknown, missing, or of the wrong type.
    """
    return _read(data)


@dataclass(frozen=True, slots=True)
class Head:
    """What the log says of itself: how many leaves, and the root of the tree over them."""

    size: int = 0
    root: bytes = EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a log. ``index`` is the first bad entry; None where no single entry can be named."""

    index: int | None
    what: str
    remedy: str = _INQUIRE


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a log has found: ``size`` entries in order, ``root`` over them, and the first problem if any."""

    size: int
    root: bytes
    problem: Problem | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None


def verify_log(entries: Iterable[tuple[int, bytes, bytes]], head: Head) -> Verification:
    """Verify a log from its bytes: each entry in its place, unchanged, readable, later than the last; then the head.

    Stops at the first bad entry. Someone who changes a leaf *and* its stored hash is found by the head's root, which
    then cannot say which entry it was; someone who changes the head as well is found by an exported checkpoint.

    Args:
        entries: index, bytes of the leaf and stored leaf hash, in the order of the log.
    """
    edge, previous = Frontier(), None
    for index, data, stored in entries:
        found = _check_entry(edge.size, previous, index, data, stored)
        if isinstance(found, str):
            return Verification(edge.size, edge.root(), Problem(min(index, edge.size), found))
        previous = found.time
        edge = edge.append(stored)
    return Verification(edge.size, edge.root(), _check_head(edge, head))


def _check_entry(expected: int, previous: datetime | None, index: int, data: bytes, stored: bytes) -> Leaf | str:
    """The leaf, or what is wrong with it."""
    if index > expected:
        return f"entry {expected} is missing: entry {index} stands in its place"
    if index < expected:
        return f"entry {index} is out of order: entry {expected} should stand here"
    if leaf_hash(data) != stored:
        return f"entry {index} was changed: its bytes do not have the hash that was stored with them"
    try:
        leaf = decode(data)
    except DamagedLeafError as error:
        return f"entry {index} is no audit leaf: {error.what}"
    if leaf.index != index:
        return f"entry {index} is in the wrong place: it was written as entry {leaf.index}"
    if previous is not None and leaf.time <= previous:
        return f"entry {index} is of {to_text(leaf.time)}, which is not after the entry before it, {to_text(previous)}"
    return leaf


def _check_head(edge: Frontier, head: Head) -> Problem | None:
    if edge.size < head.size:
        return Problem(edge.size, f"entry {edge.size} is missing: the head counts {head.size} entries")
    if edge.size > head.size:
        return Problem(head.size, f"entry {head.size} is not in the tree: the head counts {head.size} entries")
    if edge.root() != head.root:
        return Problem(
            None,
            f"the {edge.size} entries do not lead to the root in the head: an entry was changed together with its "
            "hash, or the head was",
        )
    return None


def _members(leaf: Leaf) -> dict[str, object]:
    return {
        "index": leaf.index,
        "time": leaf.time,
        "kind": leaf.kind,
        "actor": leaf.actor,
        "question": leaf.question,
        "verdict": leaf.verdict,
        "digests": leaf.digests,
        "versions": leaf.versions,
        "data": leaf.data,
    }


_MEMBERS = frozenset(Leaf.__dataclass_fields__) | {"format"}
_ACTOR_MEMBERS = frozenset(Actor.__dataclass_fields__)


def _read(data: bytes) -> Leaf:
    try:
        value = parse(data, limit_bytes=LIMIT_BYTES)
    except UsageError as error:
        raise _damaged(error.what) from error
    found = _mapping(value, "the leaf")
    if found.get("format") != FORMAT:
        raise _damaged(f"its format is {found.get('format')!r}, and {FORMAT!r} is read")
    _exactly(found, _MEMBERS, "the leaf")
    return Leaf(
        index=_index(found["index"]),
        time=_time(found["time"]),
        kind=_kind(found["kind"]),
        actor=_actor(found["actor"]),
        question=_mapping(found["question"], "question"),
        verdict=_text(found["verdict"], "verdict"),
        digests=_digests(found["digests"]),
        versions=_texts(found["versions"], "versions"),
        data=_mapping(found["data"], "data"),
    )


def _damaged(what: str) -> DamagedLeafError:
    return DamagedLeafError(what, remedy=_INQUIRE)


def _mapping(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _damaged(f"{name} is {value!r:.60}, and must be an object")
    return value


def _exactly(found: Mapping[str, object], members: frozenset[str], name: str) -> None:
    if unknown := sorted(found.keys() - members):
        raise _damaged(f"{name} has the unknown member {unknown[0]!r}")
    if missing := sorted(members - found.keys()):
        raise _damaged(f"{name} has no {missing[0]!r}")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise _damaged(f"{name} is {value!r:.60}, and must be text")
    return value


def _texts(value: object, name: str) -> dict[str, str]:
    return {key: _text(member, f"{name}.{key}") for key, member in _mapping(value, name).items()}


def _digests(value: object) -> dict[str, str]:
    found = _texts(value, "digests")
    for name, text in found.items():
        if not is_digest(text):
            raise _damaged(f"digests.{name} is {text!r:.90}, and must be a digest such as {digest(b'')[:16]}...")
    return found


def _index(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST_INTEGER:
        raise _damaged(f"index is {value!r:.60}, and must be a number from 0")
    return value


def _time(value: object) -> datetime:
    text = _text(value, "time")
    try:
        time = from_text(text)
        if to_text(time) == text:
            return time
    except (ValueError, OverflowError):
        pass
    raise _damaged(f"time is {text!r:.60}, and must be written as 2026-02-10T18:00:00.000000Z")


def _kind(value: object) -> str:
    kind = _text(value, "kind")
    if not _KIND.fullmatch(kind):
        raise _damaged(f"kind is {kind!r:.60}, and must be noun.verb_past")
    return kind


def _actor(value: object) -> Actor:
    found = _mapping(value, "actor")
    _exactly(found, _ACTOR_MEMBERS, "actor")
    person, via = _text(found["person"], "actor.person"), _text(found["via"], "actor.via")
    try:
        return Actor(person, via, Assurance(_text(found["assurance"], "actor.assurance")))
    except ValueError as error:
        raise _damaged(f"actor.assurance is {found['assurance']!r:.60}, and is none that is known") from error
