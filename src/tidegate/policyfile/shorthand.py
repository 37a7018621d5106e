"""The short forms of a policy file, spelled out: the models know the long form alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, get_origin

from tidegate.core.policy import Purpose, Section
from tidegate.policyfile.schema import item_of, keys_of, plain_type


def listed(value: Any, kind: Any, alone: Collection[type[Section]]) -> Any:
    """``value``, with every entry that stands for a list of one, of the sections ``alone``, made into that list."""
    plain, item = _shape(kind)
    if plain is not None and isinstance(value, dict):
        keys = keys_of(plain)
        return {name: listed(v, keys[name].type, alone) if name in keys else v for name, v in value.items()}
    if item is None:
        return value
    if _is_map(kind):
        return {name: listed(v, item, alone) for name, v in value.items()} if isinstance(value, dict) else value
    if isinstance(value, str | dict) and _shape(item)[0] in alone:
        return [listed(value, item, alone)]
    return [listed(entry, item, alone) for entry in value] if isinstance(value, list) else value


def _is_map(kind: Any) -> bool:
    origin = get_origin(plain_type(kind))
    return isinstance(origin, type) and issubclass(origin, Mapping)


def spelled_out(value: Any, kind: Any) -> Any:
    """``value``, with every text that stands for a section of ``kind`` made into that section."""
    plain, item = _shape(kind)
    if plain is not None:
        return _section(value, plain)
    if item is None:
        return value
    if isinstance(value, list):
        return [spelled_out(entry, item) for entry in value]
    if isinstance(value, dict):
        return {name: spelled_out(entry, item) for name, entry in value.items()}
    return value


def _section(value: Any, section: type[Section]) -> Any:
    if isinstance(value, str) and section.shorthand:
        return {section.shorthand: value}
    if not isinstance(value, dict):
        return value
    keys = _open_keys(section)
    return {name: spelled_out(entry, keys[name]) if name in keys else entry for name, entry in value.items()}


def with_purposes(document: Any) -> Any:
    """The document, in which an environment that is called as a purpose is called has that purpose, if it says none."""
    environments = document.get("environments") if isinstance(document, dict) else None
    if not isinstance(environments, dict):
        return document
    named = {
        name: {"purpose": name, **found} if name in _PURPOSES and isinstance(found, dict) else found
        for name, found in environments.items()
    }
    return {**document, "environments": named}


_PURPOSES = frozenset(purpose.value for purpose in Purpose)


@cache
def _open_keys(section: type[Section]) -> dict[str, Any]:
    """The keys of a section below which a short form may stand."""
    return {name: key.type for name, key in keys_of(section).items() if _may_be_short(key.type)}


def _may_be_short(kind: Any, above: frozenset[type[Section]] = frozenset()) -> bool:
    plain, item = _shape(kind)
    if plain is None:
        return item is not None and _may_be_short(item, above)
    if plain in above:
        return False
    below = above | {plain}
    return bool(plain.shorthand) or any(_may_be_short(key.type, below) for key in keys_of(plain).values())


def _shape(kind: Any) -> tuple[type[Section] | None, Any]:
    """The section that ``kind`` is, or else what its entries are."""
    plain = plain_type(kind)
    if isinstance(plain, type) and issubclass(plain, Section):
        return plain, None
    return None, item_of(kind)
