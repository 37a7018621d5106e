"""Approvals: one actor's yes or no to one subject, for one environment, in one role."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidegate.core.actor import Actor


class Answer(StrEnum):
    """What an approver said."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Approval:
    """One answer. ``key`` is the fingerprint of the key that signed it, empty where nothing was signed.

    ``invalid`` says why the signature does not hold any more (the key was taken from the person, the statement does
    not match); it is found anew whenever facts are gathered, and empty while the signature holds.
    """

    id: str
    actor: Actor
    answer: Answer
    environment: str
    subject: str
    at: datetime
    role: str = ""
    key: str = ""
    invalid: str = ""
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """One yes that a policy asks for, by the rule of that number: from one of ``people``, in ``role`` if it has one.

    ``answers``: only one of these; None where it does not matter which answer of a person it is.
    """

    rule: int
    people: frozenset[str]
    role: str = ""
    answers: frozenset[Approval] | None = None

    def takes(self, approval: Approval) -> bool:
        """Whether this approval may fill this seat; one given in a role fills a seat of that role only."""
        if approval.actor.person not in self.people or approval.role not in ("", self.role):
            return False
        return self.answers is None or approval in self.answers


def in_order(approvals: Collection[Approval]) -> list[Approval]:
    """Whoever answered first comes first; the order in which they are given never matters."""
    if len({approval.id for approval in approvals}) == len(approvals):
        return sorted(approvals, key=lambda a: (a.at, a.id))
    # No store holds two of one id. Where facts do, all that tells them apart decides.
    return sorted(approvals, key=lambda a: (a.at, a.id, repr(a)))


def fill(seats: Sequence[Seat], approvals: Sequence[Approval]) -> dict[int, Approval]:
    """Seat as many seats as can be, one approval and one person each; by seat number.

    A maximum bipartite matching of seats and people, so that it never matters in which order people answered or which
    seat somebody could also have taken. Whoever answered first is asked first.

    Source: augmenting paths, H. W. Kuhn, "The Hungarian method for the assignment problem", 1955.
    """
    answers: dict[str, list[Approval]] = {}
    for approval in in_order(approvals):
        answers.setdefault(approval.actor.person, []).append(approval)
    # The seats of one rule are one value: who may take it is asked once.
    alike = {id(seat): seat for seat in seats}
    found = {key: [who for who, given in answers.items() if any(map(seat.takes, given))] for key, seat in alike.items()}
    takers = [found[id(seat)] for seat in seats]
    seat_of: dict[str, int] = {}
    for number in range(len(seats)):
        _place(number, takers, seat_of, set())
    seated = {number: person for person, number in seat_of.items()}
    return {number: next(filter(seats[number].takes, answers[seated[number]])) for number in sorted(seated)}


def _place(seat: int, takers: Sequence[Sequence[str]], seat_of: dict[str, int], tried: set[str]) -> bool:
    """Give a seat to somebody, who may leave theirs to another."""
    for person in takers[seat]:
        if person in tried:
            continue
        tried.add(person)
        if person not in seat_of or _place(seat_of[person], takers, seat_of, tried):
            seat_of[person] = seat
            return True
    return False
