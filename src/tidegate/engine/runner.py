"""The engine of a process that runs legs: it claims them from the queue and carries each to its end."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from tidegate.engine import queue
from tidegate.engine.keeper import Keeper
from tidegate.engine.lease import Lease, Observer, new_executor_id
from tidegate.engine.legs import Body, Json, Leg, LegInterrupted, LegReport, Seam
from tidegate.engine.polling import PollSignal
from tidegate.engine.queue import LegQueue
from tidegate.engine.threads import DaemonThreads
from tidegate.errors import InternalError, StoreError, TidegateError
from tidegate.store import failure
from tidegate.store.database import Database, nowhere
from tidegate.store.election import ExecutorLock

if TYPE_CHECKING:
    from dbos import DBOS

EXIT_LEASE_LOST = 75
SQLITE_EXECUTOR = "elected"
"""On SQLite the file lock lets one process execute; it goes on under its forerunner's name, and so with its legs."""

_logger = logging.getLogger(__name__)


def exit_process() -> None:
    """End this process at once, as a supervisor expects it of one that may be started again (exit code 75)."""
    os._exit(EXIT_LEASE_LOST)


class Engine:
    """Runs legs in this process; one at a time per process, because the workflow engine below is one per process.

    Args:
        legs: the bodies by their versioned names.
        executor_id: unique per boot; made up if None. SQLite needs none.
        at: the kill tests' seam: ``leg:begin``, ``step:before:NAME``, ``step:after:NAME`` (done, not remembered yet),
            ``step:done:NAME``, ``leg:end``.
        lock: the executor's lock, held; SQLite demands it.
        urgent: names of legs that have threads of their own, so that no rollback waits behind rollouts.
        on_lost: what to do when the others have given this executor up; a worker ends itself.
        threads: how many legs run at once; urgent ones are counted by themselves.
        poll_s: seconds between two looks into the queue when nobody wakes us: legs of other processes wait that long.
        lease_s: seconds without a sign of life after which the others take over (PostgreSQL).
    """

    def __init__(
        self,
        database: Database,
        legs: Mapping[str, Body],
        *,
        executor_id: str | None = None,
        at: Seam = nowhere,
        lock: ExecutorLock | None = None,
        urgent: Collection[str] = (),
        on_lost: Callable[[], None] = exit_process,
        threads: int = 8,
        poll_s: float = 0.5,
        lease_s: float = 10.0,
        debug: bool = False,
    ) -> None:
        self._database = database
        self._legs = dict(legs)
        self._on_sqlite = database.kind == "sqlite"
        self.executor_id = SQLITE_EXECUTOR if self._on_sqlite else (executor_id or new_executor_id())
        self._at = at
        self._lock = lock
        self._urgent = frozenset(urgent)
        self._on_lost = on_lost
        self._poll_s = poll_s
        self._level = logging.DEBUG if debug else logging.CRITICAL
        self._queue = LegQueue(database)
        self._signal = PollSignal()
        self._stopping = threading.Event()
        self._carried: set[str] = set()
        self._hand = threading.Lock()
        self._thread_limit = threads
        self._threads = DaemonThreads(threads, "tidegate-leg")
        self._urgent_threads = DaemonThreads(threads, "tidegate-urgent")
        self._lease = None if self._on_sqlite else Lease(database, self.executor_id, lease_s)
        self._keeper = Keeper(
            self.executor_id,
            claimed=self._queue.running,
            carried=lambda: tuple(self._carried),
            put_back=self._put_back,
            lease=self._lease,
            observer=None if self._on_sqlite else Observer(database, lease_s),
            on_lost=self._give_way,
            interval_s=lease_s / 5,
        )
        self._dbos: DBOS | None = None
        self._poller: threading.Thread | None = None

    def migrate(self) -> None:
        """As ``LegQueue.migrate``."""
        self._queue.migrate()

    def enqueue(self, connection: sa.Connection, leg_name: str, leg_id: str, argument: Json) -> None:
        """As ``LegQueue.enqueue``; the leg begins here as soon as the transaction is committed.

        Raises:
            InternalError: no leg of that name is registered here.
        """
        if leg_name not in self._legs:
            raise InternalError(f"there is no leg {leg_name!r}", where=leg_id, remedy="Report this.")
        self._queue.enqueue(connection, leg_name, leg_id, argument)
        self._database.after_commit(connection, self.wake)

    def status(self, leg_id: str) -> LegReport:
        """As ``LegQueue.status``."""
        return self._queue.status(leg_id)

    def wake(self) -> None:
        """Look into the queue now."""
        self._signal.wake()

    def launch(self) -> None:
        """Begin to run legs, first of all those that a forerunner left behind.

        Raises:
            InternalError: this process runs an engine already, or does not hold the executor's lock on SQLite.
            StoreError: the database cannot be reached or changed.
        """
        if self._on_sqlite:
            _demand(self._lock)
        self.migrate()
        if self._lease is not None:
            self._lease.register()
        with failure.wrapped(self._database.where):
            self._dbos = self._launch_dbos()
        self._keeper.start()
        self.wake()

    def close(self, timeout_s: float = 10.0) -> None:
        """Stop within about ``timeout_s`` seconds: no further step begins, and a step under way may end in that time.

        What is not finished goes on where it stood, in the next process that launches. A step that outlasts the time is
        left to its daemon thread, which dies with the process.
        """
        deadline = time.monotonic() + timeout_s
        self._stopping.set()
        self._signal.set()
        self._keeper.stop(_left(deadline) / 4)
        while self._carried and _left(deadline) > 0:
            time.sleep(0.01)
        self._destroy_dbos()
        if self._lease is not None and not self._lease.lost:
            try:
                self._lease.give_up()
            except StoreError as error:
                _logger.warning("the lease could not be given back: %s", error)
        self._queue.close()

    def _launch_dbos(self) -> DBOS:
        from dbos import DBOS
        from dbos import _dbos as module

        if module._dbos_global_instance is not None:
            raise InternalError("this process runs an engine already", remedy="Report this.")
        queue.quiet(self._level)
        dbos = DBOS(config=self._config())
        for name, body in self._legs.items():
            DBOS.workflow(name=name, max_recovery_attempts=None)(self._workflow(name, body))
        # Its own thread for our queue could not be woken; ours is started below.
        DBOS.listen_queues([])
        DBOS.launch()
        self._poller = self._start_poller(dbos)
        return dbos

    def _config(self) -> Any:
        return {
            "name": queue.APPLICATION,
            "application_version": queue.VERSION,
            "executor_id": self.executor_id,
            "system_database_engine": self._database.engine_of_workflows(),
            "run_migrations": False,
            "max_executor_threads": 2 * self._thread_limit + 4,
            # We use neither messages nor events, schedules nor the console.
            # Closing waits for one such interval.
            "notification_listener_polling_interval_sec": 0.1,
            "scheduler_polling_interval_sec": 3600.0,
            "enable_otlp": False,
            "log_level": logging.getLevelName(self._level),
            **queue.settings(),
        }

    def _start_poller(self, dbos: DBOS) -> threading.Thread:
        from dbos import DBOS
        from dbos._queue import queue_worker_thread

        # No worker_concurrency: a leg that waits for its turn on a target would keep others from theirs.
        ours = DBOS.register_queue(queue.QUEUE, polling_interval_sec=self._poll_s, on_conflict="always_update")
        # Its settings are ours alone: reading them again at each poll would double the cost of an idle worker.
        ours.database_backed_queue = False
        thread = threading.Thread(
            target=queue_worker_thread, args=(self._signal, dbos, ours), name="tidegate-queue", daemon=True
        )
        thread.start()
        return thread

    def _destroy_dbos(self) -> None:
        if self._dbos is None:
            return
        from dbos import DBOS

        DBOS.destroy(destroy_registry=True)
        self._dbos = None
        if self._poller is not None:
            self._poller.join(1.0)

    def _workflow(self, name: str, body: Body) -> Callable[[Json], Coroutine[Any, Any, Json]]:
        threads = self._urgent_threads if name in self._urgent else self._threads

        async def carry(argument: Json) -> Json:
            from dbos import DBOS

            leg_id = str(DBOS.workflow_id)
            self._take_in_hand(leg_id)
            try:
                # The engine knows by the context which workflow a step belongs to, so the body takes it along.
                context = contextvars.copy_context()
                run = functools.partial(context.run, self._carry, name, body, leg_id, argument)
                return await asyncio.wrap_future(threads.submit(run))
            finally:
                self._carried.discard(leg_id)

        return carry

    def _take_in_hand(self, leg_id: str) -> None:
        """Carry a leg once at a time in this process.

        On a busy machine a leg may be claimed for seconds before it is in hand. The keeper then takes it for stranded
        and puts it back, it is claimed again, and both runs would begin.
        """
        with self._hand:
            if leg_id in self._carried:
                raise LegInterrupted("this process has it in hand already")
            self._carried.add(leg_id)

    def _carry(self, name: str, body: Body, leg_id: str, argument: Json) -> Json:
        leg = Leg(leg_id, name, run_step=_run_step, gate=self._gate, stopping=self._stopping, at=self._at)
        self._gate()
        self._at("leg:begin")
        try:
            result = body(leg, argument)
        except StoreError as error:
            # Between steps the store failed: no verdict on the leg; the keeper brings it back when the store answers.
            raise LegInterrupted(str(error)) from error
        except Exception as error:
            _logger.error("leg %s failed: %s", leg_id, error, exc_info=not isinstance(error, TidegateError))
            raise
        self._at("leg:end")
        return result

    def _gate(self) -> None:
        lease = self._lease
        while lease is not None and not lease.fresh and not lease.lost and not self._stopping.is_set():
            # Out of touch with the database: nobody may have noticed. The next beat tells whether we still may.
            self._stopping.wait(0.05)
        if self._stopping.is_set() or (lease is not None and lease.lost):
            raise LegInterrupted("this process may not go on with its legs")

    def _give_way(self) -> None:
        self._stopping.set()
        self._signal.set()
        self._on_lost()

    def _put_back(self, leg_id: str, executor: str) -> None:
        if self._dbos is None:
            return
        with failure.wrapped(self._database.where):
            if self._dbos._sys_db.reenqueue_for_recovery(leg_id, [executor], queue.QUEUE):
                _logger.info("leg %s of executor %s was brought back", leg_id, executor)
                self.wake()


def _run_step(name: str, act: Callable[[], Json]) -> Any:
    from dbos import DBOS

    try:
        return DBOS.run_step({"name": name}, act)
    except sa.exc.SQLAlchemyError as error:
        # The act's own errors are part of its outcome, so this is the engine's: what was done is not remembered. The
        # leg is unharmed; once the store answers, the keeper brings it back and the step is done again.
        raise LegInterrupted(f"step {name!r} could not be remembered") from error


def _demand(lock: ExecutorLock | None) -> None:
    if lock is None:
        raise InternalError("an engine on SQLite needs the executor's lock", remedy="Report this.")
    lock.demand()


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
