"""When to look at a workload again: as soon as a watch tells of a change, or where none can be had, again and again.

A watch begins without a version: the server then says first what there is, which is the list, and goes on from there.
After an end it goes on from the last version it saw, also in a bookmark; if that is too old (410), it begins anew.
A watch only wakes us. What counts is what is read then, so one that says too much, too little or nothing costs time.

Source: kubernetes.io, "Kubernetes API Concepts" (efficient detection of changes, bookmarks, 410 Gone).
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

from tidegate.drivers.kubernetes.cluster import Cluster, ExpiredError
from tidegate.drivers.kubernetes.hold import Pace
from tidegate.errors import TargetError

_MOST_FAILURES = 3


class Lookout:
    """Looks out for changes of one workload while it is open."""

    def __init__(self, cluster: Cluster, kind: str, name: str, pace: Pace) -> None:
        self._cluster, self._kind, self._name, self._pace = cluster, kind, name, pace
        self._over, self._watching, self._changed = threading.Event(), threading.Event(), threading.Event()
        self._read = time.monotonic()
        self._ended = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)

    def __enter__(self) -> Lookout:
        # Each watch keeps a connection; where there are many already, this one looks again and again.
        if self._cluster.watches.acquire(blocking=False):
            self._ended.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()  # the thread ends with the next thing it hears, at the latest with its request

    def pause(self) -> bool:
        """Wait, never longer than between two beats; whether the workload is to be read again."""
        if not self._watching.is_set():
            self._changed.wait(min(self._pace.poll_s, self._pace.beat_s))
            return self._reads()
        if self._changed.wait(self._pace.beat_s):
            time.sleep(min(0.1, self._pace.poll_s))  # changes come in groups
            return self._reads()
        return time.monotonic() - self._read >= self._pace.resync_s and self._reads()

    def _reads(self) -> bool:
        self._changed.clear()
        self._read = time.monotonic()
        return True

    # ------------------------------------------------------------------------------------------ the thread

    def _watch(self) -> None:
        version, failures = "", 0
        try:
            while not self._over.is_set() and failures < _MOST_FAILURES:
                begun = time.monotonic()
                heard, version = self._hear(version)
                # An end that comes at once and says nothing is no watch, whatever the server calls it.
                idle = not heard and time.monotonic() - begun < self._pace.watch_s / 2
                failures = failures + 1 if idle else 0
                if idle:
                    self._watching.clear()
                    self._changed.set()
                    self._over.wait(min(1.0, self._pace.poll_s))
        finally:
            self._watching.clear()
            self._changed.set()
            self._cluster.watches.release()

    def _hear(self, version: str) -> tuple[bool, str]:
        """One request; whether anything was heard, and the version to go on from: none where it is too old."""
        heard, latest = False, version
        try:
            for event, seen in self._cluster.watch(self._kind, self._name, version, self._pace.watch_s):
                heard, latest = True, seen
                self._watching.set()
                if event != "BOOKMARK":
                    self._changed.set()
                if self._over.is_set():
                    break
        except ExpiredError:
            return heard, ""
        except TargetError:
            return False, latest
        return heard, latest
