"""The settings of a Compose target, as the policy writes them.

As with hosts, a value of these ends in an argument list: each is checked for what it may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tidegate.core.written import written
from tidegate.drivers.contract import Target
from tidegate.drivers.host.settings import (
    AbsolutePath,
    Argv,
    Interpreter,
    Section,
    Ssh,
    Timeout,
    UnitName,
    Url,
    UrlHealth,
    WrittenAddress,
    as_tuple,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_IMAGE = re.compile(r"[a-z0-9][a-z0-9._/:\[\]-]{0,254}")
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
PROGRAMS = ("docker compose", "docker-compose")


def inside(text: str) -> str:
    """``text``, if it is a path inside the package.

    Raises:
        ValueError: it is not, or could be taken for something else.
    """
    parts = text.split("/")
    if _CONTROL.search(text) or text.startswith("-") or "\\" in text or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{written(text)} is not a path inside the package, such as deploy/compose.yml")
    return text


def _project(text: str) -> str:
    if not _PROJECT.fullmatch(text):
        raise ValueError(
            f"{written(text)} is not the name of a project; use small letters, digits, dash and underscore, at most 63"
        )
    return text


def _engine(text: str) -> str:
    if not re.fullmatch(r"unix:///[A-Za-z0-9_./+@-]+", text):
        raise ValueError(
            f"{written(text)} is not an engine's socket; write unix:///run/docker.sock,"
            " and address: ssh://... where it is on another machine"
        )
    return text


def _service(text: str) -> str:
    if not _SERVICE.fullmatch(text):
        raise ValueError(f"{written(text)} is not the name of a service")
    return text


def _image(text: str) -> str:
    if not _IMAGE.fullmatch(text) or ":" in text.rpartition("/")[2]:
        raise ValueError(f"{written(text)} is not an image by registry and repository, without tag and digest")
    return text


def _secret(text: str) -> str:
    if not _SECRET.fullmatch(text):
        raise ValueError(f"{written(text)} is not a name for a secret; use letters, digits, _ . and -, at most 64")
    return text


PathInside = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(inside)]
ServiceName = Annotated[str, AfterValidator(_service)]
Project = Annotated[str, AfterValidator(_project)]
Engine = Annotated[str, AfterValidator(_engine)]


class Place(Section):
    """One engine: where it is, the directory of releases beside it, and the project's name there."""

    name: UnitName = "engine"
    directory: AbsolutePath
    address: WrittenAddress = "local"
    engine: Engine | None = None
    project: Project | None = None
    python: Interpreter = "python3"


class ComposeSettings(Section):
    """A target of the Compose driver.

    ``directory`` is short for one place on this machine; ``places`` names several.
    """

    driver: Literal["compose"] = "compose"
    directory: AbsolutePath | None = None
    engine: Engine | None = None
    project: Project | None = None
    places: Annotated[tuple[Place, ...], BeforeValidator(as_tuple), Field(max_length=1000)] = ()
    files: Annotated[tuple[PathInside, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=20)] = (
        "docker-compose.yml",
    )
    env_file: PathInside | None = None
    services: Mapping[ServiceName, Annotated[str, AfterValidator(_image)]] = Field(default_factory=dict)
    jobs: Annotated[tuple[ServiceName, ...], BeforeValidator(as_tuple), Field(max_length=100)] = ()
    health: Annotated[tuple[UrlHealth, ...], BeforeValidator(as_tuple), Field(max_length=100)] = ()
    secrets: Mapping[Annotated[str, AfterValidator(_secret)], Argv] = Field(default_factory=dict)
    program: Literal["docker compose", "docker-compose"] | None = None
    pull_timeout: Timeout = timedelta(minutes=10)
    up_timeout: Timeout = timedelta(minutes=2)
    stop_timeout: Timeout = timedelta(seconds=60)
    health_timeout: Timeout = timedelta(minutes=2)
    probe_timeout: Timeout = timedelta(seconds=5)
    engine_timeout: Timeout = timedelta(seconds=30)
    transfer_timeout: Timeout = timedelta(minutes=10)
    keep: Annotated[int, Field(ge=1, le=100)] = 3
    max_unpacked: Annotated[int, Field(ge=1, le=1 << 40)] = 256 << 20
    metrics: Url | None = None
    ssh: Ssh = Ssh()

    @model_validator(mode="after")
    def _somewhere(self) -> ComposeSettings:
        if bool(self.places) == bool(self.directory):
            raise ValueError("write directory: for one place on this machine, or places: for others, and not both")
        if self.places and (self.engine or self.project):
            raise ValueError("with places:, write engine and project in each place")
        for what, seen in _identities(self.places):
            if len(set(seen)) != len(seen):
                raise ValueError(f"two places have the same {what}")
        return self

    @model_validator(mode="after")
    def _texts_known(self) -> ComposeSettings:
        texts = [self.metrics or "", *(part for one in self.health for part in (one.url, one.contains or ""))]
        for text in texts:
            for name in re.findall(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", text):
                if name not in ("place", "project", "version"):
                    raise ValueError(f"{{{name}}} in {written(text)} is not known; known: place, project, version")
        return self

    def located(self, target: Target) -> tuple[Place, ...]:
        """The places, each with its project."""
        default = _PROJECT_LETTERS.sub("-", f"{target.component}-{target.environment}".lower())[:63]
        if self.directory is not None:
            only = Place(directory=self.directory, engine=self.engine, project=self.project or default)
            return (only,)
        return tuple(place.model_copy(update={"project": place.project or default}) for place in self.places)


_PROJECT_LETTERS = re.compile(r"[^a-z0-9_-]")


def _identities(places: tuple[Place, ...]) -> list[tuple[str, list[Any]]]:
    return [
        ("name", [place.name for place in places]),
        ("directory", [(place.address, place.directory) for place in places]),
    ]
