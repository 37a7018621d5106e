"""The notices of a release: which there are, when each is due, whom it reaches, and what becomes of one that is late.

A notice is a message of the policy with an ``at``, of one release. Its time is counted from the moment for which the
release is planned, in civil days of the policy's zone: seven days before Tuesday 10:00 is Tuesday 10:00, also where the
clocks change in between.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from tidegate.core.calendar import instant
from tidegate.core.canonical import digest_of
from tidegate.core.civil import day_text, moment_text, time_text
from tidegate.core.facts import Item, Release
from tidegate.core.naming import CLIENTS
from tidegate.core.plain import plain
from tidegate.core.policy import Contact, Message, Occasion, Policy, Skippable, Template, is_channel
from tidegate.core.policy.base import EMAIL
from tidegate.core.release import ReleaseState
from tidegate.core.template import fill

DAY = timedelta(days=1)
_NOTHING = timedelta(0)
ANNOUNCED = "announced"
LONGEST_TITLE = 500
LONGEST_TEXT = 20_000
"""Characters of a text that is sent; a longer one is cut with an ellipsis."""


class NoticeState(StrEnum):
    """Where a notice stands.

    planned
        It is to come. The opening of a release brings it here. It has a time where the release has one; one that is
        counted from after the release gets its time when the release is done. A release that moves moves it.
    sent
        It was put into the outbox, once, in the transaction that says so. Whether its channels have delivered it, the
        outbox tells. Final.
    skipped
        Its time came and it made no sense any more: the reason is kept. A release that is moved ahead of it once more
        plans it again.
    cancelled
        What it would have told will not come: the release was given up or taken back, or the policy does not ask for
        it any more. Final.
    """

    PLANNED = "planned"
    SENT = "sent"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


def timed_messages(policy: Policy, release_type: str) -> dict[str, Message]:
    """The messages at a time that are said of a release of this type, each by the digest of what it says.

    With them those of :func:`early_announcements`, which no message of the policy says.
    """
    found: dict[str, Message] = {}
    for message in policy.communication:
        if message.at is not None and is_said_of(message, release_type):
            found[message_key(message)] = message
    return found | {message_key(message): message for message in early_announcements(policy, release_type)}


def early_announcements(policy: Policy, release_type: str) -> tuple[Message, ...]:
    """The first announcements once more, as early as the notice of the type has to begin.

    None where the policy itself announces in time. Without them a release whose only announcement comes two days
    before it, and that needs seven days of notice, would never go: its time is foreseen seven days from whenever it is
    asked for, so that the two days before never come.
    """
    notice = notice_of(policy, release_type)
    said = announcements(policy, release_type)
    times = [_NOTHING if message.at is None else message.at for message in said]
    if notice is None or not said or any(message.on for message in said) or min(times) <= -notice:
        return ()
    first = [message for message in said if message.at == min(times)]
    return tuple(message.model_copy(update={"at": -notice, "does": ()}) for message in first)


def announcements(policy: Policy, release_type: str) -> tuple[Message, ...]:
    """The messages that announce a release of this type: those when it is opened, and those before it goes."""
    return tuple(
        message
        for message in policy.communication
        if message.say == ANNOUNCED
        and is_said_of(message, release_type)
        and (message.on is Occasion.OPENED or (message.at is not None and message.at <= _NOTHING))
    )


def notice_of(policy: Policy, release_type: str) -> timedelta | None:
    """How much notice a release of this type needs; None where it needs none."""
    kind = policy.release_types.get(release_type)
    return kind.notice if kind is not None and kind.notice and Skippable.NOTICE not in kind.skips else None


def is_said_of(message: Message, release_type: str) -> bool:
    """Whether a message is said of releases of this type."""
    return not message.types or release_type in message.types


def message_key(message: Message) -> str:
    """What makes a message of a policy the same one in the next policy: all that it says."""
    return digest_of(message.model_dump(mode="json", exclude={"types"}))


def moment_of(offset: timedelta, planned: datetime, tz: ZoneInfo) -> datetime:
    """The moment that lies ``offset`` from ``planned``: whole days as civil days, the rest as time that passes.

    A civil time that a clock change skips is read as the moment at which the clock has been set forward.
    """
    days, rest = divmod(abs(offset), DAY)
    sign = 1 if offset >= timedelta(0) else -1
    local = planned.astimezone(tz)
    if not days:
        return planned + sign * rest
    same_time = local.timetz().replace(tzinfo=None, fold=0)
    try:
        return (instant(local.date() + sign * days * DAY, same_time, tz) + sign * rest).astimezone(UTC)
    except OverflowError:
        return planned


# Whom a message reaches.


@dataclass(frozen=True, slots=True)
class Recipient:
    """One channel over which a message goes, and for whom.

    ``of`` says why they are told: an audience, a client, the channel itself. ``components`` are those of which they
    are told; a client is told of its own, and None means all.
    """

    channel: str
    of: str = ""
    components: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom a message reaches: over which channels, which people by name, and who is meant and has no address."""

    recipients: tuple[Recipient, ...] = ()
    people: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()


@dataclass
class _Reaching:
    found: dict[tuple[str, frozenset[str] | None], Recipient] = field(default_factory=dict)
    people: dict[str, None] = field(default_factory=dict)
    unreached: dict[str, None] = field(default_factory=dict)

    def add(self, channel: str, of: str, components: frozenset[str] | None = None) -> None:
        """One channel; whoever is told of everything is not told again of a part."""
        if (channel, None) not in self.found:
            self.found.setdefault((channel, components), Recipient(channel, of, components))


def reached(policy: Policy, message: Message, items: Iterable[Item]) -> Reached:
    """Whom a message reaches: an audience over its channels, and the people of its groups by mail."""
    reaching = _Reaching()
    clients = False
    for to in message.to:
        audience = policy.audiences.get(to)
        if to == CLIENTS:
            clients = True
        elif audience is not None:
            for channel in audience.to:
                reaching.add(channel, audience.title)
            for group in audience.groups:
                _reach_group(policy, reaching, group)
        elif ":" in to:
            reaching.add(to, "")
    if clients:
        _reach_clients(policy, reaching, [item.component for item in items])
    return Reached(tuple(reaching.found.values()), tuple(sorted(reaching.people)), tuple(reaching.unreached))


def _reach_group(policy: Policy, reaching: _Reaching, group: str) -> None:
    known = policy.groups.get(group)
    title = (known.title if known else None) or group
    contact = policy.contacts.get(known.contact or "") if known else None
    over = address_of(contact) if contact else ""
    if over:
        reaching.add(over, title)
    members = sorted(policy.people_of(group))
    for person in members:
        reaching.people[person] = None
        email = policy.people[person].email
        if email:
            reaching.add(f"email:{email}", policy.people[person].name)
        elif not over:
            reaching.unreached[person] = None
    if not members and not over:
        reaching.unreached[group] = None


def _reach_clients(policy: Policy, reaching: _Reaching, components: Sequence[str]) -> None:
    """The clients whose components are released, each told of its own."""
    theirs: dict[str, set[str]] = {}
    for component in components:
        known = policy.components.get(component)
        if known is not None and known.client in policy.clients:
            theirs.setdefault(known.client or "", set()).add(component)
    for name, own in sorted(theirs.items()):
        client = policy.clients[name]
        contacts = [policy.contacts[contact] for contact in client.contacts if contact in policy.contacts]
        channels = [told for told in client.told if is_channel(told)]
        channels += [address for contact in contacts if (address := address_of(contact))]
        for channel in channels:
            reaching.add(channel, client.title, frozenset(own))
        if not channels:
            reaching.unreached[name] = None


def address_of(contact: Contact) -> str:
    """The channel by which a contact is reached; empty for a telephone number or a page."""
    if is_channel(contact.reach):
        return contact.reach
    return f"email:{contact.reach}" if re.fullmatch(EMAIL, contact.reach) else ""


def addresses_of(policy: Policy, contact: Contact) -> tuple[str, ...]:
    """The channels by which a contact is told: its own; of one with a number or a page, the mail of those behind it."""
    own = address_of(contact)
    if own or contact.group is None:
        return (own,) if own else ()
    return tuple(
        f"email:{person.email}"
        for person in policy.people.values()
        if person.email and contact.group in person.groups and not person.disabled
    )


def as_told(pinned: Policy, current: Policy) -> Policy:
    """The policy that a notice goes by: what is said as in the pinned one, to whom as it is now.

    People come and go, and groups, contacts and clients change their addresses while a release is on its way.
    """
    return pinned.model_copy(
        update={
            "people": current.people,
            "groups": {**pinned.groups, **current.groups},
            "contacts": {**pinned.contacts, **current.contacts},
            "clients": {**pinned.clients, **current.clients},
            "audiences": {**pinned.audiences, **current.audiences},
        }
    )


# What it says.


@dataclass(frozen=True, slots=True)
class Said:
    """A text that is said: a title of one line, and what follows, perhaps nothing."""

    title: str
    text: str = ""

    @property
    def body(self) -> str:
        """Both, as one text."""
        return f"{self.title}\n\n{self.text}" if self.text else self.title


@dataclass(frozen=True, slots=True)
class Telling:
    """What a text may be filled in from, besides the policy: the release, its time, its notes, the occasion.

    ``texts`` are those of templates that lie in files, by the name of the template.
    """

    release: Release
    planned: datetime | None = None
    detail: str = ""
    notes: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


def said_of(policy: Policy, say: str, telling: Telling, tz: ZoneInfo, components: frozenset[str] | None = None) -> Said:
    """What is said under the name ``say``: the policy's own text of that name, else the one that every policy has.

    Args:
        components: those of which it is told; None means all.
    """
    items = [i for i in telling.release.items if components is None or i.component in components]
    template = policy.templates.get(say)
    text = _text_of(say, template, telling) if template else None
    if template is None or text is None:
        return _built_in(policy, say, telling, tz, items)
    values = values_of(policy, telling, tz, items)
    body = fill(text, values)
    title = fill(template.title, values) if template.title else _built_in(policy, say, telling, tz, items).title
    named = title if title.startswith(policy.organization) else f"{policy.organization}: {title}"
    return Said(plain(named, LONGEST_TITLE), _cut(body.strip()))


def _text_of(name: str, template: Template, telling: Telling) -> str | None:
    """The text before it is filled in; None where it lies in a file that could not be read."""
    return telling.texts.get(name) if template.path is not None else template.text or ""


def _built_in(policy: Policy, say: str, telling: Telling, tz: ZoneInfo, items: Sequence[Item]) -> Said:
    release = telling.release
    what = _what(items)
    # A time that people have set, not one that is only foreseen.
    for_when = f" for {moment_text(release.planned_at, tz)}" if release.planned_at else ""
    sentence = {
        "announced": f"{what} ({release.type}) is planned{for_when}",
        "released": f"{what} is released",
        "rolled-back": f"{what} was taken back",
        "moved": f"{what} ({release.type}) is moved",
        "given-up": f"{what} ({release.type}) is given up",
    }.get(say, what)
    return Said(f"{policy.organization}: {sentence}{': ' + telling.detail if telling.detail else ''}")


def _what(items: Sequence[Item]) -> str:
    return ", ".join(f"{item.component} {item.to_version}" for item in items)


NO_DATE = "a day that is not set yet"
NO_TIME = "a time that is not set yet"


def values_of(policy: Policy, telling: Telling, tz: ZoneInfo, items: Sequence[Item]) -> dict[str, str]:
    """What each placeholder stands for; of several components, each is named, in the same order everywhere."""
    release = telling.release
    return {
        "component": ", ".join(item.component for item in items),
        "version": ", ".join(item.to_version for item in items),
        "previous_version": ", ".join(item.from_version or "nothing" for item in items),
        "type": release.type,
        "date": day_text(telling.planned, tz) if telling.planned else NO_DATE,
        "time": time_text(telling.planned, tz) if telling.planned else NO_TIME,
        "release": release.id,
        "organization": policy.organization,
        "reason": release.reason,
        "detail": telling.detail,
        "notes": telling.notes,
    }


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


# What becomes of one whose time has come.


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a notice whose time has come: the state to which it goes, and why where it is not sent."""

    state: NoticeState
    because: str = ""


SEND = Fate(NoticeState.SENT)


def fate(offset: timedelta, state: ReleaseState, planned: datetime | None, now: datetime) -> Fate:
    """Whether a notice whose time has come still makes sense.

    One from before the release does as long as the release is to come, however late it is; one from after it, however
    late, once the release is done.
    """
    if state is ReleaseState.RELEASED:
        before = offset <= timedelta(0)
        return Fate(NoticeState.SKIPPED, "the release was done before") if before else SEND
    if state not in (ReleaseState.OPEN, ReleaseState.ROLLING):
        return Fate(NoticeState.CANCELLED, f"the release is {state.value.replace('_', ' ')}")
    if planned is None or offset > timedelta(0):
        return Fate(NoticeState.PLANNED)
    if planned + (DAY if not offset else timedelta(0)) <= now:
        return Fate(NoticeState.SKIPPED, "the time for which the release was planned has passed")
    return SEND


def overtaken(due: Sequence[tuple[int, Message]]) -> Iterator[int]:
    """Of notices that are due together, in order, those that a later one says again, to the same people."""
    last = {(message.say, message.to): number for number, message in due}
    for number, message in due:
        if last[message.say, message.to] != number:
            yield number
