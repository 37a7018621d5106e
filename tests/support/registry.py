"""A real container registry for the tests: Debian's ``docker-registry`` on loopback, with its files in a directory.

It can ask who comes (a password, or a token that a server of the tests hands out, which the registry itself verifies)
and speak TLS, by a certificate made for it.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.processes import Server, ServerFailedError, find_program

USER, PASSWORD = "robot", "a-password"
# The password by bcrypt, the only form that the registry reads; Python has no bcrypt of its own.
_HTPASSWD = f"{USER}:$2b$05$LjtNw3fzfgOMYOmC2/xQFOL7UtolSyKd46GP3.J4fg.TkWzxrR0WW"
SERVICE, ISSUER = "tests", "tidegate-tests"


def why_no_registry() -> str:
    """Why no registry can be started here, or an empty text."""
    return "" if find_program("docker-registry") else "docker-registry is not installed: run scripts/debian-packages"


@dataclass(frozen=True, slots=True)
class ContainerRegistry:
    """One that runs; ``host`` is its name in an image's."""

    server: Server
    directory: Path
    port: int
    scheme: str = "http"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def tags(self, repository: str) -> dict[str, str]:
        """The digest of each tag, as its own files have it: nothing of ours is asked."""
        folder = self.directory / "data/docker/registry/v2/repositories" / repository / "_manifests/tags"
        found = {}
        for link in sorted(folder.glob("*/current/link")):
            with contextlib.suppress(FileNotFoundError):  # being written right now
                found[link.parents[1].name] = link.read_text()
        return found

    def put(self, path: str, data: bytes, media_type: str) -> None:
        """PUT something, as somebody else would."""
        url = f"{self.scheme}://{self.host}/v2/{path}"
        request = urllib.request.Request(url, data, {"Content-Type": media_type}, method="PUT")  # noqa: S310
        urllib.request.urlopen(request, timeout=20).close()  # noqa: S310

    def stop(self) -> None:
        self.server.stop()


def start_registry(directory: Path, **settings: Any) -> ContainerRegistry:
    """Start one.

    Args:
        settings: sections of its configuration: ``auth``, ``tls``.

    Raises:
        ServerFailedError: it did not answer.
    """
    if reason := why_no_registry():
        raise ServerFailedError(reason)
    directory.mkdir(parents=True, exist_ok=True)
    for attempt in range(5):
        port = free_port()
        try:
            return _start(directory, port, settings)
        except ServerFailedError:
            if attempt == 4:
                raise
    raise ServerFailedError("unreachable")


def _start(directory: Path, port: int, settings: Mapping[str, Any]) -> ContainerRegistry:
    listening: dict[str, Any] = {"addr": f"127.0.0.1:{port}"}
    if "tls" in settings:
        listening["tls"] = settings["tls"]
    configuration = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}, "delete": {"enabled": True}},
        "http": listening,
        **{name: value for name, value in settings.items() if name != "tls"},
    }
    # JSON is YAML.
    (directory / "config.yml").write_text(json.dumps(configuration))
    command: list[str | Path] = [find_program("docker-registry") or "", "serve", directory / "config.yml"]
    server = Server(command, log=directory / "log", account=None, stop=signal.SIGTERM)
    server.wait_until(lambda: listens(port))
    return ContainerRegistry(server, directory, port, "https" if "tls" in settings else "http")


def password_auth(directory: Path) -> dict[str, Any]:
    """``auth``: lets :data:`USER` in by :data:`PASSWORD`."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "htpasswd").write_text(_HTPASSWD + "\n")
    return {"htpasswd": {"realm": "tests", "path": str(directory / "htpasswd")}}


def certificate(directory: Path, name: str = "127.0.0.1") -> tuple[Path, Path]:
    """A certificate for an address, signed by itself, and its key."""
    directory.mkdir(parents=True, exist_ok=True)
    made = directory / "certificate.pem", directory / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    words += ["-addext", f"subjectAltName=IP:{name}", "-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run(words, check=True, capture_output=True)
    return made


def has_openssl() -> bool:
    return shutil.which("openssl") is not None


class TokenServer:
    """Hands out tokens as a registry's token service does: JSON Web Tokens that the registry verifies."""

    def __init__(self, directory: Path) -> None:
        self._certificate, self._key = certificate(directory)
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                authorization = self.headers.get("Authorization", "")
                outer.asked.append((self.path, authorization))
                wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                body = json.dumps({"token": outer.token()}).encode() if authorization == wanted else b"{}"
                self.send_response(200 if authorization == wanted else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def auth(self) -> dict[str, Any]:
        """``auth`` of a registry that sends everybody here."""
        realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        settings = {"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(self._certificate)}
        return {"token": settings}

    def token(self, repository: str = "shop") -> str:
        """A token that lets its bearer pull from and push to a repository."""
        pem = "".join(self._certificate.read_text().splitlines()[1:-1])
        now = int(time.time())
        access = [{"type": "repository", "name": repository, "actions": ["pull", "push"]}]
        head = {"typ": "JWT", "alg": "RS256", "x5c": [pem]}
        claims = {"iss": ISSUER, "sub": USER, "aud": SERVICE, "exp": now + 300, "nbf": now - 10, "iat": now, "jti": "1"}
        signed = f"{_url64(json.dumps(head).encode())}.{_url64(json.dumps({**claims, 'access': access}).encode())}"
        words = ["openssl", "dgst", "-sha256", "-sign", str(self._key)]
        signature = subprocess.run(words, input=signed.encode(), capture_output=True, check=True).stdout
        return f"{signed}.{_url64(signature)}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running_registry(directory: Path, **settings: Any) -> Iterator[ContainerRegistry]:
    """One for the length of the block."""
    found = start_registry(directory, **settings)
    try:
        yield found
    finally:
        found.stop()
