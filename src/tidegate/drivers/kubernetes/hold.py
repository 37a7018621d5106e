"""Acting on a unit alone: the fence, and the hold on the unit while an act lasts.

The unit's ConfigMap has the highest token seen and who acts now; every change of it is a write on the version that was
read. The workload has them too, in the annotation ``tidegate.dev/fence``. So whoever was outranked, or lost the hold,
fails at their next write wherever that is: the object is no longer the one they read.

A holder that died is told by its beat, which no longer rises; the clock that counts is that of whoever waits.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from tidegate.core.effect import Token
from tidegate.drivers.contract import Target
from tidegate.drivers.kubernetes.cluster import ChangedError, Cluster, Stored
from tidegate.drivers.kubernetes.intent import FENCE
from tidegate.drivers.kubernetes.record import Holder, Json, Record, read_token
from tidegate.errors import FencedError, TargetError


@dataclass(frozen=True, slots=True)
class Pace:
    """How often we look, and how long we wait (seconds)."""

    poll_s: float = 1.0
    beat_s: float = 2.0
    dead_after_s: float = 20.0
    observe_wait_s: float = 25.0
    watch_s: int = 20  #: how long the server may keep one watch open
    resync_s: float = 5.0  #: how long nothing is read while a watch says nothing


def admit(record: Record, target: Target, token: Token, where: str) -> None:
    """Refuse what is another component's, and whoever is outranked."""
    if (record.component, record.environment) != (target.component, target.environment):
        raise TargetError(
            f"this workload belongs to {record.component} in {record.environment}",
            where=where,
            remedy="Give each component and environment workloads of its own.",
        )
    refuse_outranked(record.token, token, where)


def refuse_outranked(seen: Token | None, token: Token, where: str) -> None:
    """Refuse a token that is lower than one seen."""
    if seen is not None and seen > token:
        raise FencedError(
            f"token {token} is outranked by {seen}, which this workload has seen",
            where=where,
            remedy="Stop: somebody else has taken over. Look at `tidegate rollout list`.",
        )


class Hold:
    """One act's hold on a unit."""

    def __init__(self, cluster: Cluster, target: Target, unit: str, token: Token, pace: Pace) -> None:
        self._cluster = cluster
        self._target = target
        self._unit = unit
        self._token = token
        self._pace = pace
        self._id = uuid.uuid4().hex[:12]
        self._beaten = time.monotonic()
        self.stored = Stored(Record(target.component, target.environment))

    @property
    def record(self) -> Record:
        return self.stored.record

    @contextmanager
    def taken(self, patience_s: float) -> Iterator[Hold]:
        """Take the hold, and give it back however the act ends.

        Raises:
            FencedError: the token is outranked.
            TargetError: another act has been under way for ``patience_s``.
        """
        self._take(patience_s)
        try:
            yield self
        except Exception:
            self._leave()
            raise

    def _take(self, patience_s: float) -> None:
        dead = DeadHolder(self._pace)
        end = time.monotonic() + patience_s
        while True:
            self.stored = self._cluster.stored(self._unit) or self.stored
            record = self.record
            admit(record, self._target, self._token, self._unit)
            outranks = record.token is None or self._token > record.token
            if record.holder and record.holder.id != self._id and not outranks and not dead.is_dead(record.holder):
                if time.monotonic() > end:
                    raise TargetError(
                        f"another act has been under way for {patience_s:g} s",
                        where=self._unit,
                        remedy="Wait for it, then observe the workload again.",
                    )
                time.sleep(self._pace.poll_s)
                continue
            try:
                held = replace(record, token=self._token, holder=Holder(self._id))
                self.stored = self._cluster.store(self._unit, self.stored, held, self.stored.binary)
                return
            except ChangedError:
                self.stored = Stored(Record(self._target.component, self._target.environment))

    def save(
        self,
        change: Callable[[Record], Record],
        binary: Callable[[Mapping[str, bytes]], Mapping[str, bytes]] = lambda old: old,
    ) -> None:
        """Change the record; somebody else's write in between is looked at, and ours made on top of it."""
        while True:
            old = self.stored
            try:
                self.stored = self._cluster.store(self._unit, old, change(old.record), binary(old.binary))
                self._beaten = time.monotonic()
                return
            except ChangedError:
                self.look()

    def look(self) -> None:
        """Read the record again.

        Raises:
            FencedError: a higher token has been seen since.
            TargetError: the hold was lost.
        """
        found = self._cluster.stored(self._unit)
        if found is None:
            raise self._lost()
        admit(found.record, self._target, self._token, self._unit)
        if found.record.holder is None or found.record.holder.id != self._id:
            raise self._lost()
        self.stored = found

    def beat(self) -> None:
        """Show that we live, and notice that we are outranked."""
        if time.monotonic() - self._beaten >= self._pace.beat_s:
            self.save(lambda record: replace(record, holder=Holder(self._id, _beat(record) + 1)))

    def fence(self, live: Json) -> Json:
        """Put our mark on the workload: from then on, whoever read it before cannot write to it."""
        mark = f"{self._token} {self._id}"
        while live["metadata"].get("annotations", {}).get(FENCE) != mark:
            live = raise_mark(self._cluster, live, mark, self._token)
        return live

    def _leave(self) -> None:
        try:
            self.look()
            self.save(lambda record: replace(record, holder=None))
        except TargetError:
            return  # it is somebody else's by now, or the cluster does not answer: our beat no longer rises

    def _lost(self) -> TargetError:
        return TargetError(
            "another act took this workload over meanwhile",
            where=self._unit,
            remedy="Observe the workload, then go on from what it says.",
        )


def raise_mark(cluster: Cluster, live: Json, mark: str, token: Token) -> Json:
    """Write a mark on a workload as it was read; the workload as it then is, with the mark or not.

    Raises:
        FencedError: it carries a higher token.
    """
    name = live["metadata"]["name"]
    seen = read_token(live["metadata"].get("annotations", {}).get(FENCE, "").partition(" ")[0])
    refuse_outranked(seen, token, name)
    try:
        return cluster.merge(live, {"metadata": {"annotations": {FENCE: mark}}})
    except ChangedError:
        found = cluster.read(live["kind"], name)
        if found is None:
            raise TargetError(
                "somebody removed the workload", where=name, remedy="Find out who; then deploy it again."
            ) from None
        return found


class DeadHolder:
    """Tells a holder whose beat no longer rises."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._seen: Holder | None = None
        self._since = 0.0

    def is_dead(self, holder: Holder) -> bool:
        if holder != self._seen:
            self._seen, self._since = holder, time.monotonic()
            return False
        return time.monotonic() - self._since >= self._pace.dead_after_s


def _beat(record: Record) -> int:
    return record.holder.beat if record.holder else 0
