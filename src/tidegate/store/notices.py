"""The notices of releases: planned at their times, sent once, moved; what was announced; who has read what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from tidegate.core.announcement import Announcement
from tidegate.core.notice import NoticeState
from tidegate.core.policy import Message
from tidegate.errors import ConflictError
from tidegate.store import contents, tables

PLANNED, FORESEEN, DONE, UNKNOWN = "planned", "foreseen", "done", ""
"""Where the moment of a timeline comes from."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The moment from which a release's notices are counted; ``texts``: the digest of each text that lies in a file."""

    release: str
    moment: datetime | None
    basis: str
    look_at: datetime | None
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A notice as it is kept."""

    release: str
    number: int
    key: str
    message: Message
    state: NoticeState
    at: datetime | None
    due_at: datetime | None
    planned_for: datetime | None
    ended_at: datetime | None = None
    because: str = ""
    told: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


# Timelines.


def timeline(connection: sa.Connection, release: str) -> Timeline | None:
    """The timeline of a release; None where nobody has looked at it yet."""
    row = connection.execute(sa.select(tables.timeline).where(tables.timeline.c.release == release)).first()
    return None if row is None else Timeline(**row._asdict())


def begin(connection: sa.Connection, release: str, look_at: datetime, texts: Mapping[str, str] | None = None) -> None:
    """Have a release's timeline looked at, for the first time or again; ``texts`` replace those that were read."""
    row: dict[str, object] = {
        "release": release,
        "moment": None,
        "basis": UNKNOWN,
        "look_at": look_at,
        "texts": dict(texts or {}),
    }
    if not contents.insert_once(connection, tables.timeline, row):
        values: dict[str, Any] = {"look_at": look_at} | ({} if texts is None else {"texts": dict(texts)})
        _update_timeline(connection, release, values)


def set_moment(
    connection: sa.Connection, release: str, moment: datetime | None, basis: str, look_at: datetime | None
) -> None:
    """Record from which moment the notices are counted, and when it is looked at again."""
    _update_timeline(connection, release, {"moment": moment, "basis": basis, "look_at": look_at})


def look_again(connection: sa.Connection, release: str, at: datetime) -> None:
    """Have the timeline of a release looked at again; one that it does not have is not made."""
    _update_timeline(connection, release, {"look_at": at})


def _update_timeline(connection: sa.Connection, release: str, values: Mapping[str, Any]) -> None:
    connection.execute(sa.update(tables.timeline).where(tables.timeline.c.release == release).values(**values))


# Notices.


def of_release(connection: sa.Connection, release: str) -> list[NoticeRow]:
    """All notices of a release, by number."""
    table = tables.notice
    rows = connection.execute(sa.select(table).where(table.c.release == release).order_by(table.c.number))
    return [_notice(row) for row in rows]


def _notice(row: Any) -> NoticeRow:
    values = row._asdict()
    values["message"] = Message.model_validate(values["message"], strict=False)
    values["state"] = NoticeState(values["state"])
    values["told"], values["people"] = tuple(values["told"]), tuple(values["people"])
    return NoticeRow(**values)


def add(connection: sa.Connection, notice: NoticeRow) -> None:
    """Record a notice that is to come."""
    connection.execute(
        sa.insert(tables.notice).values(
            release=notice.release,
            number=notice.number,
            key=notice.key,
            message=notice.message.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            state=notice.state.value,
            at=notice.at,
            due_at=notice.due_at,
            planned_for=notice.planned_for,
            because="",
            told=[],
            people=[],
        )
    )


def plan(
    connection: sa.Connection,
    notice: NoticeRow,
    *,
    at: datetime | None,
    due_at: datetime | None,
    planned_for: datetime | None,
) -> None:
    """Give a notice that is to come another time; one that was skipped is to come again."""
    values = {
        "state": NoticeState.PLANNED.value,
        "at": at,
        "due_at": due_at,
        "planned_for": planned_for,
        "ended_at": None,
        "because": "",
    }
    _update(connection, notice, (notice.state,), values)


def end(
    connection: sa.Connection,
    notice: NoticeRow,
    state: NoticeState,
    now: datetime,
    *,
    because: str = "",
    told: Iterable[str] = (),
    people: Iterable[str] = (),
) -> bool:
    """Take a notice that is to come to its end; whether it was ours to end. In the transaction that sends it."""
    values = {
        "state": state.value,
        "due_at": None,
        "ended_at": now,
        "because": because,
        "told": list(told),
        "people": list(people),
    }
    return _update(connection, notice, (NoticeState.PLANNED,), values)


def _update(
    connection: sa.Connection, notice: NoticeRow, states: Iterable[NoticeState], values: Mapping[str, Any]
) -> bool:
    table = tables.notice
    changed = connection.execute(
        sa.update(table)
        .where(
            table.c.release == notice.release,
            table.c.number == notice.number,
            table.c.state.in_([state.value for state in states]),
        )
        .values(**values)
    )
    return changed.rowcount == 1


def due_of(connection: sa.Connection, release: str, now: datetime, limit: int) -> list[NoticeRow]:
    """The notices of a release whose time has come, in the order of their times."""
    table = tables.notice
    query = sa.select(table).where(table.c.release == release, table.c.due_at.is_not(None), table.c.due_at <= now)
    return [_notice(row) for row in connection.execute(query.order_by(table.c.due_at, table.c.number).limit(limit))]


def postpone(connection: sa.Connection, release: str, now: datetime, until: datetime) -> None:
    """Have what is due of a release wait: it could not be done now."""
    notice, line = tables.notice, tables.timeline
    for table, column in ((notice, notice.c.due_at), (line, line.c.look_at)):
        where = (table.c.release == release) & column.is_not(None) & (column <= now)
        connection.execute(sa.update(table).where(where).values({column: until}))


def due(connection: sa.Connection, now: datetime, limit: int = 20) -> list[str]:
    """The releases of which something is due, the longest due first; at most ``limit`` rows are looked at."""
    notice, line = tables.notice, tables.timeline
    looks = sa.select(line.c.release).where(line.c.look_at.is_not(None), line.c.look_at <= now)
    rows = sa.select(notice.c.release).where(notice.c.due_at.is_not(None), notice.c.due_at <= now)
    found = [
        # By the indexed time alone: a second key would have the database sort all that is due, for twenty of them.
        *connection.execute(looks.order_by(line.c.look_at).limit(limit)).scalars(),
        *connection.execute(rows.order_by(notice.c.due_at).limit(limit)).scalars(),
    ]
    return list(dict.fromkeys(found))


def count_due(connection: sa.Connection, now: datetime) -> int:
    """How many notices are to be sent by now."""
    column = tables.notice.c.due_at
    query = sa.select(sa.func.count()).select_from(tables.notice).where(column.is_not(None), column <= now)
    return int(connection.execute(query).scalar_one())


def next_due(connection: sa.Connection) -> datetime | None:
    """When something of this is due next."""
    columns = (tables.notice.c.due_at, tables.timeline.c.look_at)
    moments = [connection.execute(sa.select(sa.func.min(column))).scalar() for column in columns]
    return min((moment for moment in moments if moment is not None), default=None)


# Announcements.


def announce(
    connection: sa.Connection,
    release: str,
    name: str,
    content: str,
    breaking: Iterable[str],
    messages: Iterable[str],
    now: datetime,
) -> None:
    """Record what is announced, and by which messages; the same once."""
    row: dict[str, object] = {
        "id": name,
        "release": release,
        "content": content,
        "breaking": list(breaking),
        "messages": list(messages),
        "said_at": now,
        "delivered_at": None,
    }
    contents.insert_once(connection, tables.announcement, row)


def announcements(connection: sa.Connection, release: str) -> tuple[Announcement, ...]:
    """What was announced of a release and reached its whole audience, in the order in which it did."""
    return tuple(
        Announcement(row.id, row.delivered_at, row.content, tuple(row.breaking))
        for row in connection.execute(_announcements(), {"release": release})
    )


@cache
def _announcements() -> sa.Select[Any]:
    table = tables.announcement
    query = sa.select(table).where(table.c.release == sa.bindparam("release"), table.c.delivered_at.is_not(None))
    return query.order_by(table.c.delivered_at, table.c.id)


def breaking_said(connection: sa.Connection, release: str) -> list[frozenset[str]]:
    """Of which breaking changes each announcement of a release speaks, delivered or not."""
    table = tables.announcement
    rows = connection.execute(sa.select(table.c.breaking).where(table.c.release == release)).scalars()
    return [frozenset(breaking) for breaking in rows]


def delivered(connection: sa.Connection, release: str, message: str, now: datetime) -> list[str]:
    """The announcements that ``message``, which was just delivered, was the last to bring to their audience."""
    table, row = tables.announcement, tables.message
    query = sa.select(table.c.id, table.c.messages).where(table.c.release == release, table.c.delivered_at.is_(None))
    complete = []
    # Locked: of two workers that deliver the last two of its messages at once, the later one sees the other's.
    for name, messages in connection.execute(query.order_by(table.c.id).with_for_update()).all():
        if message not in messages:
            continue
        waits = sa.select(sa.func.count()).where(row.c.key.in_(messages), row.c.delivered_at.is_not(None))
        if connection.execute(waits).scalar_one() == len(messages):
            connection.execute(sa.update(table).where(table.c.id == name).values(delivered_at=now))
            complete.append(name)
    return complete


# Acknowledgements.


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """That somebody has read a notice."""

    number: int
    person: str
    at: datetime


def acknowledge(
    connection: sa.Connection, notice: NoticeRow, person: str, now: datetime, *, statement: str, signature: str
) -> None:
    """Record that somebody has read a notice.

    Raises:
        ConflictError: they have said so already.
    """
    row: dict[str, object] = {
        "release": notice.release,
        "number": notice.number,
        "person": person,
        "at": now,
        "statement": statement,
        "signature": signature,
    }
    if not contents.insert_once(connection, tables.acknowledgement, row):
        raise ConflictError(
            f"{person} has acknowledged notice {notice.number} of {notice.release} already",
            remedy=f"see who has not: tidegate notice timeline {notice.release}",
        )


def acknowledged(connection: sa.Connection, release: str) -> list[Acknowledged]:
    """Who has read which notice of a release, in the order in which they said so."""
    table = tables.acknowledgement
    query = sa.select(table.c.number, table.c.person, table.c.at).where(table.c.release == release)
    return [Acknowledged(*row) for row in connection.execute(query.order_by(table.c.at, table.c.person))]
