"""What a file holds, as a tree that knows where everything stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from tidegate.policyfile.mistakes import Mistake, Place

Plain: TypeAlias = str | int | float | bool | None
Path: TypeAlias = tuple[str | int, ...]


class Scalar(NamedTuple):
    """A text, number, truth value or nothing. ``text`` is how it is written, without quotes.

    ``inside`` is the column at which ``text`` itself begins, where it stands in the file letter by letter on one line.
    """

    place: Place
    value: Plain
    text: str
    inside: int | None = None


@dataclass(slots=True)
class Sequence:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Keys, each with its place, and their values."""

    place: Place
    items: dict[str, tuple[Place, Node]] = field(default_factory=dict)


Node: TypeAlias = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, and the mistakes that did not keep it from being read.

    ``nodes`` counts keys, values, lists and mappings, and ``characters`` those of keys and values, with all aliases
    expanded; ``empty`` says that somewhere a value is missing.
    """

    root: Node
    mistakes: tuple[Mistake, ...]
    nodes: int = 0
    characters: int = 0
    empty: bool = False

    def node(self, path: Path) -> Node | None:
        """The node at the end of a path of keys and indices; None: there is none."""
        node: Node | None = self.root
        for step in path:
            node = _child(node, step)
        return node

    def place(self, path: Path) -> Place:
        """Where the value of a path stands, or of as much of the path as there is."""
        node: Node = self.root
        for step in path:
            child = _child(node, step)
            if child is None:
                break
            node = child
        return node.place

    def key_place(self, path: Path) -> Place:
        """Where the key that ends a path stands; for an entry of a list, where its value stands."""
        parent = self.node(path[:-1]) if path else None
        if isinstance(parent, Mapping) and path[-1] in parent.items:
            return parent.items[str(path[-1])][0]
        return self.place(path)


def _child(node: Node | None, step: str | int) -> Node | None:
    if isinstance(node, Mapping) and isinstance(step, str):
        entry = node.items.get(step)
        return entry[1] if entry else None
    if isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def plain_value(node: Node) -> object:
    """The tree as dicts, lists and scalars, every alias a copy."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain_value(item) for item in node.items]
    return {key: plain_value(value) for key, (_, value) in node.items.items()}


def places_of(node: Node) -> Iterator[Place]:
    """The places of a node and of everything below it, keys included."""
    pending: list[Node] = [node]
    while pending:
        found = pending.pop()
        yield found.place
        if isinstance(found, Sequence):
            pending += found.items
        elif isinstance(found, Mapping):
            for place, value in found.items.values():
                yield place
                pending.append(value)
