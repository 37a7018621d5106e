"""What every section of the policy is made of: its base class, the texts that it may hold, and marks on its keys.

Two marks can stand on a key. A :class:`Stricter` says which way of changing it asks for more, so that two policies can
be compared (``core/strictness/``). :data:`SAID` says that the key can be written, is checked and explained, and that
nothing acts on it yet: the reference says so beside the key, and ``policy check`` where a policy uses it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

from tidegate.core.calendar import Weekday, parse_time, parse_weekday

FORMAT = 1
"""The policy language's version: the value of the key ``tidegate``."""

MAX_ENTRIES = 10_000
"""How many entries any one mapping or list of a policy may have."""

OWNERS = "$owners"
"""In place of a group: the group that owns the component which is released."""

IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
LINE = r"[^\x00-\x1f\x7f]+"
EMAIL = r"[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+"
PERCENT = r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%"
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)


class Mark:
    """What is said of a key, and changes nothing of what its value may be.

    Said to the maker of validators, too, who would otherwise hold each mark against every constraint that it knows.
    """

    __slots__ = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema as it would be without the mark."""
        return handler(source)


@dataclass(frozen=True, slots=True)
class Text:
    """What a text must be: so many characters, and what a function lets pass; ``pattern`` is what editors are told.

    One mark in place of ``Field``, ``AfterValidator`` and another ``Field``, since every text of every model carries
    it: pydantic merges and copies each of these, and asks a function for its signature each time that it is used.
    """

    check: Callable[[str], str] | None = None
    pattern: str = ""
    min_length: int | None = None
    max_length: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema of such a text."""
        text = core_schema.str_schema(min_length=self.min_length, max_length=self.max_length)
        return text if self.check is None else core_schema.no_info_after_validator_function(self.check, text)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """As JSON Schema."""
        found = handler(schema)
        return {**found, "pattern": self.pattern} if self.pattern else found


class Stricter(Mark, Enum):
    """Which way of changing a key asks for more. A key without this mark can be changed, and nobody can say."""

    MORE = "more"
    """A greater number, a longer time, a later day asks for more; to leave it out asks for nothing."""
    LESS = "less"
    """A smaller number, a shorter time, an earlier day asks for more; to leave it out asks for nothing."""
    DEMANDS = "demands"
    """Each entry asks for something; what is no list asks for something where it is given."""
    GRANTS = "grants"
    """Each entry permits something; what is no list permits something where it is given."""
    GRANTS_WHERE_GIVEN = "grants where given"
    """Each entry permits something; to leave the list out permits everything, an empty one nothing."""
    REACH = "reach"
    """Each entry is one more thing of which it is asked; to leave the list out asks it of all, as ``always`` does."""
    GIVEN = "given"
    """A list that is one value, such as a command: to give it asks for more, and what it says nobody can compare."""
    FIRST = "first"
    """Of the values that it may have, the one that the reference names first asks for most."""
    LAST = "last"
    """Of the values that it may have, the one that the reference names last asks for most."""
    TRUE = "true"
    """``true`` asks for more."""
    FALSE = "false"
    """``false`` asks for more."""
    EITHER = "either"
    """It matters, and which way asks for more nobody can say, such as another time zone."""
    LIMIT = "limit"
    """A limit such as ``< 24h`` asks for more the less room it leaves."""
    CONDITION = "condition"
    """A condition; asks for more where only its numbers changed, and all to the strict side."""


@dataclass(frozen=True, slots=True)
class Names(Mark):
    """The text of the key, or each of its entries, names such a thing; ``core/naming.py`` knows which there are."""

    noun: str


@dataclass(frozen=True, slots=True)
class NamesKeys(Mark):
    """As :class:`Names`, for the keys of a mapping."""

    noun: str


class _EmptyIsAll(Mark):
    """The mark of a list that means all of them where it is empty."""

    def __repr__(self) -> str:
        return "EMPTY_IS_ALL"


EMPTY_IS_ALL: Final = _EmptyIsAll()
"""To leave this list out means all of them; whoever writes an empty one may mean none."""


class _Said(Mark):
    """The mark of what can be said and is not acted on yet."""

    def __repr__(self) -> str:
        return "SAID"


SAID: Final = _Said()
"""Nothing acts on this key yet: it is checked, explained and compared."""


def matching(
    pattern: str, wanted: str, *, told: bool = True, min_length: int | None = None, max_length: int | None = None
) -> Text:
    """A text that matches ``pattern`` as a whole; ``wanted`` completes the sentence about one that does not.

    ``told``: whether editors are told of the pattern.
    """
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f'"{text[:80]}" {wanted}')
        return text

    return Text(check, f"^({pattern})$" if told else "", min_length, max_length)


def reads(reader: Callable[[str], object], *, max_length: int | None = None) -> Text:
    """A text that ``reader`` understands, kept as the text."""

    def check(text: str) -> str:
        reader(text)
        return text

    return Text(check, max_length=max_length)


def time_of_day(text: str) -> None:
    """Read a time of day, or ``24:00``."""
    if text != "24:00":
        parse_time(text)


def days_of(text: str) -> frozenset[Weekday]:
    """The days of ``mon-thu``, ``tue``, ``mon,wed,fri``."""
    days: set[Weekday] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        start = parse_weekday(first.strip())
        end = parse_weekday(last.strip()) if dash else start
        days |= {Weekday((start + step) % 7) for step in range((end - start) % 7 + 1)}
    return frozenset(days)


def relative_path(text: str) -> str:
    """A path inside the repository."""
    path = text.removesuffix("/")
    parts = path.split("/")
    outside = path.startswith(("/", "~")) or ".." in parts
    if outside:
        raise ValueError(f'"{text[:80]}" is outside the repository; write a path inside it, such as modules/billing')
    # A leading dash is an option to many commands, and a leading colon is magic to Git.
    odd = path.startswith(("-", ":")) or "\\" in path or not path.isprintable() or ("." in parts and path != ".")
    if odd or "" in parts:
        raise ValueError(f'"{text[:80]}" is not a plain path; write it as modules/billing')
    return path


def upward_relative_path(text: str) -> str:
    """A path from a directory of the repository, which may lead up by ``../``; who follows it sees that it stays in."""
    below = text
    while below.startswith("../"):
        below = below.removeprefix("../")
    relative_path(below)
    return text.removesuffix("/")


# What git-check-ref-format(1) forbids in the name of a tag.
_NO_TAG = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|/\.|[/.]$|\.lock(/|$)|^@$")


def tag_format(text: str) -> str:
    """The format of a tag, with the version in it once."""
    if text.count("{version}") != 1:
        raise ValueError(f'tag "{text[:80]}" must contain {{version}} exactly once; write billing-v{{version}}')
    if re.search(r"[{}]", text.replace("{version}", "")):
        raise ValueError(f'tag "{text[:80]}" has braces besides {{version}}; write billing-v{{version}}')
    if _NO_TAG.search(text.replace("{version}", "1.0.0")):
        raise ValueError(f'tag "{text[:80]}" makes no tag that Git accepts; write billing-v{{version}}')
    return text


def day(value: date) -> date:
    """A day that a calendar can hold, with its neighbours."""
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"{value} is out of reach; write a day from {FIRST_DAY} to {LAST_DAY}")
    return value


def fraction(text: str) -> float:
    """The share that a number of per cent is."""
    # By way of decimals, so that the text made from the number reads back as the very same number.
    return float(Decimal(text) / 100)


def key_line(text: str) -> str:
    """A public key on one line."""
    # Never repeated: by mistake it may be a secret.
    if "PRIVATE KEY" in text:
        raise ValueError("this is a private key, and no longer a secret; make a new one, and write its .pub file here")
    if not re.fullmatch(LINE, text):
        raise ValueError("a public key has a line break or a control character; write it on one line")
    return text


def percent_text(value: float) -> str:
    """``25%``."""
    return f"{(Decimal(repr(value)) * 100).normalize():f}%"


def exactly_one(choices: Mapping[str, object]) -> None:
    """One of the choices is given, and no other.

    Raises:
        ValueError: none is, or several are.
    """
    given = [name for name, value in choices.items() if value is not None]
    if len(given) != 1:
        found = f"{' and '.join(given)} are given together" if given else "nothing is given"
        raise ValueError(f"{found}; write exactly one of {' and '.join(choices)}")


def several(value: Any) -> Any:
    """One entry as a list of one."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def in_order(values: frozenset[str]) -> list[str]:
    """A set as it is written."""
    return sorted(values)


_NAME_WANTED = "is not a name; use letters, digits, dot, dash and underscore, at most 63"
_LINE_WANTED = "has a line break or a control character; write it on one line"

Identifier = Annotated[str, matching(IDENTIFIER, _NAME_WANTED)]
GroupName = Annotated[str, matching(rf"\$owners|{IDENTIFIER}", "is not a group; write its name, or $owners")]
RelativePath = Annotated[str, Text(relative_path, min_length=1, max_length=1024)]
UpwardPath = Annotated[str, Text(upward_relative_path, min_length=1, max_length=1024)]
Line = Annotated[str, matching(LINE, _LINE_WANTED, told=False, min_length=1, max_length=500)]
Key = Annotated[str, Text(key_line, min_length=1, max_length=16_000)]
Email = Annotated[str, matching(EMAIL, "is not a mail address; write alice@example.org", max_length=254)]
Day = Annotated[date, AfterValidator(day)]
OneOrMore = BeforeValidator(several, json_schema_input_type=str | list[str])


class Section(BaseModel):
    """A part of the policy: frozen, strict, and without unknown keys.

    ``shorthand`` names the key that a text in place of the section stands for; empty where there is none. The file's
    reader spells it out: these models know the long form alone. ``choices`` are keys of which exactly one is given: a
    file that builds on another and gives one of them gives it in place of the other's.
    """

    shorthand: ClassVar[str] = ""
    choices: ClassVar[tuple[str, ...]] = ()

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


Short = Annotated[Line, Field(max_length=200)]
Argument = Annotated[str, matching(LINE, _LINE_WANTED, told=False, min_length=1, max_length=4096)]
"""One argument of a command. Commands are lists of arguments; no shell reads them."""
