"""Unreachable approvals, held against trying every way to seat people."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.lints import found, lint
from tests.support.lints import given as given_policy

RULE = "approval.unreachable"
GROUPS = ("team", "leads", "board")


def can_be_given(people: dict[str, set[str]], asks: list[tuple[str, int, bool]], author: str) -> bool:
    """Whether some order of people fills all seats: tried one by one."""
    seats = [(group, may) for group, count, may in asks for _ in range(count)]
    return any(
        all(group in people[who] and (may or who != author) for who, (group, may) in zip(row, seats, strict=True))
        for row in permutations(people, len(seats))
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from(GROUPS), min_size=1), min_size=1, max_size=5),
    st.lists(st.tuples(st.sampled_from(GROUPS), st.integers(1, 2), st.booleans()), min_size=1, max_size=2),
)
def test_it_fires_exactly_where_some_author_leaves_too_few(
    groups: list[set[str]], asks: list[tuple[str, int, bool]]
) -> None:
    people = {f"p{number}": found for number, found in enumerate(groups)}
    policy: dict[str, Any] = {
        "people": {
            **dict.fromkeys(("ann", "ben", "cem", "dia")),
            **{name: {"name": name, "groups": sorted(member)} for name, member in people.items()},
        },
        "groups": {group: {} for group in GROUPS},
        "components": {"billing": {"owners": None}},
        "permits": None,
        "release_types": {
            "minor": {"approvals": [{"from": g, "count": c, "author_may": may} for g, c, may in asks]},
            "patch": None,
        },
    }
    fires = bool(found(RULE, policy))
    assert fires == any(not can_be_given(people, asks, author) for author in ["", *people])


def test_who_is_disabled_may_give_nothing() -> None:
    people = {"dia": {"disabled": True}, "cem": {"disabled": True}}
    (finding,) = found(RULE, {"people": people})
    assert finding.message == (
        "2 approvals from team: 1 person of it (ann and ben) may give them when ann or ben wrote what is released"
    )


def test_the_owners_of_each_component_are_asked() -> None:
    changes = {
        "people": {"eve": {"name": "Eve", "groups": ["payers"]}},
        "components": {"payroll": {"kind": "module", "owners": "payers"}},
        "release_types": {"patch": {"approvals": [{"from": "$owners"}]}},
    }
    (finding,) = found(RULE, changes)
    assert finding.path == ("release_types", "patch", "approvals", 0)
    assert finding.message == "1 approval from payers: nobody may give them when eve wrote what is released"


def test_nobody_at_all_is_said_so() -> None:
    (finding,) = found(RULE, {"groups": {"board": {}}, "adoption": {"approvals": [{"from": "board", "count": 2}]}})
    assert finding.message == "2 approvals from board: nobody may give them"
    assert finding.remedy == "add enabled people to board, ask for fewer"


def test_approvals_of_an_environment_are_asked_together_with_those_of_the_type() -> None:
    changes = {"environments": {"production": {"approvals": [{"from": "leads", "count": 2}]}}}
    (finding,) = found(RULE, changes)
    assert finding.path == ("release_types", "minor", "approvals", 0)
    assert finding.message.endswith("wrote what is released; one person fills one seat")


def test_a_waiver_that_nobody_can_give_is_told() -> None:
    waiver = {"by": {"from": "leads", "count": 5}}
    (finding,) = found(RULE, {"gates": {"tests": {"waiver": waiver}}})
    assert finding.path == ("gates", "tests", "waiver", "by")
    assert finding.message == "5 approvals from leads: 4 people of it (ann, ben, cem and dia) may give them"
    assert found(RULE, {"gates": {"tests": {"waiver": {"by": {"from": "leads", "count": 3}}}}}) == []


def test_of_a_policy_it_is_who_adopts_it_that_does_not_count() -> None:
    changes = {"permits": {"adopt": ["team"]}, "adoption": {"approvals": [{"from": "leads", "count": 4}]}}
    (finding,) = found(RULE, changes)
    assert finding.message == (
        "4 approvals from leads: 3 people of it (ann, ben, cem and dia) may give them when ann, ben, cem or dia "
        "proposes and adopts the policy"
    )


def test_one_who_may_adopt_and_is_not_asked_is_enough() -> None:
    people = {"eve": {"name": "Eve", "groups": ["managers"]}, "fay": {"name": "Fay", "groups": ["risk"]}}
    asks = [{"from": "leads", "count": 4}, {"from": "risk"}]
    changes = {"people": people, "permits": {"adopt": ["team", "managers"]}, "adoption": {"approvals": asks}}
    assert found(RULE, changes) == []
    assert found(RULE, {**changes, "permits": {"adopt": ["team"]}}) != []


def test_a_quorum_of_more_than_there_are() -> None:
    (finding,) = found(RULE, {"groups": {"leads": {"quorum": 5}}})
    assert finding.path == ("groups", "leads", "quorum")
    assert finding.message == ("a decision of leads needs 5 of its members, and 4 can take part: ann, ben, cem and dia")
    assert finding.remedy == "add enabled people to leads, or lower its quorum"
    assert found(RULE, {"groups": {"leads": {"quorum": 3}, "board": {"quorum": 3}}}) == []


def test_a_quorum_that_is_not_reached_when_one_of_them_wrote_it() -> None:
    finding, *_ = found(RULE, {"groups": {"leads": {"quorum": 4}}})
    assert finding.message == (
        "4 approvals from leads: 3 people of it (ann, ben, cem and dia) may give them when ann, ben, cem or dia wrote "
        "what is released"
    )


def test_a_demand_of_another_type_is_not_asked_together() -> None:
    many = {"from": "leads", "count": 3}
    both = {"environments": {"production": {"approvals": [many]}}}
    assert found(RULE, both) != []
    alone = {"environments": {"production": {"approvals": [many | {"types": ["patch"]}]}}}
    assert all(finding.path[1] != "minor" for finding in found(RULE, alone))


def test_a_group_that_is_not_there_is_told_as_such_alone() -> None:
    policy = given_policy({})
    kind = policy.policy.release_types["patch"]
    lost = kind.model_copy(update={"approvals": (kind.approvals[0].model_copy(update={"group": "laeds"}),)})
    kinds = {**policy.policy.release_types, "patch": lost}
    there = replace(policy, policy=policy.policy.model_copy(update={"release_types": kinds}))
    assert list(lint(RULE).check(there)) == []
