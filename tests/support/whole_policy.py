"""Policies that use every key of the schema, built from the models' types with values that can be recognised.

Nothing here names a key: a field that is added to a model is in the next policy by itself. Where a section takes
exactly one of several keys, ``turn`` chooses which, so that a few policies together use them all.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from functools import cache
from itertools import chain
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from tidegate.core.policy import CanaryStep, Policy, Section
from tidegate.policyfile.schema import plain_type

TURNS = range(12)
"""Enough turns for the section with the most keys of which it takes one: four kinds of backup, three of secret."""

_MOST_ATTEMPTS = 20
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value, by the keys and indices that lead to it; a name that the policy gives is one too.

    ``key`` is the path in the schema: ``environments.*.after.soak``.
    """

    path: tuple[str | int, ...]
    key: str
    value: Any
    is_name: bool = False


@dataclass(slots=True)
class _Maker:
    turn: int
    count: Iterator[int]

    def word(self) -> str:
        """A word that stands nowhere else."""
        number = next(self.count)
        return "Qu" + "".join(_LETTERS[number // 26**place % 26] for place in (2, 1, 0)) + "x"


def whole_policy(turn: int = 0, root: type[Section] = Policy) -> Any:
    """A policy in which every key has a value that is not its default.

    Args:
        root: the model of the file; another one proves that a new key is noticed.
    """
    return _section(_Maker(turn, itertools.count()), root)


@cache
def whole_policy_of(turn: int) -> Policy:
    """The same, made once."""
    made: Policy = whole_policy(turn)
    return made


def _section(maker: _Maker, model: type[Section]) -> Any:
    values = {name: _value(maker, _declared(field), field) for name, field in model.model_fields.items()}
    if model.model_config.get("extra") == "allow":
        values[maker.word()] = maker.word()
    attempts = [values]
    for _ in range(_MOST_ATTEMPTS):
        attempt, *attempts = attempts or [values]
        try:
            return model.model_validate(_by_alias(model, attempt))
        except ValidationError:
            # Depth first: where keys exclude each other in several ways, the first choice is kept as long as it can be.
            more = (_ways_to_choose(attempt, names, maker.turn) for names in _choices(model, attempt))
            attempts = [*chain.from_iterable(more), *attempts]
    raise AssertionError(f"no valid {model.__name__} can be made of {values}")


def _by_alias(model: type[Section], values: Mapping[str, Any]) -> dict[str, Any]:
    fields = model.model_fields
    return {(fields[name].alias or name) if name in fields else name: value for name, value in values.items()}


def _choices(model: type[Section], values: Mapping[str, Any]) -> Iterator[list[str]]:
    """The keys of which the section takes exactly one, as its validator names them."""
    try:
        model.model_validate(_by_alias(model, values))
    except ValidationError as error:
        for found in re.finditer(r"write exactly one of ([\w ]+)", str(error)):
            yield found[1].split(" [")[0].strip().split(" and ")


def _ways_to_choose(values: Mapping[str, Any], names: list[str], turn: int) -> Iterator[dict[str, Any]]:
    """The values with one of the keys alone; first that whose turn it is."""
    given = [name for name in names if name in values]
    for place in range(len(given)):
        chosen = given[(turn + place) % len(given)]
        yield {name: value for name, value in values.items() if name == chosen or name not in given}


def _declared(field: FieldInfo) -> Any:
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _value(maker: _Maker, declared: Any, field: FieldInfo | None = None) -> Any:
    plain = plain_type(declared)
    origin = get_origin(plain) or plain
    if isinstance(origin, type) and issubclass(origin, Section):
        return _section(maker, origin)
    if origin in (tuple, frozenset):
        item = get_args(plain)[0]
        made = [_value(maker, item) for _ in range(2)]
        if item is CanaryStep:
            made.sort(key=lambda step: float(step.weight.rstrip("%")))  # shares that rise
        return origin(made if origin is tuple else [one for one in made if one is not None])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, item = get_args(plain)
        return {_scalar(maker, key, None): _value(maker, item) for _ in range(2)}
    return _scalar(maker, declared, field)


def _scalar(maker: _Maker, declared: Any, field: FieldInfo | None) -> Any:
    default = field.get_default(call_default_factory=True) if field and not field.is_required() else None
    adapter: TypeAdapter[Any] = TypeAdapter(declared)
    for candidate in _candidates(maker, declared):
        if candidate == default:
            continue
        try:
            adapter.validate_python(candidate)
        except ValidationError:
            continue
        return candidate
    raise AssertionError(f"no value can be made of {declared}")


def _candidates(maker: _Maker, declared: Any) -> Iterator[Any]:
    """Values of every form that a policy knows, from the most recognisable to the least."""
    plain = plain_type(declared)
    if isinstance(plain, type) and issubclass(plain, Enum):
        members = list(plain)
        yield from members[maker.turn % len(members) :] + members
        return
    if get_origin(plain) is Literal:
        members = list(get_args(plain))
        yield from members[maker.turn % len(members) :] + members
        return
    number = next(maker.count)
    if plain is bool:
        yield from (True, False)
    elif plain is date:
        yield date(2031, 1, 1) + timedelta(days=number)
    elif plain is timedelta:
        yield timedelta(minutes=61 + number)
    elif plain in (int, float):
        yield from (20 + number % 70, 7)
        yield from (round(0.11 + number % 80 / 100, 2),)
    else:
        yield from _texts(maker, number)


def _texts(maker: _Maker, number: int) -> Iterator[str]:
    word = maker.word()
    yield from (word, f"{13 + number % 300} days", f"every {13 + number % 300} days")
    yield f"> {13 + number % 80}ms"
    yield f"< {25 + number % 900}h"
    yield f"{13 + number % 80}%"
    # Never the beginning or the end of a day, which some keys have where nothing is written.
    yield f"day at {1 + number % 22:02d}:{number % 60:02d}"
    yield f"{1 + number % 22:02d}:{number % 60:02d}"
    yield ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[number % 7]
    yield ("Europe/Vienna", "Asia/Tokyo")[number % 2]
    yield f"file:{word}"
    yield f"{word}@example.org"
    yield f"{word}-v{{version}}"
    yield f"https://{word}.example"
    yield chr(65 + number // 26 % 26) + chr(65 + number % 26)


def leaves(value: Any, path: tuple[str | int, ...] = (), key: str = "") -> Iterator[Leaf]:
    """Every value below a section, and every name that a policy gives, with the path to it."""
    if isinstance(value, Section):
        for name, field in type(value).model_fields.items():
            known = field.alias or name
            yield from leaves(getattr(value, name), (*path, known), f"{key}.{known}".removeprefix("."))
        yield from _named(value.model_extra or {}, path, key)
    elif isinstance(value, Mapping):
        yield from _named(value, path, key)
    elif isinstance(value, tuple):
        for place, entry in enumerate(value):
            yield from leaves(entry, (*path, place), key)
    elif isinstance(value, frozenset):
        for entry in value:
            yield Leaf(path, key, entry)
    elif value is not None:
        yield Leaf(path, key, value)


def _named(entries: Mapping[str, Any], path: tuple[str | int, ...], key: str) -> Iterator[Leaf]:
    for name, entry in entries.items():
        yield Leaf((*path, name), f"{key}.*", name, is_name=True)
        yield from leaves(entry, (*path, name), f"{key}.*")


def changed(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """The section with another value at a path; nothing is validated."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, Section):
        names = {field.alias or name: name for name, field in type(value).model_fields.items()}
        name = names[str(step)]
        return value.model_copy(update={name: changed(getattr(value, name), rest, new)})
    if isinstance(value, Mapping):
        return {**value, step: changed(value[step], rest, new)}
    copied = list(value)
    copied[int(step)] = changed(copied[int(step)], rest, new)
    return tuple(copied)
