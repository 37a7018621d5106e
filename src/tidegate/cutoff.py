"""An end to a whole conversation: the time-outs of sockets are per read, and a trickle never runs into them."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from threading import Timer
from types import TracebackType
from typing import Any, Self


class Cutoff:
    """Shuts the watched socket down when the time (seconds) is up, wherever reading stands.

    A server that sends a byte now and then, in its headers even, would hold whoever reads for as long as it likes.
    """

    def __init__(self, timeout_s: float) -> None:
        self.over = False
        self._socket: socket.socket | None = None
        self._timer = Timer(timeout_s, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()
        self._timer.join()

    def watch(self, one: socket.socket | None) -> None:
        """From now on it is this socket: a new one, or the same one encrypted."""
        self._socket = one
        if self.over:
            self._cut()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by the HTTP client at each step of a request; two of them give the socket in use."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self.watch(info["return_value"].get_extra_info("socket"))

    def _cut(self) -> None:
        self.over = True
        if self._socket is not None:
            with suppress(OSError):
                # Not the method of an SSL socket, which would also take the encryption away from under the reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
