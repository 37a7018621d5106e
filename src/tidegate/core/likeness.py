"""Cherry-picks that do not say so.

``git cherry-pick``, ``git rebase`` and ``git am`` keep who wrote a commit, the second in which it was written, and its
message; ``-x`` alone adds where it came from. Commits that have these three in common and of which none descends from
another may therefore be one change. They need not be: a script commits ``chore: bump`` to two branches in one second,
and whoever amends a commit keeps all three. So what they change decides, by the names of the objects and without
reading any:

* where the same file was the same before, it must be the same afterwards;
* a commit that was committed later than it was written was carried over: then all the files that it changes must be
  among those of the one that was there first, since what a release branch does not have is left out;
* else, or where both have the same parent (one is the other, amended), or the author has other messages of the same
  second (a date that somebody fixed), both must change the same files from the same to the same;
* commits that change nothing prove nothing.

What is not proved is two changes: to tell one twice costs less than to lose one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tidegate.core.change import Commit
from tidegate.core.message import unwrapped_title, without_pulls

Changed = Mapping[str, tuple[str, str]]
"""The files that a commit changes, and the object of each before and after it."""

_MOST = 16
"""Commits that may be copies of each other; where more are alike, a script made them."""
_ADDED = r"(?m:^(?:\(cherry picked from commit [0-9a-f]{7,64}\)|Signed-off-by: .*)$)"


class Alike(NamedTuple):
    """Commits of one author, second and message, the newest first.

    ``alone`` says that the author has no other message of that second.
    """

    commits: tuple[Commit, ...]
    alone: bool


def alike(commits: Sequence[Commit]) -> list[Alike]:
    """Those of some commits that may be copies of each other."""
    seen: set[int] = set()
    twice: set[int] = set()
    for commit in commits:
        (twice if commit.authored_s in seen else seen).add(commit.authored_s)
    twice.discard(0)
    if not twice:
        return []
    written: dict[tuple[str, str, int], dict[str, list[Commit]]] = {}
    for commit in commits:
        if commit.authored_s in twice:
            at = (commit.author.name, commit.author.email, commit.authored_s)
            written.setdefault(at, {}).setdefault(_said(commit.message), []).append(commit)
    return [
        Alike(tuple(same), len(messages) == 1)
        for messages in written.values()
        for said, same in messages.items()
        if said and 1 < len(same) <= _MOST
    ]


def _said(message: str) -> str:
    """A message without what a copy adds to it: where it is from, and who signed it off."""
    text = re.sub(_ADDED, "", message) if "(cherry picked" in message or "Signed-off-by: " in message else message
    return "\n".join(line.rstrip() for line in text.strip().split("\n")).rstrip()


def bears_out(copy: Commit, origin: Commit) -> bool:
    """Whether a commit can be the copy of another that its message says it is: anybody can write that.

    ``git cherry-pick`` keeps who wrote a commit and when. Where that is lost, as by a pull request that brings it to
    another line, or by a squash, the title is told again.
    """
    if (copy.author, copy.authored_s) == (origin.author, origin.authored_s):
        return True
    title = without_pulls(unwrapped_title(origin.message).strip().partition("\n")[0])[0].strip()
    return bool(title) and title.lower() in copy.message.lower()


def is_copy(copy: Commit, origin: Commit, alone: bool, changed: Mapping[str, Changed]) -> bool:
    """Whether what two commits change, which are alike, lets one be a copy of the other, which was there first."""
    left, right = changed.get(copy.sha, {}), changed.get(origin.sha, {})
    shared = left.keys() & right.keys()
    if not shared or any(left[path] != right[path] and left[path][0] == right[path][0] for path in shared):
        return False
    carried = origin.committed_s < copy.committed_s > copy.authored_s and copy.parents != origin.parents
    return len(shared) == len(left) if alone and carried else left == right


def oldest_first(commits: Iterable[Commit]) -> list[Commit]:
    """Commits by when they were committed; those of one second as they come, from the last to the first."""
    ordered = [*commits]
    ordered.reverse()
    ordered.sort(key=lambda commit: commit.committed_s)
    return ordered
