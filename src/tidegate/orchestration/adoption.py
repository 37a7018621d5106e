"""Ask ``decide_adoption`` about a policy as it stands in this transaction, from signatures verified here and now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.actor import Actor
from tidegate.core.adoption import AdoptionDecision, AdoptionFacts, Proposal, decide_adoption, short
from tidegate.core.approval import Answer, Approval
from tidegate.core.leaf import Leaf
from tidegate.core.policy import Policy
from tidegate.core.rulebook import Rulebook
from tidegate.core.statement import Act
from tidegate.errors import DamagedRecordError, RefusedError, TidegateError
from tidegate.signing import ssh
from tidegate.store import log, policies, proposals
from tidegate.store.releases import SignedApproval

ACTS = {Answer.APPROVE: Act.APPROVE_POLICY, Answer.REJECT: Act.REJECT_POLICY}
"""What is signed for an answer to a proposal."""

PROPOSED, TAKEN_BACK = "policy.proposed", "policy.answer_revoked"
ANSWERED = {Answer.APPROVE: "policy.approved", Answer.REJECT: "policy.rejected"}
"""The leaves that are asked beside the rows."""


@dataclass(frozen=True, slots=True)
class JudgedAdoption:
    """A decision about a policy, with everything that it was made from."""

    active: Rulebook
    facts: AdoptionFacts
    decision: AdoptionDecision


class AdoptionRefusedError(RefusedError):
    """The active policy asks for more before this one may replace it; ``decision`` explains."""

    def __init__(self, decision: AdoptionDecision) -> None:
        first, *others = decision.against()
        more = f" (and {len(others)} more)" if others else ""
        super().__init__(f"adoption of {short(decision.digest)} is refused: {first.message}{more}", remedy=first.remedy)
        self.decision = decision


def judge_adoption(connection: sa.Connection, actor: Actor, digest: str, now: datetime) -> JudgedAdoption:
    """Decide on what this transaction sees, whether ``actor`` may adopt the policy of that digest.

    Raises:
        NotFoundError: no policy was adopted.
        DamagedRecordError: the log names another proposer than the record.
    """
    active = policies.current(connection)
    facts = gather(connection, digest, active.policy)
    return JudgedAdoption(active, facts, decide_adoption(actor, active, facts, now))


def gather(connection: sa.Connection, digest: str, policy: Policy) -> AdoptionFacts:
    """What is known of a policy that may be adopted; without an open proposal that is its digest alone.

    Args:
        policy: the active one; signatures are verified against the keys that people have now.

    Raises:
        DamagedRecordError: the log names another proposer than the record.
    """
    row = proposals.open_of(connection, digest)
    if row is None:
        return AdoptionFacts(digest)
    proposal, logged = row.proposal, _Logged(connection, row.proposal)
    logged.demand_proposer(proposal)
    given = [checked(signed, proposal, policy) for signed in proposals.answers_of(connection, proposal.id)]
    return AdoptionFacts(digest, proposal, logged.answers(given))


class _Logged:
    """What the log says of a proposal. It has the last word: a row that was changed frees nobody of anything."""

    def __init__(self, connection: sa.Connection, proposal: Proposal) -> None:
        self._proposers: set[str] = set()
        self._nos: dict[str, Approval] = {}
        self._taken_back: dict[str, datetime] = {}
        for leaf in log.of_kinds(connection, PROPOSED, ANSWERED[Answer.REJECT], TAKEN_BACK):
            if leaf.data.get("proposal") == proposal.id:
                self._take(leaf)

    def _take(self, leaf: Leaf) -> None:
        if leaf.kind == PROPOSED:
            self._proposers.add(leaf.actor.person)
        elif leaf.kind == TAKEN_BACK:
            self._taken_back |= dict.fromkeys(leaf.data["approvals"], leaf.time)
        else:
            said, role = leaf.data["approval"], leaf.data["role"]
            self._nos[said] = Approval(said, leaf.actor, Answer.REJECT, "", leaf.data["replaces"], leaf.time, role)

    def demand_proposer(self, proposal: Proposal) -> None:
        """Who proposed it does not count as approver: the row must say the same."""
        if self._proposers != {proposal.by}:
            raise DamagedRecordError(
                f"the record says that {proposal.by} proposed {short(proposal.digest)}, and the log "
                + (f"says {', '.join(sorted(self._proposers))}" if self._proposers else "knows of no such proposal"),
                where="tg_proposal",
                remedy="tidegate audit verify",
            )

    def answers(self, given: Sequence[Approval]) -> tuple[Approval, ...]:
        """The answers: each no as the log has it, so that no change of a row ends it; the others from their rows."""
        nos = [replace(no, revoked_at=self._taken_back.get(no.id)) for no in self._nos.values()]
        return (*nos, *(self._corrected(answer) for answer in given if answer.id not in self._nos))

    def _corrected(self, answer: Approval) -> Approval:
        if answer.revoked_at is None and answer.id in self._taken_back:
            return replace(answer, invalid="the log says that it was taken back, and the record does not")
        return answer


def checked(signed: SignedApproval, proposal: Proposal, policy: Policy) -> Approval:
    """The answer, with the reason why its signature does not hold where it does not.

    The row alone proves nothing: what counts is the statement that the person signed, and it must say the same.
    """
    answer = signed.approval
    try:
        said = statements.from_bytes(signed.statement)
        signed_for = (said.nonce, said.organization, said.act, said.release, said.policy, said.subject)
        row = (answer.id, policy.organization, ACTS[answer.answer], proposal.id, proposal.digest, answer.subject)
        if signed_for != row or (said.person, said.role) != (answer.actor.person, answer.role):
            return replace(answer, invalid="the signed statement says something else than the record")
        person = policy.people.get(answer.actor.person)
        proof = ssh.verify(
            signed.statement, signed.signature, person.keys if person else (), answer.actor.person, ssh.ACT
        )
    except TidegateError as error:
        return replace(answer, invalid=error.what)
    return replace(answer, key=proof.fingerprint)
