"""A registry that lies, floods, dawdles or points elsewhere: refused in our words, with nothing sent away."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.artifacts import image_in, store_at
from tests.support.registry import certificate, has_openssl
from tidegate.artifacts.image.login import Login
from tidegate.artifacts.image.push import PushOrder, push
from tidegate.artifacts.image.remote import Patience, Remote
from tidegate.core.canonical import digest
from tidegate.core.image import parse_image_name
from tidegate.core.secret import Secret
from tidegate.core.version import parse_version
from tidegate.errors import ArtifactError, ConflictError, NotPermittedError, TimedOutError

MANIFEST = b'{"schemaVersion":2}'
Reply = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the test says: by method and the path below the repository, or with 404."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _do(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        world = self.server.world  # type: ignore[attr-defined]
        path = self.path.partition("?")[0].removeprefix("/v2/shop/")
        world.asked.append((self.command, path, self.headers.get("Authorization", "")))
        reply = world.replies.get((self.command, path))
        if reply is None:
            self.answer(404)
        else:
            reply(self)

    do_GET = do_HEAD = do_PUT = do_POST = _do  # noqa: N815  the names that the library calls

    def log_message(self, *_: object) -> None:
        pass


class World:
    """A hostile registry: what it answers, and what it was asked."""

    def __init__(self, tls: tuple[Path, Path] | None = None) -> None:
        self.replies: dict[tuple[str, str], Reply] = {}
        self.asked: list[tuple[str, str, str]] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.world = self  # type: ignore[attr-defined]
        self.scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, tls))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def on(self, method: str, path: str, status: int = 200, body: bytes = b"", **headers: str) -> None:
        self.replies[method, path] = lambda handler: handler.answer(status, body, **headers)

    def manifest(self, body: bytes = MANIFEST, **headers: str) -> None:
        self.on("HEAD", "manifests/1.0.0", 200, body, **headers)
        self.on("GET", "manifests/1.0.0", 200, body, **headers)

    def remote(self, login: Login | None = None, patience: Patience | None = None, ca: str = "") -> Remote:
        return Remote(
            parse_image_name(f"{self.host}/shop"),
            lambda: login or Login(),
            plain_http=self.scheme == "http",
            ca=ca,
            patience=patience or Patience(),
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture
def elsewhere() -> Iterator[World]:
    """Another host, to which nothing may be sent."""
    made = World()
    yield made
    made.close()
    assert made.asked == []


def test_a_digest_is_what_the_bytes_have(world: World) -> None:
    world.manifest(Docker_Content_Digest="sha256:" + "0" * 64)
    with pytest.raises(
        ArtifactError, match=rf"the registry says that 1.0.0 is sha256:0+, and what it gives is {digest(MANIFEST)}"
    ):
        world.remote().digest_at("1.0.0")
    world.manifest()
    assert world.remote().digest_at("1.0.0") == digest(MANIFEST)


def test_what_is_asked_for_by_digest_has_that_digest(world: World) -> None:
    wanted = "sha256:" + "1" * 64
    world.on("GET", f"manifests/{wanted}", 200, MANIFEST)
    with pytest.raises(
        ArtifactError, match=rf"says that {wanted} is {wanted}, and what it gives is {digest(MANIFEST)}"
    ):
        world.remote().manifest(wanted)


@pytest.mark.parametrize(
    ("status", "body", "headers", "sentence"),
    [
        (307, b"", {"Location": "http://169.254.169.254/"}, r"it sends us elsewhere \(status 307\)"),
        (200, b"x" * (5 << 20), {}, "it answers with more than 4194304 bytes"),
        (500, b"\x1b[31mgone", {}, "it answers GET of 1.0.0 with status 500$"),
        (
            500,
            b'{"errors":[{"code":"X","message":"\\u001b[2Jgone\\u202e"}]}',
            {},
            r"status 500: X \\x1b\[2Jgone\\u202e$",
        ),
        (500, b"[" * 100_000, {}, "it answers GET of 1.0.0 with status 500$"),
    ],
)
def test_strange_answers_for_a_manifest(
    world: World, status: int, body: bytes, headers: dict[str, str], sentence: str
) -> None:
    world.manifest()
    world.on("GET", "manifests/1.0.0", status, body, **headers)
    with pytest.raises(ArtifactError, match=sentence):
        world.remote().digest_at("1.0.0")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"no json", "what it answers for tags/list is no JSON"),
        (b"[1]", "what it answers for tags/list is no object"),
        (b'{"tags": {"a": 1}}', "its list of tags is none"),
        (b"[" * 100_000, "what it answers for tags/list is no JSON"),
        (b'{"tags":["' + b"x" * (5 << 20) + b'"]}', "it answers with more than 4194304 bytes"),
    ],
)
def test_strange_lists_of_tags(world: World, body: bytes, sentence: str) -> None:
    world.on("GET", "tags/list", 200, body)
    with pytest.raises(ArtifactError, match=sentence):
        world.remote().tags()


def test_what_is_no_tag_is_left_out(world: World) -> None:
    tags = ["1.0.0", 7, None, "../../etc", "-rf", "$(id)", "a\nb", "\u202e1.0.0", "x" * 129, "1.0.0"]
    world.on("GET", "tags/list", 200, json.dumps({"tags": tags}).encode())
    assert world.remote().tags() == ("1.0.0",)


def test_a_list_that_never_ends_is_given_up(world: World) -> None:
    def page(handler: Handler) -> None:
        start = len(world.asked) * 2000
        body = json.dumps({"tags": [f"0.0.{start + n}" for n in range(2000)]}).encode()
        handler.answer(200, body, Link='</v2/shop/tags/list?last=x>; rel="next"')

    world.replies["GET", "tags/list"] = page
    with pytest.raises(ArtifactError, match=r"its list of tags does not end after 10[0-9]{4} tags"):
        world.remote().tags()


def test_the_next_page_is_not_looked_for_elsewhere(world: World, elsewhere: World) -> None:
    world.on("GET", "tags/list", 200, b'{"tags":[]}', Link=f'<http://{elsewhere.host}/v2/shop/tags/list>; rel="next"')
    with pytest.raises(ArtifactError, match=r"it wants the next page of its tags at another address: http://127.0.0.1"):
        world.remote().tags()


def pushing(world: World, tmp_path: Path, login: Login | None = None) -> None:
    store = store_at(tmp_path)
    image = image_in(store)
    push(world.remote(login), PushOrder(image, parse_version("1.0.0"), (), lambda _: None), store)


@pytest.mark.parametrize(
    "place", ["http://{elsewhere}/upload", "//{elsewhere}/upload", "https://{here}/x", "http://a@{here}/x"]
)
def test_nothing_is_uploaded_elsewhere(world: World, elsewhere: World, tmp_path: Path, place: str) -> None:
    world.on("POST", "blobs/uploads/", 202, Location=place.format(elsewhere=elsewhere.host, here=world.host))
    with pytest.raises(ArtifactError, match=r"it wants the blob at another address"):
        pushing(world, tmp_path)
    assert not [method for method, _, _ in world.asked if method == "PUT"]


def test_a_blob_that_is_taken_and_not_there_is_found(world: World, tmp_path: Path) -> None:
    world.on("POST", "blobs/uploads/", 202, Location="/v2/shop/take")
    world.on("PUT", "take", 201)
    with pytest.raises(ArtifactError, match=r"it took the blob sha256:[0-9a-f]{64} and does not have it"):
        pushing(world, tmp_path)


def test_a_tag_that_is_taken_and_not_there_is_found(world: World, tmp_path: Path) -> None:
    store = store_at(tmp_path)
    image = image_in(store)
    for path in store.root.iterdir():
        world.on("HEAD", f"blobs/sha256:{path.name}", 200, path.read_bytes())
    world.on("PUT", "manifests/1.0.0", 201)
    with pytest.raises(
        ConflictError, match=rf"shop:1.0.0 is nothing after it was set to {image}: somebody else set it, too"
    ):
        push(world.remote(), PushOrder(image, parse_version("1.0.0"), (), lambda _: None), store)


def test_a_blob_of_another_size_is_found(world: World, tmp_path: Path) -> None:
    store = store_at(tmp_path)
    image = image_in(store)
    for path in store.root.iterdir():
        world.on("HEAD", f"blobs/sha256:{path.name}", 200, b"x")
    with pytest.raises(ArtifactError, match=r"it says that sha256:[0-9a-f]{64} has 1 bytes, and it has [0-9]+"):
        push(world.remote(), PushOrder(image, parse_version("1.0.0"), (), lambda _: None), store)


def test_a_registry_that_dawdles_is_left(world: World) -> None:
    def trickle(handler: Handler) -> None:
        for _ in range(200):
            handler.wfile.write(b"H")
            handler.wfile.flush()
            time.sleep(0.05)

    world.replies["HEAD", "manifests/1.0.0"] = trickle
    with pytest.raises(TimedOutError, match=r"the registry does not answer within 0.5 s"):
        world.remote(patience=Patience(answer_s=0.5, silence_s=5)).digest_at("1.0.0")


def test_a_registry_that_hangs_up_is_said(world: World) -> None:
    world.replies["HEAD", "manifests/1.0.0"] = lambda handler: handler.connection.close()
    with pytest.raises(ArtifactError, match=r"the registry cannot be asked") as caught:
        world.remote().digest_at("1.0.0")
    assert caught.value.where == world.host


def test_who_asks_is_asked_once_and_not_for_ever(world: World) -> None:
    world.on("HEAD", "manifests/1.0.0", 401, WWW_Authenticate='Basic realm="x"')
    with pytest.raises(NotPermittedError, match=r"does not let us in: status 401"):
        world.remote(Login("robot", Secret("password"))).digest_at("1.0.0")
    assert len(world.asked) == 2


@pytest.mark.parametrize(
    ("realm", "token", "sentence"),
    [
        ("ftp://127.0.0.1/", b"{}", "it sends us for a token to an address that is not encrypted"),
        ("http://user@{here}/token", b"{}", "it sends us for a token to no address"),
        ("http:///token", b"{}", "it sends us for a token to no address"),
        ("http://{here}/v2/shop/token", b'{"token": "a\\nb"}', "what it gives as a token is none"),
        ("http://{here}/v2/shop/token", b'{"token": 7}', "what it gives as a token is none"),
        ("http://{here}/v2/shop/token", b"x" * (65 << 10), "it answers with more than 65536 bytes"),
    ],
)
def test_strange_ways_to_a_token(world: World, realm: str, token: bytes, sentence: str) -> None:
    asked = f'Bearer realm="{realm.format(here=world.host)}",service="x"'
    world.on("HEAD", "manifests/1.0.0", 401, WWW_Authenticate=asked)
    world.on("GET", "token", 200, token)
    with pytest.raises(ArtifactError, match=sentence):
        world.remote(Login("robot", Secret("password"))).digest_at("1.0.0")


def test_a_password_does_not_leave_an_encrypted_registry_unencrypted(elsewhere: World, tmp_path: Path) -> None:
    if not has_openssl():
        pytest.skip("openssl is not installed")
    pem, key = certificate(tmp_path / "tls")
    world = World(tls=(pem, key))
    world.on("HEAD", "manifests/1.0.0", 401, WWW_Authenticate=f'Bearer realm="http://{elsewhere.host}/token"')
    with pytest.raises(ArtifactError, match=r"it sends us for a token to an address that is not encrypted"):
        world.remote(Login("robot", Secret("password")), ca=str(pem)).digest_at("1.0.0")
    world.close()


def test_no_error_shows_the_password(world: World) -> None:
    world.on("HEAD", "manifests/1.0.0", 401, WWW_Authenticate='Basic realm="x"')
    remote = world.remote(Login("robot", Secret("a-secret-word")))
    with pytest.raises(NotPermittedError) as caught:
        remote.digest_at("1.0.0")
    assert world.asked[-1][2].startswith("Basic ")
    assert "a-secret-word" not in repr(remote) + repr(remote.login()) + str(caught.value) + caught.value.remedy
