"""Which changes of a range were released before it, though by another commit: as a copy, or as what was copied.

A fix goes to the main branch, is taken over to a release branch (``cherry picked from commit``), is released there, and
the release branch is merged back. Git then tells the fix of the main branch, or the copy, as new. What says so is the
trailer, or, where there is none, that both have an author, the second of writing, a message and what they change in
common (:mod:`tidegate.core.likeness`). Whoever took something back and copies it anew brings it back, and that counts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from tidegate.core.attribution import Graph
from tidegate.core.change import UNCONVENTIONAL, Commit
from tidegate.core.commit import origins_of, reverted_by, squashed_from
from tidegate.core.descent import Descent
from tidegate.core.likeness import Alike, alike, bears_out, is_copy, oldest_first
from tidegate.core.message import listed_titles, parse_message
from tidegate.errors import RepositoryError
from tidegate.git.log import Log
from tidegate.git.repository import Repository

COPIED = "a copy of it was released with {}"
ORIGINAL = "what it is a copy of was released with {}"


class Pair(NamedTuple):
    """A copy and what it was copied from.

    ``apart`` where neither descends from the other, which is known already; ``part`` where the copy is a squash of
    more than that.
    """

    copy: str
    origin: str
    apart: bool = False
    part: bool = False


_REVERTS = "This reverts commit"
_DAY_S = 86_400
"""How far two committers' clocks may be apart."""
_STEPS = 2_000_000
"""Commits that are looked at to see who descends from whom, so that a strange history costs a second and no more."""


def pairs_of(commits: Iterable[Commit]) -> list[Pair]:
    """The copies among some commits, each with what it was copied from; a copy of a copy names both.

    What ``git merge --squash`` makes is a copy of what it lists.
    """
    pairs: list[Pair] = []
    for commit in commits:
        pairs += [Pair(commit.sha, origin) for origin in origins_of(commit) if origin != commit.sha]
        if listed := squashed_from(commit):
            several = len(listed) > 1 or parse_message(commit.message).kind != UNCONVENTIONAL
            pairs += [Pair(commit.sha, origin, apart=True, part=several) for origin in listed if origin != commit.sha]
    return pairs


def all_pairs(repository: Repository, log: Log) -> list[Pair]:
    """The same of a log, with the copies that do not say so, and without those that cannot be what they say."""
    told = borne_out(pairs_of(log.commits), log.commits) + listed_pairs(log.commits, log.commits)
    return [*told, *unmarked_pairs(repository, alike(log.commits), log.parents)]


def borne_out(pairs: Sequence[Pair], commits: Iterable[Commit]) -> list[Pair]:
    """The pairs that can be what their messages say, as far as both commits are known."""
    if not pairs:
        return []
    named = {sha for pair in pairs for sha in (pair.copy, pair.origin)}
    known = {commit.sha: commit for commit in commits if commit.sha in named}
    return [
        pair
        for pair in pairs
        if pair.origin not in known or pair.copy not in known or bears_out(known[pair.copy], known[pair.origin])
    ]


def listed_pairs(squashes: Iterable[Commit], commits: Iterable[Commit]) -> list[Pair]:
    """What the lines of a squash, ``* feat: ...``, are the titles of, each with the squash as its copy.

    A code host names no commits there. So all that is listed, and two at least, must be there as commits that are not
    younger than the squash: then they are what was squashed, and not a change that has the same title by chance.
    """
    lists = [
        (squash, [_bare(title) for title in titles])
        for squash in squashes
        if "\n* " in squash.message and len(titles := listed_titles(squash.message)) > 1
    ]
    if not lists:
        return []
    wanted = {title for _, titles in lists for title in titles}
    by_title: dict[str, list[Commit]] = {}
    for commit in commits:
        if (title := _bare(commit.message.partition("\n")[0])) in wanted:
            by_title.setdefault(title, []).append(commit)
    pairs: list[Pair] = []
    for squash, titles in lists:
        found: dict[str, None] = {}
        for title in titles:
            there = [one for one in by_title.get(title, ()) if one.sha not in found and _is_before(one, squash)]
            found |= {max(there, key=lambda one: one.committed_s).sha: None} if there else {}
        if len(found) == len(titles):
            pairs += [Pair(squash.sha, origin, apart=True, part=True) for origin in found]
    return pairs


def _is_before(commit: Commit, squash: Commit) -> bool:
    return commit.sha != squash.sha and commit.committed_s <= squash.committed_s


def _bare(title: str) -> str:
    """A title without the pull request that brought it, which a code host puts behind it."""
    return title.partition(" (#")[0].rstrip()


def unmarked_pairs(repository: Repository, groups: Sequence[Alike], graph: Graph) -> list[Pair]:
    """The copies among commits that are alike, each with what it was copied from: what was committed first.

    Of commits that are alike none descends from another, or a script made them and nothing can be told of them. Git is
    asked once, and only where there are any.
    """
    if not groups:
        return []
    parted = _parted(groups, graph)
    names = [commit.sha for group in parted for commit in group.commits]
    if not names:
        return []
    try:
        changed = repository.objects_changed(names)
    except RepositoryError:
        # A clone without trees knows no files; then nothing is proved.
        return []
    return [
        Pair(copy.sha, origin.sha, apart=True)
        for group in parted
        for origin, copy in combinations(oldest_first(group.commits), 2)
        if is_copy(copy, origin, group.alone, changed)
    ]


def _parted(groups: Iterable[Alike], graph: Graph) -> list[Alike]:
    """The groups in which none descends from another.

    Where a whole branch is there twice, as after a rebase, the parents are alike too, and what is known of them holds
    for their children: only the beginning of the branch is looked at.
    """
    descent = Descent(graph, _STEPS)
    apart: set[tuple[str, str]] = set()
    found: list[Alike] = []
    placed = [(min(descent.places[commit.sha] for commit in group.commits), group) for group in groups]
    for _, group in sorted(placed, key=lambda pair: pair[0], reverse=True):
        couples = [
            (one.sha, other.sha) if descent.places[one.sha] < descent.places[other.sha] else (other.sha, one.sha)
            for one, other in combinations(group.commits, 2)
        ]
        if all(_are_apart(couple, graph, descent, apart) for couple in couples):
            apart.update(couples)
            found.append(group)
    return found


def _are_apart(couple: tuple[str, str], graph: Graph, descent: Descent, apart: Collection[tuple[str, str]]) -> bool:
    """Whether the first, which comes first in the graph, does not descend from the second."""
    one, other = couple
    above = graph.get(other, ())
    if all(
        parent not in graph or any((parent, old) in apart or (old, parent) in apart for old in above)
        for parent in graph.get(one, ())
    ):
        return True
    return descent.holds(one, other) is False


def twice_inside(pairs: Iterable[Pair]) -> dict[str, str]:
    """Of copies that are told of nowhere else, what each was copied from; what was squashed is told by the squash."""
    found: dict[str, str] = {}
    for copy, origin, apart, part in pairs:
        if apart:
            found.setdefault(*((origin, copy) if part else (copy, origin)))
    return found


class TakenBack:
    """What some commits say that they revert: of that nothing was released, whoever copied it."""

    def __init__(self, commits: Iterable[Commit]) -> None:
        self._by: dict[str, list[str]] = {}
        for commit in commits:
            for name in reverted_by(commit):
                self._by.setdefault(name, []).append(commit.sha)
        self._lengths = sorted({len(name) for name in self._by})

    @property
    def names(self) -> Collection[str]:
        """All that they name, perhaps by the beginning of a name."""
        return self._by.keys()

    def by(self, sha: str) -> Iterator[str]:
        """The commits that revert one, by its whole name or the beginning of it."""
        for length in self._lengths:
            yield from self._by.get(sha[:length], ())


def lost_names(repository: Repository, log: Log, since: Sequence[str], taken_back: TakenBack) -> frozenset[str]:
    """What is said to be reverted and is no commit of the history: a rebase gave it another name.

    Short names are left out, since they may be the beginning of anything.
    """
    named = [name for name in taken_back.names if len(name) in {40, 64} and name not in log.parents]
    if not named or not since:
        return frozenset(named)
    try:
        here = repository.there(named)
        had = here - repository.without(sorted(here), since)
    except RepositoryError:
        # A partial clone may know of a commit and not have it; then nothing is held to be lost.
        return frozenset()
    return frozenset(named) - had


def released_inside(pairs: Iterable[Pair], graph: Graph, old: Collection[str], taken_back: TakenBack) -> dict[str, str]:
    """Of the commits of a graph that are not old, those whose copy or original is; why, with a place for a version."""
    found: dict[str, str] = {}
    descent = Descent(graph)
    for copy, origin, apart, part in pairs:
        if copy not in graph or origin not in graph or (copy in old) == (origin in old):
            continue
        if any(reverting in old for reverting in taken_back.by(copy if copy in old else origin)):
            continue
        if copy in old:
            found[origin] = COPIED
        elif not part and (apart or not descent.holds(copy, origin)):
            found[copy] = ORIGINAL
    return found


def released_outside(repository: Repository, log: Log, since: Sequence[str], pairs: Sequence[Pair]) -> dict[str, str]:
    """The same for what the range does not reach, because ``since`` has it already.

    Where the range begins at one commit, nothing before it can be a copy of what came after, and Git is not asked.
    """
    if not since:
        return {}
    recent = _recent(repository, log, since)
    found = dict.fromkeys(_copied_before(log, recent), COPIED)
    found |= _alike_before(repository, log, recent)
    strangers = [
        pair for pair in pairs if not pair.part and pair.copy in log.parents and pair.origin not in log.parents
    ]
    if strangers:
        known = _known_before(repository, strangers, since)
        had = [pair for pair in strangers if pair.origin in known]
        found |= {pair.copy: ORIGINAL for pair in borne_out(had, [*log.commits, *known.values()])}
    return found


def _recent(repository: Repository, log: Log, since: Sequence[str]) -> tuple[Commit, ...]:
    """What ``since`` has that may be of one origin with something of the range."""
    begins = {parent for parents in log.parents.values() for parent in parents if parent not in log.parents}
    if len(begins) < 2 or not log.commits:
        return ()
    # A copy is younger than what it copies, and both are committed after they are written.
    earliest = min(min(commit.committed_s, commit.authored_s) for commit in log.commits)
    return repository.recent(since, earliest - _DAY_S)


def _copied_before(log: Log, recent: Sequence[Commit]) -> frozenset[str]:
    taken_back = TakenBack(recent)
    pairs = [pair for pair in pairs_of(recent) if pair.origin in log.parents and not any(taken_back.by(pair.copy))]
    listed = [pair for pair in listed_pairs(recent, log.commits) if not any(taken_back.by(pair.copy))]
    return frozenset(pair.origin for pair in (*borne_out(pairs, [*log.commits, *recent]), *listed))


def _alike_before(repository: Repository, log: Log, recent: Sequence[Commit]) -> dict[str, str]:
    own = {commit.sha for commit in log.commits}
    groups = [
        group
        for group in alike([*log.commits, *recent])
        if len({commit.sha in own for commit in group.commits}) == 2  # on both sides
    ]
    if not groups:
        return {}
    graph = {**log.parents, **{commit.sha: commit.parents for commit in recent}}
    old = {commit.sha for commit in recent}
    return released_inside(unmarked_pairs(repository, groups, graph), graph, old, TakenBack(recent))


def _known_before(repository: Repository, pairs: Sequence[Pair], since: Sequence[str]) -> dict[str, Commit]:
    """The originals that ``since`` has and no copy descends from: to copy what one has brings back what was lost."""
    origins = sorted({pair.origin for pair in pairs})
    try:
        apart = repository.without(origins, sorted({pair.copy for pair in pairs}))
        known = apart - repository.without(sorted(apart), since)
        if not known:
            return {}
        found = {commit.sha: commit for commit in repository.commits_named(sorted(known))}
        earliest = min(commit.committed_s for commit in found.values()) - _DAY_S
        taken_back = TakenBack(repository.saying((_REVERTS,), since, earliest))
    except RepositoryError:
        # A message may name anything, also what a partial clone knows of and has not: of that nothing can be told.
        return {}
    return {origin: commit for origin, commit in found.items() if not any(taken_back.by(origin))}
