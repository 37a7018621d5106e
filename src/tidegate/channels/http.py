"""One POST to one address: the machine that was looked at is the one that is connected to; no redirect is followed.

The name is resolved once; each address is looked at, and the connection goes to that very address, so that a name
server that answers differently the second time gains nothing (DNS rebinding). No proxy of the environment is used.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from tidegate.channels.contract import Answer, Outcome
from tidegate.channels.words import one_line
from tidegate.clock import Clock
from tidegate.cutoff import Cutoff
from tidegate.errors import UsageError

TIMEOUT_S = 20.0
"""For the whole request, name and connection included."""
LIMIT_BYTES = 64 << 10
"""Of an answer so much is read."""
LONGEST_WAIT = timedelta(hours=24)
"""What asks for a longer wait is asked again after this."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
IP = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said. ``whole`` is false where the body broke off or was too long."""

    status: int
    body: bytes = b""
    whole: bool = True
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Which machines may be connected to: those of the open Internet by https, and those of ``allowed`` networks.

    ``trusted``: the address is the operator's own setting, and may be anywhere; plain http only on this machine.
    """

    allowed: tuple[Network, ...] = ()
    trusted: bool = False
    allow_setting: str = ""

    def refuses(self, ip: IP, scheme: str) -> str:
        """Why not there; empty where one may."""
        inner = _unwrapped(ip)
        within = any(
            one in network for network in self.allowed for one in {ip, inner} if one.version == network.version
        )
        if self.trusted:
            return "" if scheme == "https" or inner.is_loopback else "it is not encrypted"
        if not within and not _is_open(inner):
            return f"it is at {ip}, which is not on the open Internet"
        return "" if scheme == "https" or within else "it is not encrypted"


# Which of these Python's ``ipaddress`` knows differs from one 3.11 to the next (CVE-2024-4032).
# Source: IANA's registries of special-purpose addresses, of IPv4 and IPv6.
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32"),
        *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/9", "ff00::/8"),
    )
)


def _is_open(ip: IP) -> bool:
    """Whether it is on the open Internet, as far as IANA and this Python know."""
    special = any(ip in network for network in _SPECIAL if network.version == ip.version)
    return not special and ip.is_global and not (ip.is_private or ip.is_reserved)


def _unwrapped(ip: IP) -> IP:
    """The IPv4 address that an IPv6 address stands for, where it does: mapped, 6to4, Teredo, NAT64."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip.sixtofour is not None:
            return ip.sixtofour
        if ip.teredo is not None:
            return ip.teredo[1]
        if ip in _NAT64 or int(ip) >> 32 == 0:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if int(ip) > 1 else ip
    return ip


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Address:
    """An address of the web that can be posted to."""

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def where(self) -> str:
        """Host and port: a path may hold a secret."""
        return f"{self.host}:{self.port}"


def address(url: str) -> Address:
    """Read an address.

    Raises:
        UsageError: it is none; its text is not repeated, since it may hold a secret.
    """
    try:
        parsed: SplitResult = urlsplit(url)
        host, port = parsed.hostname or "", parsed.port
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        raise _none("cannot be read") from None
    if parsed.scheme not in ("http", "https") or not host:
        raise _none("is not one of https")
    if parsed.username is not None or parsed.password is not None:
        raise _none("holds a user or a password")
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > 2000:
        raise _none("holds what an address cannot hold")
    path = parsed.path or "/"
    return Address(parsed.scheme, host, port or (443 if parsed.scheme == "https" else 80),
                   f"{path}?{parsed.query}" if parsed.query else path)  # fmt: skip


def _none(why: str) -> UsageError:
    return UsageError(f"the address of the web {why}", remedy="write https://host/path")


def post(
    to: Address,
    headers: Mapping[str, str],
    body: bytes,
    *,
    reach: Reach,
    authorities: str = "",
    leaving: Callable[[], None],
    at: Callable[[str], None],
) -> Reply | Answer:
    """Post ``body``: what the server said, or why nobody said anything."""
    with Cutoff(TIMEOUT_S) as deadline:
        made = _connected(to, reach, authorities, deadline)
        if isinstance(made, Answer):
            return made
        at("send:connected")
        connection = http.client.HTTPConnection(to.host, to.port, timeout=TIMEOUT_S)
        connection.sock = made
        try:
            leaving()
            at("send:leaving")
            return _exchanged(connection, to, headers, body, deadline, at)
        finally:
            connection.close()
            made.close()


def _exchanged(
    connection: http.client.HTTPConnection,
    to: Address,
    headers: Mapping[str, str],
    body: bytes,
    deadline: Cutoff,
    at: Callable[[str], None],
) -> Reply | Answer:
    try:
        connection.request("POST", to.path, body, {**headers, "Host": _host(to), "Connection": "close"})
    except (OSError, http.client.HTTPException, ValueError) as error:
        # Not all of it left us: no server takes a request whose end it has not seen.
        return _later(to, f"the connection broke within the request: {_why(error, deadline)}")
    at("send:sent")
    try:
        answer = connection.getresponse()
        if deadline.over:
            raise TimeoutError("it took too long")
    except (OSError, http.client.HTTPException, ValueError) as error:
        what = f"the message was sent and no answer came, so it may have been taken: {_why(error, deadline)}"
        return Answer(Outcome.UNKNOWN, what, "look whether it arrived", to.where)
    at("send:accepted")
    retry_after = answer.getheader("Retry-After", "") or ""
    try:
        data = answer.read(LIMIT_BYTES + 1)
        whole = len(data) <= LIMIT_BYTES and not deadline.over
    except (OSError, http.client.HTTPException, ValueError):
        data, whole = b"", False
    return Reply(answer.status, data[:LIMIT_BYTES], whole, retry_after)


def _why(error: Exception, deadline: Cutoff) -> str:
    return "it took too long" if deadline.over else one_line(str(error)) or type(error).__name__


def _host(to: Address) -> str:
    host = f"[{to.host}]" if ":" in to.host else to.host
    return host if to.port == (443 if to.scheme == "https" else 80) else f"{host}:{to.port}"


def _connected(to: Address, reach: Reach, authorities: str, deadline: Cutoff) -> socket.socket | Answer:
    """A connection to the first machine of that name that may be connected to, and that lets us."""
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return _later(to, f"the name cannot be resolved: {one_line(str(error))}")
    why, last = "", ""
    for family, kind, protocol, _, place in found:
        ip = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if refused := reach.refuses(ip, to.scheme):
            why = why or refused
            continue
        try:
            return _encrypted(_open(family, kind, protocol, place, deadline), to, authorities, deadline)
        except ssl.SSLCertVerificationError as error:
            last = f"its certificate is not trusted: {one_line(error.verify_message)}"
        except (OSError, ValueError) as error:
            last = f"no connection: {one_line(str(error)) or type(error).__name__}"
    if last:
        return _later(to, last)
    remedy = "name an https address on the open Internet"
    if reach.allow_setting:
        remedy += f", or allow the network: {reach.allow_setting}=10.0.0.0/8"
    return Answer(Outcome.REFUSED, f"nothing is sent there: {why or 'the name has no address'}", remedy, to.where)


def _open(family: int, kind: int, protocol: int, place: tuple[object, ...], deadline: Cutoff) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.settimeout(TIMEOUT_S)
        deadline.watch(made)
        made.connect(place)
    except BaseException:
        made.close()
        raise
    return made


def _encrypted(made: socket.socket, to: Address, authorities: str, deadline: Cutoff) -> socket.socket:
    if to.scheme == "http":
        return made
    try:
        if authorities and not Path(authorities).is_file():
            raise OSError("the file with the authorities' certificates is not there")
        context = ssl.create_default_context(cafile=authorities or None)
        inside = context.wrap_socket(made, server_hostname=to.host)
    except BaseException:
        made.close()
        raise
    deadline.watch(inside)
    return inside


def _later(to: Address, what: str) -> Answer:
    return Answer(Outcome.LATER, what, "it is tried again; look at the server", to.where)


def wait(retry_after: str, clock: Clock) -> timedelta | None:
    """How long a ``Retry-After`` asks us to wait: seconds, or until a date; None: it asks nothing that can be read."""
    text = retry_after.strip()
    try:
        if text.isascii() and text.isdigit():
            return min(timedelta(seconds=min(int(text[:9]), 10**8)), LONGEST_WAIT)
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            return None
        return min(max(moment - clock(), timedelta(0)), LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None
