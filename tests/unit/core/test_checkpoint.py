"""Checkpoints: their text, and a cut tail told apart from a rebuilt tree."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core import checkpoint as cp
from tidegate.core.checkpoint import Checkpoint, Standing
from tidegate.core.merkle import EMPTY_ROOT, frontier, leaf_hash
from tidegate.errors import TidegateError, UsageError

T0 = datetime(2026, 2, 10, 18, 0, tzinfo=UTC)
LEAVES = [leaf_hash(bytes([i])) for i in range(9)]
ORIGIN = cp.origin_of("7D Solutions")
SIGNATURE = "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----"


def at(size: int, **changes: object) -> Checkpoint:
    made = Checkpoint(ORIGIN, size, frontier(LEAVES[:size]).root(), T0)
    return replace(made, **changes)  # type: ignore[arg-type]


TEXT = cp.write(at(0), SIGNATURE)
THEN = "the checkpoint of 2026-02-10T18:00:00.000000Z"
NO_HASH = "and must be a SHA-256 hash in base64"
NO_TIME = "and must be written as: time 2026-02-10T18:00:00.000000Z"


def test_the_text_of_a_checkpoint() -> None:
    expected = (
        "tidegate/7D Solutions\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
        f"time 2026-02-10T18:00:00.000000Z\n\n{SIGNATURE}\n"
    )
    assert expected == TEXT


@given(st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_reads_back_with_the_very_bytes_that_were_signed(size: int, root: bytes) -> None:
    made = Checkpoint(ORIGIN, size, root, T0)
    found = cp.read(cp.write(made, SIGNATURE + "\n"))
    assert (found.checkpoint, found.body, found.signature) == (made, cp.body(made), SIGNATURE)


def test_an_unsigned_checkpoint_can_be_read() -> None:
    for text in (cp.body(at(3)).decode(), cp.write(at(3), "")):
        assert cp.read(text) == cp.SignedCheckpoint(at(3), cp.body(at(3)), "")


@pytest.mark.parametrize(
    ("old", "new", "because"),
    [
        ("tidegate/7D Solutions\n", "", "it has 3 lines before the signature, and must have 4"),
        ("\n\n", "\nmore\n\n", "it has 5 lines before the signature, and must have 4"),
        ("tidegate/7D Solutions", "", "line 1 is '', and must name a log in printable characters"),
        ("tidegate/7D Solutions", "a\tb", "line 1 is 'a\\tb', and must name a log in printable characters"),
        ("\n0\n", "\n00\n", "line 2 is '00', and must be the number of entries"),
        ("\n0\n", "\n-1\n", "line 2 is '-1', and must be the number of entries"),
        ("\n0\n", "\n²\n", "line 2 is '²', and must be the number of entries"),
        ("\n0\n", "\n9007199254740992\n", "line 2 is '9007199254740992', and must be the number of entries"),
        ("47DE", "AA==47DE", f"line 3 is 'AA==47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=', {NO_HASH}"),
        ("uFU=", "uFV=", f"line 3 is '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=', {NO_HASH}"),
        ("time 2026", "2026", f"line 4 is '2026-02-10T18:00:00.000000Z', {NO_TIME}"),
        ("time 2026", "time 26", f"line 4 is 'time 26-02-10T18:00:00.000000Z', {NO_TIME}"),
        (SIGNATURE, "x" * 70_000, "it is 70104 characters long"),
    ],
)
def test_what_is_no_checkpoint_is_refused_by_its_line(old: str, new: str, because: str) -> None:
    assert old in TEXT
    with pytest.raises(UsageError) as caught:
        cp.read(TEXT.replace(old, new, 1))
    assert caught.value.what == f"this is no checkpoint of an audit log: {because}"


def test_a_name_that_would_forge_lines_is_refused() -> None:
    with pytest.raises(UsageError, match="it has 5 lines before the signature, and must have 4"):
        cp.body(at(1, origin=cp.origin_of("x\n9")))


@given(st.text(max_size=200))
def test_reading_is_total(text: str) -> None:
    with pytest.raises(TidegateError):
        cp.read(text)


@pytest.mark.parametrize(
    ("size", "now", "standing", "what"),
    [
        (4, 4, Standing.SAME, f"the log is as it was at {THEN}: 4 entries"),
        (4, 9, Standing.GROWN, f"the log holds all 4 entries of {THEN}, and 5 since"),
        (4, 3, Standing.CUT, f"the log was cut: it has 3 entries, and {THEN} counts 4"),
        (0, 0, Standing.SAME, f"the log is as it was at {THEN}: 0 entries"),
        (0, 2, Standing.GROWN, f"the log holds all 0 entries of {THEN}, and 2 since"),
    ],
)
def test_how_a_log_stands_to_a_checkpoint(size: int, now: int, standing: Standing, what: str) -> None:
    found = cp.verify_against(LEAVES[:now], at(size), origin=ORIGIN)
    assert (found.standing, found.what) == (standing, what)
    assert found.holds is (standing in (Standing.SAME, Standing.GROWN))
    assert bool(found.remedy) is not found.holds


@pytest.mark.parametrize("changed", range(5))
def test_a_rebuilt_tree_is_told_from_a_cut_one(changed: int) -> None:
    rebuilt = [*LEAVES[:changed], leaf_hash(b"other"), *LEAVES[changed + 1 :]]
    found = cp.verify_against(rebuilt, at(5), origin=ORIGIN)
    assert found.standing is Standing.REBUILT
    expected = f"the log was rebuilt: its first 5 entries are not those of {THEN}"
    assert found.what == expected


def test_a_change_after_the_checkpoint_is_not_its_concern() -> None:
    rebuilt = [*LEAVES[:5], leaf_hash(b"other")]
    assert cp.verify_against(rebuilt, at(5), origin=ORIGIN).standing is Standing.GROWN


def test_a_checkpoint_of_nothing_with_a_root_of_something_is_of_another_tree() -> None:
    assert at(0).root == EMPTY_ROOT
    assert cp.verify_against(LEAVES, at(0, root=LEAVES[0]), origin=ORIGIN).standing is Standing.REBUILT


def test_a_checkpoint_of_another_log_is_not_compared() -> None:
    found = cp.verify_against(LEAVES, at(9), origin="tidegate/other")
    assert found.standing is Standing.OTHER_LOG
    assert found.what.endswith("is of the log 'tidegate/7D Solutions', and this is 'tidegate/other'")
