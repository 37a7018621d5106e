"""What stands of backups, worked out from what was done; how sizes and figures are compared; what may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.backup import (
    BackupAct,
    BackupEntry,
    bytes_text,
    compared,
    shrunk,
    standing,
    surplus,
)

BEGIN = datetime(2026, 12, 1, tzinfo=UTC)


def entry(
    act: BackupAct, backup: str, hour: int, outcome: bool | None = True, environment: str = "production"
) -> BackupEntry:
    id_ = backup if act is BackupAct.TAKEN else f"{act}-{hour}"
    at = BEGIN + timedelta(hours=hour)
    return BackupEntry(
        id_, backup, "db", environment, act, at, outcome, f"{act} {hour}", "files", 9, "s", "f", "r", "x"
    )


def took(backup: str, hour: int, verified: bool | None = True) -> list[BackupEntry]:
    return [entry(BackupAct.TAKEN, backup, hour), entry(BackupAct.VERIFIED, backup, hour + 1, verified)]


def test_the_newest_counts_with_its_own_checks_and_any_restore() -> None:
    entries = [
        *took("a", 0),
        entry(BackupAct.OFFSITE, "a", 2),
        entry(BackupAct.RESTORED, "a", 3),
        *took("b", 10, verified=None),
        entry(BackupAct.VERIFIED, "b", 12, outcome=False),
        entry(BackupAct.TAKEN, "c", 20, environment="staging"),
    ]
    for order in [entries, entries[::-1], *list(permutations(entries))[:200:7]]:
        production, staging = standing(order)
        assert (production.id, production.taken_at.hour) == ("b", 10)
        assert production.verified is not None
        assert (production.verified.outcome, production.verified.said) == (False, "verified 12")
        assert production.offsite is None
        assert production.restored is not None
        assert production.restored.at.hour == 3
        assert (staging.id, staging.verified, staging.restored) == ("c", None, None)


@pytest.mark.parametrize(
    ("size", "earlier", "said"),
    [
        (100, [], ""),
        (50, [100], ""),
        (49, [100], "it has 49 B, less than half of what the last ones have (100 B)"),
        (0, [1], "it has 0 B, less than half of what the last ones have (1 B)"),
        (40, [1000, 1000, 1000, 60, 70, 80, 60, 70], ""),
        (30, [1, 1, 1, 60, 70, 80, 60, 70], "it has 30 B, less than half of what the last ones have (70 B)"),
    ],
)
def test_one_that_is_much_smaller_is_suspected(size: int, earlier: list[int], said: str) -> None:
    assert shrunk(size, earlier) == said


def test_what_is_not_verified_replaces_nothing() -> None:
    three = [*took("a", 0), *took("b", 10), *took("c", 20)]
    assert [one.backup for one in surplus(three, "db", "production", 2)] == ["a"]
    assert [one.backup for one in surplus(three, "db", "production", 3)] == []
    assert surplus(three, "db", "staging", 1) == []
    bad = [*took("a", 0), *took("b", 10, verified=False), *took("c", 20, verified=None)]
    assert surplus(bad, "db", "production", 1) == []
    assert [one.backup for one in surplus([*bad, *took("d", 30)], "db", "production", 1)] == ["a", "b", "c"]


@given(st.lists(st.sampled_from([True, False, None]), max_size=12), st.integers(1, 5))
def test_the_newest_verified_ones_never_go(verified: list[bool | None], keep: int) -> None:
    entries = [one for number, good in enumerate(verified) for one in took(f"b{number:02}", 10 * number, good)]
    gone = {one.backup for one in surplus(entries, "db", "production", keep)}
    good = [f"b{number:02}" for number, is_good in enumerate(verified) if is_good]
    assert not gone & set(good[-keep:])
    assert len(set(good) - gone) == min(len(good), keep)


@pytest.mark.parametrize(
    ("taken", "restored", "expected"),
    [
        ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}, (True, "2 of 2 are equal")),
        ({}, {}, (None, "there is nothing to compare")),
        ({"a": "1"}, {}, (False, "a is missing")),
        ({}, {"a": "1"}, (False, "a was not there")),
        ({"a": "1", "b": "1"}, {"a": "2", "b": "1"}, (False, "a has 2, and had 1")),
        ({"a": None, "b": "1"}, {"a": "2", "b": "1"}, (None, "a changed while the backup was taken")),
        ({"a": None, "b": "1"}, {"a": "2", "b": "2"}, (False, "b has 2, and had 1")),
        (
            dict.fromkeys("abcde", "1"),
            dict.fromkeys("abcde", "2"),
            (False, "a has 2, and had 1; b has 2, and had 1; c has 2, and had 1; and 2 more differ"),
        ),
        (dict.fromkeys("abcde", "1"), {}, (False, "a, b, c and 2 more are missing")),
    ],
)
def test_what_was_restored_is_compared(
    taken: dict[str, str | None], restored: dict[str, str | None], expected: tuple[bool | None, str]
) -> None:
    assert compared(taken, restored) == expected


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (1024**7, "1048576.0 PiB"),
    ],
)
def test_sizes_are_told_in_short(size: int, text: str) -> None:
    assert bytes_text(size) == text
