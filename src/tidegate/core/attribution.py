"""Which release a commit belongs to: the lowest one that contains it.

The history is a graph of commits with their parents; a release is a commit in it. Taken from the lowest release to the
highest, each claims what it descends from and nobody has claimed before. What lies on a branch for a year and is merged
after a release therefore belongs to the next one, whatever its date says; a hotfix of an older line belongs to that
line, and to no later release again. Each commit is visited once, so that fifty thousand cost some hundredths of a
second, and nobody asks Git for merge bases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K")

Graph = Mapping[str, Sequence[str]]
"""The parents of each commit of a history; commits that are not in it end the walk."""


def claimed(graph: Graph, releases: Iterable[tuple[K, str]]) -> dict[str, K]:
    """Who claims each commit; a commit that no release descends from is left out.

    Args:
        releases: what claims, and its commit, the lowest first. One whose commit is not in the graph claims nothing.
    """
    owners: dict[str, K] = {}
    for owner, head in releases:
        waiting = [head]
        while waiting:
            commit = waiting.pop()
            if commit not in owners and (parents := graph.get(commit)) is not None:
                owners[commit] = owner
                waiting += parents
    return owners


def reachable(graph: Graph, heads: Iterable[str]) -> frozenset[str]:
    """The commits of the graph from which ``heads`` descend, themselves included."""
    return frozenset(claimed(graph, ((None, head) for head in heads)))
