"""The audit leaf and the log made of leaves: every change is found, and the first bad entry is named."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import canonical, digest
from tidegate.core.leaf import TICK, DamagedLeafError, Head, Leaf, decode, encode, next_time, verify_log
from tidegate.core.merkle import frontier, leaf_hash
from tidegate.errors import InternalError, UsageError

T0 = datetime(2026, 2, 10, 18, 0, tzinfo=UTC)
ALICE = Actor("alice", "cli", Assurance.SIGNATURE)


def leaf(index: int = 0, **changes: Any) -> Leaf:
    first = Leaf(
        index=index,
        time=T0 + index * TICK,
        kind="decision.denied",
        actor=ALICE,
        question={"action": "start", "release": "r1", "environment": "production"},
        verdict="deny",
        digests={"policy.pinned": digest(b"p"), "facts": digest(b"f")},
        versions={"tidegate": "0.1.0", "rules": "1", "cel": "0.10.0", "tzdata": "2026a"},
        data={"reason": "é", "items": [1, None, True]},
    )
    return replace(first, **changes)


def log(*leaves: Leaf) -> tuple[list[tuple[int, bytes, bytes]], Head]:
    encoded = [encode(one) for one in leaves]
    edge = frontier(leaf_hash(data) for data in encoded)
    entries = [(i, data, leaf_hash(data)) for i, data in enumerate(encoded)]
    return entries, Head(edge.size, edge.root())


def test_a_leaf_reads_back_as_it_was() -> None:
    assert decode(encode(leaf(7))) == leaf(7)
    assert decode(encode(leaf(7, verdict="", question={}))).question == {}


def test_the_bytes_of_format_1_do_not_change() -> None:
    assert encode(leaf(3, digests={}, data={})).decode() == (
        '{"actor":{"assurance":"signature","person":"alice","via":"cli"},"data":{},"digests":{},"format":"tidegate/leaf/1",'
        '"index":3,"kind":"decision.denied","question":{"action":"start","environment":"production","release":"r1"},'
        '"time":"2026-02-10T18:00:00.000003Z","verdict":"deny",'
        '"versions":{"cel":"0.10.0","rules":"1","tidegate":"0.1.0","tzdata":"2026a"}}'
    )


def test_a_leaf_that_is_none_is_never_written() -> None:
    with pytest.raises(InternalError) as caught:
        encode(leaf(kind="denied"))
    assert caught.value.what == "denied cannot be recorded: kind is 'denied', and must be noun.verb_past"
    with pytest.raises(UsageError) as too_long:
        encode(leaf(data={"reason": "x" * 70_000}))
    assert too_long.value.what.startswith("the audit entry decision.denied would be 70")
    assert too_long.value.what.endswith(" bytes long, and at most 65536 are written")


NO_TIME = "and must be written as 2026-02-10T18:00:00.000000Z"
NOT_CANONICAL = (
    "the bytes are not canonical JSON: they are JSON, but not in canonical form (RFC 8785): they differ from it at"
)


def edited(**changes: Any) -> bytes:
    value = json.loads(encode(leaf()))
    value |= changes
    return canonical({name: member for name, member in value.items() if member is not ...})


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "the bytes are not canonical JSON: they are no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "the leaf is [], and must be an object"),
        (b"{}", "its format is None, and 'tidegate/leaf/1' is read"),
        (edited(format="tidegate/leaf/2"), "its format is 'tidegate/leaf/2', and 'tidegate/leaf/1' is read"),
        (edited(extra=1), "the leaf has the unknown member 'extra'"),
        (edited(verdict=...), "the leaf has no 'verdict'"),
        (edited(index=True), "index is True, and must be a number from 0"),
        (edited(index=-1), "index is -1, and must be a number from 0"),
        (edited(index=0.5), "index is 0.5, and must be a number from 0"),
        (edited(time="2026-02-10T18:00:00Z"), f"time is '2026-02-10T18:00:00Z', {NO_TIME}"),
        (edited(time="soon"), f"time is 'soon', {NO_TIME}"),
        (edited(kind="Approval.granted"), "kind is 'Approval.granted', and must be noun.verb_past"),
        (edited(actor={}), "actor has no 'assurance'"),
        (
            edited(actor={"assurance": "sure", "person": "a", "via": "b"}),
            "actor.assurance is 'sure', and is none that is known",
        ),
        (edited(actor={"assurance": "token", "person": 1, "via": "b"}), "actor.person is 1, and must be text"),
        (edited(verdict=None), "verdict is None, and must be text"),
        (edited(digests={"facts": "f"}), "digests.facts is 'f', and must be a digest such as sha256:e3b0c4429..."),
        (edited(versions={"cel": 1}), "versions.cel is 1, and must be text"),
        (edited(data=[]), "data is [], and must be an object"),
        (edited() + b"\n", f"{NOT_CANONICAL} byte {len(edited())}"),
    ],
)
def test_what_is_no_leaf_is_refused_with_its_reason(data: bytes, what: str) -> None:
    with pytest.raises(DamagedLeafError) as caught:
        decode(data)
    assert caught.value.what == what
    assert not caught.value.retryable


def test_time_never_runs_backwards() -> None:
    assert next_time(None, T0) == T0
    assert next_time(T0, T0 + TICK) == T0 + TICK
    assert next_time(T0, T0) == T0 + TICK
    assert next_time(T0, T0 - timedelta(hours=1)) == T0 + TICK


@given(st.lists(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1))))  # noqa: DTZ001
def test_whatever_the_clock_says_each_leaf_is_later(moments: list[datetime]) -> None:
    times: list[datetime] = []
    for now in moments:
        times.append(next_time(times[-1] if times else None, now))
        assert times[-1] >= now
    assert all(a < b for a, b in pairwise(times))


def test_a_whole_log_holds() -> None:
    entries, head = log(*(leaf(i) for i in range(5)))
    found = verify_log(entries, head)
    assert (found.holds, found.size, found.root) == (True, 5, head.root)
    assert verify_log([], Head()).holds


ENTRIES, HEAD = log(*(leaf(i) for i in range(4)))


@pytest.mark.parametrize("position", range(len(ENTRIES[2][1])))
def test_one_changed_byte_names_the_entry(position: int) -> None:
    for flip in (0x01, 0x20, 0x80):
        data = bytearray(ENTRIES[2][1])
        data[position] ^= flip
        changed = bytes(data)
        found = verify_log([*ENTRIES[:2], (2, changed, ENTRIES[2][2]), ENTRIES[3]], HEAD).problem
        assert found is not None
        assert found.index == 2
        assert found.what == "entry 2 was changed: its bytes do not have the hash that was stored with them"
        # The hash made to fit: the entry itself, or the head, still gives it away.
        assert not verify_log([*ENTRIES[:2], (2, changed, leaf_hash(changed)), ENTRIES[3]], HEAD).holds


def rehashed(index: int, one: Leaf) -> tuple[int, bytes, bytes]:
    return (index, encode(one), leaf_hash(encode(one)))


@pytest.mark.parametrize(
    ("entries", "index", "what"),
    [
        ([], 0, "entry 0 is missing: the head counts 4 entries"),
        (ENTRIES[:3], 3, "entry 3 is missing: the head counts 4 entries"),
        ([ENTRIES[0], *ENTRIES[2:]], 1, "entry 1 is missing: entry 2 stands in its place"),
        ([ENTRIES[0], ENTRIES[1], ENTRIES[1]], 1, "entry 1 is out of order: entry 2 should stand here"),
        ([*ENTRIES, rehashed(4, leaf(4))], 4, "entry 4 is not in the tree: the head counts 4 entries"),
        ([rehashed(0, leaf(1))], 0, "entry 0 is in the wrong place: it was written as entry 1"),
        (
            [ENTRIES[0], (1, b"{}", leaf_hash(b"{}"))],
            1,
            "entry 1 is no audit leaf: its format is None, and 'tidegate/leaf/1' is read",
        ),
        (
            [ENTRIES[0], rehashed(1, leaf(1, time=T0))],
            1,
            (
                "entry 1 is of 2026-02-10T18:00:00.000000Z, which is not after the entry before it, "
                "2026-02-10T18:00:00.000000Z"
            ),
        ),
        (
            [*ENTRIES[:3], rehashed(3, leaf(3, verdict="allow"))],
            None,
            (
                "the 4 entries do not lead to the root in the head: an entry was changed together with its hash, "
                "or the head was"
            ),
        ),
    ],
)
def test_the_first_bad_entry_is_named(entries: list[tuple[int, bytes, bytes]], index: int | None, what: str) -> None:
    problem = verify_log(entries, HEAD).problem
    assert problem is not None
    assert (problem.index, problem.what) == (index, what)
    assert "audit verify --against" in problem.remedy


def test_a_changed_head_is_found() -> None:
    assert not verify_log(ENTRIES, replace(HEAD, root=bytes(32))).holds
    assert not verify_log(ENTRIES, replace(HEAD, size=3)).holds
