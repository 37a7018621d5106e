"""Executing from a command: whoever is first executes, the others follow and take over when it ends."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import TYPE_CHECKING

from tidegate.cli.text import clean
from tidegate.engine.runner import exit_process
from tidegate.orchestration.executor import Executor
from tidegate.orchestration.house import House
from tidegate.views.attention import executor_lock

if TYPE_CHECKING:
    from tidegate.cli.session import Session

TAKE_OVER_S = 0.5
"""How often a follower asks whether the executor has ended."""
CLOSING_S = 10.0


class Executing:
    """The executor of this command: opened when nobody else executes, closed at the end of the block.

    On SQLite the file lock elects; on PostgreSQL every command that follows executes, too.
    """

    def __init__(self, session: Session, house: House) -> None:
        self._session = session
        self._house = house
        self._lock = executor_lock(house) if house.database.kind == "sqlite" else None
        self._executor: Executor | None = None
        self._next_try = 0.0

    def __enter__(self) -> Executing:
        log_to(self._session)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def executes(self) -> bool:
        """Whether this very command executes."""
        return self._executor is not None

    def tend(self) -> None:
        """Execute, if nobody does; costs nothing between two tries.

        Raises:
            StoreError: the database or the lock cannot be used.
        """
        if self._executor is not None or time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + TAKE_OVER_S
        if self._lock is not None and not self._lock.try_acquire():
            return
        executor = Executor(self._house, lock=self._lock, on_lost=self._lost)
        try:
            executor.open()
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise
        self._executor = executor

    def _lost(self) -> None:
        self._session.say("this executor was given up by the others, and stops before it does anything twice")
        exit_process()

    def idle(self) -> bool:
        """Whether nothing runs in this command right now."""
        return self._executor is None or self._executor.idle()

    def close(self) -> None:
        """Stop executing: what is under way may end within ten seconds, the rest is for the next executor."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.close(CLOSING_S)
        if self._lock is not None:
            self._lock.release()


class _Talk(logging.Handler):
    """Warnings of the parts, as a sentence on stderr: no traceback unless it is asked for."""

    def __init__(self, session: Session) -> None:
        super().__init__(logging.DEBUG if session.verbose else logging.WARNING)
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        try:
            said = clean(record.getMessage())
            if record.exc_info and record.exc_info[1] is not None:
                said += f": {clean(record.exc_info[1])}"
            self._session.say(f"{record.levelname.lower()}: {said}")
            if record.exc_info and self._session.verbose:
                self._session.say(logging.Formatter().formatException(record.exc_info))
        except Exception:  # noqa: BLE001  a log line must never end what it tells about
            self.handleError(record)


def log_to(session: Session) -> None:
    """Have the parts' warnings told on stderr."""
    logger = logging.getLogger("tidegate")
    logger.handlers = [_Talk(session)]
    logger.propagate = False
    if session.verbose:
        logger.setLevel(logging.INFO)
    logging.raiseExceptions = session.verbose
