"""The outbox: messages that are due, recorded in the transaction that made them due, and sent once.

    waiting --claim, leaving--> sending --delivered--> delivered
       ^                          |  |
       |------- try again --------|  |--- no answer ---> unknown --settle, resend-->
       |                             |
       |--- nobody can send it --- undeliverable --settle, resend--> settled, waiting

``sending`` is written down before the bytes leave: a row that is found so after its time was sent by somebody who died,
and nobody can tell whether it arrived. ``undeliverable`` is given up where ``due_at`` is empty; where it is not, a
setting is missing, and whoever has it sends the message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from tidegate.errors import NotFoundError
from tidegate.store import contents, tables

AT_ONCE = 20
"""How many due messages a sweep takes up at a time."""
MOST_LISTED = 1000


class MessageState(StrEnum):
    """How the delivery of a message stands."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    UNKNOWN = "unknown"
    UNDELIVERABLE = "undeliverable"
    SETTLED = "settled"


ENDED = (MessageState.DELIVERED, MessageState.SETTLED)
NEEDS_SOMEBODY = (MessageState.UNKNOWN, MessageState.UNDELIVERABLE)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message to one channel. ``key`` is its idempotency key; ``due_at`` is None where nothing is to be done."""

    key: str
    release: str | None
    occasion: str
    say: str
    channel: str
    body: str
    created_at: datetime
    due_at: datetime | None
    claimed_by: str | None = None
    attempts: int = 0
    delivered_at: datetime | None = None
    error: str = ""
    state: str = MessageState.WAITING
    subject: str = ""
    event: Mapping[str, Any] | None = None
    forgiven: int = 0
    state_at: datetime | None = None

    @property
    def counted(self) -> int:
        """The attempts that count towards giving up."""
        return self.attempts - self.forgiven


_TABLE = tables.message


def put(connection: sa.Connection, message: MessageRow) -> None:
    """Record a message; the same key is recorded once."""
    from dataclasses import asdict

    contents.insert_once(connection, _TABLE, asdict(message))


def load(connection: sa.Connection, key: str, *, lock: bool = False) -> MessageRow:
    """The message of that key; ``lock`` keeps others from changing it until the transaction ends.

    Raises:
        NotFoundError: there is none.
    """
    query = sa.select(_TABLE).where(_TABLE.c.key == key)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotFoundError(f"there is no message {key[:200]!r}", remedy="look for its key: tidegate notice list")
    return MessageRow(**row._asdict())


def due(connection: sa.Connection, now: datetime, limit: int = AT_ONCE) -> list[MessageRow]:
    """The messages to be sent, the oldest first; at most ``limit``, by an index alone."""
    query = sa.select(_TABLE).where(_TABLE.c.due_at.is_not(None), _TABLE.c.due_at <= now)
    return _rows(connection, query.order_by(_TABLE.c.due_at, _TABLE.c.key).limit(limit))


def next_due(connection: sa.Connection) -> datetime | None:
    """When a message has to be sent next."""
    due_at: datetime | None = connection.execute(sa.select(sa.func.min(_TABLE.c.due_at))).scalar()
    return due_at


def claim(connection: sa.Connection, key: str, by: str, now: datetime, until: datetime) -> MessageRow | None:
    """Claim a due message by moving its due time ahead; as it was, with the attempt counted. None: it is not ours.

    A message that somebody was sending is claimed too: its state says so.
    """
    changed = connection.execute(
        sa.update(_TABLE)
        .where(_TABLE.c.key == key, _TABLE.c.due_at.is_not(None), _TABLE.c.due_at <= now)
        .values(due_at=until, claimed_by=by, attempts=_TABLE.c.attempts + 1)
    )
    return load(connection, key) if changed.rowcount == 1 else None


def leaving(connection: sa.Connection, claimed: MessageRow, now: datetime, until: datetime) -> bool:
    """Write down that the bytes are about to leave; whether it is still ours to send."""
    return _change(
        connection,
        claimed,
        [MessageState.WAITING, MessageState.UNDELIVERABLE],
        state=MessageState.SENDING,
        state_at=now,
        due_at=until,
    )


def delivered(connection: sa.Connection, key: str, now: datetime) -> bool:
    """Record the delivery, whatever others believe of it; whether this was the first to record it."""
    changed = connection.execute(
        sa.update(_TABLE)
        .where(_TABLE.c.key == key, _TABLE.c.delivered_at.is_(None))
        .values(delivered_at=now, due_at=None, error="", state=MessageState.DELIVERED, state_at=now)
    )
    return changed.rowcount == 1


def failed(
    connection: sa.Connection,
    claimed: MessageRow,
    error: str,
    now: datetime,
    again_at: datetime | None,
    state: MessageState = MessageState.WAITING,
) -> bool:
    """Record why it could not be sent, and when it is tried again (None: not by itself); whether it was ours."""
    open_ = [state for state in MessageState if state not in ENDED]
    since = {} if claimed.state == state else {"state_at": now}
    return _change(connection, claimed, open_, state=state, error=error[:2000], due_at=again_at, **since)


def again(connection: sa.Connection, message: MessageRow, now: datetime) -> None:
    """Have a message sent again, at once, with all attempts before it."""
    changes = {"state": MessageState.WAITING, "state_at": now, "due_at": now, "forgiven": message.attempts}
    connection.execute(sa.update(_TABLE).where(_TABLE.c.key == message.key).values(**changes))


def settle(connection: sa.Connection, message: MessageRow, now: datetime) -> None:
    """Let nobody send a message any more; it was not delivered."""
    changes = {"state": MessageState.SETTLED, "state_at": now, "due_at": None}
    connection.execute(sa.update(_TABLE).where(_TABLE.c.key == message.key).values(**changes))


def _change(connection: sa.Connection, claimed: MessageRow, states: Iterable[str], **values: Any) -> bool:
    """Change a row that we claimed, unless somebody else has claimed it since."""
    mine = (_TABLE.c.claimed_by == claimed.claimed_by) & (_TABLE.c.attempts == claimed.attempts)
    changed = connection.execute(
        sa.update(_TABLE).where(_TABLE.c.key == claimed.key, mine, _TABLE.c.state.in_(list(states))).values(**values)
    )
    return changed.rowcount == 1


def of_release(connection: sa.Connection, release: str) -> list[MessageRow]:
    """All messages about a release, in the order in which they became due."""
    query = sa.select(_TABLE).where(_TABLE.c.release == release)
    return _rows(connection, query.order_by(_TABLE.c.created_at, _TABLE.c.key))


def undelivered(connection: sa.Connection, limit: int = MOST_LISTED) -> list[MessageRow]:
    """Messages that have not been delivered: those that need somebody first, then in the order of time."""
    needs = in_states(connection, NEEDS_SOMEBODY, limit)
    query = sa.select(_TABLE).where(_TABLE.c.due_at.is_not(None), _TABLE.c.state.not_in(NEEDS_SOMEBODY))
    return [*needs, *_rows(connection, query.order_by(_TABLE.c.due_at, _TABLE.c.key).limit(limit))][:limit]


def in_states(connection: sa.Connection, states: Iterable[MessageState], limit: int = MOST_LISTED) -> list[MessageRow]:
    """Messages in such states."""
    query = sa.select(_TABLE).where(_TABLE.c.state.in_(list(states)))
    return _rows(connection, query.order_by(_TABLE.c.state, _TABLE.c.key).limit(limit))


def how_many(connection: sa.Connection, state: MessageState) -> int:
    """How many messages are in a state."""
    query = sa.select(sa.func.count()).select_from(_TABLE).where(_TABLE.c.state == state)
    return connection.execute(query).scalar_one()


def invitations(connection: sa.Connection, message: MessageRow) -> int:
    """How many invitations to the same release went there before: by so much the next one's sequence is raised."""
    query = (
        sa.select(sa.func.count())
        .select_from(_TABLE)
        .where(
            _TABLE.c.release == message.release,
            _TABLE.c.channel == message.channel,
            _TABLE.c.key != message.key,
            _TABLE.c.delivered_at.is_not(None),
        )
    )
    return connection.execute(query).scalar_one()


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[MessageRow]:
    return [MessageRow(**row._asdict()) for row in connection.execute(query)]
