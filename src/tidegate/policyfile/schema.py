"""The schema of the policy file, read from the models: which keys a section has, and what a value must be."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from tidegate.core.policy import Policy, Section
from tidegate.policyfile.tree import Path


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section, by the name that the file uses."""

    name: str
    attribute: str
    type: Any
    required: bool
    field: FieldInfo


@cache
def keys_of(section: type[Section]) -> Mapping[str, Key]:
    """The keys of a section, in their order."""
    found = {}
    for attribute, field in section.model_fields.items():
        name = field.alias or attribute
        found[name] = Key(name, attribute, field.annotation, field.is_required(), field)
    return MappingProxyType(found)


def type_at(path: Path, root: type[Section] = Policy) -> Any:
    """The type, or the choice of types, of the value at a path below ``root``; None: the schema says nothing of it."""
    found: Any = root
    for step in path:
        found = _step(plain_type(found), step)
    return without_none(found)


def section_at(path: Path, root: type[Section] = Policy) -> type[Section] | None:
    """The section that stands at a path below ``root``, by itself or for a list of one; None: none does."""
    found = _single(type_at(path, root))
    return found if isinstance(found, type) and issubclass(found, Section) else None


def expected(kind: Any) -> str:
    """What a value of a type is, in words: ``a text``, ``major, minor or patch``."""
    return " or ".join(dict.fromkeys(_expected(choice) for choice in choices_of(kind)))


def choices_of(kind: Any) -> list[Any]:
    """The types of which a value may be any; mostly it is one."""
    kind = without_none(kind)
    return list(get_args(kind)) if _is_union(kind) else [kind]


def _expected(kind: Any) -> str:
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


def names_in(kind: Any) -> Any:
    """The type of the keys of a mapping; None: it is none."""
    plain = plain_type(kind)
    origin = get_origin(plain)
    return get_args(plain)[0] if isinstance(origin, type) and issubclass(origin, Mapping) else None


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
    plain = without_none(kind)
    return plain_type(get_args(plain)[0]) if _is_union(plain) else plain


def without_none(kind: Any) -> Any:
    """The type without ``Annotated`` and without ``| None``."""
    while get_origin(kind) is Annotated or _is_union(kind):
        members = [member for member in get_args(kind) if member is not type(None)]
        if _is_union(kind) and len(members) > 1:
            return Union[tuple(members)]  # noqa: UP007  made from a list
        kind = members[0]
    return kind


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _single(kind: Any) -> Any:
    """The section that a list is of; of anything else the type itself."""
    plain = plain_type(kind)
    item = plain_type(item_of(plain)) if get_origin(plain) is tuple else None
    return item if isinstance(item, type) and issubclass(item, Section) else plain


def _step(kind: Any, step: str | int) -> Any:
    if isinstance(step, str):
        # One section may stand for a list of one.
        kind = _single(kind)
    if isinstance(kind, type) and issubclass(kind, Section):
        key = keys_of(kind).get(str(step))
        return key.type if key else None
    return item_of(kind)
