"""Reviews as evidence, from the ``Reviewed-by`` trailers of a release's commits.

A release was reviewed as far as its least reviewed commit was: that one's reviewers are counted. The lines are claims
that whoever commits can write, and are kept as evidence of the source ``git-trailers``; a gate that wants more names
another source.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.core.canonical import canonical
from tidegate.core.reviewed import Reviewed, owners, reviewed
from tidegate.errors import ConflictError
from tidegate.git.repository import open_repository
from tidegate.orchestration.evidence import Added, keep, looked_at
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.readers.contract import Reading

FORMAT = "git-trailers/1"
SOURCE = "git-trailers"
_CAVEAT = "trailers are claims of whoever committed, and no signatures"


def add_reviews(house: House, release: str, claim: Claim, *, component: str = "") -> Added:
    """Count the reviews that the commits of a release name, and keep them as evidence of kind ``reviews``.

    Raises:
        As :func:`~tidegate.orchestration.evidence.add`; ConflictError also where the release has no commits.
        RepositoryError: a commit of the release is not here.
    """
    item, policy = looked_at(house, release, claim, component, "reviews")
    names = list(dict.fromkeys(change.sha for change in item.changes))
    if not names:
        raise ConflictError(
            f"release {release} has no commits, so that there is nothing to review",
            remedy="add the reviews from a file: tidegate evidence add",
        )
    people = owners((name, person.email) for name, person in policy.people.items() if person.email)
    disabled = {name for name, person in policy.people.items() if person.disabled}
    found = [reviewed(commit, people, disabled) for commit in open_repository(house.root).commits_named(names)]
    reading, data = _reading(found), _report(found)
    return keep(house, release, reading, data, claim, source=SOURCE, component=component, about=item.subject)


def _reading(found: Sequence[Reviewed]) -> Reading:
    fewest = min(len(one.reviewers) for one in found)
    without = sum(not one.reviewers for one in found)
    commits = f"{len(found)} {'commit' if len(found) == 1 else 'commits'}"
    said = f"each of {commits} names at least {fewest} reviewers" if fewest else f"{without} of {commits} name none"
    values = {"approved": fewest, "rejected": 0, "open": without}
    return Reading("reviews", values, None, f"{said}; {_CAVEAT}")


def _report(found: Sequence[Reviewed]) -> bytes:
    commits = [
        {
            "sha": one.sha,
            "authors": list(one.authors),
            "reviewers": list(one.reviewers),
            "unknown_reviewers": list(one.others),
        }
        for one in found
    ]
    return canonical({"tidegate": FORMAT, "signed": False, "caveat": _CAVEAT, "commits": commits})
