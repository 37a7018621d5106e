"""The changes of a range, and which of them do not count: taken back inside it, there twice, or told already."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from tidegate.core.change import LEVELS, REVERT, Change, Commit, tale, unique, voided
from tidegate.core.commit import changes_of, origins_of, picked_from, unquoted
from tidegate.core.descent import Descent
from tidegate.core.likeness import bears_out
from tidegate.core.message import (
    HEADER,
    PULL_IN_TITLE,
    REVERT_TITLE,
    REVERTED_SHA,
    SHA,
    Message,
    parse_message,
    squashed,
    unwrapped_title,
    without_pulls,
)
from tidegate.core.pattern import pattern
from tidegate.core.version import Level

_MOST_CANDIDATES = 20
"""Commits of one title or pull request of which a revert without a commit's name may mean each."""
_MOST_STEPS = 1_000_000
"""Commits that are looked at to see what a release's reverts descend from."""
_REVERTED_PULL = pattern(r"^Reverts [\w./-]{0,200}[#!]([0-9]{1,12})\b", re.MULTILINE)


def changes_from(
    commits: Sequence[Commit],
    parents: Mapping[str, Sequence[str]] | None = None,
    released: Mapping[str, str] = MappingProxyType({}),
    copies: Mapping[str, str] = MappingProxyType({}),
    lost: Collection[str] = frozenset(),
) -> tuple[Change, ...]:
    """All changes of a range, in its order, with what was taken back inside it marked void.

    Args:
        commits: those of the range that belong to the component, children before their parents.
        parents: the parents of *every* commit of the range; needed to see what a reverted merge had brought in.
            Where it is left out, those of ``commits``.
        released: commits of the range that were released before it, as a copy, and why they do not count.
        copies: commits that are copies and do not say so, and what each was copied from.
        lost: names of which messages say that they were reverted, and that no commit of the history has: a rebase gave
            what they named other names, and its title finds it.
    """
    graph = parents if parents is not None else {commit.sha: commit.parents for commit in commits}
    void = _taken_back(commits, graph, released, _Known(copies, lost, parents is not None))
    void |= _picked_twice(commits, void.keys() - released.keys(), copies)
    changes = tuple([change for commit in commits for change in changes_of(commit)])
    merges = {commit.sha for commit in commits if len(commit.parents) > 1}
    told = _told_besides(merges, changes) if merges else {}
    if not void and not told:
        return changes
    return tuple(
        [
            voided(change, void.get(change.sha, "") or (_echo(change, told) if change.sha in merges else ""))
            for change in changes
        ]
    )


def _told_besides(merges: Collection[str], changes: Sequence[Change]) -> dict[tuple[str, str, str], str]:
    """Which commit says what a merge says too."""
    merged = {tale(change) for change in changes if change.sha in merges}
    return {told: change.sha for change in changes if (told := tale(change)) in merged and change.sha not in merges}


def _echo(change: Change, told: Mapping[tuple[str, str, str], str]) -> str:
    """Why a merge's title does not count: it only repeats what a commit of the range says."""
    repeated = told.get(tale(change))
    return f"told by {repeated[:10]} already" if repeated else ""


class _Known(NamedTuple):
    """What is known of a range besides its commits.

    ``whole``: the graph has every commit of it, so that it says what a revert descends from. Nobody takes back what is
    not there.
    """

    copies: Mapping[str, str]
    lost: Collection[str]
    whole: bool


def _taken_back(
    commits: Sequence[Commit],
    graph: Mapping[str, Sequence[str]],
    released: Mapping[str, str],
    known: _Known,
) -> dict[str, str]:
    """Why commits do not count: reverted, or the revert of a commit of the same range; by commit.

    From the newest to the oldest: a revert that was reverted itself takes nothing back. A revert of which one target
    lies outside the range, or was released by a copy, takes back released work as well, and counts. So does a commit
    that says that it reverts another and is a feature by its own title, or breaks something.
    """
    # Every shape of a revert has this word in it; the other commits of a long history need not be read twice.
    reverting = [commit for commit in commits if "revert" in commit.message.lower()]
    void = dict(released)
    if not reverting:
        return void
    history = _Graph(graph)
    index = _Index([commit for commit in commits if commit.sha not in released], history, known)
    for commit in reverting:
        if commit.sha in void:
            continue
        targets, all_found = index.targets_of(commit)
        for sha in (reached for target in targets for reached in history.brought_in(target)):
            if sha in index.by_sha:
                void.setdefault(sha, f"reverted by {commit.sha[:10]}")
        if targets and all_found and not _is_news(commit):
            void[commit.sha] = f"reverts {', '.join(target[:10] for target in targets)}, which is not released yet"
    return void


def _is_news(commit: Commit) -> bool:
    """Whether a commit's own title says that it brings something, whatever it takes back."""
    message = parse_message(unwrapped_title(squashed(commit.message)[0]))
    return message.breaking or LEVELS.get(message.kind, Level.NONE) is Level.MINOR


class _Graph:
    """The commits of a range and their parents, children before their parents as Git's log tells them."""

    def __init__(self, parents: Mapping[str, Sequence[str]]) -> None:
        self._parents = parents
        self._names = list(parents)
        self._descent = Descent(parents, _MOST_STEPS)

    def holds(self, sha: str, ancestor: str) -> bool:
        """Whether a commit descends from another; no, where a strange history would take too long to tell."""
        return self._descent.holds(sha, ancestor) is True

    def brought_in(self, sha: str) -> set[str]:
        """A commit; for a merge also what it brought to its first parent's line.

        Walks down from both sides at once, newest first, until nothing is left that one side alone has: what lies
        further back is of both, so that a merge costs what it brought and not the whole history.
        """
        first, *others = self._parents.get(sha, ()) or ("",)
        brought, had = {sha}, self._inside([first])
        alone = self._inside(others) - had
        waiting = [*alone, *had]
        heapify(waiting)
        while alone:
            position = heappop(waiting)
            parents = self._inside(self._parents[self._names[position]])
            if position in alone:
                alone.remove(position)
                brought.add(self._names[position])
                new = parents - alone - had
                alone |= new
            else:
                new = parents - had - alone
                had |= parents
                alone -= parents
            for parent in new:
                heappush(waiting, parent)
        return brought

    def _inside(self, names: Iterable[str]) -> set[int]:
        places = self._descent.places
        return {places[name] for name in names if name in places}


class _Index:
    """Finds the commits of a range that a revert speaks of."""

    def __init__(
        self,
        commits: Sequence[Commit],
        history: _Graph,
        known: _Known,
    ) -> None:
        self.by_sha = {commit.sha: position for position, commit in enumerate(commits)}
        self._commits = commits
        self._history = history
        self._known = known

    @cached_property
    def _by_origin(self) -> dict[str, list[str]]:
        """The copies of a commit, by its whole name."""
        found: dict[str, list[str]] = {}
        for commit in self._commits:
            said = [origin for origin in origins_of(commit) if self._can_be(commit, origin)]
            for origin in {*said, self._known.copies.get(commit.sha, "")} - {"", commit.sha}:
                found.setdefault(origin, []).append(commit.sha)
        return found

    def _can_be(self, copy: Commit, origin: str) -> bool:
        place = self.by_sha.get(origin)
        return place is None or bears_out(copy, self._commits[place])

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.by_sha)

    @cached_property
    def _titles(self) -> list[tuple[str, str]]:
        messages = ((unwrapped_title(commit.message), commit.sha) for commit in self._commits)
        return [(message.strip().partition("\n")[0].strip(), sha) for message, sha in messages]

    @cached_property
    def _by_title(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for title, sha in self._titles:
            found.setdefault(without_pulls(title)[0].strip(), []).append(sha)
        return found

    @cached_property
    def _by_pull(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for title, sha in self._titles:
            for number in PULL_IN_TITLE.findall(title):
                found.setdefault("".join(number), []).append(sha)
        return found

    def targets_of(self, commit: Commit) -> tuple[tuple[str, ...], bool]:
        """The commits of the range that ``commit`` reverts, and whether it reverts nothing outside of it."""
        commit = unquoted(commit)
        # What an item of a squash reverts was on the branch that was squashed.
        text = squashed(commit.message)[0]
        message = parse_message(unwrapped_title(text))
        if stated := self._stated(text, message):
            found = [sha for prefix in stated if (sha := self._named(prefix, commit)) is not None]
            if not found and all(name in self._known.lost for name in stated):
                found = self._by_quoted_title(commit, message)
                return tuple(found), bool(found)
            return tuple(dict.fromkeys(found)), len(found) == len(stated)
        found = self._by_pull_number(commit, text) or self._by_quoted_title(commit, message)
        return tuple(found), bool(found)

    def _stated(self, text: str, message: Message) -> list[str]:
        stated = [sha for listed in REVERTED_SHA.findall(text) for sha in re.findall(SHA, listed)]
        if not stated and message.kind == REVERT:
            values = [footer.value for footer in message.footers if footer.token.lower() in {"ref", "refs", "reverts"}]
            stated = [sha for value in values for sha in re.findall(rf"(?<![\w#])({SHA})\b", value)]
        return list(dict.fromkeys(stated))

    def _named(self, prefix: str, reverting: Commit) -> str | None:
        """The commit of that name, or the copy of it that is on the line of the revert, which was copied itself."""
        named = self._by_prefix(prefix, reverting)
        if named is not None and self._has(reverting.sha, named):
            return named
        return next(iter(self._newest_before(reverting, self._by_origin.get(prefix, []))), None)

    def _has(self, reverting: str, sha: str) -> bool:
        return not self._known.whole or self._history.holds(reverting, sha)

    def _by_prefix(self, prefix: str, reverting: Commit) -> str | None:
        start = bisect_left(self._sorted, prefix)
        matches = [sha for sha in self._sorted[start : start + 2] if sha.startswith(prefix)]
        return matches[0] if len(matches) == 1 and matches[0] != reverting.sha else None

    def _by_pull_number(self, commit: Commit, text: str) -> list[str]:
        numbers = unique(_REVERTED_PULL.findall(text))
        return [sha for number in numbers for sha in self._newest_before(commit, self._by_pull.get(number, []))]

    def _by_quoted_title(self, commit: Commit, message: Message) -> list[str]:
        quoted = REVERT_TITLE.fullmatch(message.description)
        if quoted is not None:
            title = quoted["title"] if quoted["word"] == "Revert" else ""
        else:
            # "revert: feat: x" names what it takes back by the whole title; "revert: x" may be any words.
            named = without_pulls(message.description)[0].strip('" ') if message.kind == REVERT else ""
            title = named if HEADER.fullmatch(named) else ""
        return self._newest_before(commit, self._by_title.get(without_pulls(title)[0].strip(), [])) if title else []

    def _newest_before(self, commit: Commit, candidates: Sequence[str]) -> list[str]:
        """The newest of the candidates (newest first, as all is here) from which ``commit`` descends; none or one."""
        start = bisect_right(candidates, self.by_sha[commit.sha], key=self.by_sha.__getitem__)
        older = candidates[start : start + _MOST_CANDIDATES]
        return list(islice((sha for sha in older if self._has(commit.sha, sha)), 1))


def _picked_twice(commits: Sequence[Commit], taken_back: Collection[str], copies: Mapping[str, str]) -> dict[str, str]:
    """Cherry-picks whose original is in the range too: it is counted there, unless it was taken back."""
    marked = [(commit, origin) for commit in commits if (origin := picked_from(commit)) is not None]
    names = {commit.sha: commit for commit in commits} if marked or copies else {}
    picked = [(copy.sha, origin) for copy, origin in marked if origin in names and bears_out(copy, names[origin])]
    picked += [(copy, origin) for copy, origin in copies.items() if copy in names]
    there = names.keys() - set(taken_back)
    return {sha: f"a copy of {origin[:10]}" for sha, origin in picked if sha != origin in there}
