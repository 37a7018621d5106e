"""Webhooks, signed as `Standard Webhooks <https://www.standardwebhooks.com>`_ says.

The ``webhook-id`` is made from the key, and is the same each time that a message is sent: a receiver that keeps the ids
it has seen hears nothing twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Callable
from typing import ClassVar

from tidegate.channels import http, settings
from tidegate.channels.contract import DELIVERED, Answer, Message, Outcome, Surroundings, nowhere
from tidegate.channels.http import Network, Reach
from tidegate.channels.settings import UnsetError
from tidegate.channels.words import lines, said, subject_of
from tidegate.clock import to_text

SECRET, ALLOW, AUTHORITIES = "TIDEGATE_WEBHOOK_SECRET", "TIDEGATE_WEBHOOK_ALLOW", "TIDEGATE_WEBHOOK_CA"
LONGEST_BODY = 200_000
"""In characters; what is longer is cut, and says so."""
LEAST_SECRET_BYTES = 16


class WebhookChannel:
    """Posts to the address that stands in ``webhook:https://example.org/hooks``."""

    recognised: ClassVar[bool] = True

    def __init__(self, address: str, around: Surroundings) -> None:
        self._to = http.address(address)
        self._around = around
        self._keys = _keys(around)
        self._reach = Reach(_networks(settings.text(around.environment, ALLOW)), allow_setting=ALLOW)

    def deliver(self, message: Message, leaving: Callable[[], None] = nowhere) -> Answer:
        """Post it, signed. A connection that breaks after it was sent leaves a doubt; the id is the same next time."""
        id_, seconds, body = webhook_id(message.key), str(int(self._around.clock().timestamp())), _envelope(message)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Tidegate",
            "webhook-id": id_,
            "webhook-timestamp": seconds,
            "webhook-signature": " ".join(_signature(key, f"{id_}.{seconds}.".encode() + body) for key in self._keys),
        }
        reply = http.post(
            self._to,
            headers,
            body,
            reach=self._reach,
            authorities=settings.text(self._around.environment, AUTHORITIES),
            leaving=leaving,
            at=self._around.at,
        )
        return reply if isinstance(reply, Answer) else self._judged(reply)

    def _judged(self, reply: http.Reply) -> Answer:
        if 200 <= reply.status < 300:
            return DELIVERED
        what = f"it said {reply.status} {said(reply.body[:300])}".rstrip()
        if 300 <= reply.status < 400:
            return Answer(Outcome.REFUSED, f"{what}: redirects are not followed", _CORRECT, self._to.where)
        if reply.status in (408, 425, 429) or reply.status >= 500 or reply.status < 200:
            after = http.wait(reply.retry_after, self._around.clock)
            return Answer(Outcome.LATER, what, "it is tried again; look at the receiver's log", self._to.where, after)
        return Answer(Outcome.REFUSED, what, _CORRECT, self._to.where)


_CORRECT = "correct the address in the policy or the receiver, and have it sent again: tidegate notice resend"


def webhook_id(key: str) -> str:
    """The ``webhook-id`` of all that is sent with this key."""
    return f"msg_{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _envelope(message: Message) -> bytes:
    text = lines(message.body)
    data: dict[str, object] = {
        "organization": message.organization,
        "release": message.release or None,
        "say": message.say,
        "subject": subject_of(message.subject, message.body),
        "text": text if len(text) <= LONGEST_BODY else text[:LONGEST_BODY] + "\u2026",
    }
    if message.event is not None:
        event = message.event
        data["event"] = {
            "uid": event.uid,
            "starts_at": to_text(event.starts_at),
            "ends_at": to_text(event.ends_at),
            "sequence": event.sequence,
            "cancelled": event.cancelled,
        }
    # ASCII: half a surrogate pair can be escaped, and cannot be encoded.
    return json.dumps({"type": message.occasion or "message", "timestamp": to_text(message.at), "data": data}).encode()


def _keys(around: Surroundings) -> tuple[bytes, ...]:
    """The secrets, several while they are being changed.

    Raises:
        UnsetError: there is none, or one is none.
    """
    given = settings.secret(around.environment, SECRET)
    if given is None:
        raise UnsetError(f"{SECRET} is not set here", remedy=f"set {SECRET}_FILE to a file with whsec_... in it")
    return tuple(_key(text) for text in given.reveal().split())


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < LEAST_SECRET_BYTES:
        raise UnsetError(
            f"{SECRET} is no secret of Standard Webhooks",
            remedy="write whsec_ and 24 to 64 random bytes in base64: openssl rand -base64 32",
        )
    return key


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError:
        raise UnsetError(f"{ALLOW} holds what is no network", remedy=f"write {ALLOW}=10.0.0.0/8,192.168.1.7") from None
