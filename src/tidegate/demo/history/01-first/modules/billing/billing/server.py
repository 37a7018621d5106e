"""The service: answers invoices, says whether it is well, and counts what it answered."""

import argparse
import json
import os
import signal
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from billing.invoice import invoice

TEXT = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"


class Server(ThreadingHTTPServer):
    """A thread per connection, and one count of the answers."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, version: str) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.version = version
        self.started = time.time()
        self.stopping = False
        self.lock = threading.Lock()
        self.answers = Counter({200: 0, 500: 0})

    def count(self, status: int) -> None:
        with self.lock:
            self.answers[status] += 1

    def metrics(self) -> str:
        with self.lock:
            answers = sorted(self.answers.items())
        counts = [f'http_requests_total{{code="{status}"}} {count}' for status, count in answers]
        return "\n".join(
            [
                "# HELP http_requests_total Invoices that were asked for, by the status of the answer.",
                "# TYPE http_requests_total counter",
                *counts,
                "# HELP process_start_time_seconds When this process started, in seconds since 1970.",
                "# TYPE process_start_time_seconds gauge",
                f"process_start_time_seconds {self.started:.3f}",
                "",
            ]
        )


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 30

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/health":
            self.answer(200, JSON, json.dumps({"status": "ok", "version": self.server.version}))
        elif url.path == "/metrics":
            self.answer(200, TEXT, self.server.metrics())
        elif url.path == "/":
            status, body = self.invoice(parse_qs(url.query))
            self.server.count(status)
            self.answer(status, JSON, json.dumps(body))
        else:
            self.answer(404, JSON, json.dumps({"error": "no such page"}))

    def invoice(self, query: dict[str, list[str]]) -> tuple[int, object]:
        try:
            return 200, invoice(int(query["customer"][0]))
        except Exception as error:
            self.log_error("%s: %s", type(error).__name__, error)
            return 500, {"error": type(error).__name__}

    def answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Version", self.server.version)
        if self.server.stopping:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """The counters are enough."""


def main() -> None:
    """Serve until told to stop; what is being answered is still answered then."""
    parser = argparse.ArgumentParser(prog="billing")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    server = Server(port, os.environ.get("TIDEGATE_VERSION") or "unknown")

    def stop(*_: object) -> None:
        server.stopping = True
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever(poll_interval=0.05)
    server.socket.close()
    time.sleep(0.1)


if __name__ == "__main__":
    main()
