"""Reviews of a pull request, as the GitHub CLI prints them.

The rules are those of ``readers/reviews.py``. Where the newest commit is in it, too, an approval of an older one counts
no more.

Source: ``gh pr view --json author,headRefOid,reviews,reviewRequests``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.readers.contract import Reading
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names, timed
from tidegate.readers.reviews import Review, named, reviews_reading
from tidegate.readers.sniff import HEAD_BYTES

FORM = "the reviews of a pull request as gh prints them"
_JSON = JsonForm(FORM, "write it with: gh pr view NUMBER --json author,headRefOid,reviews,reviewRequests")
_ANSWERS = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "rejected",
    "DISMISSED": "dismissed",
    "COMMENTED": "commented",
    "PENDING": "commented",
}


class GithubReviewsReader:
    """Reads what ``gh pr view --json author,reviews`` prints."""

    kind = "reviews"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        names = outer_names(head)
        start = head[:HEAD_BYTES]
        return "tidegate" not in names and b'"login"' in start and ({"reviews"} <= names or b'"reviews"' in start)

    def read(self, data: bytes) -> Reading:
        report = _JSON.report(data)
        author = _login(_JSON.members(report, "author", WHOLE), "the author")
        head = _JSON.text(report, "headRefOid", WHOLE, absent="")
        found = list(_from_github(_JSON.items(report, "reviews", WHOLE), head))
        requests = _JSON.items(report, "reviewRequests", WHOLE, absent=[])
        asked = [str(request.get("login") or request.get("slug") or "") for request in map(_request, requests)]
        # When they were fetched is not said. The time of the last review would be wrong: one dismissed later keeps its.
        return reviews_reading(author, found, filter(None, asked), None)


def _from_github(found: list[Any], head: str) -> Iterator[Review]:
    """The answers; an approval of another commit than ``head`` is none any more, where the file says which it is."""
    for number, one in enumerate(found, start=1):
        where = f"review {number}"
        review = _JSON.mapping(one, where)
        state = _JSON.text(review, "state", where)
        if state not in _ANSWERS:
            _JSON.refuse(f"{where} has the state {state[:40]!r}, which is unknown")
        if state == "PENDING":
            continue  # not handed in yet, and without a time
        by = _login(_JSON.members(review, "author", where), where)
        at = timed(_JSON, _JSON.text(review, "submittedAt", where), "submittedAt", where)
        commit = _JSON.text(_JSON.members(review, "commit", where, absent={}), "oid", where, absent="")
        is_old = state == "APPROVED" and head and commit != head
        yield Review(by, "dismissed" if is_old else _ANSWERS[state], at)


def _request(found: object) -> Mapping[str, Any]:
    return _JSON.mapping(found, "a review request")


def _login(person: Mapping[str, Any], where: str) -> str:
    return named(_JSON, _JSON.text(person, "login", where), "login", where)
