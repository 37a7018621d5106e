"""Customers of a service: clients that ask one address without a pause, and remember every answer."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass

SERVICE = '''\
"""Answers with its version. Started anew: what ran before on this port is ended first."""
import http.server, os, signal, socket, sys, time

port, version, pid_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
try:
    old = int(open(pid_file).read())
    os.kill(old, signal.SIGTERM)
    while True:
        os.kill(old, 0)
        time.sleep(0.01)
except (OSError, ValueError):
    pass
if version == "stopped":
    sys.exit(0)

class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = version.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer)
if os.fork():
    os._exit(0)
os.setsid()
nothing = os.open(os.devnull, os.O_RDWR)
for number in (0, 1, 2):
    os.dup2(nothing, number)
with open(pid_file, "w") as file:
    file.write(str(os.getpid()))
server.serve_forever()
'''


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it was answered (monotonic seconds), and by which version; empty where it failed."""

    at: float
    version: str
    why: str = ""


class Customers:
    """A few clients, one thread each; used as a context."""

    def __init__(self, port: int, clients: int = 3) -> None:
        self._port = port
        self._ending = threading.Event()
        self._answers: list[list[Answer]] = [[] for _ in range(clients)]
        self._threads = [threading.Thread(target=self._ask_on, args=(own,), daemon=True) for own in self._answers]

    def __enter__(self) -> Customers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(20)

    @property
    def answers(self) -> list[Answer]:
        """All answers until now, in order."""
        return sorted((answer for own in self._answers for answer in list(own)), key=lambda answer: answer.at)

    def versions(self, since: float = 0.0) -> Counter[str]:
        """How many answers each version gave since a moment; a failed one counts for an empty version."""
        return Counter(answer.version for answer in self.answers if answer.at >= since)

    def _ask_on(self, own: list[Answer]) -> None:
        while not self._ending.wait(0.005):
            own.append(self._ask())

    def _ask(self) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            body = response.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return Answer(time.monotonic(), "", repr(error))
        finally:
            connection.close()
        good = response.status == 200
        return Answer(time.monotonic(), body if good else "", "" if good else f"{response.status} {body[:200]}")
