"""A real web server on loopback that keeps what it is sent, and answers what it is told to.

An answer is a status, headers and a body; ``drop`` takes the request and closes the connection without a word.
"""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Sent:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Says:
    """One answer."""

    status: int = 200
    body: bytes = b"ok"
    headers: Mapping[str, str] = field(default_factory=dict)


DROP = Says(0)


@dataclass
class WebServer:
    """One that runs. ``says`` are the answers to come; then ``always``."""

    url: str
    ca: Path | None = None
    says: list[Says] = field(default_factory=list)
    always: Says = Says()
    sent: list[Sent] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def taken(self, one: Sent) -> Says:
        with self.guard:
            self.sent.append(one)
            return self.says.pop(0) if self.says else self.always


@contextlib.contextmanager
def web_server(directory: Path | None = None) -> Iterator[WebServer]:
    """A running server; by https where there is a directory for the certificate of its authority."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            answer = made.taken(Sent(self.path, dict(self.headers.items()), body))
            if answer.status == 0:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme, ca = "http", None
    if directory is not None:
        authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        directory.mkdir(parents=True, exist_ok=True)
        scheme, ca = "https", directory / "web-ca.pem"
        authority.cert_pem.write_to_path(str(ca))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    made = WebServer(f"{scheme}://localhost:{server.server_port}", ca)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
