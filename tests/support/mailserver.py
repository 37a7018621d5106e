"""A real mail server on loopback: aiosmtpd, with TLS by certificates made for it, that can be told to misbehave.

What it is told (``says``) it says to one mail after another; then it takes all. ``drop`` takes the mail and closes the
connection before it answers, ``break`` closes it without having taken anything.
"""

from __future__ import annotations

import contextlib
import email
import socket
import ssl
import threading
import warnings
from asyncio import Transport
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

USER, PASSWORD = "robot@example.org", "correct horse battery"


@dataclass
class MailServer:
    """What it has and does; read and changed from the test's thread."""

    port: int
    tls: str
    ca: Path
    says: list[str] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    at_mail: str = ""
    mails: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    lets_in: bool = True
    guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def environment(self) -> dict[str, Any]:
        """The settings of a worker that hands its mail in here."""
        scheme = "smtps" if self.tls == "implicit" else "smtp"
        user = "" if self.tls == "off" else f"{USER.replace('@', '%40')}@"
        return {
            "TIDEGATE_SMTP_URL": f"{scheme}://{user}localhost:{self.port}{'?tls=off' if self.tls == 'off' else ''}",
            "TIDEGATE_SMTP_PASSWORD": PASSWORD,
            "TIDEGATE_SMTP_FROM": "Releases <releases@example.org>",
            "TIDEGATE_SMTP_CA": str(self.ca),
        }

    def read(self) -> list[EmailMessage]:
        """All mails, in the order in which they came."""
        with self.guard:
            return [email.message_from_bytes(data, policy=default) for data in self.mails]

    def ids(self) -> list[str]:
        """Their Message-IDs."""
        return [str(mail["Message-ID"]) for mail in self.read()]

    # What aiosmtpd asks.

    async def handle_MAIL(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if self.at_mail:
            return self.at_mail
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        with self.guard:
            said = self.says.pop(0) if self.says else "250 OK"
            if said == "drop" or said.startswith("2"):
                self.mails.append(envelope.original_content)
                self.recipients += envelope.rcpt_tos
        if said in ("drop", "break"):
            cast(Transport, server.transport).abort()
        return said

    def authenticate(self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right and self.lets_in, handled=right and self.lets_in)


class _Controller(Controller):
    def factory(self) -> SMTP:
        with warnings.catch_warnings():
            # That it lets people in over what it believes is an open connection.
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(self.handler, hostname="localhost", loop=self.loop, **self.SMTP_kwargs)


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def mail_server(directory: Path, tls: str = "starttls") -> Iterator[MailServer]:
    """A running server. ``tls``: ``starttls``, ``implicit``, or ``off``."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    directory.mkdir(parents=True, exist_ok=True)
    ca = directory / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    made = MailServer(free_port(), tls, ca)
    options: dict[str, Any] = {
        "enable_SMTPUTF8": True,
        "auth_required": tls != "off",
        "authenticator": made.authenticate,
    }
    if tls == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    elif tls == "implicit":
        # The server itself does not know that its connection is encrypted.
        options |= {"ssl_context": context, "auth_require_tls": False}
    controller = _Controller(made, hostname="127.0.0.1", port=made.port, **options)
    controller.start()
    try:
        yield made
    finally:
        controller.stop()
