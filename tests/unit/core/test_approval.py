from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.facts import HOUR, NOW, approval
from tidegate.core.approval import Approval, Seat, fill, in_order


def seat(*people: str, role: str = "", rule: int = 0) -> Seat:
    return Seat(rule, frozenset(people), role)


def yes(by: str, role: str = "", *, hours_ago: int = 1, id: str = "") -> Approval:  # noqa: A002  the field's name
    return approval(by, role=role, at=NOW - hours_ago * HOUR, id=id or f"{by}-{role}-{hours_ago}")


def seated(seats: list[Seat], approvals: list[Approval]) -> dict[int, str]:
    return {number: given.actor.person for number, given in fill(seats, approvals).items()}


@pytest.mark.parametrize(
    ("one", "given_by", "takes"),
    [
        (seat("alice"), yes("alice"), True),
        (seat("alice"), yes("bob"), False),
        (seat(), yes("alice"), False),
        (seat("alice", role="review"), yes("alice"), True),
        (seat("alice", role="review"), yes("alice", "review"), True),
        (seat("alice", role="review"), yes("alice", "security"), False),
        (seat("alice"), yes("alice", "review"), False),
    ],
)
def test_who_may_take_a_seat(one: Seat, given_by: Approval, takes: bool) -> None:
    assert one.takes(given_by) is takes


def test_nothing_to_fill_and_nobody_to_fill_it() -> None:
    assert fill([], [yes("alice")]) == {}
    assert fill([seat("alice")], []) == {}


def test_one_person_takes_one_seat() -> None:
    assert seated([seat("alice"), seat("alice")], [yes("alice"), yes("alice", hours_ago=2)]) == {0: "alice"}


def test_whoever_answered_first_is_asked_first() -> None:
    assert seated([seat("alice", "bob")], [yes("alice"), yes("bob", hours_ago=2)]) == {0: "bob"}


def test_people_move_so_that_every_seat_is_taken() -> None:
    seats = [seat("alice", "bob"), seat("alice")]
    assert seated(seats, [yes("alice", hours_ago=2), yes("bob")]) == {0: "bob", 1: "alice"}


def test_a_long_chain_moves() -> None:
    people = [f"p{n}" for n in range(40)]
    seats = [seat(people[n], people[n + 1]) for n in range(39)] + [seat(people[0])]
    found = seated(seats, [yes(person, hours_ago=n + 1) for n, person in enumerate(people)])
    assert len(found) == 40
    assert found[39] == "p0"


def test_of_a_persons_answers_the_one_that_fits_is_taken() -> None:
    answers = [yes("alice", "security", hours_ago=2), yes("alice", "review")]
    assert fill([seat("alice", role="review")], answers)[0].role == "review"


NAMES = ["alice", "bob", "carol", "dave"]
ROLES = ["", "review"]
small_seats = st.lists(
    st.builds(Seat, st.just(0), st.frozensets(st.sampled_from(NAMES)), st.sampled_from(ROLES)), max_size=4
)
small_answers = st.lists(
    st.builds(yes, st.sampled_from(NAMES), st.sampled_from(ROLES), hours_ago=st.integers(1, 3)), max_size=5
)


def most(seats: list[Seat], approvals: list[Approval]) -> int:
    """By trying everything: seats taken, at best, by one person each."""
    people = sorted({a.actor.person for a in approvals})
    chairs: list[Seat | None] = [*seats, *[None] * len(people)]
    return max(
        sum(
            any(chair is not None and chair.takes(a) for a in approvals if a.actor.person == person)
            for person, chair in zip(people, row, strict=True)
        )
        for row in permutations(chairs, len(people))
    )


@given(small_seats, small_answers)
def test_as_many_seats_are_filled_as_can_be(seats: list[Seat], approvals: list[Approval]) -> None:
    filled = fill(seats, approvals)
    assert len(filled) == most(seats, approvals)
    assert all(seats[number].takes(given) for number, given in filled.items())
    assert len({given.actor.person for given in filled.values()}) == len(filled)


@given(small_seats, st.permutations([yes(name, role) for name in NAMES for role in ROLES]))
def test_the_order_of_answers_never_matters(seats: list[Seat], approvals: list[Approval]) -> None:
    assert fill(seats, approvals) == fill(seats, sorted(approvals, key=lambda a: a.id))


@given(small_seats, small_answers, small_seats)
def test_more_seats_never_fill_all_where_fewer_did_not(
    seats: list[Seat], approvals: list[Approval], more: list[Seat]
) -> None:
    if len(fill(seats + more, approvals)) == len(seats) + len(more):
        assert len(fill(seats, approvals)) == len(seats)


def test_two_answers_of_one_id_have_an_order_too() -> None:
    one, other = yes("alice", id="same"), yes("bob", id="same")
    assert in_order([one, other]) == in_order([other, one])
