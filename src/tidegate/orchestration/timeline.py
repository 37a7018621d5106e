"""The timeline of a release: its notices are planned, moved, sent when they are due, and given up with it.

Everything that changes a notice is one transaction under the lock of its release, with its leaf and, where it is sent,
its rows in the outbox. So a notice is sent once, by whichever worker comes first, and after a crash by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.actor import Actor, Assurance
from tidegate.core.announcement import breaking_of
from tidegate.core.calendar import zone
from tidegate.core.civil import moment_text
from tidegate.core.decide import decide
from tidegate.core.decision import Action, Policies, Question
from tidegate.core.facts import Facts, Item, Release
from tidegate.core.notice import (
    ANNOUNCED,
    DAY,
    NoticeState,
    Recipient,
    as_told,
    early_announcements,
    fate,
    is_said_of,
    message_key,
    moment_of,
    overtaken,
    timed_messages,
)
from tidegate.core.policy import Message, Occasion, Policy, Purpose
from tidegate.core.release import ReleaseState
from tidegate.errors import StoreError, TidegateError
from tidegate.orchestration.judge import lay_out
from tidegate.orchestration.messages import announce, put, reached_each, say, send, telling_of
from tidegate.orchestration.record import Entry, record
from tidegate.store import contents, locks, notices, outbox, policies, releases
from tidegate.store.notices import DONE, FORESEEN, PLANNED, UNKNOWN, NoticeRow, Timeline

if TYPE_CHECKING:
    from tidegate.orchestration.house import House
    from tidegate.store.releases import ReleaseRow

AT_ONCE = 5
"""Notices of one release that one transaction ends; the database is free again between two."""
MESSAGES_AT_ONCE = 20
"""Messages after which a transaction begins no other notice."""
LOOKED_AT = 50
"""Notices that are due together of which it is seen whether a later one says the same."""
LOOK_AGAIN = DAY
"""How long until somebody looks again for a time that is not foreseen yet."""
NOT_NOW = timedelta(seconds=30)
LIMIT_BYTES = 64 << 10
"""A text in a file that is longer is none that anybody reads."""

SWEEP = Actor.automation("sweep")
SLIGHT = timedelta(hours=1)
"""A time that nobody has set, and that moves by less, moves in silence. A notice period counts from the delivery of its
announcement, so that the time foreseen moves by as long as that took: whoever reads it needs no second message.
"""

_OPEN = (ReleaseState.OPEN, ReleaseState.ROLLING)
_NOT_ASKED = "the policy of the release does not ask for it any more"


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment from which notices are counted, and where it comes from."""

    at: datetime | None
    basis: str

    def look_at(self, now: datetime) -> datetime | None:
        """When it is looked at again: when what was foreseen should have come, or in a day; never where it is set."""
        if self.basis in (PLANNED, DONE):
            return None
        return self.at if self.at is not None and self.at > now else now + LOOK_AGAIN


NOT_KNOWN = Moment(None, UNKNOWN)


def foreseen(policies_: Policies, facts: Facts, now: datetime) -> datetime | None:
    """The earliest moment at which time lets the release start in production; None where it is now, or not foreseen.

    Where only people are waited for, nobody has said for when the release is planned.
    """
    environment = next(
        (name for name, e in policies_.current.policy.environments.items() if e.purpose is Purpose.PRODUCTION), None
    )
    if environment is None:
        return None
    anybody = Actor("whoever may", "timeline", Assurance.SIGNATURE)
    found = decide(Question(Action.START, anybody, environment), policies_, facts, now).next_possible
    return found if found is not None and found > now else None


def texts_in_files(house: House, policy: Policy, release_type: str, items: Sequence[Item]) -> dict[str, bytes]:
    """The texts of messages that lie in files, as they are at the commit that is released; those that can be read.

    Never from the work tree, never through a link, and nothing that is no text.
    """
    paths = {
        message.say: path
        for message in policy.communication
        if is_said_of(message, release_type)
        and (template := policy.templates.get(message.say)) is not None
        and (path := template.path) is not None
    }
    return {name: text for name, text in read_texts(house, items[0].subject.commit, paths).items()
            if isinstance(text, bytes)}  # fmt: skip


def read_texts(house: House, commit: str, paths: Mapping[str, str]) -> dict[str, bytes | TidegateError]:
    """The text of each template at a commit, by its name, or why there is none."""
    from tidegate.core.plain import plain
    from tidegate.errors import UsageError
    from tidegate.git.repository import open_repository
    from tidegate.git.tree import small_files

    if not paths:
        return {}
    try:
        found = small_files(open_repository(house.root), commit, set(paths.values()), LIMIT_BYTES)
    except TidegateError as error:
        return dict.fromkeys(paths, error)
    read: dict[str, bytes | TidegateError] = {}
    for name, path in paths.items():
        data = found[path]
        try:
            if isinstance(data, bytes):
                data.decode()
        except UnicodeDecodeError:
            data = UsageError(f'"{plain(path, 200)}" is no text', remedy="write it in UTF-8")
        read[name] = data
    return read


# Planning, looking again, moving.


def begin(
    connection: sa.Connection,
    release: Release,
    policy: Policy,
    moment: Moment,
    texts: Mapping[str, bytes],
    now: datetime,
) -> None:
    """Plan the notices of a release that is opened, in the transaction that opens it."""
    kept = {name: contents.keep(connection, data) for name, data in texts.items()}
    notices.begin(connection, release.id, now, kept)
    _set(connection, release, policy, policy, moment, now)


def begin_again(
    connection: sa.Connection, release: Release, policy: Policy, texts: Mapping[str, bytes], now: datetime
) -> None:
    """Have the timeline looked at again, by another policy: one that announces what was not announced does so now."""
    kept = {name: contents.keep(connection, data) for name, data in texts.items()}
    notices.begin(connection, release.id, now, kept)
    if release.announced_at is None and not notices.breaking_said(connection, release.id):
        say(connection, policy, Occasion.OPENED, release, now, only=ANNOUNCED)


def look(house: House, release: str) -> None:
    """Look at the timeline of a release: plan what is to come, move what has moved, announce what is new."""
    with house.database.read() as connection:
        seen = releases.load(connection, release)
        moment = _moment(connection, seen, house.now())
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        row = releases.load(connection, release)
        if _looked_at(row) != _looked_at(seen):
            return  # It has changed meanwhile; it is still due, and whoever looks next sees it as it is.
        now = house.now()
        current = policies.current(connection).policy
        pinned = policies.rulebook(connection, row.policy).policy
        if row.facts.state not in _OPEN:
            settle(connection, row.facts, now)
            return
        _set(connection, row.facts, pinned, current, moment, now)
        _announce_news(connection, row.facts, current, now)


def _looked_at(row: ReleaseRow) -> tuple[object, ...]:
    return (row.facts, row.policy)


def _moment(connection: sa.Connection, row: ReleaseRow, now: datetime) -> Moment:
    """The moment that people have set, or else that which the policy foresees; what was foreseen stays until then."""
    if row.facts.planned_at is not None:
        return Moment(row.facts.planned_at, PLANNED)
    line = notices.timeline(connection, row.facts.id)
    if line is not None and line.moment is not None and _is_to_be_announced(connection, row.facts, line, now):
        return Moment(line.moment, line.basis)
    _, both, facts = lay_out(connection, row.facts.id, now)
    found = foreseen(both, facts, now)
    if found is not None:
        return Moment(found, FORESEEN)
    return Moment(line.moment, line.basis) if line and line.basis == FORESEEN else NOT_KNOWN


def _is_to_be_announced(connection: sa.Connection, release: Release, line: Timeline, now: datetime) -> bool:
    """Whether the announcement is due now for the moment that was foreseen.

    Notice that has not begun yet would end later with every minute, and the announcement would move away from whoever
    comes to send it.
    """
    if line.basis != FORESEEN or line.moment is None or line.moment <= now or release.announced_at is not None:
        return False
    return any(row.message.say == ANNOUNCED for row in notices.due_of(connection, release.id, now, LOOKED_AT))


def set_planned(connection: sa.Connection, row: ReleaseRow, planned_at: datetime, now: datetime) -> None:
    """Move the notices of a release to the moment for which people have planned it, in their transaction."""
    current = policies.current(connection).policy
    pinned = policies.rulebook(connection, row.policy).policy
    notices.begin(connection, row.facts.id, now)
    _set(connection, row.facts, pinned, current, Moment(planned_at, PLANNED), now)


def _set(
    connection: sa.Connection, release: Release, pinned: Policy, current: Policy, moment: Moment, now: datetime
) -> None:
    """Count the notices from ``moment``; tell of the move whoever was told of another."""
    before = notices.timeline(connection, release.id)
    changed = _plan_all(connection, release, pinned, moment, now)
    asks = bool(timed_messages(pinned, release.type))
    look_at = moment.look_at(now) if asks else None
    notices.set_moment(connection, release.id, moment.at, moment.basis, look_at)
    told: list[str] = []
    if before is not None and before.moment and moment.at and before.moment != moment.at:
        if not _is_slight(before, moment):
            told = _tell_of_move(connection, release, as_told(pinned, current), before, moment.at, now)
        data = {"from": to_text(before.moment), "to": to_text(moment.at), "basis": moment.basis}
        whole = {**data, "told": _few(told), "notices": changed}
        record(connection, Entry("timeline.moved", SWEEP, release.id, whole), now)
    elif changed:
        data = {"moment": to_text(moment.at) if moment.at else "", "basis": moment.basis}
        record(connection, Entry("timeline.planned", SWEEP, release.id, {**data, "notices": changed}), now)


def _is_slight(before: Timeline, to: Moment) -> bool:
    if before.moment is None or to.at is None or (before.basis, to.basis) != (FORESEEN, FORESEEN):
        return False
    return abs(to.at - before.moment) < SLIGHT


def _plan_all(
    connection: sa.Connection, release: Release, pinned: Policy, moment: Moment, now: datetime
) -> dict[str, str]:
    """Give each notice its time; those whose time has changed, by number, with what they say and when."""
    tz = zone(pinned.timezone)
    rows = notices.of_release(connection, release.id)
    wanted = timed_messages(pinned, release.type)
    if release.announced_at is not None or notices.breaking_said(connection, release.id):
        # It is announced already: what would have it announced in time is not begun any more.
        begun = {row.key for row in rows}
        early = {message_key(message) for message in early_announcements(pinned, release.type)}
        wanted = {key: message for key, message in wanted.items() if key in begun or key not in early}
    _drop(connection, [row for row in rows if row.key not in wanted], _NOT_ASKED, now)
    known, number = {row.key: row for row in rows}, len(rows)
    changed: dict[str, str] = {}
    for key, message in wanted.items():
        offset = message.at or timedelta(0)
        at = moment_of(offset, moment.at, tz) if moment.at else None
        # What follows the release has no time to go before the release is done.
        due_at = at if offset <= timedelta(0) else None
        row = known.get(key)
        if row is None:
            number += 1
            row = NoticeRow(release.id, number, key, message, NoticeState.PLANNED, at, due_at, moment.at)
            notices.add(connection, row)
        elif _is_to_be_planned(row, at, due_at, now):
            notices.plan(connection, row, at=at, due_at=due_at, planned_for=moment.at)
        else:
            continue
        changed[str(row.number)] = f"{message.say}, {to_text(at) if at else 'no time yet'}"
    return changed


def _is_to_be_planned(row: NoticeRow, at: datetime | None, due_at: datetime | None, now: datetime) -> bool:
    if row.state is NoticeState.PLANNED:
        return (row.at, row.due_at) != (at, due_at)
    if row.state is NoticeState.CANCELLED:
        return row.because == _NOT_ASKED
    # Skipped, since its time had passed; the release was moved, and its time comes once more.
    return row.state is NoticeState.SKIPPED and due_at is not None and due_at > now


def _drop(connection: sa.Connection, rows: Iterable[NoticeRow], because: str, now: datetime) -> list[int]:
    """Give up notices that are to come; their numbers."""
    return [row.number for row in rows if notices.end(connection, row, NoticeState.CANCELLED, now, because=because)]


def _tell_of_move(
    connection: sa.Connection, release: Release, policy: Policy, before: Timeline, to: datetime, now: datetime
) -> list[str]:
    """Tell those who were told of the former time, once each; their channels."""
    tz = zone(policy.timezone)
    detail = f"from {moment_text(before.moment, tz)} to {moment_text(to, tz)}" if before.moment else ""
    return _tell_again(connection, release, policy, "moved", detail, now, opened=before.basis == PLANNED)


def _tell_again(
    connection: sa.Connection,
    release: Release,
    policy: Policy,
    say_: str,
    detail: str,
    now: datetime,
    *,
    opened: bool,
) -> list[str]:
    """Tell everybody who has been told already. ``opened``: also those who were told when it was opened."""
    whom: dict[str, Recipient] = {}
    for message, told in _told(connection, release, policy, opened=opened):
        for to in reached_each(policy, message, release.items).recipients:
            if to.channel in told:
                whom.setdefault(to.channel, to)
        for channel in told:
            whom.setdefault(channel, Recipient(channel))
    telling = telling_of(connection, policy, say_, release, detail)
    occasion = f"release.{say_}"
    before = {m.created_at for m in outbox.of_release(connection, release.id) if m.occasion == occasion}
    for to in whom.values():
        put(connection, policy, say_, to, telling, now, occasion=occasion, once=str(len(before) + 1))
    return list(whom)


def _told(
    connection: sa.Connection, release: Release, policy: Policy, *, opened: bool
) -> Iterable[tuple[Message, Sequence[str]]]:
    for row in notices.of_release(connection, release.id):
        if row.state is NoticeState.SENT:
            yield row.message, row.told
    if opened:
        sent = outbox.of_release(connection, release.id)
        told = [each.channel for each in sent if each.occasion == Occasion.OPENED.value]
        for message in policy.communication:
            if message.on is Occasion.OPENED and is_said_of(message, release.type):
                here = [to.channel for to in reached_each(policy, message, release.items).recipients]
                yield message, [channel for channel in told if channel in here]


def _announce_news(connection: sa.Connection, release: Release, policy: Policy, now: datetime) -> None:
    """Announce again what now breaks something of which no announcement spoke."""
    breaking = frozenset(breaking_of(release.items))
    said = notices.breaking_said(connection, release.id)
    if said and not any(breaking <= each for each in said):
        say(connection, policy, Occasion.OPENED, release, now, once=f"news {to_text(now)}", only=ANNOUNCED)


# What is due.


def work(house: House, release: str) -> None:
    """Do what is due of a release's timeline: look at it where that is due, and send what is due."""
    try:
        with house.database.read() as connection:
            line = notices.timeline(connection, release)
        now = house.now()
        is_due = line is not None and line.look_at is not None and line.look_at <= now
        if is_due or (line is not None and line.basis == FORESEEN):
            look(house, release)
        if _is_due(house, release):
            send_due(house, release)
    except StoreError:
        raise
    except TidegateError:
        with house.database.write() as connection:
            now = house.now()
            notices.postpone(connection, release, now, now + NOT_NOW)
        raise


def _is_due(house: House, release: str) -> bool:
    """Whether there is anything to send, asked before anybody holds the database for it."""
    with house.database.read() as connection:
        return bool(notices.due_of(connection, release, house.now(), 1))


def send_due(house: House, release: str) -> None:
    """Send what is due of a release, each once; what makes no sense any more is marked so, with its reason."""
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        now = house.now()
        due = notices.due_of(connection, release, now, LOOKED_AT)
        if not due:
            return
        row = releases.load(connection, release)
        line = notices.timeline(connection, release)
        pinned = policies.rulebook(connection, row.policy).policy
        policy = as_told(pinned, policies.current(connection).policy)
        moment = line.moment if line else None
        fates = {n.number: fate(n.message.at or timedelta(0), row.facts.state, moment, now) for n in due}
        sendable = [(n.number, n.message) for n in due if fates[n.number].state is NoticeState.SENT]
        again = frozenset(overtaken(sendable))
        sent = 0
        for notice in due[:AT_ONCE]:
            if sent >= MESSAGES_AT_ONCE:
                break
            found = fates[notice.number]
            if notice.number in again:
                _end(connection, notice, NoticeState.SKIPPED, "a later one says the same and is due as well", now)
            elif found.state is NoticeState.SENT:
                sent += _send(connection, row.facts, policy, notice, now)
            elif found.state is NoticeState.PLANNED:
                notices.plan(connection, notice, at=notice.at, due_at=None, planned_for=notice.planned_for)
            else:
                _end(connection, notice, found.state, found.because, now)
        house.database.after_commit(connection, house.wake)


def _send(connection: sa.Connection, release: Release, policy: Policy, notice: NoticeRow, now: datetime) -> int:
    """Send one; how many messages that are."""
    message = notice.message
    once = str(notice.number)
    telling = telling_of(connection, policy, message.say, release)
    sent = send(connection, policy, message, telling, now, occasion=OCCASION, once=once)
    if not sent.channels:
        nobody = f": {', '.join(sent.reached.unreached)}" if sent.reached.unreached else ""
        _end(connection, notice, NoticeState.SKIPPED, f"it reaches nobody{nobody}", now)
        return 0
    if message.say == ANNOUNCED:
        announce(connection, release, [sent], now, f"{OCCASION}:{once}")
    people = sent.reached.people if message.acknowledge else ()
    notices.end(connection, notice, NoticeState.SENT, now, told=sent.channels, people=people)
    data = {
        "notice": notice.number,
        "say": message.say,
        "at": to_text(notice.at) if notice.at else "",
        "channels": _few(sent.channels),
        "unreached": _few(sent.reached.unreached),
        "does": list(message.does),
    }
    record(connection, Entry("notice.sent", SWEEP, release.id, data), now)
    return len(sent.keys)


def _few(names: Sequence[str]) -> list[str]:
    """As many of them as a leaf has room for; all of them are in the notice's row."""
    more = [f"and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return [name[:100] for name in names[:_SHOWN]] + more


_SHOWN = 100


OCCASION = "notice.due"


def _end(connection: sa.Connection, notice: NoticeRow, state: NoticeState, because: str, now: datetime) -> None:
    notices.end(connection, notice, state, now, because=because)
    data = {
        "notice": notice.number,
        "say": notice.message.say,
        "at": to_text(notice.at) if notice.at else "",
        "because": because,
    }
    record(connection, Entry(f"notice.{state.value}", SWEEP, notice.release, data), now)


# When the release is over.


def settle(connection: sa.Connection, release: Release, now: datetime) -> None:
    """A release is over: what was to come before it is skipped, what follows it gets its time, or nothing comes.

    In the transaction that ends it; ``release`` is as it is then. A release that goes on is left alone.
    """
    line = notices.timeline(connection, release.id)
    if release.state in _OPEN or line is None or (line.basis == DONE and release.state is ReleaseState.RELEASED):
        return
    waiting = [row for row in notices.of_release(connection, release.id) if row.state is NoticeState.PLANNED]
    if release.state is ReleaseState.RELEASED:
        _settle_done(connection, release, waiting, now)
        return
    because = f"the release is {release.state.value.replace('_', ' ')}"
    numbers = _drop(connection, waiting, because, now)
    notices.set_moment(connection, release.id, line.moment, line.basis, None)
    told: list[str] = []
    if release.state is not ReleaseState.ROLLED_BACK:
        pinned = policies.rulebook(connection, releases.load(connection, release.id).policy).policy
        policy = as_told(pinned, policies.current(connection).policy)
        told = _tell_again(connection, release, policy, "given-up", "", now, opened=line.basis == PLANNED)
    if numbers or told:
        data = {"notices": numbers, "because": because, "told": _few(told)}
        record(connection, Entry("timeline.cancelled", SWEEP, release.id, data), now)


def _settle_done(connection: sa.Connection, release: Release, waiting: Sequence[NoticeRow], now: datetime) -> None:
    tz = policies.current(connection).tz
    skipped, following = [], {}
    for row in waiting:
        offset = row.message.at or timedelta(0)
        if offset <= timedelta(0):
            skipped.append(row.number)
            notices.end(connection, row, NoticeState.SKIPPED, now, because="the release was done before")
        else:
            at = moment_of(offset, now, tz)
            following[str(row.number)] = to_text(at)
            notices.plan(connection, row, at=at, due_at=at, planned_for=now)
    notices.set_moment(connection, release.id, now, DONE, None)
    if skipped or following:
        data = {"skipped": skipped, "following": following}
        record(connection, Entry("timeline.done", SWEEP, release.id, data), now)
