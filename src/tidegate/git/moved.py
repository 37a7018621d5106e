"""Which commits belong to a folder that has moved: what was done under its former name is its past.

Told from the log alone. A folder has moved where the oldest commit that touches it only adds files to it, and takes
files of the same names away from one other folder, of which nothing is left. No contents are compared, so that it costs
nothing in a clone without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from tidegate.core.attribution import Graph

_MOST_MOVES = 20
"""How often one folder is followed; names of strangers could lead round and round."""


class Move(NamedTuple):
    """The files that a commit adds, and those that it takes away, where it does both."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def touches(names: Collection[str], paths: Sequence[str]) -> bool:
    """Whether one of the names is one of the paths, or lies below it."""
    return any(name == path or name.startswith(f"{path}/") for name in names for path in paths)


def touching(
    graph: Graph,
    touched: Mapping[str, Sequence[str]],
    moves: Mapping[str, Move],
    paths: Sequence[str],
    is_gone: Callable[[str, str], bool],
) -> frozenset[str]:
    """The commits of a graph that change something under one of some paths, or under what these were before.

    Args:
        graph: children before their parents.
        touched: what each commit changes against its first parent.
        is_gone: whether a commit has nothing under a path; asked only where a folder seems to have moved.
    """
    own: set[str] = set()
    for path in paths:
        mine = [sha for sha in graph if touches(touched.get(sha, ()), [path])]
        own.update(mine)
        own |= _before(graph, touched, moves, path, mine, is_gone)
    return frozenset(own)


def _before(
    graph: Graph,
    touched: Mapping[str, Sequence[str]],
    moves: Mapping[str, Move],
    path: str,
    mine: Sequence[str],
    is_gone: Callable[[str, str], bool],
) -> set[str]:
    """What was done to a folder under its former names; ``mine`` is what was done under this one, the newest first."""
    own: set[str] = set()
    later: set[str] = set()
    for _ in range(_MOST_MOVES):
        if not mine or mine[-1] not in moves:
            break
        former = _former(moves[mine[-1]], touched[mine[-1]], path)
        if not former or not is_gone(mine[-1], former):
            break
        # What came to lie under the former name afterwards is something else.
        later |= _descendants(graph, mine[-1])
        path = former
        mine = [sha for sha in graph if sha not in later and touches(touched.get(sha, ()), [path])]
        own.update(mine)
    return own


def _former(move: Move, touched: Sequence[str], path: str) -> str:
    """Where a folder lay before a commit; empty where the commit did not move it."""
    mine = [name for name in touched if name.startswith(f"{path}/")]
    if not mine or not set(mine) <= set(move.added):
        return ""
    within = {name.removeprefix(path) for name in mine}
    removed = [name for name in move.removed if not name.startswith(f"{path}/")]
    found = Counter(
        name[: -len(rest)] for name in removed for rest in _ends(name) if rest in within and len(rest) < len(name)
    )
    most = max(found.values(), default=0)
    best = [former for former, matching in found.items() if matching == most]
    if len(best) > 1:
        # Folders of the same files moved together, such as all modules: the name tells which is which.
        best = [former for former in best if former.rpartition("/")[2] == path.rpartition("/")[2]]
    return best[0] if len(best) == 1 and 2 * most > len(mine) else ""


def _ends(name: str) -> list[str]:
    """``/b/c`` and ``/c`` of ``a/b/c``."""
    return [name[place:] for place, letter in enumerate(name) if letter == "/"]


def _descendants(graph: Graph, commit: str) -> set[str]:
    """A commit and what descends from it."""
    found = {commit}
    for sha in reversed(list(graph)):
        if sha not in found and not found.isdisjoint(graph[sha]):
            found.add(sha)
    return found
