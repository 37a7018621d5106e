"""Reviews: the last answer of each reviewer, never the author's, in both forms."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import UsageError
from tidegate.readers.github_reviews import GithubReviewsReader
from tidegate.readers.registry import read_report
from tidegate.readers.reviews import ReviewsReader

HEAD = "5f0c7f1d"


def own(*reviews: tuple[str, str, int], **changes: Any) -> bytes:
    listed = [{"by": by, "says": says, "at": f"2026-02-10T{hour:02}:00:00Z"} for by, says, hour in reviews]
    whole = {"tidegate": "reviews/1", "author": "alice", "reviews": listed, **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


def github(*reviews: tuple[str, str, int], commit: str = HEAD, **changes: Any) -> bytes:
    listed = [
        {
            "author": {"login": by},
            "state": state,
            "submittedAt": f"2026-02-10T{hour:02}:00:00Z",
            "commit": {"oid": commit},
        }
        for by, state, hour in reviews
    ]
    whole = {"author": {"login": "alice"}, "reviews": listed, **changes}
    return json.dumps({name: value for name, value in whole.items() if value is not ...}).encode()


def counts(data: bytes) -> tuple[object, ...]:
    reading = read_report("reviews.json", data)
    assert reading.kind == "reviews"
    return tuple(reading.values[name] for name in ("approved", "rejected", "open"))


@pytest.mark.parametrize(
    ("reviews", "expected"),
    [
        ([], (0, 0, 0)),
        ([("bob", "approved", 1), ("carol", "approved", 2)], (2, 0, 0)),
        ([("bob", "approved", 1), ("bob", "approved", 2)], (1, 0, 0)),
        ([("bob", "approved", 1), ("BOB", "approved", 2)], (1, 0, 0)),
        ([("bob", "rejected", 1), ("bob", "approved", 2)], (1, 0, 0)),
        ([("bob", "approved", 2), ("bob", "rejected", 1)], (1, 0, 0)),
        ([("bob", "approved", 1), ("bob", "rejected", 2)], (0, 1, 0)),
        ([("bob", "approved", 1), ("bob", "commented", 2)], (1, 0, 0)),
        ([("bob", "approved", 1), ("bob", "dismissed", 2)], (0, 0, 0)),
        ([("alice", "approved", 1), ("Alice", "approved", 2)], (0, 0, 0)),
        ([(" alice ", "approved", 1)], (0, 0, 0)),
    ],
)
def test_the_last_answer_of_each_reviewer_counts(
    reviews: list[tuple[str, str, int]], expected: tuple[int, ...]
) -> None:
    assert counts(own(*reviews)) == expected
    words = {
        "approved": "APPROVED",
        "rejected": "CHANGES_REQUESTED",
        "dismissed": "DISMISSED",
        "commented": "COMMENTED",
    }
    assert counts(github(*[(by, words[says], hour) for by, says, hour in reviews])) == expected


def test_who_was_asked_and_has_not_answered_leaves_one_open() -> None:
    assert counts(own(("bob", "approved", 1), asked=["bob", "Carol", "alice"])) == (1, 0, 1)
    requests = [{"login": "carol"}, {"slug": "7d/leads"}]
    assert counts(github(("bob", "APPROVED", 1), reviewRequests=requests)) == (1, 0, 2)
    assert counts(own(("bob", "approved", 1), ("bob", "dismissed", 2), asked=["bob"])) == (0, 0, 1)


def test_an_approval_of_another_commit_counts_no_more_where_the_newest_is_known() -> None:
    assert counts(github(("bob", "APPROVED", 1), commit="0ld")) == (1, 0, 0)
    assert counts(github(("bob", "APPROVED", 1), commit="0ld", headRefOid=HEAD)) == (0, 0, 0)
    assert counts(github(("bob", "APPROVED", 1), headRefOid=HEAD)) == (1, 0, 0)
    assert counts(github(("bob", "CHANGES_REQUESTED", 1), commit="0ld", headRefOid=HEAD)) == (0, 1, 0)


def test_a_review_that_was_not_handed_in_is_none() -> None:
    pending = [{"author": {"login": "bob"}, "state": "PENDING", "submittedAt": None}]
    assert counts(github(reviews=pending)) == (0, 0, 0)


def test_when_they_were_collected() -> None:
    at = {"taken_at": "2026-02-10T18:00:00Z"}
    assert read_report("r", own(**at)).taken_at == datetime(2026, 2, 10, 18, tzinfo=UTC)
    # One dismissed today keeps the time at which it was given.
    assert read_report("r", github(("bob", "APPROVED", 1))).taken_at is None
    assert read_report("r", own(("bob", "approved", 1))).summary == "1 approved, 0 rejected, 0 open"


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (b"[]", "the report is [], and must be an object"),
        (own(tidegate="reviews/2"), "its format is 'reviews/2', and must be 'reviews/1'"),
        (own(tidegate=...), "the report has no 'tidegate'"),
        (own(approved=9), "it has a member 'approved', which is unknown"),
        (own(author=...), "the report has no 'author'"),
        (own(author=" "), "the report has an empty author"),
        (own(reviews=...), "the report has no 'reviews'"),
        (own(reviews=[1]), "review 1 is 1, and must be an object"),
        (
            own(("bob", "lgtm", 1)),
            "review 1 says 'lgtm', and must say one of: approved, rejected, dismissed, commented",
        ),
        (own(("", "approved", 1)), "review 1 has an empty by"),
        (own(reviews=[{"by": "bob", "says": "approved"}]), "review 1 has no 'at'"),
        (
            own(reviews=[{"by": "bob", "says": "approved", "at": "2026-02-10T18:00:00"}]),
            "review 1 has '2026-02-10T18:00:00' as at, which is no time with an offset",
        ),
        (
            own(reviews=[{"by": "bob", "says": "approved", "at": "x", "weight": 2}]),
            "review 1 has a member 'weight', which is unknown",
        ),
        (own(asked=[3]), "asked has 3 as name, which is no text"),
        (own(taken_at="now"), "the report has 'now' as taken_at, which is no time with an offset"),
    ],
)
def test_a_broken_file_is_refused_with_its_sentence(data: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        ReviewsReader().read(data)
    assert caught.value.what == f"this is not a file of reviews that can be relied on: {because}"


@pytest.mark.parametrize(
    ("data", "because"),
    [
        (github(author=...), "the report has no 'author'"),
        (github(("", "APPROVED", 1)), "review 1 has an empty login"),
        (github(("bob", "MERGED", 1)), "review 1 has the state 'MERGED', which is unknown"),
        (github(reviews=[{"author": None, "state": "APPROVED"}]), "review 1 has null as author, which is no object"),
        (
            github(reviews=[{"author": {"login": "bob"}, "state": "APPROVED"}]),
            "review 1 has no 'submittedAt'",
        ),
    ],
)
def test_broken_reviews_of_github_are_refused_with_their_sentence(data: bytes, because: str) -> None:
    with pytest.raises(UsageError) as caught:
        GithubReviewsReader().read(data)
    assert (
        caught.value.what
        == f"this is not the reviews of a pull request as gh prints them that can be relied on: {because}"
    )


@given(st.binary(max_size=60))
def test_reading_is_total(noise: bytes) -> None:
    for reader in (ReviewsReader(), GithubReviewsReader()):
        assert reader.recognises("x", noise) in (True, False)
        with pytest.raises(UsageError):
            reader.read(noise)
