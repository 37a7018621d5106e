"""Files of the way back, written by many at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from tidegate.orchestration.wayback import JOURNAL_ROOM, journal_path, reserve_journal, write_durably

AT_ONCE = 8


def at_once(do: Callable[[int], object], *, times: int = AT_ONCE) -> None:
    """Do the same in several threads that begin together; the first failure is raised."""
    ready = Barrier(times)

    def together(number: int) -> None:
        ready.wait(timeout=30)
        do(number)

    with ThreadPoolExecutor(times) as pool:
        list(pool.map(together, range(times)))


@pytest.mark.parametrize("again", range(5))
def test_rollouts_that_begin_together_make_room_for_the_journal(tmp_path: Path, again: int) -> None:
    state = tmp_path / f"state-{again}"
    at_once(lambda _: reserve_journal(state))
    assert journal_path(state).read_bytes() == b"\n" * JOURNAL_ROOM
    assert [found.name for found in state.iterdir()] == [journal_path(state).name]


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(tmp_path: Path) -> None:
    left, written = tmp_path / "billing.0123.draft", tmp_path / "billing.4567.draft"
    other = tmp_path / "shop.0123.draft"
    for path in (left, written, other):
        path.write_bytes(b"half")
    for path in (left, other):
        os.utime(path, (0, 0))
    write_durably(tmp_path / "billing.json", b"whole")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["billing.4567.draft", "billing.json", other.name]


@pytest.mark.parametrize("again", range(5))
def test_a_file_that_many_write_is_that_of_one_of_them(tmp_path: Path, again: int) -> None:
    path = tmp_path / f"way-back-{again}" / "billing.json"
    at_once(lambda number: write_durably(path, bytes([number]) * 200_000))
    data = path.read_bytes()
    assert data == data[:1] * 200_000
    assert [found.name for found in path.parent.iterdir()] == [path.name]
