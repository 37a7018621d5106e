"""From which branches and tags a commit can be reached."""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.core.facts import Head
from tidegate.git.repository import Repository

_FORM = "--format=%(refname)%00%(objectname)%00%(*objectname)"


def heads(repository: Repository, commit: str, references: Iterable[str]) -> tuple[Head, ...]:
    """The branches and tags at, or in the folders of, ``references``, and which of them contain the commit.

    A branch contains what can be reached from it; a tag contains the very commit that it is on. Two calls of Git,
    whatever their number.

    Args:
        commit: a full name.
        references: names such as ``refs/heads/main`` or ``refs/remotes/origin``.

    Raises:
        RepositoryError: the commit is not here, or objects are missing.
    """
    wanted = sorted(set(references))
    if not wanted:
        return ()
    # Resolved first: a name that nobody resolved must not reach a command line.
    name = repository.resolve(commit)
    lines = repository.git("for-each-ref", _FORM, "--", *wanted).decode(errors="replace").split("\n")[:-1]
    reached = repository.git("for-each-ref", "--format=%(refname)", f"--contains={name}", "--", *wanted)
    containing = set(reached.decode(errors="replace").split("\n"))
    found = []
    for line in lines:
        reference, target, peeled = line.split("\0")
        leads_to = peeled or target
        contains = leads_to == name if reference.startswith("refs/tags/") else reference in containing
        found.append(Head(reference.removeprefix("refs/"), leads_to, contains))
    return tuple(found)
