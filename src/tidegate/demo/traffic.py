"""The customers: clients that ask the hosts in turn, as a load balancer spreads them, and remember every answer.

A host that takes no connection, or closes one without an answer, is restarting: the request goes to the next host, as
a load balancer would send it. An answer of 500 and above is a failed request, and so is one that no host takes.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from tidegate.demo.policies import Host

CUSTOMERS = 24
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: when it was answered (seconds since 1970), by which host in which version, and how.

    ``status`` is 0 and the host empty where no host took it.
    """

    at: float
    host: str
    version: str
    status: int
    moved: int
    """How many hosts before this one took no connection."""

    @property
    def failed(self) -> bool:
        """Whether the customer got an error."""
        return not 200 <= self.status < 500


class Traffic:
    """Clients, one thread each, that share a bounded rate of requests per second."""

    def __init__(self, hosts: Sequence[Host], rate_hz: float, clients: int = 3) -> None:
        self._hosts = list(hosts)
        self._pause_s = clients / rate_hz
        self._ending = threading.Event()
        self._answers: list[list[Answer]] = [[] for _ in range(clients)]
        self._threads = [
            threading.Thread(target=self._ask_on, args=(number,), name=f"customers-{number}", daemon=True)
            for number in range(clients)
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._ending.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(2 * TIMEOUT_S)

    def answers(self) -> list[Answer]:
        """All answers until now, in their order."""
        return sorted((answer for own in self._answers for answer in list(own)), key=lambda answer: answer.at)

    def _ask_on(self, number: int) -> None:
        connections: dict[str, http.client.HTTPConnection] = {}
        count = number
        next_at = time.monotonic() + self._pause_s * number / len(self._threads)
        while not self._ending.wait(max(0.0, next_at - time.monotonic())):
            # One that could not keep up does not hurry afterwards: the rate stays bounded.
            next_at = max(next_at + self._pause_s, time.monotonic())
            # Every customer asks every host, in time.
            customer = 1 + (count // len(self._hosts) * 7 + number * 5) % CUSTOMERS
            self._answers[number].append(self._ask(connections, count, customer))
            count += 1
        for connection in connections.values():
            connection.close()

    def _ask(self, connections: dict[str, http.client.HTTPConnection], turn: int, customer: int) -> Answer:
        for moved in range(len(self._hosts)):
            host = self._hosts[(turn + moved) % len(self._hosts)]
            connection = connections.setdefault(host.name, http.client.HTTPConnection("127.0.0.1", host.port))
            answer = _ask_host(connection, host, customer, moved)
            if answer is not None:
                return answer
        return Answer(time.time(), "", "", 0, len(self._hosts))


def _ask_host(connection: http.client.HTTPConnection, host: Host, customer: int, moved: int) -> Answer | None:
    """The host's answer; None where it took no connection, twice where one was left open from before."""
    for _ in range(2):
        kept = connection.sock is not None
        connection.timeout = TIMEOUT_S
        try:
            connection.request("GET", f"/?customer={customer}")
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            if kept:
                continue
            return None
        return Answer(time.time(), host.name, response.getheader("X-Version") or "", response.status, moved)
    return None


def version_of(host: Host) -> str:
    """The version that a host answers with, read back over HTTP; empty where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        response = connection.getresponse()
        response.read()
        return (response.getheader("X-Version") or "") if response.status == 200 else ""
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Harm:
    """What a bad version did: how many requests failed, on which hosts, in which versions, and for how long."""

    requests: int
    failed: int
    hosts: tuple[str, ...]
    versions: tuple[str, ...]
    first_bad_at: float
    recovered_at: float

    @property
    def lasted_s(self) -> float:
        """From the first bad answer until every host that gave one answered well again, in seconds."""
        return self.recovered_at - self.first_bad_at


def harm_of(answers: Sequence[Answer], bad_version: str) -> Harm | None:
    """What went wrong, and how long; None if nothing did. Recovered is ``inf`` where a host never was.

    Args:
        answers: in the order of their times.
    """
    failed = [answer for answer in answers if answer.failed]
    if not failed:
        return None
    last_bad = {answer.host: answer.at for answer in failed}
    well = [a for a in answers if not a.failed and a.version != bad_version and a.at > last_bad.get(a.host, inf)]
    return Harm(
        requests=len(answers),
        failed=len(failed),
        hosts=tuple(sorted(last_bad)),
        versions=tuple(sorted({answer.version for answer in failed})),
        first_bad_at=failed[0].at,
        recovered_at=max(min((a.at for a in well if a.host == host), default=inf) for host in last_bad),
    )
