"""Which changes of a range were released before it, though by another commit: as a copy, or as what was copied.

A fix goes to the main branch, is taken over to a release branch (``cherry picked from commit``), is released there, and
the release branch is merged back. Git then tells the fix of the main branch, or the copy, as new. What says so is the
trailer alone; whoever took something back and copies it anew brings it back, and that counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from tidegate.core.attribution import Graph
from tidegate.core.commit import Commit, origins_of, reverted_by
from tidegate.errors import RepositoryError
from tidegate.git.repository import Log, Repository

COPIED = "a copy of it was released with {}"
ORIGINAL = "what it is a copy of was released with {}"

Pair = tuple[str, str]
"""A commit, and one that it says it was copied from."""

_COPIES, _REVERTS = "(cherry picked from commit ", "This reverts commit"
_DAY_S = 86_400
"""How far two committers' clocks may be apart."""


def pairs_of(commits: Iterable[Commit]) -> list[Pair]:
    """The copies among some commits, each with what it was copied from; a copy of a copy names both."""
    return [(commit.sha, origin) for commit in commits for origin in origins_of(commit) if origin != commit.sha]


class TakenBack:
    """What some commits say that they revert: of that nothing was released, whoever copied it."""

    def __init__(self, commits: Iterable[Commit]) -> None:
        self._by: dict[str, list[str]] = {}
        for commit in commits:
            for name in reverted_by(commit):
                self._by.setdefault(name, []).append(commit.sha)
        self._lengths = sorted({len(name) for name in self._by})

    def by(self, sha: str) -> Iterator[str]:
        """The commits that revert one, by its whole name or the beginning of it."""
        for length in self._lengths:
            yield from self._by.get(sha[:length], ())


def released_inside(pairs: Iterable[Pair], graph: Graph, old: Collection[str], taken_back: TakenBack) -> dict[str, str]:
    """Of the commits of a graph that are not old, those whose copy or original is; why, with a place for a version."""
    found: dict[str, str] = {}
    descent = Descent(graph)
    for copy, origin in pairs:
        if copy not in graph or origin not in graph or (copy in old) == (origin in old):
            continue
        if any(reverting in old for reverting in taken_back.by(copy if copy in old else origin)):
            continue
        if copy in old:
            found[origin] = COPIED
        elif not descent.holds(copy, origin):
            found[copy] = ORIGINAL
    return found


def released_outside(repository: Repository, log: Log, since: Sequence[str], pairs: Sequence[Pair]) -> dict[str, str]:
    """The same for what the range does not reach, because ``since`` has it already.

    Where the range begins at one commit, nothing before it can be a copy of what came after, and Git is not asked.
    """
    if not since:
        return {}
    found = dict.fromkeys(_copied_before(repository, log, since), COPIED)
    strangers = [(copy, origin) for copy, origin in pairs if copy in log.parents and origin not in log.parents]
    if strangers:
        known = _known_before(repository, strangers, since)
        found |= {copy: ORIGINAL for copy, origin in strangers if origin in known}
    return found


def released_before(repository: Repository, log: Log, since: Sequence[str]) -> dict[str, str]:
    """Of a range of its own, the commits that ``since`` has though by another commit; why, with a place for a version.

    Args:
        log: the range, which begins after ``since`` and may have the commits of some paths alone.
    """
    return released_outside(repository, log, since, pairs_of(log.commits))


def _copied_before(repository: Repository, log: Log, since: Sequence[str]) -> frozenset[str]:
    begins = {parent for parents in log.parents.values() for parent in parents if parent not in log.parents}
    if len(begins) < 2 or not log.commits:
        return frozenset()
    # A copy is younger than what it copies.
    earliest = min(commit.committed_s for commit in log.commits) - _DAY_S
    told = repository.saying((_COPIES, _REVERTS), since, earliest)
    taken_back = TakenBack(told)
    return frozenset(
        origin for copy, origin in pairs_of(told) if origin in log.parents and not any(taken_back.by(copy))
    )


def _known_before(repository: Repository, pairs: Sequence[Pair], since: Sequence[str]) -> frozenset[str]:
    """The originals that ``since`` has and no copy descends from: to copy what one has brings back what was lost."""
    origins = sorted({origin for _, origin in pairs})
    try:
        apart = repository.without(origins, sorted({copy for copy, _ in pairs}))
        known = apart - repository.without(sorted(apart), since)
        if not known:
            return known
        earliest = min(commit.committed_s for commit in repository.commits_named(sorted(known))) - _DAY_S
        taken_back = TakenBack(repository.saying((_REVERTS,), since, earliest))
    except RepositoryError:
        # A message may name anything, also what a partial clone knows of and has not: of that nothing can be told.
        return frozenset()
    return frozenset(origin for origin in known if not any(taken_back.by(origin)))


class Descent:
    """Who descends from whom in a graph that has children before their parents."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self._graph)}

    def holds(self, commit: str, ancestor: str) -> bool:
        """Whether a commit descends from another; looks no further down than that lies."""
        deepest, outside = self._places[ancestor], len(self._places)
        waiting, seen = [commit], {commit}
        while waiting:
            name = waiting.pop()
            if name == ancestor:
                return True
            for parent in self._graph.get(name, ()):
                if parent not in seen and self._places.get(parent, outside) <= deepest:
                    seen.add(parent)
                    waiting.append(parent)
        return False
