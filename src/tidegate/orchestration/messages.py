"""What is said, to whom, on which occasion: put into the outbox by the transaction that makes it due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from tidegate.channels.registry import each as each_of
from tidegate.core.announcement import breaking_of, content_of
from tidegate.core.calendar import zone
from tidegate.core.canonical import digest
from tidegate.core.facts import Item, Release
from tidegate.core.notice import ANNOUNCED, Reached, Recipient, Said, Telling, is_said_of, reached, said_of
from tidegate.core.policy import Message, Occasion, Policy
from tidegate.store import contents, notices, outbox, releases
from tidegate.store.outbox import MessageRow


def say(
    connection: sa.Connection,
    policy: Policy,
    occasion: Occasion,
    release: Release,
    now: datetime,
    *,
    detail: str = "",
    once: str = "",
    only: str = "",
) -> list[str]:
    """Put the messages of ``occasion`` into the outbox, one for each channel; the channels over which it goes.

    Args:
        once: distinguishes occasions that recur within a release, such as the rollout that progressed.
        only: the text that is said alone, of all that the policy names for the occasion.
    """
    sent: list[Sent] = []
    for message in policy.communication:
        if message.on is occasion and is_said_of(message, release.type) and only in ("", message.say):
            telling = telling_of(connection, policy, message.say, release, detail)
            # What has happened, happened now; only what is to come has another day.
            day = telling.planned if occasion is Occasion.OPENED else now
            sent.append(
                send(
                    connection, policy, message, replace(telling, planned=day), now, occasion=occasion.value, once=once
                )
            )
    announce(connection, release, [each for each in sent if each.say == ANNOUNCED], now, f"{occasion.value}:{once}")
    return [channel for each in sent for channel in each.channels]


@dataclass(frozen=True, slots=True)
class Sent:
    """What was put into the outbox of one message: the keys of its rows, their channels, and whom it reaches."""

    say: str
    keys: tuple[str, ...]
    channels: tuple[str, ...]
    reached: Reached


def send(
    connection: sa.Connection,
    policy: Policy,
    message: Message,
    telling: Telling,
    now: datetime,
    *,
    occasion: str,
    once: str,
) -> Sent:
    """Put one message into the outbox, once for each channel that it reaches."""
    whom = reached_each(policy, message, telling.release.items)
    keys = [put(connection, policy, message.say, to, telling, now, occasion=occasion, once=once)
            for to in whom.recipients]  # fmt: skip
    channels = dict.fromkeys(to.channel for to in whom.recipients)
    return Sent(message.say, tuple(keys), tuple(channels), whom)


def reached_each(policy: Policy, message: Message, items: Iterable[Item]) -> Reached:
    """Whom a message reaches, one by one: of two people under one address, one may have got it and the other not."""
    whom = reached(policy, message, items)
    each = (replace(to, channel=channel) for to in whom.recipients for channel in each_of(to.channel))
    return replace(whom, recipients=tuple(dict.fromkeys(each)))


def put(
    connection: sa.Connection,
    policy: Policy,
    say_: str,
    to: Recipient,
    telling: Telling,
    now: datetime,
    *,
    occasion: str,
    once: str,
) -> str:
    """Put what is said to one recipient into the outbox; its key."""
    said = said_of(policy, say_, telling, zone(policy.timezone), to.components)
    part = ",".join(sorted(to.components)) if to.components is not None else ""
    key = _key(telling.release.id, occasion, once, say_, *filter(None, [part]), to.channel)
    outbox.put(connection, _row(key, telling.release.id, occasion, say_, to.channel, said, now))
    return key


def announce(connection: sa.Connection, release: Release, sent: Iterable[Sent], now: datetime, occasion: str) -> None:
    """Record that what was sent announces the release as it is now; its notice counts when all of it was delivered."""
    # Of two messages to one channel that say the same, one is sent.
    keys = list(dict.fromkeys(key for each in sent for key in each.keys))
    if keys:
        content = content_of(release.items)
        name = _key(release.id, occasion)
        notices.announce(connection, release.id, name, content, breaking_of(release.items), keys, now)


def telling_of(connection: sa.Connection, policy: Policy, say_: str, release: Release, detail: str = "") -> Telling:
    """What a text may tell of a release, as far as it is kept."""
    line = notices.timeline(connection, release.id)
    # The timeline knows best: once the release is done, its day is the one on which it went.
    moment = line.moment if line else release.planned_at
    template = policy.templates.get(say_)
    asks = template is not None and "{notes}" in (template.text or "")
    texts: Mapping[str, str] = {}
    if template is not None and template.path is not None:
        texts = _text_in_file(connection, say_, line.texts if line else {})
        asks = "{notes}" in texts.get(say_, "")
    notes = releases.notes(connection, release.id) if asks else ""
    return Telling(release, moment, detail, notes, texts)


def _text_in_file(connection: sa.Connection, say_: str, kept: Mapping[str, str]) -> dict[str, str]:
    """The text that was read from its file when the release was opened; none where it could not be."""
    name = kept.get(say_, "")
    return {say_: contents.fetch(connection, name).decode()} if name else {}


def tell(
    connection: sa.Connection,
    policy: Policy,
    occasion: Occasion,
    about: str,
    text: str,
    now: datetime,
    *,
    release: str = "",
    once: str = "",
    also: Iterable[str] = (),
) -> list[str]:
    """Put what is said of something that is no release into the outbox; the channels over which it goes.

    Args:
        about: the id of what it is about; ``once`` distinguishes what is said of it several times on one occasion.
        also: channels besides those that the policy names for the occasion.
    """
    wanted = {to.channel: message.say for message in policy.communication if message.on is occasion
              for to in reached_each(policy, message, ()).recipients}  # fmt: skip
    for channel in (one for several in also for one in each_of(several)):
        wanted.setdefault(channel, "status")
    said = Said(f"{policy.organization}: {text}")
    for channel, say_ in wanted.items():
        key = _key(about, occasion.value, once, say_, channel)
        outbox.put(connection, _row(key, release, occasion.value, say_, channel, said, now))
    return list(wanted)


def _row(key: str, release: str, occasion: str, say_: str, channel: str, said: Said, now: datetime) -> MessageRow:
    return MessageRow(
        key=key,
        release=release or None,
        occasion=occasion,
        say=say_,
        channel=channel,
        body=said.body,
        subject=said.title,
        created_at=now,
        due_at=now,
    )


def _key(*parts: str) -> str:
    """The idempotency key. A channel may be of any length, and two that begin alike are two."""
    whole = ":".join(parts)
    return whole if len(whole) <= _LONGEST_KEY else f"{whole[: _LONGEST_KEY - 72]}:{digest(whole.encode())}"


_LONGEST_KEY = 400
