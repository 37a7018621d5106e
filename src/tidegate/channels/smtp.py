"""One mail, handed to one server, over an encrypted connection that was verified.

The doubt is made as small as it can be: until the body was sent whole, with its final dot, no server may deliver it
(RFC 5321, 4.1.1.4), so that whatever breaks before is "nothing was delivered". Only between the dot and the answer is
it unknown.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tidegate.channels import settings
from tidegate.channels.contract import DELIVERED, Answer, Outcome, Surroundings
from tidegate.channels.settings import UnsetError
from tidegate.channels.words import said
from tidegate.core.secret import Secret
from tidegate.cutoff import Cutoff

PATIENCE_S = 20.0
"""How long one step of the conversation may take; all steps before the body together take at most three times that."""
ANSWER_S = 120.0
"""How long the server may take to answer for the body: it may have it scanned meanwhile."""

URL, PASSWORD, SENDER, AUTHORITIES = (
    "TIDEGATE_SMTP_URL",
    "TIDEGATE_SMTP_PASSWORD",
    "TIDEGATE_SMTP_FROM",
    "TIDEGATE_SMTP_CA",
)
_EXAMPLE = "smtps://user@mail.example.org:465"
_PORTS = {"smtps": 465, "smtp": 587}


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail is handed in, and as whom. ``tls``: ``implicit``, ``starttls``, or ``off``."""

    host: str
    port: int
    tls: str
    user: str
    password: Secret | None
    sender: Address
    authorities: str

    @property
    def where(self) -> str:
        """The server as errors name it."""
        return f"{self.host}:{self.port}"


def server(around: Surroundings) -> Server:
    """The server of these settings.

    Raises:
        UnsetError: one is missing, or is none.
    """
    environment = around.environment
    given = settings.demanded(environment, URL, _EXAMPLE)
    try:
        url = urlsplit(given)
        host, port, scheme = url.hostname or "", url.port or _PORTS.get(url.scheme, 0), url.scheme
    except ValueError:
        raise _no_url("is no address of a server") from None
    if scheme not in _PORTS or not host or url.path.strip("/") or url.fragment or url.query not in ("", "tls=off"):
        raise _no_url("is no address of a server")
    if url.password is not None:
        raise _no_url(f"holds a password, which is given by {PASSWORD} or {PASSWORD}_FILE")
    user, tls = unquote(url.username or ""), "implicit" if scheme == "smtps" else "starttls"
    if url.query:
        if user or scheme == "smtps":
            raise _no_url("turns encryption off for a server that it logs in to, or asks it of")
        tls = "off"
    password = settings.secret(environment, PASSWORD)
    if user and password is None:
        raise UnsetError(f"{URL} names a user, and {PASSWORD} is not set here", remedy=f"set {PASSWORD}_FILE=/path")
    return Server(host, port, tls, user, password, _sender(environment, user), settings.text(environment, AUTHORITIES))


def _no_url(why: str) -> UnsetError:
    return UnsetError(f"{URL} {why}", remedy=f"write it as {_EXAMPLE}, or smtp://user@host:587 for STARTTLS")


_SENDER = re.compile(r"(?P<name>[^<>\x00-\x1f\x7f]*)<(?P<spec>[^<>\s]+)>|(?P<bare>[^<>\s]+)")


def _sender(environment: Mapping[str, str], user: str) -> Address:
    given = settings.text(environment, SENDER) or (user if "@" in user else "")
    if not given:
        raise UnsetError(f"{SENDER} is not set here", remedy=f"set it: {SENDER}='Releases <releases@example.org>'")
    found = _SENDER.fullmatch(given)
    try:
        if found is None:
            raise ValueError
        made = Address((found["name"] or "").strip(' "'), addr_spec=found["bare"] or found["spec"])
        if not made.domain:
            raise ValueError
    except (ValueError, IndexError, HeaderParseError):
        raise UnsetError(f"{SENDER} is no mail address", remedy="write Releases <releases@example.org>") from None
    return made


def hand_over(
    to: Server,
    recipients: Sequence[str],
    data: bytes,
    leaving: Callable[[], None],
    at: Callable[[str], None],
    *,
    utf8: bool = False,
) -> Answer:
    """Hand a mail over to the server for all recipients, or for none.

    Args:
        data: the mail, its lines ended by CRLF.
        utf8: an address in it is not ASCII, so that the server must know SMTPUTF8.
    """
    try:
        with Cutoff(3 * PATIENCE_S) as deadline:
            talk = _connected(to, deadline)
            try:
                at("send:connected")
                if refusal := _envelope(talk, to, recipients, len(data), utf8):
                    return refusal
                deadline_over = deadline.over
            except BaseException:
                talk.close()
                raise
    except smtplib.SMTPResponseException as error:
        return _answered(to, error.smtp_code, error.smtp_error)
    except ssl.SSLCertVerificationError as error:
        return Answer(
            Outcome.LATER,
            f"its certificate is not trusted: {said(error.verify_message)}",
            f"mend the certificate, or name the authority that vouches for it: {AUTHORITIES}=/path/ca.pem",
            to.where,
        )
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return _later(to, f"the mail server does not answer as one: {said(str(error)) or type(error).__name__}")
    if deadline_over:
        talk.close()
        return _later(to, "the mail server is too slow")
    return _body(talk, to, data, leaving, at)


class _Talk(smtplib.SMTP):
    """A conversation over a socket that is watched from the start."""

    def __init__(self, to: Server, deadline: Cutoff) -> None:
        name = socket.gethostname()
        super().__init__(local_hostname=name if "." in name else "localhost.localdomain", timeout=PATIENCE_S)
        self._to, self._deadline = to, deadline
        self._host = to.host

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made: socket.socket = socket.create_connection((host, port), timeout)
        self._deadline.watch(made)
        if self._to.tls == "implicit":
            made = _context(self._to).wrap_socket(made, server_hostname=host)
            self._deadline.watch(made)
        return made


def _context(to: Server) -> ssl.SSLContext:
    if to.authorities and not Path(to.authorities).is_file():
        raise ssl.SSLError(f"{AUTHORITIES} names no file")
    return ssl.create_default_context(cafile=to.authorities or None)


def _connected(to: Server, deadline: Cutoff) -> _Talk:
    """A server that has greeted us, encrypted, and knows who we are."""
    talk = _Talk(to, deadline)
    try:
        code, reply = talk.connect(to.host, to.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, reply)
        talk.ehlo_or_helo_if_needed()
        if to.tls == "starttls":
            if not talk.has_extn("starttls"):
                raise smtplib.SMTPException("it offers no STARTTLS, and nothing is sent unencrypted")
            talk.starttls(context=_context(to))
            if talk.sock is not None:
                deadline.watch(talk.sock)
            talk.ehlo_or_helo_if_needed()
        if to.password is not None and to.user:
            _log_in(talk, to, to.password)
    except BaseException:
        talk.close()
        raise
    return talk


def _log_in(talk: _Talk, to: Server, password: Secret) -> None:
    try:
        talk.login(to.user, password.reveal())
    except smtplib.SMTPAuthenticationError as error:
        if 400 <= error.smtp_code < 500:
            raise smtplib.SMTPResponseException(error.smtp_code, said(error.smtp_error, password.reveal())) from None
        raise smtplib.SMTPException(
            f"it does not let {to.user} in: {error.smtp_code} {said(error.smtp_error, password.reveal())}"
        ) from None
    except UnicodeError:
        raise smtplib.SMTPException("the user or the password is not ASCII, which it cannot be told") from None


def _envelope(talk: _Talk, to: Server, recipients: Sequence[str], size: int, utf8: bool) -> Answer | None:
    """From whom, to whom, and may we; an answer where we may not, and then nothing was sent."""
    if utf8 and not talk.has_extn("smtputf8"):
        return _goodbye(talk, Answer(Outcome.REFUSED, "the server takes ASCII addresses only", _ADDRESS, to.where))
    most = talk.esmtp_features.get("size", "")
    if most.isdigit() and 0 < int(most) < size:
        what = f"the mail has {size} bytes, and the server takes at most {most}"
        return _goodbye(talk, Answer(Outcome.REFUSED, what, "shorten the text", to.where))
    options = ["SMTPUTF8", "BODY=8BITMIME"] if utf8 else []
    code, reply = talk.mail(to.sender.addr_spec, options)
    if code != 250:
        return _goodbye(talk, _answered(to, code, reply))
    for recipient in recipients:
        code, reply = talk.rcpt(recipient)
        if code not in (250, 251):
            return _goodbye(talk, _answered(to, code, reply, recipient))
    code, reply = talk.docmd("DATA")
    return None if code == 354 else _goodbye(talk, _answered(to, code, reply))


def _body(talk: _Talk, to: Server, data: bytes, leaving: Callable[[], None], at: Callable[[str], None]) -> Answer:
    """The body, and the answer to it: the only part that can leave a doubt."""
    try:
        leaving()
        at("send:leaving")
        try:
            if talk.sock is not None:
                talk.sock.settimeout(PATIENCE_S)
            with Cutoff(ANSWER_S) as deadline:
                if talk.sock is not None:
                    deadline.watch(talk.sock)
                talk.send(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
        except (OSError, smtplib.SMTPException) as error:
            # The final dot did not leave us: no server may deliver what it has.
            return _later(to, f"the connection broke within the mail: {said(str(error)) or type(error).__name__}")
        at("send:sent")
        return _verdict(talk, to, at)
    finally:
        talk.close()


def _verdict(talk: _Talk, to: Server, at: Callable[[str], None]) -> Answer:
    try:
        with Cutoff(ANSWER_S) as deadline:
            if talk.sock is not None:
                talk.sock.settimeout(ANSWER_S)
                deadline.watch(talk.sock)
            code, reply = talk.getreply()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return _unknown(to, said(str(error)) or type(error).__name__)
    at("send:accepted")
    if not 200 <= code < 600 or 300 <= code < 400:
        return _unknown(to, f"it said {code} {said(reply)}")
    if code >= 400:
        return _answered(to, code, reply)
    with suppress(OSError, smtplib.SMTPException):
        talk.sock.settimeout(1.0) if talk.sock is not None else None
        talk.putcmd("quit")
    return DELIVERED


_ADDRESS = "correct the address in the policy, and have it sent again: tidegate notice resend"


def _answered(to: Server, code: int, reply: str | bytes, recipient: str = "") -> Answer:
    secret = to.password.reveal() if to.password else ""
    about = f"{recipient}: " if recipient else ""
    what = f"{about}the mail server said {code} {said(reply, secret)}".rstrip()
    if 500 <= code < 600 and code not in (500, 530, 534, 535, 538):
        return Answer(Outcome.REFUSED, what, _ADDRESS, to.where)
    return Answer(Outcome.LATER, what, "it is tried again; look at the mail server's log", to.where)


def _goodbye(talk: _Talk, answer: Answer) -> Answer:
    with suppress(OSError, smtplib.SMTPException):
        talk.quit()
    talk.close()
    return answer


def _later(to: Server, what: str) -> Answer:
    return Answer(Outcome.LATER, what, f"it is tried again; look at the server, and at {URL}", to.where)


def _unknown(to: Server, why: str) -> Answer:
    what = f"the whole mail was sent and no answer came, so it may have been taken: {why}"
    return Answer(Outcome.UNKNOWN, what, "look whether it arrived", to.where)
