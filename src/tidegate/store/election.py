"""Who executes on one machine: a file lock elects one of the running commands.

The kernel holds the lock for the process, and gives it back however the process ends; what is written in the file is
for people. On PostgreSQL any number of processes execute, and nothing is elected.
"""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from pathlib import Path

from tidegate.clock import Clock, system_clock, to_text
from tidegate.errors import InternalError, StoreError

_POLL_S = 0.2
_PROBES = 20
_PROBE_PAUSE_S = 0.005
_locks: weakref.WeakSet[ExecutorLock] = weakref.WeakSet()


class ExecutorLock:
    """The right to execute, for one process at a time; the holder writes its process id and the time into the file."""

    def __init__(self, path: Path, *, clock: Clock = system_clock) -> None:
        self.path = path
        self._clock = clock
        self._descriptor: int | None = None
        self._owner = 0
        _locks.add(self)

    @property
    def held(self) -> bool:
        """Whether this very process holds it; a child of the holder does not."""
        return self._descriptor is not None and self._owner == os.getpid()

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it; true if this process has it afterwards.

        Raises:
            StoreError: the file cannot be created or locked.
        """
        if self.held:
            return True
        descriptor = self._open()
        if not self._lock_despite_probes(descriptor):
            os.close(descriptor)
            return False
        self._descriptor, self._owner = descriptor, os.getpid()
        self._introduce(descriptor)
        return True

    def wait(self, timeout_s: float) -> bool:
        """Take the lock as soon as it is free, for at most ``timeout_s`` seconds; false if it never was.

        Raises:
            StoreError: the file cannot be created or locked.
        """
        deadline = time.monotonic() + timeout_s
        while not self.try_acquire():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            # Asked again and again, since a blocking flock could only be given up by a signal.
            time.sleep(min(_POLL_S, left))
        return True

    def holder(self) -> str | None:
        """Who holds it, as they introduced themselves (``pid 4711 since ...``); None if nobody does."""
        if self.held:
            return self._read()
        if not self.path.exists():
            return None
        descriptor = self._open()
        try:
            # A shared lock: two that only ask must not take each other for the holder.
            free = self._lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)
        return None if free else self._read()

    def release(self) -> None:
        """Give the lock back; the file stays, or two processes could lock two files of one name."""
        if self.held and self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def demand(self) -> None:
        """Raise unless this process holds the lock.

        Raises:
            InternalError: it does not.
        """
        if not self.held:
            raise InternalError(
                "legs are run without holding the executor's lock", where=str(self.path), remedy="Report this."
            )

    def forget_inherited(self) -> None:
        """In a forked child: close the copy of the parent's open file, which frees nothing.

        The lock belongs to the open file and not to the process: a child that kept its copy would go on holding the
        lock after its parent was killed.
        """
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _lock_despite_probes(self, descriptor: int) -> bool:
        # ``holder()`` of another process locks shared for a moment; only an exclusive lock means somebody executes.
        for _ in range(_PROBES):
            if self._lock(descriptor):
                return True
            if not self._lock(descriptor, fcntl.LOCK_SH):
                return False
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            time.sleep(_PROBE_PAUSE_S)
        return False

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from error

    def _lock(self, descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            os.close(descriptor)
            raise self._unusable(error) from error
        return True

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(
            f"the executor's lock cannot be used: {error.strerror}",
            where=str(self.path),
            remedy="Make the directory writable for this user, on a local disk.",
        )

    def _introduce(self, descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()} since {to_text(self._clock())}\n".encode(), 0)

    def _read(self) -> str:
        try:
            return self.path.read_text("utf-8", "replace").strip() or "somebody"
        except OSError:
            return "somebody"


def _forget_all_inherited() -> None:
    for lock in list(_locks):
        lock.forget_inherited()


os.register_at_fork(after_in_child=_forget_all_inherited)
