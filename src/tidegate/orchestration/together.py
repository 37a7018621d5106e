"""Calls of many threads that share one transaction: who comes first carries what waits behind.

A transaction of its own for each of a thousand people who answer at once would make the last wait for a thousand
times of syncing the disk, and of asking the same of the same release. What is shared is only the transaction: each
call is answered, or refused, for itself.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 100
"""So many calls share a transaction at most: others wait for it, too."""


class _Call(Generic[Item, Result]):
    """One call: what it brings, and what came of it."""

    def __init__(self, key: Hashable, item: Item) -> None:
        self.key = key
        self.item = item
        self.results: list[Result | Exception] = []


class Together(Generic[Item, Result]):
    """Where calls wait for each other."""

    def __init__(self) -> None:
        self._waiting: deque[_Call[Item, Result]] = deque()
        self._queue = threading.Lock()
        self._turn = threading.Lock()

    def do(self, key: Hashable, item: Item, run: Callable[[Sequence[Item]], Sequence[Result | Exception]]) -> Result:
        """The result of ``run`` for ``item``, run for others of the same ``key`` at the same time, in their order.

        Args:
            run: gives for each item its result, or the exception that is its own; what it raises is everybody's, and
                then each is run alone.

        Raises:
            Exception: what ``run`` gave or raised for this item.
        """
        call = _Call[Item, Result](key, item)
        with self._queue:
            self._waiting.append(call)
        try:
            with self._turn:
                while not call.results:
                    self._carry(self._take(), run)
        except BaseException:
            self._leave(call)
            raise
        (result,) = call.results
        if isinstance(result, Exception):
            raise result
        return result

    def _take(self) -> list[_Call[Item, Result]]:
        """Those that wait with the first, out of the queue."""
        with self._queue:
            taken = [call for call in self._waiting if call.key == self._waiting[0].key][:MOST]
            for call in taken:
                self._waiting.remove(call)
        return taken

    def _leave(self, call: _Call[Item, Result]) -> None:
        """Whoever is interrupted is carried by nobody afterwards."""
        with self._queue:
            if call in self._waiting:
                self._waiting.remove(call)

    def _carry(
        self, calls: Sequence[_Call[Item, Result]], run: Callable[[Sequence[Item]], Sequence[Result | Exception]]
    ) -> None:
        try:
            try:
                results = run([call.item for call in calls])
            except Exception as error:  # noqa: BLE001  it is raised where the call was made
                results = [error] if len(calls) == 1 else []
            for call, result in zip(calls, results, strict=False):
                call.results.append(result)
            for call in calls if not results else ():
                self._carry([call], run)
        except BaseException:
            # Whoever is interrupted carries nobody: the others carry themselves.
            with self._queue:
                left = [call for call in calls if not call.results and call not in self._waiting]
                self._waiting.extendleft(reversed(left))
            raise
