"""Many units at once: in their order, each once, in threads that are kept."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable

import pytest

from tests.support.patience import PATIENCE_S
from tidegate.orchestration import abreast as module
from tidegate.orchestration.abreast import abreast


def test_the_answers_come_in_the_order_of_the_units_though_all_are_asked_at_once() -> None:
    together = threading.Barrier(20)

    def ask(unit: int) -> int:
        together.wait(PATIENCE_S)
        return unit * unit

    assert abreast(ask, range(20)) == [unit * unit for unit in range(20)]


def test_no_more_are_asked_at_once_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 3)
    asking, most, guard = [0], [0], threading.Lock()

    def ask(unit: int) -> int:
        with guard:
            asking[0] += 1
            most[0] = max(most[0], asking[0])
        threading.Event().wait(0.001)
        with guard:
            asking[0] -= 1
        return unit

    assert abreast(ask, range(30)) == list(range(30))
    assert most[0] <= 3


def test_the_threads_are_kept_for_the_next_question() -> None:
    def ask(_: int) -> int:
        return threading.get_ident()

    first = set(abreast(ask, range(8)))
    before = threading.active_count()
    for _ in range(20):
        abreast(ask, range(8))
    assert threading.active_count() <= before + 8
    assert threading.get_ident() not in first


def test_one_round_waits_for_no_thread_of_another() -> None:
    release = threading.Event()
    outer = threading.Thread(target=lambda: abreast(lambda _: release.wait(PATIENCE_S), range(4)))
    outer.start()
    try:
        assert abreast(lambda unit: abreast(lambda inner: unit + inner, range(3)), range(3)) == [
            [0, 1, 2],
            [1, 2, 3],
            [2, 3, 4],
        ]
    finally:
        release.set()
        outer.join()


def test_what_the_first_unit_raised_is_raised_when_nobody_is_asked_any_more() -> None:
    gate, ended = threading.Event(), []

    def ask(unit: int) -> int:
        if unit == 0:
            gate.wait(PATIENCE_S)
            raise ValueError("the first")
        if unit == 1:
            gate.set()
            raise KeyError("the second")
        ended.append(unit)
        return unit

    with pytest.raises(ValueError, match="the first"):
        abreast(ask, range(2))
    with pytest.raises(KeyError):
        abreast(ask, [1, 2])
    assert ended in ([], [2])


def test_meanwhile_something_else_is_done_by_the_caller() -> None:
    done, me = threading.Event(), threading.get_ident()
    by: list[int] = []

    def meanwhile() -> None:
        by.append(threading.get_ident())
        done.set()

    assert abreast(lambda unit: (unit, done.wait(PATIENCE_S)), range(3), meanwhile) == [(0, True), (1, True), (2, True)]
    assert abreast(lambda unit: unit, [], meanwhile) == []
    assert by == [me, me]


def test_what_meanwhile_raises_waits_for_the_answers() -> None:
    answered: list[int] = []

    def meanwhile() -> None:
        raise ValueError("of ours")

    with pytest.raises(ValueError, match="of ours"):
        abreast(answered.append, range(5), meanwhile)
    assert sorted(answered) == list(range(5))


def test_where_the_machine_gives_no_more_threads_those_that_there_are_ask_all(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = module._Threads()
    monkeypatch.setattr(module, "_threads", kept)
    lend, most = kept.lend, [3]

    def refuse(serve: Callable[[], None]) -> None:
        if not most[0]:
            raise RuntimeError("can't start new thread")
        most[0] -= 1
        lend(serve)

    monkeypatch.setattr(kept, "lend", refuse)
    assert abreast(lambda unit: unit, range(20)) == list(range(20))
    with pytest.raises(RuntimeError):
        abreast(lambda unit: unit, range(20))


def test_who_is_interrupted_leaves_when_those_have_answered_who_were_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    gate, asked = threading.Event(), []

    def ask(unit: int) -> None:
        asked.append(unit)
        gate.wait(PATIENCE_S)

    def interrupted() -> None:
        threading.Timer(0.05, gate.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        abreast(ask, range(100), interrupted)
    assert (gate.is_set(), sorted(asked)) == (True, [0, 1])


def test_a_fork_asks_with_threads_of_its_own() -> None:
    abreast(lambda unit: unit, range(4))
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if abreast(lambda unit: unit, range(4)) == list(range(4)) else 1)
        except BaseException:  # noqa: BLE001 - the child must not go on as the tests do
            traceback.print_exc()
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
