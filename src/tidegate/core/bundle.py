"""The order in which the components of a release go: what is required goes before what requires it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from tidegate.core.facts import Item


@dataclass(frozen=True, slots=True)
class Order:
    """Components in the order in which they can go; ``cycles`` are those of which none can be the first.

    A cycle begins and ends with the same component, each requiring the next. What is in a cycle, or requires somebody
    who is, has no place in ``sequence``.
    """

    sequence: tuple[str, ...]
    cycles: tuple[tuple[str, ...], ...] = ()


def in_order(requires: Mapping[str, Iterable[str]], wished: Sequence[str] = ()) -> Order:
    """Order components by what each requires; of those that could go next, the first by name goes.

    Requirements on what is not among the components do not matter here.

    Args:
        wished: in which order they are to go as far as nothing is required; before the name.
    """
    rank = {name: place for place, name in enumerate(wished)}
    waits = {name: {other for other in others if other in requires} for name, others in requires.items()}
    needed_by: dict[str, list[str]] = {name: [] for name in waits}
    for name, others in waits.items():
        for other in others:
            needed_by[other].append(name)
    ready = [(rank.get(name, len(rank)), name) for name, others in waits.items() if not others]
    heapify(ready)
    sequence: list[str] = []
    while ready:
        _, gone = heappop(ready)
        sequence.append(gone)
        del waits[gone]
        for name in needed_by[gone]:
            waits[name].discard(gone)
            if not waits[name]:
                heappush(ready, (rank.get(name, len(rank)), name))
    return Order(tuple(sequence), tuple(_cycles(waits)))


def _cycles(waits: Mapping[str, set[str]]) -> Iterator[tuple[str, ...]]:
    """The cycles among components that each wait for another of them; no component is told in two."""
    left = set(waits)
    for start in sorted(waits):
        path: list[str] = []
        here: str | None = start
        while here is not None and here in left and here not in path:
            path.append(here)
            # Whoever waits for nobody who is left leads to a cycle that was told already.
            here = min((other for other in waits[here] if other in left), default=None)
        if here is not None and here in path:
            members = path[path.index(here) :]
            first = members.index(min(members))
            yield (*members[first:], *members[:first], members[first])
        left.difference_update(path)


def order_of_items(items: Sequence[Item]) -> tuple[str, ...]:
    """The components of a release in the order in which they go: by requirement, otherwise as it was opened."""
    requires = {item.component: item.requires for item in items}
    return in_order(requires, [item.component for item in items]).sequence
