"""Reviewed-by trailers: claims of who committed, counted for people that the policy knows, and never for the author."""

from __future__ import annotations

import pytest

from tidegate.core.change import Commit, Person
from tidegate.core.reviewed import owners, reviewed

PEOPLE = owners(
    [
        ("alice", "alice@example.org"),
        ("bob", "Bob@Example.org"),
        ("carol", "carol@example.org"),
        ("dave", "shared@example.org"),
        ("erin", "shared@example.org"),
    ]
)
ALICE = Person("Alice", "alice@example.org")


def commit(body: str) -> Commit:
    return Commit("a" * 40, (), ALICE, ALICE, 0, f"feat: x\n\n{body}")


@pytest.mark.parametrize(
    ("body", "reviewers", "others"),
    [
        ("", (), ()),
        ("Reviewed-by: Bob <bob@example.org>", ("bob",), ()),
        ("Why.\n\nReviewed-by: Bob <BOB@example.org>\nreviewed-by: Carol <carol@example.org> ", ("bob", "carol"), ()),
        ("Reviewed-by: Bob <bob@example.org>\nReviewed-by: B <bob@example.org>", ("bob",), ()),
        ("Reviewed-by: Bob <bob@example.org>\r\nRefs: #1", ("bob",), ()),
        # The author, under any name, and co-authors have made the change.
        ("Reviewed-by: Somebody Else <alice@example.org>", (), ()),
        ("Reviewed-by: Bob <bob@example.org>\nCo-authored-by: Bob <bob@example.org>", (), ()),
        # Whom nobody knows, and whom two people are.
        ("Reviewed-by: Eve <eve@example.net>", (), ("eve@example.net",)),
        ("Reviewed-by: Dave <shared@example.org>", (), ("shared@example.org",)),
        # What stands in the text is told and not said.
        ("Reviewed-by: Bob <bob@example.org>\n\nwas in the message before.", (), ()),
        (" Reviewed-by: Bob <bob@example.org>", (), ()),
        ("Reviewed-by: bob", (), ()),
        ("Reviewed-by: Bob <bob@example.org> # not yet", (), ()),
        ("Reviewed-by: Bob <bob@example.org>\x00<carol@example.org>", (), ()),
        ("Reviewed-by:" + "x" * 100_000 + "<bob@example.org>", (), ()),
    ],
)
def test_who_reviewed_a_commit(body: str, reviewers: tuple[str, ...], others: tuple[str, ...]) -> None:
    found = reviewed(commit(body), PEOPLE)
    assert (found.authors, found.reviewers, found.others) == (
        ("alice", "bob") if "Co-authored" in body else ("alice",),
        reviewers,
        others,
    )


def test_a_title_alone_has_no_trailers() -> None:
    title = Commit("a" * 40, (), ALICE, ALICE, 0, "Reviewed-by: Bob <bob@example.org>")
    assert reviewed(title, PEOPLE).reviewers == ()


def test_somebody_who_is_disabled_reviews_nothing() -> None:
    body = "Reviewed-by: Bob <bob@example.org>\nReviewed-by: Carol <carol@example.org>"
    assert reviewed(commit(body), PEOPLE, {"bob"}).reviewers == ("carol",)
