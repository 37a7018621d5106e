"""Who descends from whom in a history."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from tidegate.core.attribution import Graph


class Descent:
    """Who descends from whom in a graph that has children before their parents, as Git's log tells them.

    Args:
        steps: how many commits may be looked at in all; None: as many as it takes.
    """

    def __init__(self, graph: Graph, steps: int | None = None) -> None:
        self._graph = graph
        self._left = steps

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each commit of the graph stands in it, the newest first."""
        return {name: place for place, name in enumerate(self._graph)}

    @cached_property
    def _chains(self) -> Mapping[str, tuple[int, int]]:
        """Each commit's line of first parents, and its place in it, the newest first."""
        found: dict[str, tuple[int, int]] = {}
        for number, begin in enumerate(self._graph):
            name, place = begin, 0
            while name not in found and name in self._graph:
                found[name] = (number, place)
                above = self._graph[name]
                name, place = (above[0] if above else ""), place + 1
        return found

    def holds(self, commit: str, ancestor: str) -> bool | None:
        """Whether a commit descends from another; None where the steps did not suffice to tell.

        Looks no further down than that lies, and along a line of first parents not at all.
        """
        deepest, outside = self.places[ancestor], len(self.places)
        line, place = self._chains[ancestor]
        waiting, seen = [commit], {commit}
        while waiting:
            if self._left is not None:
                if not self._left:
                    return None
                self._left -= 1
            name = waiting.pop()
            own, at = self._chains[name]
            if own == line and at <= place:
                return True
            for parent in self._graph[name]:
                if parent not in seen and self.places.get(parent, outside) <= deepest:
                    seen.add(parent)
                    waiting.append(parent)
        return False
