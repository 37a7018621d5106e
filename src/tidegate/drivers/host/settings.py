"""The settings of a host target, as the policy writes them.

A value of these ends in an argument list, on this machine or through SSH on another: each is checked for what it may
be, so that none can be taken for an option, leave its place, or be read by a shell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from tidegate.core.duration import Duration
from tidegate.core.written import written

_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SSH = re.compile(
    r"ssh://(?:(?P<user>[A-Za-z_][A-Za-z0-9_.-]{0,63})@)?"
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PROGRAM = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./+-]*")
_KNOWN = ("host", "version", "path", "release")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a host is: this machine, or one that SSH reaches."""

    host: str | None = None  #: None for this machine
    user: str | None = None
    port: int | None = None


def parse_address(text: str) -> Address:
    """The address that ``local`` or ``ssh://USER@HOST:PORT`` writes; user and port may be left to SSH.

    Raises:
        ValueError: it is neither, or holds anything that SSH could take for something else.
    """
    if text == "local":
        return Address()
    found = _SSH.fullmatch(text)
    port = int(found["port"]) if found and found["port"] else None
    if not found or (port is not None and not 0 < port < 65536):
        raise ValueError(f"{written(text)} is not an address; write local, or ssh://user@host:port")
    return Address(found["host"].strip("[]"), found["user"], port)


def _address(text: str) -> str:
    parse_address(text)
    return text


def _unit(text: str) -> str:
    if not _UNIT.fullmatch(text):
        raise ValueError(
            f"{written(text)} is not a host's name; use letters, digits, dot, dash and underscore, at most 63"
        )
    return text


def _absolute(text: str) -> str:
    parts = text.split("/")[1:]
    if not text.startswith("/") or _CONTROL.search(text) or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{written(text)} is not an absolute path without . and .. in it, such as /srv/shop")
    return text


def _option_path(text: str) -> str:
    if not re.fullmatch(r"(?:~/|/)[A-Za-z0-9_./+@-]+", text):
        raise ValueError(
            f"{written(text)} is not a path that SSH reads as one; begin with / or ~/, without spaces and %"
        )
    return text


def _interpreter(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_/][A-Za-z0-9_./-]*", text):
        raise ValueError(f"{written(text)} is not a program; write its name, such as python3, or its path")
    return text


def _config(text: str) -> str:
    return text if text == "none" else _option_path(text)


def _argv(value: Sequence[str]) -> Sequence[str]:
    if not value or not _PROGRAM.fullmatch(value[0]):
        raise ValueError("a command is a list of arguments that begins with a program, such as [systemctl, restart, x]")
    if any("\0" in argument for argument in value):
        raise ValueError("an argument cannot hold a NUL")
    return value


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.{}_-]+(?::[0-9{}a-z_]+)?(?:/[^\s\x00-\x1f\x7f]*)?", text):
        raise ValueError(f"{written(text)} is not an http or https address without credentials")
    return text


def _text_values(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {
        key: str(item) if isinstance(item, int) and not isinstance(item, bool) else item for key, item in value.items()
    }


def _value(text: str) -> str:
    if not text or text.startswith("-") or _CONTROL.search(text) or "{" in text:
        raise ValueError(
            f"{written(text)} cannot stand in an argument: it is empty, begins with -, or holds {{ or a control"
        )
    return text


def _value_name(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", text) or text in _KNOWN:
        raise ValueError(
            f"{written(text)} is not a name for a value; use small letters, and none of {', '.join(_KNOWN)}"
        )
    return text


def as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _positive(value: timedelta) -> timedelta:
    if not timedelta() < value <= timedelta(days=1):
        raise ValueError("a time-out is more than 0 and at most one day")
    return value


Argv = Annotated[tuple[str, ...], BeforeValidator(as_tuple), AfterValidator(_argv)]
Timeout = Annotated[Duration, AfterValidator(_positive)]
Url = Annotated[str, Field(max_length=1000), AfterValidator(_url)]
UnitName = Annotated[str, AfterValidator(_unit)]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]
WrittenAddress = Annotated[str, AfterValidator(_address)]
Interpreter = Annotated[str, AfterValidator(_interpreter)]


class Section(BaseModel):
    """A part of a target's settings: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class UrlHealth(Section):
    """Healthy is what answers a GET from the host itself with this status, and this text where one is set."""

    url: Url
    status: Annotated[int, Field(ge=100, le=599)] = 200
    contains: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class CommandHealth(Section):
    """Healthy is when the command, run on the host in the release, ends with status 0."""

    command: Argv


def _kind_of_health(value: Any) -> str:
    """By which of the two its mistakes are told; no key of a file has such a name."""
    command = "command" in value if isinstance(value, Mapping) else isinstance(value, CommandHealth)
    return "(command)" if command else "(url)"


class Ssh(Section):
    """What SSH is told beyond the user's own configuration of it; ``config`` names another one, or ``none``."""

    config: Annotated[str, AfterValidator(_config)] | None = None
    identity: Annotated[str, AfterValidator(_option_path)] | None = None
    known_hosts: Annotated[str, AfterValidator(_option_path)] | None = None
    connect_timeout: Timeout = timedelta(seconds=10)


class Host(Section):
    """One host: a directory of this component's own, here or over SSH. ``values`` fill placeholders of the commands."""

    name: UnitName
    path: AbsolutePath
    address: WrittenAddress = "local"
    python: Interpreter = "python3"
    values: Annotated[
        Mapping[Annotated[str, AfterValidator(_value_name)], Annotated[str, AfterValidator(_value)]],
        BeforeValidator(_text_values),
    ] = Field(default_factory=dict)


class HostSettings(Section):
    """A target of the host driver.

    ``restart`` runs on the host in the release's directory after the switch, ``stop`` before a component is removed.
    ``metrics`` is where the watch reads the counts of a host.
    """

    driver: Literal["host"] = "host"
    hosts: Annotated[tuple[Host, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=1000)]
    restart: Argv | None = None
    stop: Argv | None = None
    health: (
        Annotated[
            Annotated[UrlHealth, Tag("(url)")] | Annotated[CommandHealth, Tag("(command)")],
            Discriminator(_kind_of_health),
        ]
        | None
    ) = None
    restart_timeout: Timeout = timedelta(seconds=60)
    health_timeout: Timeout = timedelta(seconds=60)
    probe_timeout: Timeout = timedelta(seconds=5)
    transfer_timeout: Timeout = timedelta(minutes=10)
    keep: Annotated[int, Field(ge=1, le=100)] = 3
    max_unpacked: Annotated[int, Field(ge=1, le=1 << 40)] = 2 << 30
    metrics: Url | None = None
    ssh: Ssh = Ssh()

    @model_validator(mode="after")
    def _hosts_differ(self) -> HostSettings:
        for what, of in _IDENTITIES:
            seen: set[str] = set()
            for host in self.hosts:
                if of(host) in seen:
                    raise ValueError(f"two hosts have the same {what}: {of(host)}")
                seen.add(of(host))
        return self

    @model_validator(mode="after")
    def _placeholders_known(self) -> HostSettings:
        for host in self.hosts:
            known = {*_KNOWN, *host.values}
            for text in self._templates():
                if unknown := set(_PLACEHOLDER.findall(text)) - known:
                    names = ", ".join(sorted(known))
                    raise ValueError(
                        f"{{{min(unknown)}}} in {written(text)} is not known for host {host.name}; known: {names}"
                    )
        return self

    def _templates(self) -> list[str]:
        health = self.health
        checks = [*(health.command if isinstance(health, CommandHealth) else ())]
        if isinstance(health, UrlHealth):
            checks = [health.url, health.contains or ""]
        return [*(self.restart or ()), *(self.stop or ()), *checks, self.metrics or ""]


_IDENTITIES: tuple[tuple[str, Callable[[Host], str]], ...] = (
    ("name", lambda host: host.name),
    ("place", lambda host: f"{host.address} {host.path}"),
)


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with its placeholders filled, once: what was filled in is not read again."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
