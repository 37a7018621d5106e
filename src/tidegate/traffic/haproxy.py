"""HAProxy as a traffic switch, by its runtime API: weights divide the traffic, and a drained server is sent nothing.

The highest token stands in a variable of its process, ``proc.tidegate_BACKEND``, and is asked for before each change.
The runtime API cannot compare and set in one, so that a late actor is refused, but for one frozen just between the two.

Sources: HAProxy 2.6, management guide, section 9.3 ("set server", "set weight", "show servers state", "show stat", "get
var", "set var", "experimental-mode").
"""

from __future__ import annotations

import csv
import io
import re
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tidegate.core.duration import Duration
from tidegate.core.effect import Share, Token
from tidegate.core.written import written
from tidegate.errors import FencedError, TargetError
from tidegate.traffic.contract import Sight
from tidegate.traffic.weights import grain, shares, weights

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_TCP = re.compile(r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:]{2,45}\]):(?P<port>[0-9]{1,5})")
_UNIX = re.compile(r"/[A-Za-z0-9_./+@-]{1,106}")
_KEPT = re.compile(r"value=<(\d{1,18})\.(\d{1,18})\.([01])>")
_MOST_ANSWERED = 1 << 24
_RUNNING = 2  # srv_op_state: the server is up
_DRAINED = 0x08 | 0x10  # srv_admin_state: drain was asked for, or inherited
_STOPPED = 0x3F & ~_DRAINED  # maintenance, for whatever reason
_LOOK_AGAIN_AFTER_S = 0.05


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{written(text)} is not a name in HAProxy; use letters, digits and _ . : -")
    return text


def _socket(text: str) -> str:
    if not (_UNIX.fullmatch(text) or _TCP.fullmatch(text)):
        raise ValueError(f"{written(text)} is not where HAProxy listens; write a path, or HOST:PORT")
    return text


def _tuples(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: tuple(units) if isinstance(units, list) else units for name, units in value.items()}


Name = Annotated[str, AfterValidator(_name)]


class HAProxySettings(BaseModel):
    """How HAProxy shares the traffic of a target.

    ``pools`` are two pools of units, for blue-green and canary. ``servers`` says what a unit is called in the backend,
    where that is another name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    switch: Literal["haproxy"]
    socket: Annotated[str, AfterValidator(_socket)]
    backend: Name
    pools: Annotated[
        Mapping[Name, Annotated[tuple[Name, ...], Field(min_length=1, max_length=1000)]], BeforeValidator(_tuples)
    ] = Field(default_factory=dict)
    servers: Mapping[Name, Name] = Field(default_factory=dict)
    drain: Duration = timedelta(seconds=30)
    timeout: Duration = timedelta(seconds=5)
    up_within: Duration = timedelta(seconds=60)

    @model_validator(mode="after")
    def _two_pools(self) -> HAProxySettings:
        if self.pools and len(self.pools) != 2:
            raise ValueError(f"there are {len(self.pools)} pools; declare two, such as blue and green, or none")
        units = [unit for pool in self.pools.values() for unit in pool]
        if len(set(units)) != len(units):
            raise ValueError("a unit is in both pools; each belongs to one")
        return self


class HAProxySwitch:
    """One backend of an HAProxy."""

    weighs = True
    withdraws = True

    def __init__(self, settings: HAProxySettings, units: Sequence[str]) -> None:
        self._settings = settings
        self._units = tuple(units)
        self._draining = threading.Lock()

    @property
    def pools(self) -> Mapping[str, tuple[str, ...]]:
        return self._settings.pools

    def sight(self) -> Sight:
        found = self._state()
        if not self.pools:
            return Sight((), detail=f"{self._settings.backend} on {self._settings.socket}")
        weight = {unit: found[unit].weight if found[unit].admitted else 0 for unit in self._pooled}
        divided = shares(self.pools, weight)
        detail = ", ".join(f"{pool} {points / 100:g}%" for pool, points in divided.items())
        found_shares = tuple(Share(pool, points) for pool, points in divided.items())
        return Sight(found_shares, grain(self.pools), detail, self._seen_token())

    def shift(self, share: Share, token: Token) -> None:
        # What grows comes first: at no moment is nobody served.
        wanted = weights(self.pools, share.of, share.points)
        before = self._state()
        for unit, weight in sorted(wanted.items(), key=lambda item: item[1] < before[item[0]].weight):
            self._demand_token(token)
            self._set(f"set server {self._server(unit)} weight {weight}")

    def sentence(self, share: Share) -> str:
        wanted = weights(self.pools, share.of, share.points)
        told = ", ".join(f"{self._called(unit)} {weight}" for unit, weight in wanted.items())
        return f"send {share.percent} of the traffic of {self._settings.backend} to {share.of}: weights {told}"

    def withdraw(self, unit: str, token: Token, *, keeps_one: bool = False) -> None:
        self._demand_token(token)
        waits_until = time.monotonic() + self._settings.up_within.total_seconds()
        while not self._drain(unit, keeps_one=keeps_one and time.monotonic() < waits_until):
            time.sleep(_LOOK_AGAIN_AFTER_S)
        deadline = time.monotonic() + self._settings.drain.total_seconds()
        # Who still waits for an answer gets it, unless it takes longer than the policy waits.
        while self._sessions(unit) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_AFTER_S)

    def _drain(self, unit: str, *, keeps_one: bool) -> bool:
        """Whether it is sent nothing any more; not yet, where nobody else would be left. One thread at a time."""
        with self._draining:
            found = self._state()
            if found[unit].stopped:
                return True  # somebody has it in maintenance: it is sent nothing, and that is theirs to end
            others = any(server.serves for name, server in found.items() if name != unit)
            if keeps_one and found[unit].serves and not others:
                return False
            self._set(f"set server {self._server(unit)} state drain")
        return True

    def return_(self, unit: str, token: Token) -> None:
        self._demand_token(token)
        if self._state()[unit].drained:
            self._set(f"set server {self._server(unit)} state ready")
        deadline = time.monotonic() + self._settings.up_within.total_seconds()
        while not (found := self._state()[unit]).serving:
            if found.stopped:
                return
            if time.monotonic() > deadline:
                raise TargetError(
                    f"HAProxy does not find {self._called(unit)} well within {self._settings.up_within}",
                    where=self._settings.socket,
                    remedy=f"look at its check: echo 'show servers state {self._settings.backend}'",
                )
            time.sleep(_LOOK_AGAIN_AFTER_S)

    def withdrawn(self, unit: str) -> bool:
        return self._state()[unit].drained

    # The fence.

    @property
    def _variable(self) -> str:
        """The variable of this backend: the characters that HAProxy allows in one, and no two backends alike."""
        return "proc.tidegate_" + re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):02x}", self._settings.backend)

    def _seen_token(self) -> Token | None:
        """The highest token that was seen since HAProxy started; None also where it keeps no variables."""
        found = _KEPT.search(self._ask(f"get var {self._variable}"))
        return Token(int(found[1]), int(found[2]), int(found[3])) if found else None

    def _demand_token(self, token: Token) -> None:
        """Nobody has outranked us; and from now on nobody below us is let in.

        An HAProxy that takes no variable is left to the fence of the store.
        """
        seen = self._seen_token()
        if seen == token:
            return
        if seen is not None and seen > token:
            raise FencedError(
                f"HAProxy has seen the token {seen} for {self._settings.backend}, and ours is {token}",
                where=self._settings.socket,
                remedy="whoever holds the newer token answers for it now",
            )
        kept = f"str({token.epoch}.{token.counter}.{token.glass})"
        self._ask(f"experimental-mode on; set var {self._variable} {kept}")

    # Asking.

    @property
    def _pooled(self) -> tuple[str, ...]:
        return tuple(unit for units in self.pools.values() for unit in units)

    def _called(self, unit: str) -> str:
        return self._settings.servers.get(unit, unit)

    def _server(self, unit: str) -> str:
        return f"{self._settings.backend}/{self._called(unit)}"

    def _set(self, command: str) -> None:
        answer = self._ask(command).strip()
        if answer:
            raise TargetError(
                f"HAProxy refuses {written(command)}: {written(answer[:200])}",
                where=self._settings.socket,
                remedy="see that the socket has level admin, and that the server's weight may be changed",
            )

    def _state(self) -> dict[str, _Server]:
        """The servers of all units, by unit."""
        table = self._ask(f"show servers state {self._settings.backend}").splitlines()
        if len(table) < 2 or table[0].strip() != "1" or not table[1].startswith("# "):
            raise TargetError(
                f"HAProxy shows no servers of {self._settings.backend}: {written(' '.join(table)[:200])}",
                where=self._settings.socket,
                remedy="name a backend that it has",
            )
        names = table[1][2:].split()
        rows = [dict(zip(names, line.split(), strict=False)) for line in table[2:] if line.strip()]
        found = {row.get("srv_name", ""): row for row in rows}
        return {unit: self._read(unit, found.get(self._called(unit))) for unit in {*self._units, *self._pooled}}

    def _read(self, unit: str, row: Mapping[str, str] | None) -> _Server:
        try:
            if row is None:
                raise ValueError("it is not there")
            return _Server(int(row["srv_op_state"]), int(row["srv_admin_state"]), int(row["srv_uweight"]))
        except (KeyError, ValueError) as error:
            raise TargetError(
                f"HAProxy says nothing of the server {self._called(unit)} in {self._settings.backend}",
                where=self._settings.socket,
                remedy="add it to the backend, or say under traffic.servers what it is called there",
            ) from error

    def _sessions(self, unit: str) -> int:
        """How many sessions the server has now."""
        text = self._ask("show stat").removeprefix("# ")
        for row in csv.DictReader(io.StringIO(text)):
            if (row.get("pxname"), row.get("svname")) == (self._settings.backend, self._called(unit)):
                current = row.get("scur") or "0"
                return int(current) if current.isdigit() else 0
        return 0

    def _ask(self, command: str) -> str:
        try:
            with closing(self._connect()) as connection:
                connection.sendall(f"{command}\n".encode())
                return self._read_all(connection).decode("utf-8", "replace")
        except OSError as error:
            raise TargetError(
                f"HAProxy does not answer: {error.strerror or error}",
                where=self._settings.socket,
                remedy="see that it runs, and that its stats socket is there",
            ) from error

    def _connect(self) -> socket.socket:
        timeout_s = self._settings.timeout.total_seconds()
        tcp = _TCP.fullmatch(self._settings.socket)
        if tcp:
            return socket.create_connection((tcp["host"].strip("[]"), int(tcp["port"])), timeout_s)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(timeout_s)
            connection.connect(self._settings.socket)
        except OSError:
            connection.close()
            raise
        return connection

    def _read_all(self, connection: socket.socket) -> bytes:
        """What it answers, to its end; it has the time-out for all of it."""
        deadline = time.monotonic() + self._settings.timeout.total_seconds()
        found = bytearray()
        while part := connection.recv(1 << 16):
            found += part
            if len(found) > _MOST_ANSWERED or time.monotonic() > deadline:
                raise TimeoutError("the answer does not end")
        return bytes(found)


class _Server:
    """One line of ``show servers state``."""

    def __init__(self, operational: int, administrative: int, weight: int) -> None:
        self.weight = weight
        self.drained = bool(administrative & _DRAINED)
        self.stopped = bool(administrative & _STOPPED)
        self.admitted = not (self.drained or self.stopped)
        self.serving = self.admitted and operational == _RUNNING
        self.serves = self.serving and weight > 0
