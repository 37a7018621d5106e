"""The signal on which the engine's queue thread waits between two polls."""

from __future__ import annotations

import threading


class PollSignal(threading.Event):
    """A stop event that can also be *woken*: the wait then ends at once, and says that it was not stopped.

    The engine's queue thread asks only ``is_set()`` and ``wait(timeout)`` of its stop event, and polls after each wait
    that was not stopped. So a wake-up makes it poll now. One that comes during a poll is kept for the next wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self._either = threading.Condition()
        self._woken = False

    def wake(self) -> None:
        """End the wait at hand, or else the next one."""
        with self._either:
            self._woken = True
            self._either.notify_all()

    def set(self) -> None:
        """Stop, and end the wait at hand."""
        super().set()
        with self._either:
            self._either.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until stopped, woken or ``timeout`` seconds have passed; true if stopped."""
        with self._either:
            self._either.wait_for(lambda: self._woken or self.is_set(), timeout)
            self._woken = False
        return self.is_set()
