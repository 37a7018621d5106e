"""A long computation that is shared with a second process."""

from __future__ import annotations

import os
import signal

import pytest

from tidegate import sharing
from tidegate.sharing import made_by_two


def _alone(monkeypatch: pytest.MonkeyPatch, *, shared: bool) -> None:
    # Threads of other tests may still run; a process of a number that is looked at here holds no lock of theirs.
    monkeypatch.setattr(sharing, "_can_share", lambda: shared)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_all_are_made_in_their_order(monkeypatch: pytest.MonkeyPatch, shared: bool, count: int) -> None:
    _alone(monkeypatch, shared=shared)

    assert made_by_two(lambda number: number * number, count) == [number * number for number in range(count)]


def test_every_second_one_is_made_by_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    _alone(monkeypatch, shared=True)

    made = made_by_two(lambda _: os.getpid(), 5)

    assert set(made[::2]) == {os.getpid()}
    assert made[1] == made[3] != os.getpid()


def test_what_the_other_process_cannot_make_is_made_here(monkeypatch: pytest.MonkeyPatch) -> None:
    _alone(monkeypatch, shared=True)
    here = os.getpid()

    def make(number: int) -> int:
        if os.getpid() != here and number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    assert made_by_two(make, 6) == [0, 1, 2, 3, 4, 5]


def test_a_failure_is_told_here(monkeypatch: pytest.MonkeyPatch) -> None:
    _alone(monkeypatch, shared=True)

    def make(number: int) -> int:
        if number == 3:
            raise ValueError("three")
        return number

    with pytest.raises(ValueError, match="three"):
        made_by_two(make, 6)


def test_nothing_is_shared_while_threads_run() -> None:
    import threading

    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not sharing._can_share()
    finally:
        done.set()
        thread.join()
