"""What follows a release, and when a review recurs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.facts import DAY, HOUR, NOW, release, rulebook
from tidegate.core.afterwards import follows, improvement_of, next_look_back
from tidegate.core.debt import BLOCKING, Debt, DebtKind
from tidegate.core.policy import Policy

TASKS: dict[str, Any] = {
    "logs": {"says": "Check the logs", "due": "0-24 hours", "by": "tech-leads"},
    "major": {"says": "Look at the major one", "due": "1-4 weeks", "types": ["hotfix"]},
    "open": {"says": "Whoever", "due": "1-7 days"},
}


def following(**policy: Any) -> dict[str, Debt]:
    found = follows(rulebook(**policy).policy, release(), "production", NOW)
    assert all(debt.kind not in BLOCKING for debt in found)
    return {debt.id: debt for debt in found}


def test_tasks_are_due_at_the_end_of_their_spans_and_for_their_types() -> None:
    found = following(tasks=TASKS)
    assert {name: debt.due_at - NOW for name, debt in found.items()} == {
        "billing-1.1.0.task.logs": 24 * HOUR,
        "billing-1.1.0.task.open": 7 * DAY,
    }
    assert (found["billing-1.1.0.task.logs"].by, found["billing-1.1.0.task.open"].by) == (("tech-leads",), ())
    assert found["billing-1.1.0.task.open"].teams == ("billing-owners",)
    assert found["billing-1.1.0.task.logs"].what == '"Check the logs" of billing-1.1.0'


def test_a_review_that_a_type_owes_is_no_look_back() -> None:
    reviews = {"each": {"title": "Each", "after": "2d"}, "urgent": {"title": "Urgent", "after": "5d"}}
    types = {"hotfix": {"bump": "patch", "afterwards": {"review": "urgent"}}}
    assert list(following(reviews=reviews, release_types=types)) == ["billing-1.1.0.look-back.each"]


def test_each_criterion_of_success_is_to_be_judged() -> None:
    found = following(success=[{"says": "No issue"}, {"says": "Faster", "after": "10d", "by": "ops"}])
    assert [(debt.name, debt.due_at - NOW, debt.by) for debt in found.values()] == [
        ("1", 5 * DAY, ()),
        ("2", 10 * DAY, ("ops",)),
    ]


@pytest.mark.parametrize(
    ("every", "due"),
    [
        ("weekly", datetime(2026, 12, 8, 8, tzinfo=UTC)),
        ("monthly", datetime(2027, 1, 1, 8, tzinfo=UTC)),
        ("quarterly", datetime(2027, 1, 1, 8, tzinfo=UTC)),
        ("every 2 weeks or as needed", datetime(2026, 12, 15, 8, tzinfo=UTC)),
        ("as needed", None),
    ],
)
def test_a_review_recurs_when_its_period_is_over(every: str, due: datetime | None) -> None:
    policy, tz = _with_review(every=every)
    found = next_look_back(policy, "retro", tz, NOW)
    assert (found.due_at if found else None) == due


def test_what_follows_a_release_does_not_recur() -> None:
    policy, tz = _with_review(after="2d")
    assert next_look_back(policy, "retro", tz, NOW) is None
    assert next_look_back(policy, "none", tz, NOW) is None


def test_an_improvement_is_of_its_review_and_done_by_whom_it_names() -> None:
    policy, tz = _with_review(every="weekly", by="ops")
    review = next_look_back(policy, "retro", tz, NOW)
    assert review is not None
    assert improvement_of(review, 1, "automate it", "", NOW, 3 * DAY).by == ("ops",)
    named = improvement_of(review, 2, "automate it", "alice", NOW, 3 * DAY)
    assert (named.id, named.kind, named.by) == (f"{review.id}.2", DebtKind.IMPROVEMENT, ("alice",))


def _with_review(**review: Any) -> tuple[Policy, Any]:
    book = rulebook(reviews={"retro": {"title": "Retrospective", **review}})
    return book.policy, book.tz
