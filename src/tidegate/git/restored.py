"""What a revert of a revert brings back, where that is a merge that was released and taken back.

``Reapply "Merge branch 'topic'"`` says by itself neither what the merge had brought nor how much that asks for. A
commit that is brought back says it in its title, and a merge of the same range is counted by its own commits; here
neither is there, and Git is asked for what the merge had brought.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tidegate.core.change import Change, Commit
from tidegate.core.commit import reverted_by
from tidegate.core.message import MERGE_TITLES, brought_back, parse_message
from tidegate.core.reverts import changes_from
from tidegate.core.version import Level
from tidegate.errors import RepositoryError
from tidegate.git.log import Log
from tidegate.git.repository import Repository

_MOST_TURNS = 20
"""Reverts of reverts that are followed back to the merge, so that a circle of claims ends."""


def with_merges_restored(repository: Repository, log: Log, paths: Sequence[str]) -> Log:
    """A log in which what brings a released merge back is titled by the largest that this had brought.

    Args:
        paths: those of the component: what a merge brought to others asks nothing of it.
    """
    told = {
        commit.sha: largest
        for commit in log.commits
        if (title := _merge_brought_back(commit)) and (largest := _largest(repository, log, commit, title, paths))
    }
    if not told:
        return log
    commits = [told.get(commit.sha, commit) for commit in log.commits]
    return log._replace(commits=tuple(commits))


def _merge_brought_back(commit: Commit) -> str:
    """The title of the merge that a commit says to bring back; empty for any other commit."""
    message = commit.message.lstrip()
    if not message.startswith(("Reapply ", 'Revert "Re')):
        return ""
    again = brought_back(parse_message(message.partition("\n")[0]))
    return again.description if again is not None and again.description.startswith(MERGE_TITLES) else ""


def _largest(repository: Repository, log: Log, commit: Commit, title: str, paths: Sequence[str]) -> Commit | None:
    """The commit, titled by the largest change that the merge had brought; None where that is not known."""
    try:
        merge = _merge_of(repository, commit, log.parents.keys())
        if merge is None:
            return None
        had = repository.commits(merge.sha, merge.parents[:1], paths)
    except RepositoryError:
        return None  # a message may name anything, also what a partial clone knows of and has not
    changes = [change for change in changes_from(had.commits, had.parents) if change.level() is not Level.NONE]
    if not changes:
        return None
    largest = max(changes, key=Change.level)
    head = f"{largest.kind}{'!' if largest.breaking else ''}: reapply {title}"
    return commit._replace(message=f"{head}\n\n{commit.message.lstrip().partition(chr(10))[2].lstrip()}")


def _merge_of(repository: Repository, commit: Commit, inside: Collection[str]) -> Commit | None:
    """The merge at the end of what a commit reverts; None where a part of it is of the same range, or is not there."""
    at = commit
    for _ in range(_MOST_TURNS):
        named = reverted_by(at)
        if len(named) != 1 or named[0] in inside or not repository.there(named):
            return None
        (at,) = repository.commits_named(named)
        if not reverted_by(at):
            return at if len(at.parents) > 1 else None
    return None
