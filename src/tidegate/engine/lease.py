"""Which executors are alive, on PostgreSQL: one row each, whose counter its executor keeps raising.

An executor lives as long as its row does. Clocks of two machines are never compared, nor is the server asked for the
time: an observer measures on its own clock for how long it has seen the counter stand still, and removes the row when
that is longer than the lease. The executor measures on its own clock since it *began* its last successful beat, and
stops beginning steps after 60 % of the lease: since the observer cannot have seen that beat earlier than it began, the
executor always stops first, however far apart the clocks are set. Only their *rates* must agree within 40 %.

    executor   beat ---- beat ---x (frozen, or cut off)    no new step | row gone: lost, and it ends
                                 |------ 60 % of the lease ------------|
    observer         saw beat ------------ lease ------------------------------- removes the row, brings its legs back

The clock counts time asleep (CLOCK_BOOTTIME), or a suspended machine would wake up believing in its lease.
"""

from __future__ import annotations

import os
import socket
import time
import uuid

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.store.database import Database

FRESH_SHARE = 0.6
_MIGRATION_LOCK = 0x7469_6465_6761_7465  # "tidegate"

metadata = sa.MetaData()
executors = sa.Table(
    "tg_executor",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("beat", sa.BigInteger, nullable=False),
    sa.Column("since", sa.Text, nullable=False),
)


def create_table(database: Database) -> None:
    """Create ``tg_executor`` where it is missing; two processes that do so at once wait for each other.

    Raises:
        StoreError: the database cannot be reached or changed.
    """
    with database.read() as connection:
        if sa.inspect(connection).has_table(executors.name):
            return
    with database.write() as connection:
        # CREATE TABLE IF NOT EXISTS by itself fails when two processes run it at the same moment.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        metadata.create_all(connection)


def new_executor_id() -> str:
    """A name that no other executor has or will have: host, process, and chance."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def elapsed_s() -> float:
    """Seconds on a clock that nobody sets, and that counts the time the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """This executor's row."""

    def __init__(self, database: Database, executor_id: str, duration_s: float) -> None:
        self._database = database
        self._id = executor_id
        self.duration_s = duration_s
        self._last_beat_s = -float("inf")
        self.lost = False

    @property
    def fresh(self) -> bool:
        """Whether a step may begin: nobody else can have given us up."""
        return not self.lost and elapsed_s() - self._last_beat_s < self.duration_s * FRESH_SHARE

    def register(self) -> None:
        """Write our row.

        Raises:
            StoreError: the database cannot be written.
        """
        began_s = elapsed_s()
        with self._database.write() as connection:
            since = to_text(self._database.clock())
            connection.execute(executors.insert().values(id=self._id, beat=0, since=since))
        self._last_beat_s = began_s

    def beat(self) -> None:
        """Raise our counter; ``lost`` is set if our row is gone, which is for ever.

        Raises:
            StoreError: the database cannot be written; the lease runs on.
        """
        began_s = elapsed_s()
        with self._database.write() as connection:
            done = connection.execute(
                executors.update().where(executors.c.id == self._id).values(beat=executors.c.beat + 1)
            )
        if done.rowcount == 1:
            self._last_beat_s = began_s
        else:
            self.lost = True

    def give_up(self) -> None:
        """Remove our row, so that the others need not wait until the lease has run out.

        Raises:
            StoreError: the database cannot be written; the others will find out by themselves.
        """
        self.lost = True
        with self._database.write() as connection:
            connection.execute(executors.delete().where(executors.c.id == self._id))


class Observer:
    """Watches the counters of all executors and removes the rows of those that stand still."""

    def __init__(self, database: Database, duration_s: float) -> None:
        self._database = database
        self._duration_s = duration_s
        self._seen: dict[str, tuple[int, float]] = {}
        self._last_look_s = -float("inf")

    def living(self) -> frozenset[str]:
        """The executors that live, after the rows of those that stood still for a whole lease are removed.

        Raises:
            StoreError: the database cannot be reached.
        """
        with self._database.read() as connection:
            beats = {row.id: row.beat for row in connection.execute(sa.select(executors.c.id, executors.c.beat))}
        # Taken after the read: what was read is at least as old as this moment.
        now_s = elapsed_s()
        if now_s - self._last_look_s > self._duration_s / 2:
            # We slept, or the server was away, for everybody: what stood still meanwhile says nothing.
            self._seen = {}
        self._last_look_s = now_s
        self._seen = {name: self._when_seen(name, beat, now_s) for name, beat in beats.items()}
        still = [name for name, (_, since_s) in self._seen.items() if now_s - since_s > self._duration_s]
        return frozenset(beats.keys() - {name for name in still if self._removed(name, beats[name])})

    def _when_seen(self, name: str, beat: int, now_s: float) -> tuple[int, float]:
        known = self._seen.get(name)
        return known if known is not None and known[0] == beat else (beat, now_s)

    def _removed(self, name: str, beat: int) -> bool:
        # Only where it still stands: perhaps it was we who slept, and a beat meanwhile is a sign of life.
        with self._database.write() as connection:
            done = connection.execute(executors.delete().where(executors.c.id == name, executors.c.beat == beat))
        return done.rowcount == 1
