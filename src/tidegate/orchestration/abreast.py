"""Many units at once: what one unit takes to answer, the others do not wait for."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

A = TypeVar("A")
R = TypeVar("R")

AT_ONCE = 250
"""How many units are asked at the same time. A connection by SSH is a process with three open files, and a process may
have 1,024 of these unless it asks for more: see :func:`allow_open_files`."""

KEPT_S = 10.0
"""How long a thread that has nothing to ask waits for the next question before it ends."""

_OPEN_FILES = 16_384


def allow_open_files() -> None:
    """Ask for as many open files as rollouts side by side may need; where that is refused, what there is must do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def abreast(ask: Callable[[A], R], units: Iterable[A], meanwhile: Callable[[], None] | None = None) -> list[R]:
    """What ``ask`` returned for each unit, in their order; at most `AT_ONCE` of them are asked at the same time.

    Args:
        meanwhile: done by the caller's thread as soon as as many as may be are being asked. What it raises is raised
            here when all have been answered.

    Raises:
        Exception: what ``ask`` raised for the first unit, in their order, for which it did; each was asked or is not
            asked any more by then.
    """
    asked = list(units)
    if len(asked) <= 1 and meanwhile is None:
        return [ask(unit) for unit in asked]
    round_ = _Round(ask, asked)
    try:
        round_.begin()
        if meanwhile is not None:
            round_.under_way.wait(_BEGUN_S)
            meanwhile()
        round_.wait()
    except BaseException as error:
        if not isinstance(error, Exception):
            round_.stop()
        round_.wait()
        raise
    return round_.answers()


_BEGUN_S = 1.0
"""How long the caller waits at most for the last thread to begin: on a machine as busy as that, it does not matter."""


class _Round(Generic[A, R]):
    """One call of :func:`abreast`: the units, whose turn it is, and what was answered."""

    def __init__(self, ask: Callable[[A], R], units: list[A]) -> None:
        self.under_way = threading.Event()
        self._ask = ask
        self._units = units
        self._turns = itertools.count()
        self._answers: dict[int, R] = {}
        self._raised: dict[int, BaseException] = {}
        self._lock = threading.Lock()
        self._begun = self._done = 0
        self._threads = min(AT_ONCE, len(units))
        self._stopped = False
        self._ended = threading.Event()

    def begin(self) -> None:
        """Have threads serve it, as many as there may be; fewer, where the machine gives no more."""
        lent = 0
        try:
            while lent < self._threads:
                _threads.lend(self._serve)
                lent += 1
        except RuntimeError:
            if not lent:
                raise
        finally:
            with self._lock:
                self._threads = lent
                self._tell()

    def stop(self) -> None:
        """Ask no unit whose turn has not come."""
        self._stopped = True

    def _tell(self) -> None:
        if self._begun == self._threads:
            self.under_way.set()
        if self._done == self._threads:
            self._ended.set()

    def _serve(self) -> None:
        """Ask one unit after another, in one of the threads, until none is left or one has raised."""
        with self._lock:
            self._begun += 1
            self._tell()
        try:
            while not (self._raised or self._stopped) and (turn := next(self._turns)) < len(self._units):
                try:
                    self._answers[turn] = self._ask(self._units[turn])
                except BaseException as error:  # noqa: BLE001 - raised again where the answers are waited for
                    self._raised[turn] = error
        finally:
            with self._lock:
                self._done += 1
                self._tell()

    def wait(self) -> None:
        """Until nobody is being asked any more."""
        self._ended.wait()

    def answers(self) -> list[R]:
        """What was answered, in the order of the units; raises what was raised for the first of them."""
        if self._raised:
            raise self._raised[min(self._raised)]
        return [self._answers[turn] for turn in range(len(self._units))]


class _Threads:
    """Threads that are kept for a while: to start two hundred takes longer than many a host takes to answer.

    There is always one for whoever asks, so that a round never waits for another's. They die with the process; nobody
    leaves a round before all of its threads are done with it. A ``ThreadPoolExecutor`` that is kept has one bound for
    all who share it, and a round is asked within a round (the units of each component of several): they would wait for
    each other for ever. And it is waited for at the end of the process, however long a unit hangs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Thread] = []

    def lend(self, serve: Callable[[], None]) -> None:
        """Have a thread call ``serve``, the one that was given back last."""
        with self._lock:
            thread = self._idle.pop() if self._idle else None
        if thread is None:
            _Thread(self, serve).start()
        else:
            thread.call(serve)

    def give_back(self, thread: _Thread) -> None:
        """The thread has nothing to do."""
        with self._lock:
            self._idle.append(thread)

    def take_away(self, thread: _Thread) -> bool:
        """Whether the thread may end: nobody has just lent it."""
        with self._lock:
            if thread not in self._idle:
                return False
            self._idle.remove(thread)
            return True


class _Thread(threading.Thread):
    def __init__(self, of: _Threads, serve: Callable[[], None]) -> None:
        super().__init__(name="tidegate-unit", daemon=True)
        self._of = of
        self._serve: Callable[[], None] | None = serve
        self._called = threading.Lock()
        self._called.acquire()

    def call(self, serve: Callable[[], None]) -> None:
        """Go on with this."""
        self._serve = serve
        self._called.release()

    def run(self) -> None:
        while self._serve is not None:
            self._serve()
            self._serve = None  # what was asked, and answered, is not kept while it waits
            self._of.give_back(self)
            if not self._called.acquire(timeout=KEPT_S):
                if self._of.take_away(self):
                    return
                self._called.acquire()


_threads = _Threads()


def _begin_anew() -> None:
    global _threads  # noqa: PLW0603 - a fork has none of the threads, and perhaps their lock in somebody's hand
    _threads = _Threads()


os.register_at_fork(after_in_child=_begin_anew)
