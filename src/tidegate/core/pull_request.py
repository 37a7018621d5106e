"""What a code host knows of a merged change besides its commits: the pull request's title, labels and reviews.

Many teams keep the convention in the titles of their pull requests alone; the commits below say "wip". The title then
speaks for the commit that merged it, in front of what that commit says itself, which is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tidegate.core.change import Commit
from tidegate.core.message import parse_message
from tidegate.core.pattern import pattern
from tidegate.core.plain import plain

_NUMBER = pattern(
    r"\(#([0-9]{1,9})\)$|^Merge pull request #([0-9]{1,9})\b|^Merged PR ([0-9]{1,9}): "
    r"|^Merge pull request '.*' \(#([0-9]{1,9})\) from "
)
_MERGE_REQUEST = pattern(r"^See merge request (?:[\w./-]{1,200})?!([0-9]{1,9})$", re.MULTILINE)


class PullRequest(NamedTuple):
    """A pull request, or merge request, as a code host tells it; every text in it is a stranger's.

    ``merged_as`` is the commit that it became in the target branch; empty where the host does not say.
    ``approved_by`` are the host's names of those who approved it.
    """

    number: int
    title: str
    labels: tuple[str, ...] = ()
    merged_as: str = ""
    author: str = ""
    approved_by: tuple[str, ...] = ()


def _stated(message: str) -> int | None:
    title = message.strip().partition("\n")[0].strip()
    found = _NUMBER.search(title)
    number = next(filter(None, found.groups()), None) if found else None
    if number is None and (request := _MERGE_REQUEST.search(message)):
        number = request[1]
    return int(number) if number is not None else None


def titled(
    commits: Sequence[Commit], pulls: Iterable[PullRequest]
) -> tuple[tuple[Commit, ...], dict[str, tuple[str, ...]]]:
    """The commits, those without a conventional title led by their pull request's; and the labels by commit.

    A commit that follows the convention keeps its own word, because it is what the history says for ever.
    """
    by_commit, by_number = _indexed(pulls)
    labels: dict[str, tuple[str, ...]] = {}
    answer: list[Commit] = []
    for commit in commits:
        pull = by_commit.get(commit.sha) or by_number.get(_stated(commit.message) or 0)
        if pull is not None:
            labels[commit.sha] = pull.labels
        answer.append(_led(commit, pull) if pull is not None else commit)
    return tuple(answer), labels


def _indexed(pulls: Iterable[PullRequest]) -> tuple[Mapping[str, PullRequest], Mapping[int, PullRequest]]:
    known = list(pulls)
    by_commit = {pull.merged_as: pull for pull in known if pull.merged_as}
    # A number that a title states proves nothing where the host says which commit it became.
    return by_commit, {pull.number: pull for pull in known if not pull.merged_as}


def _led(commit: Commit, pull: PullRequest) -> Commit:
    title = plain(pull.title)
    if parse_message(commit.message).kind or not parse_message(title).kind:
        return commit
    number = "" if f"#{pull.number}" in title else f" (#{pull.number})"
    return commit._replace(message=f"{title}{number}\n\n{commit.message}")
