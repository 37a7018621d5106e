"""Running a process for a driver: limits, time-outs, redaction and foreign errors, once for all drivers.

The child leads a session of its own, so that an interrupt typed at our terminal does not reach it and a signal of ours
reaches all that it started. It is always reaped.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import IO

from tidegate.errors import TargetError

_CHUNK = 1 << 16
_LONGEST_LINE = 1 << 12
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
              "DBUS_SESSION_BUS_ADDRESS", "SSH_AUTH_SOCK")  # fmt: skip


class _StopError(Exception):
    """The child must be stopped, and this is why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a command may run in all and stay silent (seconds), and how much it may say (bytes per stream)."""

    timeout_s: float = 600.0
    silence_s: float = 120.0
    grace_s: float = 3.0  #: between INT and TERM, and between TERM and KILL
    output: int = 1 << 20
    errors: int = 1 << 14  #: of standard error the end is kept, which says why


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended by itself; negative ``status`` is the signal that ended it."""

    status: int
    stdout: bytes
    stderr: str = ""


def redact(text: str, secrets: Sequence[str] = ()) -> str:
    """``text`` without the secrets, without credentials in addresses, and without control characters."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, "[hidden]")
    return _CONTROL.sub("?", _CREDENTIALS.sub("[hidden]", text))


def environment() -> dict[str, str]:
    """What of our own environment a command gets to see: no token or database address of ours is in it."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def run(
    argv: Sequence[str],
    stdin: Iterable[bytes] = (),
    limits: Limits | None = None,
    *,
    where: str = "",
    on_line: Callable[[bytes], None] | None = None,
    on_complaint: Callable[[bytes], None] | None = None,
    secrets: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    cwd: PurePath | None = None,
) -> Completed:
    """Run ``argv``, feed it ``stdin`` piece by piece, and return what it said once it ended.

    A status other than 0 is an answer, not an error. A child that stops reading its input is not an error either.

    Args:
        on_line: is given each line of standard output as it comes.
        on_complaint: is given each line of standard error as it comes, at most 4 KiB of it.
        where: the unit, for the error.
        cwd: where it runs; None: where we do.

    Raises:
        TargetError: the command cannot be started, takes longer or is silent longer than it may, or says too much.
    """
    limits = limits or Limits()
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=cwd,
            env=dict(environment() if env is None else env),
        )
    except (OSError, ValueError) as error:
        raise TargetError(
            f"cannot start {argv[0]!r}: {redact(str(error), secrets)}",
            where=where,
            remedy="Install it, or correct the path.",
        ) from error
    try:
        talk = _Conversation(child, iter(stdin), limits, on_line, on_complaint)
        talk.hold()
        return Completed(child.returncode, bytes(talk.out), redact(talk.err.decode("utf-8", "replace"), secrets))
    except _StopError as failure:
        _end(child, limits.grace_s)
        _kill_rest(child)
        raise TargetError(
            f"{PurePath(argv[0]).name}: {failure}; it was stopped",
            where=where,
            remedy="Observe the target before going on; raise the time-out where it is too short.",
        ) from failure
    finally:
        _end(child, limits.grace_s)


class _Conversation:
    """The talk with one child: feeds, reads, and watches the time."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        stdin: Iterator[bytes],
        limits: Limits,
        on_line: Callable[[bytes], None] | None,
        on_complaint: Callable[[bytes], None] | None,
    ) -> None:
        self.out = bytearray()
        self.err = bytearray()
        self._child, self._stdin, self._limits = child, stdin, limits
        self._on_line, self._on_complaint = on_line, on_complaint
        self._complaint = bytearray()
        self._pending = memoryview(b"")
        self._line_from = 0
        self._selector = selectors.DefaultSelector()
        self._begin = self._heard = time.monotonic()
        self._seen_ended: float | None = None

    def hold(self) -> None:
        """Until both ends of its output are closed and it has ended."""
        with self._selector:
            self._register(self._child.stdin, selectors.EVENT_WRITE, self._feed)
            self._register(self._child.stdout, selectors.EVENT_READ, self._hear_out)
            self._register(self._child.stderr, selectors.EVENT_READ, self._hear_err)
            while self._hearing() and not self._deserted():
                for key, _ in self._selector.select(self._patience()):
                    key.data()
        while self._child.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(self._patience())

    def _register(self, pipe: IO[bytes] | None, event: int, act: Callable[[IO[bytes]], None]) -> None:
        if pipe:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, event, partial(act, pipe))

    def _hearing(self) -> bool:
        return any(key.events == selectors.EVENT_READ for key in self._selector.get_map().values())

    def _deserted(self) -> bool:
        """It ended, and what it left behind keeps its output open without saying anything.

        Counted from when we saw that it had ended: on a busy machine we may have slept since we heard it last, and
        all that it said meanwhile is still to be read.
        """
        if self._child.poll() is None:
            return False
        now = time.monotonic()
        if self._seen_ended is None:
            self._seen_ended = now
        return now - max(self._heard, self._seen_ended) > 0.5

    def _patience(self) -> float:
        now = time.monotonic()
        if now - self._begin > self._limits.timeout_s:
            raise _StopError(f"took longer than {self._limits.timeout_s:g} s")
        if now - self._heard > self._limits.silence_s:
            raise _StopError(f"said nothing for {self._limits.silence_s:g} s")
        left = min(self._begin + self._limits.timeout_s, self._heard + self._limits.silence_s) - now
        return max(0.0, min(left + 0.001, 0.25))

    def _feed(self, pipe: IO[bytes]) -> None:
        try:
            if not self._pending:
                self._pending = memoryview(next(self._stdin))
            written = os.write(pipe.fileno(), self._pending[:_CHUNK])
            self._pending = self._pending[written:]
            self._heard = time.monotonic()
        except (StopIteration, BrokenPipeError):
            self._close(pipe)
        except BlockingIOError:
            pass

    def _hear_out(self, pipe: IO[bytes]) -> None:
        if data := self._read(pipe):
            self.out += data
            if len(self.out) > self._limits.output:
                raise _StopError(f"said more than {self._limits.output} bytes")
            self._tell()

    def _tell(self) -> None:
        while self._on_line and (end := self.out.find(b"\n", self._line_from)) >= 0:
            line, self._line_from = bytes(self.out[self._line_from : end]), end + 1
            self._on_line(line)

    def _hear_err(self, pipe: IO[bytes]) -> None:
        if data := self._read(pipe):
            self.err += data
            del self.err[: -min(self._limits.output, self._limits.errors)]
            self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        if self._on_complaint is None:
            return
        *lines, rest = (bytes(self._complaint) + data).split(b"\n")
        for line in lines:
            self._on_complaint(line[:_LONGEST_LINE])
        self._complaint = bytearray(rest[:_LONGEST_LINE])

    def _read(self, pipe: IO[bytes]) -> bytes:
        try:
            data = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return b""
        if not data:
            self._close(pipe)
        self._heard = time.monotonic()
        return data

    def _close(self, pipe: IO[bytes]) -> None:
        self._selector.unregister(pipe)
        with contextlib.suppress(OSError):
            pipe.close()


def _kill_rest(child: subprocess.Popen[bytes]) -> None:
    """What it started and what has outlived it: a shell ends on INT, and what runs in its background does not."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes], grace_s: float) -> None:
    """INT, TERM, KILL, to all that the child started, and reap it."""
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace_s)
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
