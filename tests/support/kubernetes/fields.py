"""Who manages which field: the paths of an object, and what server-side apply makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
Path = tuple[str, ...]

_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
}
"""The lists that are merged item by item, with the fields that tell items apart; every other list is one value."""

_ATOMIC = frozenset({"selector"})
_SERVERS = frozenset(
    {"uid", "resourceVersion", "generation", "managedFields", "creationTimestamp", "name", "namespace"}
)


def leaves(value: Any, path: Path = (), name: str = "") -> Iterator[tuple[Path, Any]]:
    """Every field with its path, written as ``fieldsV1`` writes it."""
    if isinstance(value, dict) and value and name not in _ATOMIC:
        for key, inner in value.items():
            if not (path == () and key in ("apiVersion", "kind", "status")) and not (
                path == ("f:metadata",) and key in _SERVERS
            ):
                yield from leaves(inner, (*path, f"f:{key}"), key)
    elif isinstance(value, list) and name in _KEYS and value:
        for item in value:
            yield from leaves(item, (*path, item_key(name, item)), "")
    elif path:
        yield path, value


def item_key(name: str, item: Json) -> str:
    return "k:" + json.dumps({key: item[key] for key in _KEYS[name]}, separators=(",", ":"))


def put(holder: Json, path: Path, value: Any) -> None:
    """Set one field, making what leads to it."""
    here: Any = holder
    for at, part in enumerate(path[:-1]):
        if part.startswith("k:"):
            here = _item(here, json.loads(part[2:]))
        else:
            empty: Any = [] if path[at + 1].startswith("k:") else {}
            here = here.setdefault(part[2:], empty)
    here[path[-1][2:]] = value


def _item(items: list[Json], key: Json) -> Json:
    for item in items:
        if all(item.get(name) == value for name, value in key.items()):
            return item
    items.append(dict(key))
    return items[-1]


def drop(holder: Any, path: Path) -> None:
    """Remove one field, and what is left empty above it."""
    part, *rest = path
    if part.startswith("k:"):
        key = json.loads(part[2:])
        found = [item for item in holder if all(item.get(name) == value for name, value in key.items())]
        for item in found:
            drop(item, tuple(rest))
            if not set(item) - set(key):
                holder.remove(item)
        return
    if part[2:] not in holder:
        return
    if not rest:
        del holder[part[2:]]
        return
    drop(holder[part[2:]], tuple(rest))
    if not holder[part[2:]]:
        del holder[part[2:]]


def as_tree(paths: set[Path]) -> Json:
    """Paths as ``fieldsV1`` writes them."""
    tree: Json = {}
    for path in sorted(paths):
        here = tree
        for part in path:
            here = here.setdefault(part, {})
    return tree


def as_words(path: Path) -> str:
    """A path as a conflict names it: ``.spec.template.spec.containers[name="web"].image``."""
    words = ""
    for part in path:
        if part.startswith("k:"):
            key = json.loads(part[2:])
            words += "[" + ",".join(f"{name}={json.dumps(value)}" for name, value in key.items()) + "]"
        else:
            words += f".{part[2:]}"
    return words
