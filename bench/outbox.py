"""The outbox: how long the database is held while very many messages are due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import ClassVar

import sqlalchemy as sa

from bench.measure import Row, Sizes, Spent, ms, spend
from bench.world import made_world
from tidegate.channels.contract import DELIVERED, Answer, Message, nowhere
from tidegate.orchestration.delivery import deliver
from tidegate.orchestration.house import House
from tidegate.orchestration.sweep import due_jobs, next_due
from tidegate.store import outbox, tables
from tidegate.store.outbox import MessageRow

GOAL_MS = 50.0


class _AtOnce:
    """A channel that has delivered before it was asked."""

    recognised: ClassVar[bool] = True

    def deliver(self, message: Message, leaving: Callable[[], None] = nowhere) -> Answer:
        leaving()
        return DELIVERED


def on_sqlite(sizes: Sizes) -> Iterator[Row]:
    """Looks and deliveries, on SQLite."""
    return _rows("sqlite", sizes)


def on_postgresql(sizes: Sizes) -> Iterator[Row]:
    """Looks and deliveries, on PostgreSQL."""
    return _rows("postgresql", sizes)


def _rows(kind: str, sizes: Sizes) -> Iterator[Row]:
    with made_world(kind) as world:
        house = replace(world.house, channel_for=lambda _: _AtOnce())
        _fill(house, sizes.notices)
        looks: list[Spent] = []
        sends: list[Spent] = []
        for _ in range(max(2, sizes.rounds)):
            looks.append(spend(lambda: (next_due(house), due_jobs(house, "the bench"))))
            with house.database.read() as connection:
                due = outbox.due(connection, house.now())
            sends += [spend(partial(deliver, house, row, "the bench")) for row in due]
    name = f"outbox, {kind}: {sizes.notices:,} messages due"
    for what, spent in (("look of a sweep", looks[1:]), (f"of {len(sends)} deliveries, three transactions", sends)):
        longest = max(one.cpu_s for one in spent)
        note = f"on the wall {ms(max(one.wall_s for one in spent)):.0f} ms"
        yield Row(f"{name}, the longest {what}", ms(longest), "ms CPU", goal=GOAL_MS, note=note)


def _fill(house: House, count: int) -> None:
    now = house.now()
    row = asdict(MessageRow("", None, "release.completed", "released", "email:alice@example.org", "x" * 500, now, now))
    for begin in range(0, count, 5000):
        rows = [{**row, "key": f"message {number:08}"} for number in range(begin, min(count, begin + 5000))]
        with house.database.write() as connection:
            connection.execute(sa.insert(tables.message), rows)
