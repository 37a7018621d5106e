"""The changes of the policy: what was adopted, what is proposed, and what people answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.actor import Actor, Assurance
from tidegate.core.adoption import REJECTED
from tidegate.core.decision import Finding
from tidegate.errors import UsageError
from tidegate.orchestration.adoption import judge_adoption
from tidegate.orchestration.house import House
from tidegate.store import policies, proposals
from tidegate.store.proposals import ProposalRow
from tidegate.store.releases import SignedApproval

NOBODY = Actor("", "nobody in particular", Assurance.ASSERTED)


@dataclass(frozen=True, slots=True)
class AnswerView:
    """What somebody said to a proposal, in their words."""

    person: str
    answer: str
    role: str
    at: datetime
    reason: str
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProposalView:
    """A proposal; ``against`` is what stands in the way of its adoption, whoever adopts: empty once it is over."""

    id: str
    proposed_at: datetime
    proposed_by: str
    because: str
    replaces: str
    answers: tuple[AnswerView, ...]
    against: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ChangeView:
    """A policy that was adopted or is proposed.

    ``state`` is ``active``, ``replaced``, ``open`` (proposed, not adopted) or ``rejected`` (open, and somebody's no
    stands). ``number`` and what follows is of the adoption; None and empty where there was none.
    """

    state: str
    digest: str
    active: bool = False
    number: int | None = None
    adopted_at: datetime | None = None
    adopted_by: Mapping[str, Any] | None = None
    proposal: ProposalView | None = None


def changes(house: House, name: str = "") -> list[ChangeView]:
    """Every change, adoptions first, each in its order; of the policy called ``name`` alone if it is given.

    Raises:
        NotFoundError: no policy of that digest was proposed or adopted.
        UsageError: it is no digest, or begins several.
    """
    with house.database.read() as connection:
        only = proposals.full_digest(connection, name) if name else ""
        found = [*_adopted(connection), *_proposed(connection, house.now())]
    return [change for change in found if not only or change.digest == only]


def _adopted(connection: sa.Connection) -> list[ChangeView]:
    became = {row.adoption: row for row in proposals.everything(connection) if row.adoption is not None}
    return [
        ChangeView(
            "active" if one.active else "replaced",
            one.digest,
            one.active,
            one.number,
            one.adopted_at,
            one.adopted_by,
            _proposal(connection, became[one.number], ()) if one.number in became else None,
        )
        for one in policies.history(connection)
    ]


def _proposed(connection: sa.Connection, now: datetime) -> list[ChangeView]:
    found = []
    for row in proposals.everything(connection):
        if row.ended_at is None:
            against = judge_adoption(connection, NOBODY, row.proposal.digest, now).decision.against()
            state = "rejected" if any(finding.rule == REJECTED for finding in against) else "open"
            found.append(ChangeView(state, row.proposal.digest, proposal=_proposal(connection, row, against)))
    return found


def _proposal(connection: sa.Connection, row: ProposalRow, against: Sequence[Finding]) -> ProposalView:
    proposal = row.proposal
    answers = tuple(_answer(signed) for signed in proposals.answers_of(connection, proposal.id))
    return ProposalView(proposal.id, proposal.at, proposal.by, proposal.because, row.replaces, answers, tuple(against))


def _answer(signed: SignedApproval) -> AnswerView:
    answer = signed.approval
    try:
        reason = statements.from_bytes(signed.statement).reason
    except UsageError:
        reason = ""
    return AnswerView(answer.actor.person, answer.answer.value, answer.role, answer.at, reason, answer.revoked_at)
