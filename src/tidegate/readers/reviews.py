"""Reviews of a change, from the file that a CI job writes in Tidegate's own form.

The last answer of each reviewer counts; a comment is none, and a review that was dismissed counts no more. What the
author says of their own change does not count. The file is the word of whoever wrote it and carries no signature: a
gate that asks for reviews names the source from which it takes them.

    {"tidegate": "reviews/1", "author": "alice", "taken_at": "2026-02-10T18:00:00Z",
     "reviews": [{"by": "bob", "says": "approved", "at": "2026-02-10T17:00:00Z"}], "asked": ["carol"]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidegate.readers.contract import Reading
from tidegate.readers.json_report import WHOLE, JsonForm, outer_names, timed
from tidegate.readers.sniff import HEAD_BYTES

FORMAT = "reviews/1"
FORM = "a file of reviews"
_JSON = JsonForm(FORM, "write it as docs/reference/evidence-files.md says")
_ANSWERS = ("approved", "rejected", "dismissed", "commented")


@dataclass(frozen=True, slots=True)
class Review:
    """One answer: who gave it, which it is, and when."""

    by: str
    says: str
    at: datetime


def reviews_reading(author: str, reviews: Iterable[Review], asked: Iterable[str], taken_at: datetime | None) -> Reading:
    """What the reviews come to. Names are compared without regard to case, as forges do.

    Args:
        asked: who was asked for a review; whoever of them has not answered leaves one open.
    """
    last: dict[str, Review] = {}
    for review in sorted(reviews, key=lambda one: one.at):
        if review.says != "commented" and review.by.casefold() != author.casefold():
            last[review.by.casefold()] = review
    answers = [review.says for review in last.values()]
    silent = {name.casefold() for name in asked} - {author.casefold()}
    waiting = sum(name not in last or last[name].says == "dismissed" for name in silent)
    values = {"approved": answers.count("approved"), "rejected": answers.count("rejected"), "open": waiting}
    summary = f"{values['approved']} approved, {values['rejected']} rejected, {waiting} open"
    return Reading("reviews", values, taken_at, summary)


class ReviewsReader:
    """Reads Tidegate's own form."""

    kind = "reviews"
    form = FORM

    def recognises(self, name: str, head: bytes) -> bool:
        return "tidegate" in outer_names(head) and b'"reviews/' in head[:HEAD_BYTES]

    def read(self, data: bytes) -> Reading:
        report = _JSON.report(data)
        if (version := _JSON.text(report, "tidegate", WHOLE)) != FORMAT:
            _JSON.refuse(f"its format is {version[:40]!r}, and must be {FORMAT!r}")
        if unknown := sorted(report.keys() - {"tidegate", "author", "reviews", "asked", "taken_at"}):
            _JSON.refuse(f"it has a member {unknown[0][:40]!r}, which is unknown")
        author = named(_JSON, _JSON.text(report, "author", WHOLE), "author", WHOLE)
        asked = [_asked(name) for name in _JSON.items(report, "asked", WHOLE, absent=[])]
        taken = _JSON.text(report, "taken_at", WHOLE, absent="")
        reviews = list(_own(_JSON.items(report, "reviews", WHOLE)))
        return reviews_reading(author, reviews, asked, timed(_JSON, taken, "taken_at", WHOLE) if taken else None)


def _own(found: list[Any]) -> Iterator[Review]:
    for number, one in enumerate(found, start=1):
        where = f"review {number}"
        review = _JSON.mapping(one, where)
        if unknown := sorted(review.keys() - {"by", "says", "at"}):
            _JSON.refuse(f"{where} has a member {unknown[0][:40]!r}, which is unknown")
        says = _JSON.text(review, "says", where)
        if says not in _ANSWERS:
            _JSON.refuse(f"{where} says {says[:40]!r}, and must say one of: {', '.join(_ANSWERS)}")
        by = named(_JSON, _JSON.text(review, "by", where), "by", where)
        yield Review(by, says, timed(_JSON, _JSON.text(review, "at", where), "at", where))


def _asked(name: object) -> str:
    return _JSON.text({"name": name}, "name", "asked")


def named(form: JsonForm, text: str, member: str, where: str) -> str:
    """A name, which must not be empty."""
    if not text.strip():
        form.refuse(f"{where} has an empty {member}")
    return text.strip()
