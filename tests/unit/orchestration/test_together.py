"""Calls that share one transaction: each is answered once, for itself, whatever becomes of the others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.support.patience import PATIENCE_S
from tidegate.orchestration.together import MOST, Together


def doubled(items: Sequence[int]) -> list[int | Exception]:
    return [item * 2 for item in items]


def test_one_alone_is_run_alone() -> None:
    assert Together[int, int]().do("key", 4, doubled) == 8


def all_at_once(together: Together[int, int], run: object, keys: Sequence[str]) -> list[int | str]:
    """What each of the calls gave, with all of them waiting before the first is run."""
    assert callable(run)
    begin = threading.Barrier(len(keys))

    def one(number: int) -> int | str:
        begin.wait()
        try:
            return together.do(keys[number], number, run)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(len(keys)) as pool:
        return [each.result() for each in [pool.submit(one, number) for number in range(len(keys))]]


def test_those_that_wait_are_run_together_with_those_of_their_key_only() -> None:
    batches: list[list[int]] = []
    first = threading.Event()

    def run(items: Sequence[int]) -> list[int | Exception]:
        # The first is held until the others have come.
        if not batches:
            batches.append(list(items))
            first.wait(PATIENCE_S)
        else:
            batches.append(list(items))
        return doubled(items)

    together = Together[int, int]()
    keys = ["even" if number % 2 == 0 else "odd" for number in range(20)]
    threading.Timer(0.3, first.set).start()
    assert all_at_once(together, run, keys) == [number * 2 for number in range(20)]
    assert sorted(item for batch in batches for item in batch) == list(range(20))
    assert all(len({item % 2 for item in batch}) == 1 for batch in batches)
    assert max(map(len, batches)) > 1


def test_no_more_than_the_most_share() -> None:
    sizes: list[int] = []

    def run(items: Sequence[int]) -> list[int | Exception]:
        sizes.append(len(items))
        return doubled(items)

    keys = ["same"] * (MOST + 20)
    assert all_at_once(Together(), run, keys) == [number * 2 for number in range(MOST + 20)]
    assert sum(sizes) == MOST + 20
    assert max(sizes) <= MOST


def test_what_is_refused_is_its_own_and_what_fails_is_run_alone() -> None:
    def run(items: Sequence[int]) -> list[int | Exception]:
        if len(items) > 1:
            raise ValueError("nobody's")
        if items[0] == 3:
            raise ValueError("3 fails")
        return [ValueError(f"{item} is refused") if item == 5 else item for item in items]

    found = all_at_once(Together(), run, ["same"] * 8)
    assert found == [0, 1, 2, "3 fails", 4, "5 is refused", 6, 7]


def test_who_is_interrupted_takes_nobody_along() -> None:
    class Interrupted(BaseException):
        """As a key that is pressed."""

    together = Together[int, int]()
    entered, go = threading.Event(), threading.Event()
    runs: list[list[int]] = []

    def run(items: Sequence[int]) -> list[int | Exception]:
        runs.append(list(items))
        if len(runs) == 1:
            entered.set()
            go.wait(PATIENCE_S)
            return doubled(items)
        if len(runs) == 2:
            raise Interrupted
        return doubled(items)

    found: dict[int, int | str] = {}

    def one(number: int) -> None:
        try:
            found[number] = together.do("same", number, run)
        except Interrupted:
            found[number] = "interrupted"

    first = threading.Thread(target=one, args=(0,))
    first.start()
    assert entered.wait(PATIENCE_S)
    others = [threading.Thread(target=one, args=(number,)) for number in (1, 2, 3)]
    for thread in others:
        thread.start()
    while len(together._waiting) < 3:
        pass
    go.set()
    for thread in [first, *others]:
        thread.join(10)
    assert found.pop(0) == 0
    assert sorted(found) == [1, 2, 3]
    (gone,) = [number for number, value in found.items() if value == "interrupted"]
    assert gone not in [item for batch in runs[2:] for item in batch]
    assert sorted(value for value in found.values() if value != "interrupted") == sorted(
        number * 2 for number, value in found.items() if value != "interrupted"
    )


def test_an_interrupt_while_each_is_run_alone_loses_nobody() -> None:
    class Interrupted(BaseException):
        """As a key that is pressed."""

    together = Together[int, int]()
    entered, go = threading.Event(), threading.Event()
    runs: list[list[int]] = []
    pressed: list[int] = []

    def run(items: Sequence[int]) -> list[int | Exception]:
        runs.append(list(items))
        if len(runs) == 1:
            entered.set()
            go.wait(PATIENCE_S)
        elif len(items) > 1:
            raise ValueError("together it fails")
        elif not pressed:
            pressed.append(items[0])
            raise Interrupted
        return doubled(items)

    found: dict[int, int | str] = {}

    def one(number: int) -> None:
        try:
            found[number] = together.do("same", number, run)
        except Interrupted:
            found[number] = "interrupted"

    threads = [threading.Thread(target=one, args=(number,)) for number in range(5)]
    threads[0].start()
    assert entered.wait(PATIENCE_S)
    for thread in threads[1:]:
        thread.start()
    while len(together._waiting) < 4:
        pass
    go.set()
    for thread in threads:
        thread.join(10)
    assert sorted(found) == [0, 1, 2, 3, 4]
    interrupted = [number for number, value in found.items() if value == "interrupted"]
    assert len(interrupted) == 1
    assert all(value == number * 2 for number, value in found.items() if number not in interrupted)
