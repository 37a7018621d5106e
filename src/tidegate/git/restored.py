"""What a revert of a revert brings back, where that is a merge that was released and taken back.

``Reapply "Merge branch 'topic'"`` says by itself neither what the merge had brought nor how much that asks for. A
commit that is brought back says it in its title, and a merge of the same range is counted by its own commits; here
neither is there, and Git is asked for what the merge had brought.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tidegate.core.change import Change, Commit
from tidegate.core.commit import reverted_by
from tidegate.core.message import MERGE_TITLES, brought_back, parse_message
from tidegate.core.reverts import changes_from
from tidegate.core.version import Level
from tidegate.errors import RepositoryError
from tidegate.git.log import Log
from tidegate.git.repository import Repository

_MOST_MERGES = 20
"""So many of a log are asked for, the newest: whoever claims thousands waits for no more."""
_MOST_TURNS = 6
"""Reverts of reverts that are followed back to the merge, so that a circle of claims ends."""


def with_merges_restored(
    repository: Repository, log: Log, paths: Sequence[str], same: Callable[[str, str], bool] | None = None
) -> Log:
    """A log in which what brings a released merge back is titled by the largest that this had brought.

    Git is asked a few times for all of them, and once for each merge.

    Args:
        paths: those of the component: what a merge brought to others asks nothing of it.
        same: whether two commits are of one release; without it all of the log are.
    """
    asking = [(one, title) for one in log.commits if (title := _merge_brought_back(one))][:_MOST_MERGES]
    if not asking:
        return log
    together = same or (lambda _, other: other in log.parents)
    told: dict[str, Commit] = {}
    try:
        merges = _merges(repository, [one for one, _ in asking], together)
        for one, title in asking:
            if one.sha in merges and (largest := _largest(repository, merges[one.sha], paths)) is not None:
                told[one.sha] = _titled(one, title, largest)
    except RepositoryError:
        return log  # a message may name anything, also what a partial clone knows of and has not
    return log._replace(commits=tuple([told.get(commit.sha, commit) for commit in log.commits]))


def _merge_brought_back(commit: Commit) -> str:
    """The title of the merge that a commit says to bring back; empty for any other commit."""
    message = commit.message.lstrip()
    if not message.startswith(("Reapply ", 'Revert "Re')):
        return ""
    again = brought_back(parse_message(message.partition("\n")[0]))
    return again.description if again is not None and again.description.startswith(MERGE_TITLES) else ""


def _merges(
    repository: Repository, asking: Sequence[Commit], together: Callable[[str, str], bool]
) -> Mapping[str, Commit]:
    """The merge at the end of what each commit reverts; none where a part is of the same release, or is not there."""
    found: dict[str, Commit] = {}
    at = {one.sha: one for one in asking}
    for _ in range(_MOST_TURNS):
        named = {sha: names[0] for sha, one in at.items() if len(names := reverted_by(one)) == 1}
        apart = {sha: name for sha, name in named.items() if not together(sha, name)}
        there = sorted(repository.there(sorted(set(apart.values()))))
        known = {one.sha: one for one in repository.commits_named(there)}
        at = {sha: known[name] for sha, name in apart.items() if name in known}
        found |= {sha: one for sha, one in at.items() if len(one.parents) > 1 and not reverted_by(one)}
    return found


def _largest(repository: Repository, merge: Commit, paths: Sequence[str]) -> Change | None:
    """The largest change that a merge had brought; None where nothing of it asks for a version."""
    had = repository.commits(merge.sha, merge.parents[:1], paths)
    changes = [change for change in changes_from(had.commits, had.parents) if change.level() is not Level.NONE]
    return max(changes, key=Change.level, default=None)


def _titled(commit: Commit, title: str, largest: Change) -> Commit:
    body = commit.message.lstrip().partition("\n")[2].lstrip()
    return commit._replace(message=f"{largest.kind}{'!' if largest.breaking else ''}: reapply {title}\n\n{body}")
