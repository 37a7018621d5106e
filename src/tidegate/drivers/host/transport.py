"""How the agent is reached: started here, or through SSH there, and spoken to over its standard input and output."""

from __future__ import annotations

import json
import marshal
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tidegate.drivers.command import Completed, Limits, redact, run
from tidegate.drivers.host.settings import Host, Ssh, parse_address
from tidegate.errors import FencedError, InternalError, NotFoundError, TargetError

AGENT = Path(__file__).with_name("agent.py")

_READ = "import sys;s=sys.stdin.buffer;c=s.read(int(s.readline()));g={'__name__':'tidegate_agent'};"
_RUN_SOURCE = _READ + "exec(compile(c,'tidegate-agent','exec'),g);g['main']()"
_RUN_CODE = "import marshal;" + _READ + "exec(marshal.loads(c),g);g['main']()"


class AnswerError(TargetError):
    """The agent answered, with an error; ``answer`` is its kind."""

    def __init__(self, answer: str, what: str, *, remedy: str, where: str) -> None:
        super().__init__(what, remedy=remedy, where=where)
        self.answer = answer


@lru_cache(maxsize=8)
def _compiled(source: bytes) -> bytes:
    """The agent compiled for this very interpreter, which saves it a third of its start-up time."""
    return marshal.dumps(compile(source, "tidegate-agent", "exec"))


@dataclass(frozen=True, slots=True)
class Transport:
    """The way to one host's agent."""

    where: str
    argv: tuple[str, ...]
    code: bytes
    env: Mapping[str, str] | None = None  #: what a local agent finds in its environment; None: what any command does

    def ask(self, request: Mapping[str, Any], limits: Limits, payload: Path | bytes = b"") -> dict[str, Any]:
        """The result of one request.

        Raises:
            FencedError: the host has seen a higher token.
            AnswerError: the agent refused, or could not.
            TargetError: it could not be reached, or its answer was lost: it may have acted.
            NotFoundError: there is no file ``payload``.
        """
        done = run(self.argv, self._input(request, payload), limits, where=self.where, env=self.env)
        return self._result(done)

    def _input(self, request: Mapping[str, Any], payload: Path | bytes) -> Iterator[bytes]:
        yield b"%d\n" % len(self.code) + self.code + json.dumps(request).encode("ascii") + b"\n"
        if isinstance(payload, bytes):
            yield payload
            return
        try:
            with payload.open("rb") as file:
                while piece := file.read(1 << 18):
                    yield piece
        except OSError as error:
            raise NotFoundError(
                f"the package {payload} cannot be read: {error.strerror}", remedy="Build the package again."
            ) from error

    def _result(self, done: Completed) -> dict[str, Any]:
        last = _last_answer(done.stdout)
        if last is None:
            raise self._lost(done)
        if "result" in last:
            return dict(last["result"])
        error = last["error"]
        what, remedy = redact(str(error["what"])), redact(str(error["remedy"]))
        if error["kind"] == "fenced":
            raise FencedError(what, remedy=remedy, where=self.where)
        raise AnswerError(str(error["kind"]), what, remedy=remedy, where=self.where)

    def _lost(self, done: Completed) -> TargetError:
        said = " | ".join(done.stderr.split("\n")[-4:]).strip(" |") or "it said nothing"
        if self.argv[0] == "ssh" and done.status == 255:
            return TargetError(
                f"SSH cannot reach the host, or lost it: {said}",
                where=self.where,
                remedy="Try the connection with ssh; put the host's key in known_hosts and ours on the host.",
            )
        return TargetError(
            f"the agent ended without an answer (status {done.status}): {said}",
            where=self.where,
            remedy="Observe the host before going on; it needs Python 3.7 or later.",
        )


def _last_answer(stdout: bytes) -> dict[str, Any] | None:
    """The answer among the lines; a login script of the host may have said things of its own."""
    for line in reversed(stdout.split(b"\n")):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("result", value.get("error")), dict):
            return value
    return None


def transport_to(host: Host, ssh: Ssh, source: bytes, env: Mapping[str, str] | None = None) -> Transport:
    """The way to ``host`` for the agent whose source is given."""
    address = parse_address(host.address)
    if address.host is None:
        if not sys.executable:
            raise InternalError(
                "the running Python does not know its own path", remedy="Start tidegate by its full path."
            )
        return Transport(host.name, (sys.executable, "-I", "-S", "-c", _RUN_CODE), _compiled(source), env)
    command = shlex.join((host.python, "-I", "-S", "-c", _RUN_SOURCE))  # ssh hands one string to the host's shell
    options = [*_OPTIONS, f"ConnectTimeout={max(1, round(ssh.connect_timeout.total_seconds()))}"]
    if ssh.known_hosts:
        options.append(f"UserKnownHostsFile={ssh.known_hosts}")
    if ssh.identity:
        options += [f"IdentityFile={ssh.identity}", "IdentitiesOnly=yes"]
    argv = ["ssh", *(("-F", ssh.config) if ssh.config else ()), "-T", "-x", "-a"]
    argv += [part for option in options for part in ("-o", option)]
    argv += ["-p", str(address.port)] if address.port else []
    argv += ["-l", address.user] if address.user else []
    return Transport(host.name, (*argv, "--", address.host, command), source)


_OPTIONS = (
    "BatchMode=yes",  # nobody is there to answer a question
    "StrictHostKeyChecking=yes",  # an unknown host is a stranger
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
    "PermitLocalCommand=no",
    "ClearAllForwardings=yes",
)
