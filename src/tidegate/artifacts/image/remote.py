"""A registry by its HTTP API, as far as a push needs it. Nothing that it answers is believed.

Every answer is bounded in size and time. No redirect is followed, and nothing is sent to another host than the policy
names, except the request for a token, which goes where the registry says (its ``realm``) and is encrypted unless the
registry itself is not. A digest is what the bytes have, not what a header says; where the two differ, the registry is
not to be relied on.

Source: OCI Distribution Specification 1.1; token flow: distribution's "Token Authentication Specification".
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpx2

from tidegate.artifacts.image.login import Login
from tidegate.artifacts.image.manifest import LIMIT_BYTES, MEDIA_TYPE
from tidegate.core.canonical import digest as digest_of_bytes
from tidegate.core.canonical import is_digest
from tidegate.core.image import ImageName
from tidegate.core.secret import Secret
from tidegate.cutoff import Cutoff
from tidegate.errors import ArtifactError, ConflictError, NotPermittedError, TimedOutError

Pieces = Callable[[], Iterable[bytes]]

ANY_MANIFEST = ", ".join(
    (
        MEDIA_TYPE,
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
_LIST_BYTES, _TOKEN_BYTES, _ERROR_BYTES = 4 << 20, 64 << 10, 64 << 10
_MOST_TAGS, _MOST_PAGES = 100_000, 1_000
_CHALLENGE = re.compile(r'([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"')
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds: for one answer, between two bytes, and for sending one blob."""

    answer_s: float = 60.0
    silence_s: float = 30.0
    blob_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A manifest that a registry has: its digest, which is that of the bytes, its bytes, and its media type."""

    digest: str
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Remote:
    """One repository of one registry.

    ``plain_http``: whether it is spoken to without encryption. ``ca``: a file of certificates to trust, or empty.
    """

    name: ImageName
    login: Callable[[], Login] = Login
    plain_http: bool = False
    ca: str = ""
    patience: Patience = field(default_factory=Patience)
    _authorization: Secret | None = field(default=None, init=False, repr=False)
    _context: ssl.SSLContext | None = field(default=None, init=False, repr=False)

    @property
    def base(self) -> str:
        """The address below which everything of this repository lies."""
        return f"{'http' if self.plain_http else 'https'}://{self.name.host}/v2/{self.name.repository}"

    def digest_at(self, reference: str) -> str | None:
        """The digest of what a tag (or a digest) leads to; None where it leads to nothing.

        Asked twice: as the header says, and of the bytes themselves.

        Raises:
            ArtifactError: the two differ, or the registry does not answer usefully.
            NotPermittedError: it does not let us in.
        """
        answer = self._ask("HEAD", self._manifest(reference), {"Accept": ANY_MANIFEST})
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        self._demand(answer, HTTPStatus.OK, "HEAD", reference)
        found = self.manifest(reference)
        said = answer.headers.get("docker-content-digest", "")
        if found is None or (said and said != found.digest):
            raise self._lies(reference, said, found.digest if found else "nothing")
        return found.digest

    def manifest(self, reference: str) -> Stored | None:
        """What a tag (or a digest) leads to.

        Raises:
            ArtifactError, NotPermittedError: as :meth:`digest_at`.
        """
        answer = self._ask("GET", self._manifest(reference), {"Accept": ANY_MANIFEST}, limit=LIMIT_BYTES)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        self._demand(answer, HTTPStatus.OK, "GET", reference)
        found = digest_of_bytes(answer.body)
        said = answer.headers.get("docker-content-digest", found)
        wanted = reference if is_digest(reference) else found
        if said != found or wanted != found:
            raise self._lies(reference, said if said != found else wanted, found)
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        return Stored(found, answer.body, media_type or MEDIA_TYPE)

    def tags(self) -> tuple[str, ...]:
        """All tags of the repository; what is no tag is left out.

        Raises:
            ArtifactError, NotPermittedError: as :meth:`digest_at`.
        """
        found: dict[str, None] = {}
        page = f"{self.base}/tags/list?n=1000"
        for _ in range(_MOST_PAGES):
            answer = self._ask("GET", page, {"Accept": "application/json"}, limit=_LIST_BYTES)
            if answer.status == HTTPStatus.NOT_FOUND:
                return tuple(found)
            self._demand(answer, HTTPStatus.OK, "GET", "tags/list")
            names = self._json(answer, "tags/list").get("tags") or []
            if not isinstance(names, list):
                raise self._useless("its list of tags is none")
            found |= dict.fromkeys(name for name in names if isinstance(name, str) and _TAG.fullmatch(name))
            following = _next(answer.headers.get("link", ""))
            if not following:
                return tuple(found)
            page = self._same_host(urljoin(page, following), "the next page of its tags")
            if len(found) > _MOST_TAGS:
                break
        raise self._useless(f"its list of tags does not end after {len(found)} tags")

    def upload(self, digest: str, size: int, pieces: Pieces) -> bool:
        """See that the registry has a blob; whether it had to be sent.

        Args:
            pieces: gives the bytes, each time anew: a token may run out on the way.

        Raises:
            ArtifactError: it is not there afterwards, or as :meth:`digest_at`.
        """
        if self._has(digest, size):
            return False
        started = self._ask("POST", f"{self.base}/blobs/uploads/", {"Content-Length": "0"})
        self._demand(started, HTTPStatus.ACCEPTED, "POST", "blobs/uploads")
        place = self._same_host(urljoin(f"{self.base}/blobs/uploads/", started.headers.get("location", "")), "the blob")
        to = f"{place}{'&' if urlsplit(place).query else '?'}{urlencode({'digest': digest})}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        sent = self._ask("PUT", to, headers, content=pieces, within_s=self.patience.blob_s)
        self._demand(sent, HTTPStatus.CREATED, "PUT", "blob")
        if not self._has(digest, size):
            raise self._useless(f"it took the blob {digest} and does not have it")
        return True

    def _has(self, digest: str, size: int) -> bool:
        answer = self._ask("HEAD", f"{self.base}/blobs/{digest}", {})
        if answer.status == HTTPStatus.NOT_FOUND:
            return False
        if answer.status in (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.FOUND):
            return True  # it lies in the registry's own storage elsewhere; the registry knows it
        self._demand(answer, HTTPStatus.OK, "HEAD", "blob")
        if (said := answer.headers.get("content-length", str(size))) != str(size):
            raise self._useless(f"it says that {digest} has {said[:20]} bytes, and it has {size}")
        return True

    def put(self, reference: str, data: bytes, media_type: str) -> None:
        """Put a manifest under a tag. What the registry answers is not believed: read it back by :meth:`digest_at`.

        Raises:
            ArtifactError, NotPermittedError: as :meth:`digest_at`.
        """
        headers = {"Content-Type": media_type, "Content-Length": str(len(data))}
        answer = self._ask("PUT", self._manifest(reference), headers, content=lambda: [data])
        self._demand(answer, HTTPStatus.CREATED, "PUT", reference)

    def _manifest(self, reference: str) -> str:
        return f"{self.base}/manifests/{quote(reference, safe=':')}"

    # Asking.

    def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        content: Pieces | None = None,
        limit: int = _ERROR_BYTES,
        within_s: float = 0.0,
    ) -> _Answer:
        """One request; where the registry wants to know who asks, a second one."""
        patience_s = within_s or self.patience.answer_s
        answer = self._send(method, url, {**headers, **self._known()}, content, limit, patience_s)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        self._authorization = self._log_in(answer.headers.get("www-authenticate", ""))
        return self._send(method, url, {**headers, **self._known()}, content, limit, patience_s)

    def _known(self) -> Mapping[str, str]:
        return {"Authorization": self._authorization.reveal()} if self._authorization else {}

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        content: Pieces | None,
        limit: int,
        within_s: float,
    ) -> _Answer:
        cutoff = Cutoff(within_s)
        sent = {"Accept-Encoding": "identity", "User-Agent": "tidegate", **headers}
        body = None if content is None else _body(content())
        try:
            with (
                cutoff,
                self._client(url) as client,
                client.stream(method, url, headers=sent, content=body, extensions={"trace": cutoff.trace}) as answer,
            ):
                data = self._bounded(answer, limit) if method != "HEAD" else b""
                found = {name.lower(): value for name, value in answer.headers.items()}
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError, ValueError) as error:
            if cutoff.over or isinstance(error, httpx2.TimeoutException):
                raise self._too_slow(within_s) from error
            raise ArtifactError(
                f"the registry cannot be asked: {str(error)[:300] or type(error).__name__}",
                where=self.name.host,
                remedy="see that it runs, that its name and port are right, and that it speaks "
                + ("plain HTTP" if self.plain_http else "TLS (registries: plain_http, ca)"),
            ) from error
        if cutoff.over:
            raise self._too_slow(within_s)
        return _Answer(answer.status_code, found, data)

    def _client(self, url: str) -> httpx2.Client:
        if url.startswith("https:"):
            self._context = context = self._context or _trusting(self.ca)
        else:
            # Trusts nobody, and costs nothing: the certificates of the system are half a second of reading.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # No proxy, no .netrc: what a registry is sent is what the policy names, and nothing of the environment.
        return httpx2.Client(
            timeout=self.patience.silence_s, follow_redirects=False, trust_env=False, verify=context, http2=False
        )

    def _bounded(self, answer: httpx2.Response, limit: int) -> bytes:
        data = bytearray()
        for piece in answer.iter_raw():
            data += piece
            if len(data) > limit:
                raise self._useless(f"it answers with more than {limit} bytes")
        return bytes(data)

    # Logging in.

    def _log_in(self, challenge: str) -> Secret:
        """What to send as ``Authorization``, by what the registry asks for.

        Raises:
            NotPermittedError: there is nothing to log in with, or it is refused.
        """
        login = self.login()
        scheme, _, rest = challenge.partition(" ")
        if login.token is not None:
            return Secret(f"Bearer {login.token.reveal()}")
        if scheme.lower() == "bearer":
            return self._token(dict(_CHALLENGE.findall(rest[:4096])), login)
        if scheme.lower() == "basic" and login.password is not None:
            return Secret(login.basic())
        raise NotPermittedError(
            "the registry wants to know who asks" if scheme else "the registry refuses, and does not say how to log in",
            where=self.name.host,
            remedy=f"say who logs in, and where the password is found: registries.{self.name.host}",
        )

    def _token(self, asked: Mapping[str, str], login: Login) -> Secret:
        realm = asked.get("realm", "")
        parts = urlsplit(realm)
        if parts.scheme != "https" and not (parts.scheme == "http" and self.plain_http):
            raise self._useless("it sends us for a token to an address that is not encrypted")
        if parts.username or not parts.hostname:
            raise self._useless("it sends us for a token to no address")
        query = {"scope": f"repository:{self.name.repository}:pull,push"}
        query |= {"service": asked["service"]} if "service" in asked else {}
        joint = "&" if parts.query else "?"
        headers = {"Authorization": login.basic()} if login.password is not None else {}
        within_s = self.patience.answer_s
        answer = self._send("GET", f"{realm}{joint}{urlencode(query)}", headers, None, _TOKEN_BYTES, within_s)
        if answer.status != HTTPStatus.OK:
            raise self._refused(f"the token is refused with status {answer.status}")
        value = self._json(answer, "the token")
        token = value.get("token") or value.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise self._useless("what it gives as a token is none")
        return Secret(f"Bearer {token}")

    # What can go wrong.

    def _demand(self, answer: _Answer, wanted: HTTPStatus, method: str, what: str) -> None:
        if answer.status == wanted:
            return
        said = _words(answer.body)
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise self._refused(f"the registry does not let us in: {said or f'status {answer.status}'}")
        if 300 <= answer.status < 400:
            raise self._useless(f"it sends us elsewhere (status {answer.status})")
        raise self._useless(f"it answers {method} of {what[:100]} with status {answer.status}{said and f': {said}'}")

    def _same_host(self, url: str, what: str) -> str:
        ours, theirs = urlsplit(self.base), urlsplit(url)
        try:
            same = (ours.scheme, ours.hostname, ours.port) == (theirs.scheme, theirs.hostname, theirs.port)
        except ValueError:
            same = False
        if not same or theirs.username is not None:
            raise self._useless(f"it wants {what} at another address: {ascii(url)[1:121]}")
        return url

    def _json(self, answer: _Answer, what: str) -> Mapping[str, Any]:
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            raise self._useless(f"what it answers for {what} is no JSON") from error
        if not isinstance(value, dict):
            raise self._useless(f"what it answers for {what} is no object")
        return value

    def _useless(self, because: str) -> ArtifactError:
        return ArtifactError(
            f"the registry does not answer as a registry does: {because}",
            where=self.name.host,
            remedy="see that it is the registry that you mean, and that nothing stands between",
        )

    def _lies(self, reference: str, said: str, found: str) -> ArtifactError:
        return ArtifactError(
            f"the registry says that {reference[:150]} is {said[:80]}, and what it gives is {found}",
            where=self.name.host,
            remedy="rely on nothing that it has: the digest is the only name of an image",
        )

    def _refused(self, what: str) -> NotPermittedError:
        return NotPermittedError(
            what,
            where=self.name.host,
            remedy=f"see that registries.{self.name.host} names somebody who may push to {self.name.repository}",
        )

    def _too_slow(self, within_s: float) -> TimedOutError:
        return TimedOutError(
            f"the registry does not answer within {min(within_s, self.patience.silence_s):g} s",
            where=self.name.host,
            remedy="see whether it is overloaded, then push again: what it has is not sent twice",
        )


def other_content(name: ImageName, tag: str, there: str, ours: str) -> ConflictError:
    """The refusal of a tag that names something else already."""
    return ConflictError(
        f"{name}:{tag} is {there} already, and this release is {ours}",
        where=name.host,
        remedy="a version names one content for ever: release the new one under the next version",
    )


def _trusting(ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca or None)
    except OSError as error:
        raise ArtifactError(
            f"the certificates cannot be read: {error.strerror or error}",
            where=ca,
            remedy="name a file in PEM form: registries.HOST.ca",
        ) from error


def _body(pieces: Iterable[bytes]) -> Iterable[bytes]:
    yield from pieces


def _next(link: str) -> str:
    """The address of the next page, of a ``Link`` header. Source: RFC 8288."""
    match = re.match(r"\s*<([^<>\s]{1,2048})>\s*;[^,]*\brel=\"?next\"?", link[:4096])
    return match[1] if match else ""


def _words(body: bytes) -> str:
    """What a registry says of an error, in one line of printable ASCII; empty where it says nothing."""
    try:
        errors = json.loads(body)["errors"]
        text = "; ".join(f"{error.get('code', '')} {error.get('message', '')}".strip() for error in errors[:3])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return ""
    return ascii(text)[1:-1][:200]
