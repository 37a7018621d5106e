"""The executor: runs legs, and does what is due, as long as it is asked to.

One executes at a time on SQLite (a file lock elects it among the commands), any number on PostgreSQL. It sleeps until
the next thing is due, until it is woken by a transaction of its own process, or at most until it looks again for what
another process has put there.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from tidegate.engine.runner import Engine, exit_process
from tidegate.errors import StoreError, TidegateError
from tidegate.orchestration import homecoming
from tidegate.orchestration.abreast import allow_open_files
from tidegate.orchestration.checkpoint import BACK_LEG
from tidegate.orchestration.house import House
from tidegate.orchestration.leg import legs
from tidegate.orchestration.sweep import MESSAGE, due_jobs, next_due
from tidegate.orchestration.train_plan import ensure_planned
from tidegate.store.database import Seam, nowhere
from tidegate.store.election import ExecutorLock

LOOK_AGAIN_S = 0.5
"""How long another process's work waits at most: nobody wakes us across processes."""
JOBS_AT_ONCE = 4

_logger = logging.getLogger(__name__)


class Executor:
    """Runs in threads of this process between :meth:`open` and :meth:`close`.

    Args:
        lock: the executor's lock, held; SQLite needs it, PostgreSQL has none.
        at: the engine's seam for the kill tests.
        look_again_s: how long another process's work waits at most (seconds).
        on_lost: as the engine's.
        lease_s: as the engine's.
    """

    def __init__(
        self,
        house: House,
        *,
        lock: ExecutorLock | None = None,
        at: Seam = nowhere,
        look_again_s: float = LOOK_AGAIN_S,
        on_lost: Callable[[], None] | None = None,
        lease_s: float = 10.0,
    ) -> None:
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._running: dict[str, object] = {}
        self._guard = threading.Lock()
        self._look_again_s = look_again_s
        self._lock = lock
        self._engine = Engine(
            house.database,
            legs(lambda: self.house),
            lock=lock,
            urgent=[BACK_LEG],
            at=at,
            poll_s=look_again_s,
            lease_s=lease_s,
            on_lost=on_lost or exit_process,
        )
        self.house = replace(house, queue=self._engine, wake=self.wake)
        self._pool = ThreadPoolExecutor(JOBS_AT_ONCE, thread_name_prefix="tidegate-due")
        # Of their own: a mail server that takes minutes to answer must not keep a watch from being looked at.
        self._senders = ThreadPoolExecutor(JOBS_AT_ONCE, thread_name_prefix="tidegate-send")
        self._thread = threading.Thread(target=self._loop, name="tidegate-executor", daemon=True)

    def wake(self) -> None:
        """Something is due, or was committed, in this process: look at once."""
        self._woken.set()

    def open(self) -> None:
        """Begin.

        Raises:
            StoreError: the database cannot be reached or changed.
        """
        allow_open_files()
        homecoming.bring_home(self.house)
        ensure_planned(self.house)
        self._engine.launch()
        self._thread.start()
        # What is loaded by now stays. To look through all of it for garbage again and again takes a tenth of a second
        # each time, in which no host is answered.
        gc.freeze()

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop: what is under way may end within the time; what does not goes on in the next executor."""
        gc.unfreeze()
        self._closing.set()
        self._woken.set()
        self._thread.join(timeout_s)
        for pool in (self._pool, self._senders):
            pool.shutdown(wait=False, cancel_futures=True)
        self._engine.close(timeout_s)

    @property
    def name(self) -> str:
        """Who this is, in claims."""
        return self._engine.executor_id

    def _loop(self) -> None:
        while not self._closing.is_set():
            self._woken.clear()
            wait_s = self._look_again_s
            try:
                wait_s = self._look()
            except StoreError as error:
                _logger.warning("the store cannot be read, trying again: %s", error)
            except Exception:
                _logger.exception("the executor's look failed")
            self._woken.wait(wait_s)

    def _look(self) -> float:
        """Begin what is due; how long there is nothing else to do, in seconds."""
        homecoming.bring_home(self.house)
        due_at = next_due(self.house)
        if due_at is not None and due_at <= self.house.now():
            # The rows themselves are only read now: most looks find nothing due, and a worker looks twice a second.
            self._begin_due()
            due_at = next_due(self.house)
        return self._until(due_at)

    def _begin_due(self) -> None:
        for name, job in due_jobs(self.house, self.name):
            with self._guard:
                if name in self._running or self._closing.is_set():
                    continue
                self._running[name] = job
            (self._senders if name.startswith(MESSAGE) else self._pool).submit(self._do, name, job)

    def _do(self, name: str, job: Callable[[], None]) -> None:
        try:
            job()
        except TidegateError as error:
            _logger.warning("%s: %s", name, error)
        except Exception:
            _logger.exception("%s failed", name)
        finally:
            with self._guard:
                self._running.pop(name, None)
            self._woken.set()

    def _until(self, due_at: datetime | None) -> float:
        if due_at is None:
            return self._look_again_s
        left = (due_at - self.house.now()).total_seconds()
        # What is overdue and not running any more was claimed by somebody else, or has just failed.
        return min(max(left, 0.02), self._look_again_s)

    def idle(self) -> bool:
        """Whether nothing runs here right now."""
        with self._guard:
            return not self._running


def until(condition: Callable[[], bool], timeout_s: float, every_s: float = 0.05) -> bool:
    """Wait until ``condition`` holds; whether it did within the time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(every_s)
    return condition()
