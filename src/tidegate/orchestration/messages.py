"""What is said, to whom, on which occasion: put into the outbox by the transaction that makes it due."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tidegate.core.canonical import digest
from tidegate.core.facts import Release
from tidegate.core.policy import Occasion, Policy
from tidegate.store import outbox
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
) -> None:
    """Put the messages of ``occasion`` into the outbox, one for each channel.

    Args:
        once: distinguishes occasions that recur within a release, such as the rollout that progressed.
    """
    for message in policy.communication:
        if message.on is not occasion:
            continue
        for channel in message.to:
            outbox.put(
                connection,
                MessageRow(
                    key=_key(release.id, occasion.value, once, message.say, channel),
                    release=release.id,
                    occasion=occasion.value,
                    say=message.say,
                    channel=channel,
                    body=_body(message.say, policy, release, detail),
                    created_at=now,
                    due_at=now,
                ),
            )


def _key(*parts: str) -> str:
    """The idempotency key. A channel may be of any length, and two that begin alike are two."""
    whole = ":".join(parts)
    return whole if len(whole) <= _LONGEST_KEY else f"{whole[: _LONGEST_KEY - 72]}:{digest(whole.encode())}"


_LONGEST_KEY = 400


def _body(say: str, policy: Policy, release: Release, detail: str) -> str:
    what = ", ".join(f"{item.component} {item.to_version}" for item in release.items)
    sentence = {
        "announced": f"{what} ({release.type}) is planned",
        "status": f"{what}",
        "released": f"{what} is released",
        "rolled-back": f"{what} was taken back",
    }[say]
    return f"{policy.organization}: {sentence}{': ' + detail if detail else ''}"
