"""A long computation that is shared with a second process, so that whoever waits for it waits half as long."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")


def made_by_two(make: Callable[[int], T], count: int) -> list[T]:
    """``[make(0), make(1), ...]``, every second one made by a process that begins as a copy of this one.

    It is made here alone where there is one processor, where the system copies no processes, and where threads run,
    whose locks a copy would find locked for ever. What the copy could not make is made here too.

    Args:
        make: depends on nothing that another call of it changes; its answers can be pickled.
    """
    if not _can_share():
        return [make(number) for number in range(count)]
    import multiprocessing

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    # A copy that is left behind ends with us.
    copy = context.Process(target=_make_some, args=(make, range(1, count, 2), theirs), daemon=True)
    copy.start()
    theirs.close()
    made: dict[int, T] = {number: make(number) for number in range(0, count, 2)}
    try:
        made |= ours.recv()
    except EOFError:
        made |= {number: make(number) for number in range(1, count, 2)}
    copy.join()
    return [made[number] for number in range(count)]


def _make_some(make: Callable[[int], T], numbers: Sequence[int], answers: Connection) -> None:
    import gc
    import signal

    # What was there before is not the copy's to let go, and to look through it would copy it.
    gc.disable()
    # Whoever interrupts us is answered by the process that was called.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        made = {number: make(number) for number in numbers}
    except Exception:  # noqa: BLE001  what fails here fails there too, and is told there
        return
    answers.send(made)


def _can_share() -> bool:
    threading = sys.modules.get("threading")
    alone = threading is None or threading.active_count() == 1
    return sys.platform == "linux" and alone and len(os.sched_getaffinity(0)) > 1
