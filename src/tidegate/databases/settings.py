"""The settings of a database, as the policy writes them under a target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tidegate.core.policy import SecretFrom
from tidegate.core.written import written
from tidegate.drivers.compose.settings import PathInside
from tidegate.drivers.host.settings import Argv, Section, Timeout, as_tuple

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
Tool = Literal["django", "alembic", "sql"]


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", text):
        raise ValueError(f"{written(text)} is not the name of a variable")
    return text


def _label(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", text):
        raise ValueError(f"{written(text)} is not the label of an app")
    return text


def _lists_as_tuples(value: Any) -> Any:
    """As a policy file gives it: what is a list there is a tuple here."""
    return {key: as_tuple(inner) for key, inner in value.items()} if isinstance(value, Mapping) else value


Address = Annotated[SecretFrom, BeforeValidator(_lists_as_tuples)]
Variable = Annotated[str, AfterValidator(_variable)]
Label = Annotated[str, AfterValidator(_label)]


class DatabaseSettings(Section):
    """The database of a target.

    ``migrations``, ``back`` and ``goes_back`` are not of the file: they come from the component and from the policy's
    ``migrations``, which decide where the migrations lie and whether a database goes back at all.
    """

    tool: Tool | None = None
    address: Address
    variable: Variable = "DATABASE_URL"
    run: Argv | None = None
    directory: PathInside | None = None
    environment: Annotated[tuple[Variable, ...], BeforeValidator(as_tuple), Field(max_length=100)] = ()
    labels: Mapping[Label, Label] = Field(default_factory=dict)
    lock_timeout: Timeout = timedelta(seconds=5)
    statement_timeout: Timeout = timedelta(minutes=10)
    timeout: Timeout = timedelta(hours=1)
    migrations: PathInside | None = None
    back: Argv | None = None
    goes_back: bool = False

    @model_validator(mode="after")
    def _file_is_absolute(self) -> DatabaseSettings:
        file = self.address.file
        if file is not None and not file.startswith(("/", "~/")):
            raise ValueError(f"{written(file)} is not an absolute path; begin with / or ~/")
        return self

    @model_validator(mode="after")
    def _placeholders_known(self) -> DatabaseSettings:
        for argv, known in ((self.run, ("version", "directory", "image")), (self.back, KNOWN_BACK)):
            for text in argv or ():
                for name in _PLACEHOLDER.findall(text):
                    if name not in known:
                        raise ValueError(f"{{{name}}} in {written(text)} is not known there; known: {', '.join(known)}")
        return self


KNOWN_BACK = ("version", "directory", "image", "app", "migration", "revision")
"""What may stand in the command that takes a database back."""
