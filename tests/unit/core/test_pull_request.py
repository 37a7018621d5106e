"""Titles and labels of pull requests, before the commits that merged them."""

from __future__ import annotations

import pytest

from tidegate.core.change import Commit, Person
from tidegate.core.pull_request import PullRequest, titled
from tidegate.core.reverts import changes_from

ALICE = Person("Alice", "alice@example.org")


def commit(message: str, sha: str = "a" * 40, parents: tuple[str, ...] = ("p",)) -> Commit:
    return Commit(sha, parents, ALICE, ALICE, 0, message)


@pytest.mark.parametrize(
    ("message", "pull", "kind", "summary"),
    [
        ("wip (#7)", PullRequest(7, "feat: totals"), "feat", "totals"),
        ("Merge pull request #7 from x/y\n\nwip", PullRequest(7, "fix(a)!: totals"), "fix", "totals"),
        ("Merge branch 'y'\n\nSee merge request a/b!7", PullRequest(7, "feat: totals"), "feat", "totals"),
        ("wip", PullRequest(7, "feat: totals", merged_as="a" * 40), "feat", "totals"),
        ("docs: own word (#7)", PullRequest(7, "feat: totals"), "docs", "own word"),
        ("wip (#7)", PullRequest(7, "Totals"), "", "wip"),
        ("wip (#7)", PullRequest(8, "feat: totals"), "", "wip"),
        ("wip (#7)", PullRequest(7, "feat: totals", merged_as="b" * 40), "", "wip"),
        ("wip (#7)", PullRequest(7, "feat: \x1b[31mred\nfix: two"), "feat", "[31mred fix: two"),
    ],
)
def test_the_title_of_a_pull_request_speaks_where_the_commit_does_not(
    message: str, pull: PullRequest, kind: str, summary: str
) -> None:
    (found,), _ = titled([commit(message)], [pull])
    (change,) = changes_from([found])
    assert (change.kind, change.summary) == (kind, summary)


def test_what_the_commit_says_besides_is_kept() -> None:
    message = "wip (#7)\n\nBREAKING CHANGE: the old way is gone\nCloses: #3"
    (found,), _ = titled([commit(message)], [PullRequest(7, "feat: totals")])
    (change,) = changes_from([found])
    assert (change.breaking, change.breaking_notes, change.closes) == (True, ("the old way is gone",), ("#3",))


def test_labels_belong_to_the_commit_that_merged() -> None:
    _, labels = titled(
        [commit("feat: x (#7)"), commit("fix: y", "b" * 40)], [PullRequest(7, "whatever", ("breaking", "ui"))]
    )
    assert labels == {"a" * 40: ("breaking", "ui")}
