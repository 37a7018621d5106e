"""The audit log: appending, verifying, judging again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import sqlalchemy as sa

from bench.commits import bare
from bench.measure import Row, Sizes, Spent, calls_in_turns, in_turns, median_cpu, median_wall, ms, repeat, spend, us
from bench.world import OLGA, World, made_world
from tidegate.core.decision import Action, Question
from tidegate.core.merkle import Frontier, leaf_hash
from tidegate.orchestration import audit
from tidegate.orchestration.judge import judge
from tidegate.orchestration.record import Entry, record
from tidegate.store import locks, log

ENTRY = Entry("message.delivered", OLGA, "billing-1.1.0", {"channel": "file:NOTICES.md", "say": "announced"})


def tree(sizes: Sizes) -> Iterator[Row]:
    """Appending to the Merkle tree alone."""
    hashes = [leaf_hash(str(n).encode()) for n in range(1000)]
    edge = Frontier()
    for one in hashes:
        edge = edge.append(one)
    written = edge.encode()

    def append() -> None:
        Frontier.decode(written).append(leaf_hash(b"x" * 700)).encode()

    def two_hashes() -> None:
        hashlib.sha256(b"\0" + b"x" * 700).digest()
        hashlib.sha256(b"\1" + b"x" * 64).digest()

    ours, other = calls_in_turns(sizes.rounds, sizes.calls, append, two_hashes)
    yield Row("Merkle tree: append to 1,000 leaves", us(ours), "us", f"two SHA-256 ({us(other):.1f} us)", ours / other)


def appending_on_sqlite(sizes: Sizes) -> Iterator[Row]:
    """One leaf per transaction, on SQLite."""
    return _appending("sqlite", sizes)


def appending_on_postgresql(sizes: Sizes) -> Iterator[Row]:
    """One leaf per transaction, on PostgreSQL."""
    return _appending("postgresql", sizes)


def _appending(kind: str, sizes: Sizes) -> Iterator[Row]:
    calls = max(1, sizes.calls // 5)
    with made_world(kind) as world, bare(world.house.database) as commit:

        def append() -> None:
            with world.house.database.write() as connection:
                locks.lock_organization(connection)
                record(connection, ENTRY, world.house.now())

        def many(act: Callable[[], None]) -> Spent:
            return spend(lambda: repeat(act, calls))

        ours, others = in_turns(sizes.rounds, lambda: many(append), lambda: many(commit))
    rate, other = calls / median_wall(ours), calls / median_wall(others)
    beside = f"bare commits ({other:.0f}/s)"
    yield Row(f"audit log, {kind}: a leaf in a transaction", rate, "per second", beside, rate / other)
    cpu, bare_cpu = median_cpu(ours) / calls, median_cpu(others) / calls
    name = f"audit log, {kind}: CPU of a leaf in a transaction"
    yield Row(name, ms(cpu), "ms", f"a bare commit ({ms(bare_cpu):.3f} ms)", cpu / bare_cpu)


def proving(sizes: Sizes) -> Iterator[Row]:
    """Verifying a long log, and making its decisions again."""
    with made_world() as world:
        _fill(world, sizes.leaves)
        decisions = _decide(world, world.open("1.1.0"), max(1, sizes.calls // 5))

        def hash_alone() -> None:
            query = sa.text("SELECT bytes FROM tg_leaf ORDER BY number")
            with world.house.database.read() as connection:
                for (data,) in connection.execute(query):
                    hashlib.sha256(data).digest()

        checked = audit.verify(world.house)
        if not checked.holds:
            raise RuntimeError("the log that was just written does not hold")
        ours, others = in_turns(
            sizes.rounds, lambda: spend(lambda: audit.verify(world.house)), lambda: spend(hash_alone)
        )
        again = in_turns(sizes.rounds, lambda: spend(lambda: _rejudge(world, decisions)))[0]
    cpu, other = median_cpu(ours), median_cpu(others)
    beside = f"SELECT and one SHA-256 each ({ms(other):.0f} ms)"
    yield Row(f"audit verify of {sizes.leaves:,} leaves", ms(cpu), "ms CPU", beside, cpu / other)
    yield Row("audit rejudge, per decision", us(median_cpu(again) / decisions), "us CPU", note=f"{decisions} decisions")


def _fill(world: World, leaves: int) -> None:
    with world.house.database.write() as connection:
        locks.lock_organization(connection)
        while log.head(connection).size < leaves:
            record(connection, ENTRY, world.house.now())


def _decide(world: World, release: str, decisions: int) -> int:
    with world.house.database.write() as connection:
        locks.lock_organization(connection)
        for _ in range(decisions):
            judged = judge(connection, release, Question(Action.START, OLGA, "production"), world.house.now())
            record(connection, Entry("decision.denied", OLGA, release), world.house.now(), judged)
    return decisions


def _rejudge(world: World, decisions: int) -> None:
    found = list(audit.rejudge(world.house))
    problems = [one.problem for one in found if one.problem]
    if len(found) != decisions or problems:
        raise RuntimeError(f"{len(found)} of {decisions} decisions were judged again: {problems[:1]}")
