"""Mail, to one address or several, over SMTP.

A mail has the same Message-ID each time that it is sent, made from the key: whoever gets it twice sees one mail twice,
and most programs show it once. It is sent for all its recipients or for none.
"""

from __future__ import annotations

import email
import hashlib
import re
from collections.abc import Callable
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import ClassVar

from tidegate.channels import settings, smtp
from tidegate.channels.contract import Answer, Message, Outcome, Surroundings, nowhere
from tidegate.channels.settings import UnsetError
from tidegate.channels.words import lines, one_line, subject_of
from tidegate.errors import UsageError

DOMAIN = "TIDEGATE_SMTP_DOMAIN"
MOST_RECIPIENTS = 100
LONGEST_BODY = 1 << 20
"""In characters; what is longer is cut, and says so."""

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=78)
_SPEC = re.compile(r"[^@\s\x00-\x20\x7f\"(),:;<>\[\\\]]+@[^@\s\x00-\x20\x7f\"(),:;<>\[\\\]]+")


class EmailChannel:
    """Mails to the addresses that stand in ``email:alice@example.org,bob@example.org``."""

    recognised: ClassVar[bool] = True

    def __init__(self, address: str, around: Surroundings) -> None:
        self._around = around
        self._recipients = tuple(recipient(part, around) for part in address.split(",") if part.strip())
        if not 0 < len(self._recipients) <= MOST_RECIPIENTS:
            raise UsageError(f"email: names no address, or more than {MOST_RECIPIENTS}", remedy=_WRITE)
        self._server = smtp.server(around)

    def deliver(self, message: Message, leaving: Callable[[], None] = nowhere) -> Answer:
        """Send it. Only a connection that breaks between the whole mail and its answer leaves a doubt."""
        mail = self._mail(message)
        self._fill(mail, message)
        return self._hand_over(mail, leaving)

    def _hand_over(self, mail: EmailMessage, leaving: Callable[[], None]) -> Answer:
        utf8 = not all(text.isascii() for text in (self._server.sender.addr_spec, *self._recipients))
        try:
            data = mail.as_bytes(policy=_POLICY.clone(utf8=True) if utf8 else _POLICY)
        except (ValueError, LookupError, IndexError, HeaderParseError) as error:
            return Answer(Outcome.REFUSED, f"it cannot be written as a mail: {one_line(str(error))}", "shorten it")
        data = re.sub(rb"\r\n|\r|\n", b"\r\n", data)
        data = data if data.endswith(b"\r\n") else data + b"\r\n"
        if not _has_just_its_own_headers(mail, data):
            return Answer(Outcome.REFUSED, "a text in it would become a header", "report this with the message")
        return smtp.hand_over(self._server, self._recipients, data, leaving, self._around.at, utf8=utf8)

    def _mail(self, message: Message) -> EmailMessage:
        """The headers."""
        sender, mail = self._server.sender, EmailMessage(policy=_POLICY)
        mail["From"] = sender
        mail["To"] = [
            Address(username=local, domain=host)
            for local, _, host in (spec.rpartition("@") for spec in self._recipients)
        ]
        mail["Subject"] = _inert(subject_of(message.subject, message.body))
        mail["Date"] = message.at
        mail["Message-ID"] = message_id(message.key, sender.domain)
        mail["List-Id"] = f"<tidegate.{_ascii_domain(sender.domain)}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        return mail

    def _fill(self, mail: EmailMessage, message: Message) -> None:
        mail.set_content(text_of(message))
        if message.html:
            mail.add_alternative(message.html, subtype="html")
        for attachment in message.attachments:
            kind, _, subkind = attachment.kind.partition("/")
            name = _inert(one_line(attachment.name, 100))
            mail.add_attachment(attachment.data, maintype=kind, subtype=subkind or "octet-stream", filename=name)


def _inert(text: str) -> str:
    """``text`` in which nothing is an encoded word: Python's library would decode it, line breaks and all."""
    return text.replace("=?", "= ?")


def _has_just_its_own_headers(mail: EmailMessage, data: bytes) -> bool:
    """Whether nothing was put in between: what a text smuggled past everything else does not leave us."""
    return sorted(email.message_from_bytes(data).keys()) == sorted(mail.keys())


def text_of(message: Message) -> str:
    """The text part."""
    text = lines(message.body)
    if len(text) > LONGEST_BODY:
        text = f"{text[:LONGEST_BODY]}\n\n(cut after {LONGEST_BODY} characters)"
    return text if text.endswith("\n") else f"{text}\n"


def message_id(key: str, domain: str) -> str:
    """The Message-ID of all mails with this key."""
    return f"<{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:40]}@{_ascii_domain(domain)}>"


_WRITE = "write email:alice@example.org"


def recipient(text: str, around: Surroundings) -> str:
    """The address, its domain as the wire wants it.

    Raises:
        UsageError: it is none.
        UnsetError: it has no domain, and there is none for such names.
    """
    written = text.strip()
    if "@" not in written:
        domain = settings.text(around.environment, DOMAIN)
        if not domain:
            raise UnsetError(
                f"{written[:80]!r} is no whole mail address, and {DOMAIN} is not set here",
                remedy=f"write email:{written[:80]}@example.org in the policy, or set {DOMAIN}=example.org",
            )
        written = f"{written}@{domain}"
    try:
        if not _SPEC.fullmatch(written) or len(written) > 254:
            raise ValueError
        local, _, host = written.rpartition("@")
        made = Address(username=local, domain=_ascii_domain(host))
        if local.isascii():
            # The library's own reading knows what a local part must be, and knows of no others.
            made = Address(addr_spec=made.addr_spec)
        return made.addr_spec
    except (ValueError, IndexError, HeaderParseError):
        raise UsageError(f"{written[:80]!r} is no mail address", remedy=_WRITE) from None


def _ascii_domain(domain: str) -> str:
    return domain.encode("idna").decode("ascii") if not domain.isascii() else domain
