"""What is owed afterwards, whom an emergency calls, and when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.facts import DAY, HOUR, NOW, debt, emergency, item, release, rulebook
from tidegate.core.debt import DebtKind, may_settle, overdue, owed_by_emergency, owed_by_release
from tidegate.core.emergency import acknowledgers, calls, criterion_of, patience
from tidegate.core.policy import NEVER, Bypass, Policy, Skippable

MINUTE = timedelta(minutes=1)


def policy(**changes: Any) -> Policy:
    return rulebook(**changes).policy


def owed(**afterwards: Any) -> list[tuple[str, timedelta, tuple[str, ...]]]:
    book = policy(
        release_types={"hotfix": {"afterwards": afterwards}},
        documents={"report": {"title": "Report"}},
        reviews={"look": {"title": "Look back", "after": "2d", "by": "tech-leads"}},
    )
    found = owed_by_release(book, release(item(authors=("bob",)), type="hotfix"), "production", "sha256:s", NOW)
    return [(d.id, d.due_at - NOW, d.by) for d in found]


OWED: dict[str, tuple[dict[str, Any], list[tuple[str, timedelta, tuple[str, ...]]]]] = {
    "nothing": ({}, []),
    "a post-mortem": ({"post_mortem": "3d"}, [("release-1.post-mortem", 3 * DAY, ())]),
    "documents, in the time of the post-mortem": (
        {"post_mortem": "3d", "documents": ["report"]},
        [("release-1.post-mortem", 3 * DAY, ()), ("release-1.document.report", 3 * DAY, ())],
    ),
    "documents alone": ({"documents": ["report"]}, [("release-1.document.report", 5 * DAY, ())]),
    "a review, in its own time": ({"review": "look"}, [("release-1.review.look", 2 * DAY, ("tech-leads",))]),
    "an approval for each seat": (
        {"retrospective_approval": [{"from": "module-team", "count": 2}, {"from": "$owners"}], "approval_within": "1d"},
        [
            ("release-1.approval.module-team.1-1", DAY, ("module-team",)),
            ("release-1.approval.module-team.1-2", DAY, ("module-team",)),
            ("release-1.approval.billing-owners.2-1", DAY, ("billing-owners",)),
        ],
    ),
    "an approval without a time": (
        {"retrospective_approval": [{"from": "tech-leads"}]},
        [("release-1.approval.tech-leads.1-1", 5 * DAY, ("tech-leads",))],
    ),
}


@pytest.mark.parametrize(("afterwards", "expected"), OWED.values(), ids=OWED)
def test_what_a_release_owes(afterwards: dict[str, Any], expected: list[Any]) -> None:
    own = release().id
    assert owed(**afterwards) == [(name.replace("release-1", own), *rest) for name, *rest in expected]


def test_what_nobody_owns_is_owed_and_nobody_settles_it() -> None:
    book = policy(
        components={"billing": {"kind": "module", "owners": None}},
        release_types={"hotfix": {"afterwards": {"retrospective_approval": [{"from": "$owners"}]}}},
    )
    [one] = owed_by_release(book, release(type="hotfix"), "production", "sha256:s", NOW)
    assert one.by == ("$owners",)
    assert may_settle(book, one) == frozenset()


def test_an_emergency_owes_its_post_mortem_from_its_end_on() -> None:
    assert owed_by_emergency(policy(), emergency(), NOW) is None
    one = owed_by_emergency(policy(emergency={"post_mortem": "7d"}), emergency(), NOW)
    assert one is not None
    assert (one.id, one.what, one.due_at) == (
        "emergency-1.post-mortem",
        "the post-mortem of emergency-1",
        NOW + 7 * DAY,
    )
    assert one.teams == ("billing-owners",)


def test_who_settles_what() -> None:
    book = policy(permits={"open": ["ops"]})
    assert may_settle(book, debt()) == {"alice", "olga"}
    approval = debt(kind=DebtKind.APPROVAL, by=("module-team",), authors=("bob",))
    assert may_settle(book, approval) == {"alice"}
    assert may_settle(book, debt(kind=DebtKind.APPROVAL, by=("module-team",), authors=("bob",), author_may=True)) == {
        "alice",
        "bob",
    }
    gone = policy(people={"alice": {"disabled": True}}, permits={"open": ["ops"]})
    assert may_settle(gone, debt()) == {"olga"}


def test_it_is_reminded_of_a_day_before_or_at_half_of_its_time() -> None:
    assert debt(opened_at=NOW, due_at=NOW + 5 * DAY).warn_at == NOW + 4 * DAY
    assert debt(opened_at=NOW, due_at=NOW + HOUR).warn_at == NOW + HOUR / 2
    assert debt(opened_at=NOW, due_at=NOW).warn_at == NOW


def test_overdue_are_those_whose_time_has_come_the_oldest_first() -> None:
    old, at, later = (debt(id=name, due_at=NOW + gap) for name, gap in (("a", -HOUR), ("b", 0 * HOUR), ("c", HOUR)))
    assert overdue([later, at, old], NOW) == [old, at]


def contacts(**more: Any) -> dict[str, Any]:
    return {name: {"title": name, "reach": "x", **keys} for name, keys in more.items()}


CALLS: dict[str, tuple[dict[str, Any], dict[str, Any], list[tuple[str, timedelta]]]] = {
    "one after the other": (
        {"call": ["a", "b", "c"], "acknowledge_within": "15m"},
        {"a": {}, "b": {}, "c": {}},
        [("a", 0 * MINUTE), ("b", 15 * MINUTE), ("c", 30 * MINUTE)],
    ),
    "a contact with a time of its own": (
        {"call": ["a", "b"], "acknowledge_within": "15m"},
        {"a": {"acknowledges": "5m"}, "b": {}},
        [("a", 0 * MINUTE), ("b", 5 * MINUTE)],
    ),
    "nobody can be late": ({"call": ["a", "b"]}, {"a": {}, "b": {}}, [("a", 0 * MINUTE), ("b", 0 * MINUTE)]),
    "handed on": (
        {"call": ["a", "b"], "acknowledge_within": "15m"},
        {"a": {"escalation": [{"after": "10m", "to": "z"}]}, "b": {}, "z": {}},
        [("a", 0 * MINUTE), ("z", 10 * MINUTE), ("b", 15 * MINUTE)],
    ),
    "handed round in a circle": (
        {"call": ["a"], "acknowledge_within": "15m"},
        {"a": {"escalation": [{"after": "10m", "to": "b"}]}, "b": {"escalation": [{"after": "10m", "to": "a"}]}},
        [("a", 0 * MINUTE), ("b", 10 * MINUTE)],
    ),
    "twice, and called at the earlier time": (
        {"call": ["a", "b"], "acknowledge_within": "15m"},
        {"a": {"escalation": [{"after": "1m", "to": "b"}]}, "b": {}},
        [("a", 0 * MINUTE), ("b", MINUTE)],
    ),
    "nobody": ({}, {"a": {}}, []),
}


@pytest.mark.parametrize(("plan", "people", "expected"), CALLS.values(), ids=CALLS)
def test_whom_an_emergency_calls_and_when(plan: dict[str, Any], people: dict[str, Any], expected: list[Any]) -> None:
    book = policy(emergency=plan, contacts=contacts(**people))
    assert [(call.contact, call.after) for call in calls(book)] == expected


def test_who_may_acknowledge() -> None:
    behind = policy(contacts=contacts(a={"group": "tech-leads"}), emergency={"declared_by": ["ops"]})
    assert acknowledgers(behind, ["a"]) == {"carol"}
    assert acknowledgers(behind, []) == {"olga"}
    assert patience(behind) is None


def test_a_criterion_is_named_in_any_case_and_word_by_word() -> None:
    book = policy(release_types={"hotfix": {"criteria": ["Production down"]}}, emergency={"types": ["hotfix"]})
    assert criterion_of(book, " production  DOWN ") == "Production down"
    assert criterion_of(book, "production") == ""


def test_no_policy_can_name_what_nothing_goes_without() -> None:
    assert not NEVER.keys() & ({one.value for one in Bypass} | {one.value for one in Skippable})
