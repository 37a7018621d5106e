"""Approvals: one actor's yes or no to one subject, for one environment, in one role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """One yes that a policy asks for: from one of ``people``, and in ``role`` where it names one."""

    rule: int
    people: frozenset[str]
    role: str = ""

    def takes(self, approval: Approval) -> bool:
        """Whether this approval may fill this seat; an approval given in a role fills that role only."""
        return approval.actor.person in self.people and approval.role in ("", self.role)


def fill(seats: Sequence[Seat], approvals: Sequence[Approval]) -> dict[int, Approval]:
    """Seat as many seats as can be, one approval and one person each; by seat number.

    A maximum bipartite matching (augmenting paths, Kuhn 1955), so that it never matters in which order people
    answered or which seat somebody could also have taken.
    """
    one_each: dict[str, Approval] = {}
    for approval in sorted(approvals, key=lambda a: (a.at, a.id)):
        one_each.setdefault(approval.actor.person, approval)
    candidates = sorted(one_each.values(), key=lambda a: (a.at, a.id))
    takers: Mapping[int, list[int]] = {
        s: [a for a, approval in enumerate(candidates) if seat.takes(approval)] for s, seat in enumerate(seats)
    }
    seat_of: dict[int, int] = {}

    def place(seat: int, tried: set[int]) -> bool:
        for a in takers[seat]:
            if a in tried:
                continue
            tried.add(a)
            if a not in seat_of or place(seat_of[a], tried):
                seat_of[a] = seat
                return True
        return False

    for seat in range(len(seats)):
        place(seat, set())
    return {seat: candidates[a] for a, seat in sorted(seat_of.items(), key=lambda pair: pair[1])}
