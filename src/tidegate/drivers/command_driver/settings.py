"""The settings of a target that an organisation's own commands deploy to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tidegate.core.written import written
from tidegate.drivers.host.settings import AbsolutePath, Argv, Section, Timeout, UnitName, Url, as_tuple

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
KNOWN = ("unit", "component", "environment", "version", "digest", "package", "key", "previous")


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", text):
        raise ValueError(f"{written(text)} is not the name of a variable")
    return text


class CommandSettings(Section):
    """A target of the command driver.

    ``observe`` says what runs; without it nothing could be believed. ``directory`` is on this machine.
    """

    driver: Literal["command"] = "command"
    directory: AbsolutePath
    units: Annotated[tuple[UnitName, ...], BeforeValidator(as_tuple), Field(min_length=1, max_length=1000)] = (
        "target",
    )
    observe: Argv
    deploy: Argv
    verify: Argv | None = None
    restore: Argv | None = None
    remove: Argv | None = None
    images: bool = False
    environment: Annotated[tuple[Annotated[str, AfterValidator(_variable)], ...], BeforeValidator(as_tuple)] = ()
    timeout: Timeout = timedelta(minutes=10)
    silence: Timeout = timedelta(minutes=5)
    observe_timeout: Timeout = timedelta(seconds=60)
    health_timeout: Timeout = timedelta(seconds=60)
    keep: Annotated[int, Field(ge=1, le=100)] = 3
    metrics: Url | None = None

    @model_validator(mode="after")
    def _units_differ(self) -> CommandSettings:
        for unit in self.units:
            if self.units.count(unit) > 1:
                raise ValueError(f"two units have the same name: {unit}")
        return self

    @model_validator(mode="after")
    def _placeholders_known(self) -> CommandSettings:
        read = ("unit", "component", "environment")
        for argv, known in ((self.deploy, KNOWN), (self.restore, KNOWN), (self.remove, KNOWN), (self.observe, read),
                            (self.verify, (*read, "version")), ((self.metrics or "",), read)):  # fmt: skip
            for text in argv or ():
                for name in _PLACEHOLDER.findall(text):
                    if name not in known:
                        raise ValueError(f"{{{name}}} in {written(text)} is not known there; known: {', '.join(known)}")
        return self


def fill(argv: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    """The arguments with their placeholders filled, once."""
    return [_PLACEHOLDER.sub(lambda found: values[found[1]], argument) for argument in argv]
