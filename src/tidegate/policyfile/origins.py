"""A policy value by value, each with the place at which it is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tidegate.core.rulebook import dotted
from tidegate.errors import NotFoundError
from tidegate.policyfile.layers import AbsentError, located, spelled_out_node, without
from tidegate.policyfile.load import LoadedPolicy
from tidegate.policyfile.mistakes import Place
from tidegate.policyfile.tree import Mapping, Node, Path, Plain, Scalar, Sequence, plain_value

DEFAULT = Place(0, 0, "default")
"""Where a value stands that nobody wrote."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A value of a policy, and where it is said; without a line where nobody says it."""

    path: str
    value: object
    file: str
    line: int | None
    column: int | None


def shown_tree(loaded: LoadedPolicy, path: str = "", *, defaults: bool = False) -> tuple[tuple[str, ...], Node]:
    """The tree of what a policy says at a dotted path and below, and the keys that lead there.

    Args:
        defaults: also show what nobody says, as far as it is something.

    Raises:
        NotFoundError: nothing is said there.
    """
    root = without(loaded.document.root, [("extends",), ("without",)])
    if defaults:
        root = _completed(root, loaded.policy.model_dump(mode="json", by_alias=True), ())
    try:
        keys = located(root, path) if path else ()
    except AbsentError as error:
        what = f"there is no {error.path} in the policy{error.guess}"
        raise NotFoundError(what, where=loaded.name, remedy="name what it says, such as release_types") from error
    for key in keys:
        if isinstance(root, Mapping):
            root = root.items[key][1]
    return keys, root


def origins(keys: tuple[str, ...], node: Node) -> Iterator[Origin]:
    """Every value at and below a node, in the order of the policy; a list of plain values is one value."""
    if is_leaf(node):
        line, column, file = node.place
        known = node.place != DEFAULT
        yield Origin(dotted(keys), plain_value(node), file, line if known else None, column if known else None)
    else:
        for step, child in children(node):
            yield from origins((*keys, step), child)  # type: ignore[arg-type]


def is_leaf(node: Node) -> bool:
    """Whether a node is shown as one value: a scalar, a list of scalars, or what is empty."""
    if isinstance(node, Sequence):
        return all(isinstance(item, Scalar) for item in node.items)
    return isinstance(node, Scalar) or not node.items


def children(node: Node) -> list[tuple[str | int, Node]]:
    """What stands in a list or mapping, each with its index or key."""
    if isinstance(node, Sequence):
        return list(enumerate(node.items))
    return [] if isinstance(node, Scalar) else [(key, value) for key, (_, value) in node.items.items()]


def _completed(node: Node, resolved: Any, path: Path) -> Node:
    """The node with what the resolved policy holds beside it."""
    if isinstance(node, Sequence) and isinstance(resolved, list) and len(resolved) == len(node.items):
        pairs = zip(node.items, resolved, strict=True)
        return Sequence(node.place, [_completed(item, one, (*path, i)) for i, (item, one) in enumerate(pairs)])
    if isinstance(resolved, dict):
        node = spelled_out_node(node, path)
    if not (isinstance(node, Mapping) and isinstance(resolved, dict)):
        return node
    items = {
        key: (place, _completed(value, resolved.get(key), (*path, key))) for key, (place, value) in node.items.items()
    }
    added = {key: (DEFAULT, _default(value)) for key, value in resolved.items() if key not in items and _is_said(value)}
    return Mapping(node.place, items | added)


def _is_said(value: Any) -> bool:
    """Whether a default is something: neither nothing nor a collection of nothing."""
    if isinstance(value, dict):
        return any(map(_is_said, value.values()))
    return value is not None and value != []


def _default(value: Any) -> Node:
    if isinstance(value, dict):
        return Mapping(DEFAULT, {key: (DEFAULT, _default(one)) for key, one in value.items() if _is_said(one)})
    if isinstance(value, list):
        return Sequence(DEFAULT, [_default(one) for one in value])
    plain: Plain = value
    return Scalar(DEFAULT, plain, str(value))
