"""The schema of the policy file, read from the models: which keys a section has, and what a value must be."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from tidegate.core.policy import Policy, Section
from tidegate.policyfile.yaml import Path


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section, by the name that the file uses."""

    name: str
    attribute: str
    type: Any
    required: bool
    field: FieldInfo


def keys_of(section: type[Section]) -> dict[str, Key]:
    """The keys of a section, in their order."""
    found = {}
    for attribute, field in section.model_fields.items():
        name = field.alias or attribute
        found[name] = Key(name, attribute, field.annotation, field.is_required(), field)
    return found


def type_at(path: Path) -> Any:
    """The type that the value at a path must have; None: the schema says nothing of it."""
    found: Any = Policy
    for step in path:
        found = _step(plain_type(found), step)
    return plain_type(found)


def section_at(path: Path) -> type[Section] | None:
    """The section that stands at a path; None: none does."""
    found = type_at(path)
    return found if isinstance(found, type) and issubclass(found, Section) else None


def expected(kind: Any) -> str:
    """What a value of a type is, in words: ``a text``, ``major, minor or patch``."""
    plain = plain_type(kind)
    if members := members_of(plain):
        return " or ".join([", ".join(members[:-1]), members[-1]] if len(members) > 1 else members)
    origin = get_origin(plain) or plain
    if isinstance(origin, type):
        for known, words in _WORDS.items():
            if issubclass(origin, known):
                return words
    return "a value of another kind"


def members_of(kind: Any) -> list[str]:
    """The values of an enumeration, as the file writes them; of anything else none."""
    plain = plain_type(kind)
    if isinstance(plain, type) and issubclass(plain, Enum):
        return [str(member.value) for member in plain]
    return [str(value) for value in get_args(plain)] if get_origin(plain) is Literal else []


def item_of(kind: Any) -> Any:
    """The type of the entries of a list or of the values of a mapping; None: it has none."""
    plain = plain_type(kind)
    arguments = get_args(plain)
    origin = get_origin(plain)
    if origin in (tuple, frozenset, list):
        return arguments[0]
    return arguments[1] if isinstance(origin, type) and issubclass(origin, Mapping) else None


_WORDS: dict[type, str] = {
    Section: "a mapping",
    Mapping: "a mapping",
    tuple: "a list",
    frozenset: "a list",
    bool: "true or false",
    str: "a text",
    int: "a whole number",
    float: "a share such as 25%",
    date: "a day such as 2026-02-10",
    timedelta: "a duration such as 24h",
}


def plain_type(kind: Any) -> Any:
    """The type without ``Annotated`` and without ``| None``; of other unions the first."""
    while True:
        origin = get_origin(kind)
        if origin is Annotated:
            kind = get_args(kind)[0]
        elif origin in (Union, types.UnionType):
            kind = next(member for member in get_args(kind) if member is not type(None))
        else:
            return kind


def _step(kind: Any, step: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, Section):
        key = keys_of(kind).get(str(step))
        return key.type if key else None
    return item_of(kind)
