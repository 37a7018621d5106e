"""Brings legs back that nobody carries any more.

A leg that is RUNNING under the name of an executor that no longer lives is put back into the queue. So is one that runs
under our own name and that we know nothing of: its checkpoint or its outcome could not be written (a full disk), or it
was claimed and the connection broke before it began.

Putting back is one conditional UPDATE: *if it is still claimed by this dead executor*. So any number of processes may
do so at once, or fall asleep in the middle and go on later: a leg that another has claimed meanwhile is not touched.
The engine's public ``resume_workflow`` has no such condition, and two of them that race would take a leg from the very
executor that has just begun it; that is why the engine's own recovery call is used here, which has it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection

from tidegate.engine.lease import Lease, Observer
from tidegate.errors import StoreError

_logger = logging.getLogger(__name__)


class Keeper:
    """One thread that beats, watches the others, and puts stranded legs back.

    Args:
        claimed: leg id to executor id, of all legs that are claimed and not finished.
        carried: the legs that this process has in hand.
        put_back: puts one leg back, if it is still claimed by that executor.
        on_lost: called once, when somebody else has given us up.
    """

    def __init__(
        self,
        executor_id: str,
        *,
        claimed: Callable[[], dict[str, str]],
        carried: Callable[[], Collection[str]],
        put_back: Callable[[str, str], None],
        lease: Lease | None,
        observer: Observer | None,
        on_lost: Callable[[], None],
        interval_s: float,
    ) -> None:
        self._id = executor_id
        self._claimed = claimed
        self._carried = carried
        self._put_back = put_back
        self._lease = lease
        self._observer = observer
        self._on_lost = on_lost
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._suspects: frozenset[str] = frozenset()
        self._threads = [threading.Thread(target=self._watch, name="tidegate-keeper", daemon=True)]
        if lease is not None:
            # A thread of its own: a slow look at the others must not cost us our lease.
            self._threads.append(threading.Thread(target=self._beat, name="tidegate-lease", daemon=True))

    def start(self) -> None:
        """Begin to beat and to watch."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop watching; waits at most ``timeout_s`` seconds for what is under way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout_s)

    def _beat(self) -> None:
        lease = self._lease
        while lease is not None and not self._stopping.wait(self._interval_s):
            try:
                lease.beat()
            except StoreError as error:
                _logger.warning("the lease could not be renewed: %s", error)
            if lease.lost and not self._stopping.is_set():
                _logger.error("executor %s was given up by the others and stops", self._id)
                self._on_lost()
                return

    def _watch(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.look()
            except StoreError as error:
                _logger.warning("stranded legs could not be looked for: %s", error)
            except Exception:
                # The engine's own exceptions; the next look begins afresh.
                _logger.exception("looking for stranded legs failed")

    def look(self) -> None:
        """Look once, and put back what is stranded.

        Raises:
            StoreError: the database cannot be reached.
        """
        # First the claims, then who lives: an executor that claims has its row already, so none that is new looks dead.
        claimed = self._claimed()
        living = self._observer.living() if self._observer is not None else frozenset({self._id})
        for leg_id, executor in claimed.items():
            if executor not in living:
                self._put_back(leg_id, executor)
        # Twice in a row, since a leg that has just been claimed is in hand a moment later.
        carried = frozenset(self._carried())
        ours = frozenset(leg_id for leg_id, executor in claimed.items() if executor == self._id) - carried
        for leg_id in ours & self._suspects:
            self._put_back(leg_id, self._id)
        self._suspects = ours - self._suspects
