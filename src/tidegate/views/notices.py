"""What is told of a release, in the order of time: what went out, what is to come, what was left out, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from tidegate.core.calendar import zone
from tidegate.core.facts import Release
from tidegate.core.notice import (
    NoticeState,
    Said,
    Telling,
    as_told,
    is_said_of,
    moment_of,
    said_of,
    timed_messages,
)
from tidegate.core.policy import Message, Occasion, Policy, Purpose
from tidegate.core.release import ReleaseState
from tidegate.core.span import format_offset
from tidegate.errors import NotFoundError
from tidegate.orchestration.house import House
from tidegate.orchestration.messages import reached_each, telling_of
from tidegate.orchestration.planning import plan
from tidegate.orchestration.timeline import OCCASION, read_texts
from tidegate.store import notices, outbox, policies, releases
from tidegate.store.notices import NoticeRow
from tidegate.store.outbox import MessageRow

EVENTS = {
    Occasion.OPENED: "opened",
    Occasion.PROGRESSED: "rolls out",
    Occasion.COMPLETED: "released",
    Occasion.ROLLED_BACK: "taken back",
    Occasion.REJECTED: "rejected",
}
_AFTERWARDS = ("release.moved", "release.given-up")


@dataclass(frozen=True, slots=True)
class To:
    """One channel to which it goes, for whom, and whether it arrived there; ``error`` is why not yet."""

    channel: str
    of: str = ""
    delivered_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice: when, on what, what it says, to whom, and how it stands.

    ``number`` is 0 for those on an occasion. ``when`` is ``T-7d``, or the occasion. ``state`` is that of a notice, or
    ``on occasion`` where it goes out if and when something happens. ``read_by`` and ``unread`` are people.
    """

    number: int
    when: str
    at: datetime | None
    state: str
    say: str
    title: str
    text: str
    to: tuple[To, ...]
    because: str = ""
    unreached: tuple[str, ...] = ()
    does: tuple[str, ...] = ()
    acknowledge: bool = False
    read_by: Mapping[str, datetime] | None = None
    unread: tuple[str, ...] = ()
    lacks_text: str = ""


@dataclass(frozen=True, slots=True)
class TimelineView:
    """What ``tidegate notice timeline`` and ``notice preview`` answer.

    ``basis`` says where the moment comes from: ``planned``, ``foreseen``, ``done``, or empty where there is none.
    """

    release: str
    type: str
    opened: bool
    state: ReleaseState
    planned_for: datetime | None
    basis: str
    announced_at: datetime | None
    timezone: str
    notices: tuple[NoticeView, ...]


def timeline_view(house: House, release: str) -> TimelineView:
    """The timeline of a release.

    Raises:
        NotFoundError: there is no such release.
    """
    with house.database.read() as connection:
        row = releases.load(connection, release)
        current = policies.current(connection).policy
        pinned = policies.rulebook(connection, row.policy).policy
        line = notices.timeline(connection, release)
        shown = _Shown(connection, as_told(pinned, current), current, row.facts, house.now())
        return TimelineView(
            release=release,
            type=row.facts.type,
            opened=True,
            state=row.facts.state,
            planned_for=line.moment if line else row.facts.planned_at,
            basis=line.basis if line else "",
            announced_at=row.facts.announced_at,
            timezone=current.timezone,
            notices=tuple(shown.all()),
        )


class _Shown:
    """The notices of one release, as they are shown."""

    def __init__(
        self, connection: sa.Connection, policy: Policy, current: Policy, release: Release, now: datetime
    ) -> None:
        self.connection, self.policy, self.current, self.release, self.now = connection, policy, current, release, now
        self.tz = zone(current.timezone)
        self.sent = outbox.of_release(connection, release.id)
        self.read: dict[int, dict[str, datetime]] = {}
        for one in notices.acknowledged(connection, release.id):
            self.read.setdefault(one.number, {})[one.person] = one.at

    def all(self) -> Iterator[NoticeView]:
        """In the order of time, as far as there is one."""
        timed = sorted(notices.of_release(self.connection, self.release.id), key=_place)
        before = [row for row in timed if (row.message.at or timedelta(0)) <= timedelta(0)]
        yield from self.on(Occasion.OPENED)
        yield from map(self.timed, before)
        for occasion in (Occasion.REJECTED, Occasion.PROGRESSED, Occasion.COMPLETED):
            yield from self.on(occasion)
        yield from map(self.timed, timed[len(before) :])
        yield from self.on(Occasion.ROLLED_BACK)
        yield from self.afterwards()

    def timed(self, row: NoticeRow) -> NoticeView:
        """One at a time."""
        own = [m for m in self.sent if m.key.startswith(f"{self.release.id}:{OCCASION}:{row.number}:")]
        view = _coming(self.policy, row.message, self.telling(self.policy, row.message.say), self.tz)
        read = self.read.get(row.number, {})
        words = _words(own) or (view.title, view.text)
        return replace(
            view,
            number=row.number,
            at=row.at if row.state is not NoticeState.SENT else row.ended_at,
            state=row.state.value,
            because=row.because,
            to=_arrived(own) or view.to,
            title=words[0],
            text=words[1],
            read_by=read if row.message.acknowledge else None,
            unread=tuple(person for person in row.people if person not in read),
        )

    def on(self, occasion: Occasion) -> Iterator[NoticeView]:
        """Those on an occasion: as they went out, or as they would."""
        sent = [m for m in self.sent if m.occasion == occasion.value]
        for (at, say), own in _grouped(sent).items():
            title, text = _words(own) or ("", "")
            yield NoticeView(0, EVENTS[occasion], at, "sent", say, title, text, _arrived(own))
        over = self.release.state not in (ReleaseState.OPEN, ReleaseState.ROLLING)
        may_come = not sent and not over and occasion is not Occasion.OPENED
        if may_come or (occasion is Occasion.ROLLED_BACK and self.release.state is ReleaseState.RELEASED):
            for message in self.current.communication:
                if message.on is occasion and is_said_of(message, self.release.type):
                    yield _coming(self.current, message, self.telling(self.current, message.say), self.tz)

    def afterwards(self) -> Iterator[NoticeView]:
        """What was told because the release was moved or given up."""
        for occasion in _AFTERWARDS:
            for (at, say), own in _grouped([m for m in self.sent if m.occasion == occasion]).items():
                title, text = _words(own) or ("", "")
                yield NoticeView(0, occasion.partition(".")[2], at, "sent", say, title, text, _arrived(own))

    def telling(self, policy: Policy, say: str) -> Telling:
        """What a text is filled in from."""
        return telling_of(self.connection, policy, say, self.release)


def _place(row: NoticeRow) -> tuple[timedelta, int]:
    return (row.message.at or timedelta(0), row.number)


def _grouped(sent: Sequence[MessageRow]) -> dict[tuple[datetime, str], list[MessageRow]]:
    groups: dict[tuple[datetime, str], list[MessageRow]] = {}
    for message in sent:
        groups.setdefault((message.created_at, message.say), []).append(message)
    return groups


def _arrived(sent: Sequence[MessageRow]) -> tuple[To, ...]:
    return tuple(To(each.channel, "", each.delivered_at, each.error) for each in sent)


def _words(sent: Sequence[MessageRow]) -> tuple[str, str] | None:
    """The title and the text as they went out; None where nothing did."""
    if not sent:
        return None
    title, _, text = sent[0].body.partition("\n\n")
    return title, text


def _coming(policy: Policy, message: Message, telling: Telling, tz: ZoneInfo) -> NoticeView:
    """A message as it would go out."""
    whom = reached_each(policy, message, telling.release.items)
    said = said_of(policy, message.say, telling, tz)
    template = policy.templates.get(message.say)
    lacks = template is not None and template.path is not None and message.say not in telling.texts
    return NoticeView(
        number=0,
        when=EVENTS[message.on] if message.on in EVENTS else mark(message),
        at=None,
        state="on occasion",
        say=message.say,
        title=said.title,
        text=said.text,
        to=tuple(To(to.channel, to.of) for to in whom.recipients),
        unreached=whom.unreached,
        does=message.does,
        acknowledge=message.acknowledge,
        unread=whom.people if message.acknowledge else (),
        lacks_text=(template.path or "") if template is not None and lacks else "",
    )


def mark(message: Message) -> str:
    """``T-7d``: when a message is due, counted from the release."""
    return "T" if not message.at else f"T{format_offset(message.at)}"


# What would be told.


def preview(house: House, component: str, *, type_: str = "", planned: datetime | None = None) -> TimelineView:
    """What a release of a component would tell, if it were opened now.

    Raises:
        NotFoundError: the policy knows no such component, or nothing asks for a release.
        UsageError: as :func:`tidegate.orchestration.release.plan`.
    """
    found = plan(house, component, type_=type_)
    policy, tz, now = found.rulebook.policy, found.rulebook.tz, house.now()
    release = replace(found.release, planned_at=planned)
    production = [found.decisions[n] for n, e in policy.environments.items() if e.purpose is Purpose.PRODUCTION]
    moment = planned or next((decision.next_possible for decision in production), None)
    known = moment if planned or (moment and moment > now) else None
    basis = "planned" if planned else "foreseen" if known else ""
    texts = _texts(house, policy, found.history.at)
    telling = Telling(release, known, notes="", texts=texts)
    return TimelineView(
        release.id,
        release.type,
        opened=False,
        state=release.state,
        planned_for=known,
        basis=basis,
        announced_at=None,
        timezone=policy.timezone,
        notices=tuple(_would(policy, telling, tz)),
    )


def _texts(house: House, policy: Policy, commit: str) -> dict[str, str]:
    paths = {name: template.path for name, template in policy.templates.items() if template.path is not None}
    return {name: t.decode() for name, t in read_texts(house, commit, paths).items() if isinstance(t, bytes)}


def _would(policy: Policy, telling: Telling, tz: ZoneInfo) -> Iterator[NoticeView]:
    """All that would be told, in the order of time."""
    messages = sorted(timed_messages(policy, telling.release.type).values(), key=lambda m: m.at or timedelta(0))
    before = [message for message in messages if (message.at or timedelta(0)) <= timedelta(0)]
    yield from _on(policy, telling, tz, Occasion.OPENED)
    for number, message in enumerate(messages, start=1):
        if message in before:
            yield _at(policy, message, telling, tz, number)
    for occasion in (Occasion.REJECTED, Occasion.PROGRESSED, Occasion.COMPLETED):
        yield from _on(policy, telling, tz, occasion)
    for number, message in enumerate(messages, start=1):
        if message not in before:
            yield _at(policy, message, telling, tz, number)
    yield from _on(policy, telling, tz, Occasion.ROLLED_BACK)


def _on(policy: Policy, telling: Telling, tz: ZoneInfo, occasion: Occasion) -> Iterator[NoticeView]:
    for message in policy.communication:
        if message.on is occasion and is_said_of(message, telling.release.type):
            yield _coming(policy, message, telling, tz)


def _at(policy: Policy, message: Message, telling: Telling, tz: ZoneInfo, number: int) -> NoticeView:
    at = moment_of(message.at or timedelta(0), telling.planned, tz) if telling.planned else None
    return replace(_coming(policy, message, telling, tz), number=number, at=at, state="planned")


def template_view(house: House, view: TimelineView, name: str, component: str) -> TimelineView:
    """Only what says the text ``name``; where nothing says it, the text alone.

    Raises:
        NotFoundError: the policy has no such text.
    """
    found = tuple(notice for notice in view.notices if notice.say == name)
    if found:
        return replace(view, notices=found)
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    if name not in policy.templates:
        texts = sorted({*policy.templates, *(message.say for message in policy.communication)})
        raise NotFoundError(
            f'the policy has no text "{name[:80]}"', remedy=f"name one of: {', '.join(texts) or 'none is declared'}"
        )
    said = _alone(house, policy, name, view, component)
    lone = NoticeView(0, "never", None, "on occasion", name, said.title, said.text, ())
    return replace(view, notices=(lone,))


def _alone(house: House, policy: Policy, name: str, view: TimelineView, component: str) -> Said:
    with house.database.read() as connection:
        if view.opened:
            release = releases.load(connection, view.release).facts
            telling = telling_of(connection, policy, name, release)
            return said_of(policy, name, telling, zone(policy.timezone))
    found = plan(house, component)
    telling = Telling(found.release, view.planned_for, texts=_texts(house, policy, found.history.at))
    return said_of(policy, name, telling, zone(policy.timezone))
