"""The types of values that a condition can name, and the schema that the caller builds of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Scalar(StrEnum):
    """A value without parts, by its CEL name. Evidence has no ``uint`` and no ``bytes``; only literals are such."""

    INT = "int"
    UINT = "uint"
    DOUBLE = "double"
    BOOL = "bool"
    STRING = "string"
    BYTES = "bytes"
    TIMESTAMP = "timestamp"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list whose elements are all of one type; ``None`` is the element of the literal ``[]``."""

    element: Type | None


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map literal; evidence has records in place of maps. ``None`` stands in the literal ``{}``."""

    key: Type | None
    value: Type | None


@dataclass(frozen=True, slots=True)
class Record:
    """Named fields, each of its type. Any of them may be missing in a value, which is never a yes."""

    fields: Mapping[str, Type]

    def __hash__(self) -> int:
        return hash(frozenset(self.fields))


Type: TypeAlias = Scalar | ListOf | MapOf | Record
Schema: TypeAlias = Mapping[str, Record]

NUMBERS = frozenset({Scalar.INT, Scalar.UINT, Scalar.DOUBLE})
WHOLE_NUMBERS = frozenset({Scalar.INT, Scalar.UINT})
ORDERED = NUMBERS | {Scalar.STRING, Scalar.BYTES, Scalar.TIMESTAMP, Scalar.DURATION}


def describe(kind: Type | None) -> str:
    """The type in words: ``int``, ``list of string``, ``record``."""
    match kind:
        case Scalar():
            return kind.value
        case ListOf(element=None):
            return "empty list"
        case ListOf(element=element):
            return f"list of {describe(element)}"
        case MapOf():
            return "map"
        case Record():
            return "record"
        case None:
            return "nothing"
