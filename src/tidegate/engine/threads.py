"""Bounded daemon threads for the bodies of legs.

``concurrent.futures`` joins its threads at interpreter exit, so that one step that hangs would keep a finished command
from ending. These threads die with the process; what they were doing is what the next start brings back.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class DaemonThreads:
    """At most ``limit`` threads, started when there is work for them; further work waits in the order it came."""

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._name = name
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._outstanding = 0

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Run ``function`` in one of the threads; the future gets what it returns or raises."""
        future: Future[T] = Future()
        with self._lock:
            self._work.put(lambda: _fulfil(future, function))
            self._outstanding += 1
            if self._threads < min(self._limit, self._outstanding):
                self._threads += 1
                threading.Thread(target=self._serve, name=f"{self._name}-{self._threads}", daemon=True).start()
        return future

    def _serve(self) -> None:
        while True:
            self._work.get()()
            with self._lock:
                self._outstanding -= 1


def _fulfil(future: Future[T], function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - the future is the only one who waits for this thread
        future.set_exception(error)
    else:
        future.set_result(result)
