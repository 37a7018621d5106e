"""Trees laid over one another: maps merge, lists and scalars replace, and every node keeps its place.

Nothing is changed in place: what two layers share is built anew, and the rest is used as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.policyfile.mistakes import closest, shown
from tidegate.policyfile.schema import section_at
from tidegate.policyfile.tree import Mapping, Node, Path, Scalar


def merged(below: Node, over: Node, path: Path = ()) -> Node:
    """``below`` with ``over`` laid on it; both stand at ``path`` of a policy.

    A text that stands for a section means the same wherever it meets one that is written out: it is spelled out first.
    """
    if isinstance(over, Mapping):
        below = spelled_out_node(below, path)
    elif isinstance(below, Mapping):
        over = spelled_out_node(over, path)
    if not (isinstance(below, Mapping) and isinstance(over, Mapping)):
        return over
    items = dict(below.items)
    for key in _replaced(over, path):
        items.pop(key, None)
    for key, (place, value) in over.items.items():
        items[key] = (place, merged(items[key][1], value, (*path, key)) if key in items else value)
    return Mapping(over.place, items)


def _replaced(over: Mapping, path: Path) -> Iterable[str]:
    """The keys that cannot stand beside those of ``over``: of a choice, what is laid on top is what is chosen."""
    section = section_at(path)
    choices = section.choices if section is not None else ()
    return [key for key in choices if key not in over.items] if any(key in over.items for key in choices) else ()


def spelled_out_node(node: Node, path: Path) -> Node:
    """The section for which a short form stands; anything else as it is."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        section = section_at(path)
        if section is not None and section.shorthand:
            return Mapping(node.place, {section.shorthand: (node.place, node)})
    return node


class AbsentError(Exception):
    """Nothing has the name ``path``, which can be printed; ``guess`` is ``; did you mean "..."?`` or empty."""

    def __init__(self, path: str, guess: str) -> None:
        super().__init__(f"there is no {path}{guess}")
        self.path = path
        self.guess = guess


def located(root: Node, dotted: str) -> tuple[str, ...]:
    """The keys that lead to what a dotted path names.

    A key may have dots itself: at each step, the longest key that fits is meant.

    Raises:
        AbsentError: nothing of that name is there.
    """
    node = root
    keys: tuple[str, ...] = ()
    rest = dotted.split(".")
    while rest:
        key = _longest_key(node, rest)
        if key is None or not isinstance(node, Mapping):
            raise AbsentError(shown(dotted)[1:-1], _guess(node, keys, rest))
        node, keys, rest = node.items[key][1], (*keys, key), rest[key.count(".") + 1 :]
    return keys


def _longest_key(node: Node, steps: list[str]) -> str | None:
    if not isinstance(node, Mapping):
        return None
    candidates = (".".join(steps[:length]) for length in range(len(steps), 0, -1))
    return next((key for key in candidates if key in node.items), None)


def _guess(node: Node, above: tuple[str, ...], steps: list[str]) -> str:
    """A guess at the whole path, whose first wrong step is the first of ``steps``."""
    known = node.items if isinstance(node, Mapping) else {}
    key, rest = closest(steps[0], known), steps[1:]
    if key is None:
        key, rest = closest(".".join(steps), known), []
    if key is None:
        return ""
    meant = (*above, key, *rest) if _is_there(known[key][1], rest) else (*above, key)
    return f'; did you mean "{".".join(meant)}"?'


def _is_there(node: Node, steps: list[str]) -> bool:
    try:
        return not steps or bool(located(node, ".".join(steps)))
    except AbsentError:
        return False


def without(root: Node, paths: Iterable[tuple[str, ...]]) -> Node:
    """The tree without what the paths lead to, as far as it is there."""
    if not isinstance(root, Mapping):
        return root
    taken: dict[str, set[tuple[str, ...]]] = {}
    for first, *rest in paths:
        if first in root.items:
            taken.setdefault(first, set()).add(tuple(rest))
    items = dict(root.items)
    for key, below in taken.items():
        place, value = items[key]
        if () in below:
            del items[key]
        else:
            items[key] = (place, without(value, below))
    return Mapping(root.place, items)
