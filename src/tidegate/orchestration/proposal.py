"""Propose a policy; approve it, reject it, take the answer back: each signed for this very proposal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.adoption import Proposal, may_approve, may_reject, short, shut_out
from tidegate.core.approval import Answer, Approval
from tidegate.core.canonical import digest
from tidegate.core.policy import Act as PolicyAct
from tidegate.core.policy import Policy
from tidegate.core.rules.actor_permitted import permitted_people
from tidegate.core.statement import Act, Statement
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration.adoption import ACTS, ANSWERED, PROPOSED, TAKEN_BACK
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    Claim,
    Proven,
    known,
    nonce,
    prove,
    prove_act,
    proven_by,
    shown,
    spend,
    stands,
    statement_of,
    verify,
)
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import contents, locks, policies, proposals
from tidegate.store.proposals import ProposalRow
from tidegate.store.releases import SignedApproval


class Candidate(Protocol):
    """A policy that may become the active one: from a file, or stored."""

    @property
    def policy(self) -> Policy:
        """What it says."""

    @property
    def resolved(self) -> bytes:
        """The bytes that the digest names."""

    @property
    def digest(self) -> str:
        """Its name."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A proposal that is open now, and whether it was not before."""

    proposal: Proposal
    new: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was recorded."""

    approval: Approval
    proposal: Proposal


def demand_a_way_on(policy: Policy) -> None:
    """Somebody could adopt another policy under this one.

    Raises:
        UsageError: nobody could ever.
    """
    if why := shut_out(policy):
        raise UsageError(f"under this policy nobody could ever adopt another one: {why.what}", remedy=why.remedy)


def propose(house: House, candidate: Candidate, claim: Claim, because: str = "") -> Proposed:
    """Keep a policy as an open proposal, for others to approve. One that is open already is left as it is.

    Raises:
        NotPermittedError: the active policy lets this person neither open releases nor adopt policies.
        ConflictError: it is the active policy already.
        UsageError: under it nobody could ever adopt another policy.
        NotFoundError: no policy was adopted yet.
    """
    demand_a_way_on(candidate.policy)
    with refusals(house, "policy", claim.person, digest=candidate.digest):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
        _demand_proposer(policy, claim.person)
        concerns = {"policy": candidate.digest, "reason": because}
        proven = prove_act(house, policy, claim, Act.PROPOSE_POLICY, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            active = policies.current(connection)
            actor = stands(active.policy, proven, Act.PROPOSE_POLICY, **concerns)
            _demand_proposer(active.policy, actor.person)
            _demand_assurance(active.policy, proven)
            if active.digest == candidate.digest:
                raise ConflictError(
                    f"{short(candidate.digest)} is the active policy already",
                    remedy="change the file, then propose it",
                )
            found = proposals.open_of(connection, candidate.digest)
            if found is not None:
                return Proposed(found.proposal, new=False)
            return Proposed(_put(house, connection, candidate, proven, active.digest, because), new=True)


def _demand_proposer(policy: Policy, person: str) -> None:
    known(policy, Claim(person))
    may = permitted_people(policy, PolicyAct.OPEN, None) | permitted_people(policy, PolicyAct.ADOPT, None)
    if person not in may:
        raise NotPermittedError(
            f"{person} may not propose a policy",
            remedy=f"ask one of: {', '.join(sorted(may)) or 'nobody may'}; or list them under permits.open",
        )


def _demand_assurance(policy: Policy, proven: Proven) -> None:
    if not proven.actor.assurance.at_least(policy.assurance):
        raise NotPermittedError(
            f"{proven.actor.person} is only {proven.actor.assurance.value}; propose asks for {policy.assurance.value}",
            remedy="sign with your SSH key: --key PATH",
        )


def _put(
    house: House, connection: sa.Connection, candidate: Candidate, proven: Proven, active: str, because: str
) -> Proposal:
    now = house.now()
    name = contents.keep(connection, candidate.resolved)
    contents.fetch(connection, name)
    statement = spend(connection, proven, now)
    proposal = Proposal(f"proposal-{nonce()[:16]}", name, proven.actor.person, now, because)
    proposals.put(connection, ProposalRow(proposal, proven.actor, active), statement, proven.signature)
    data = {
        "digest": name,
        "proposal": proposal.id,
        "replaces": active,
        "because": because,
        **shown(statement, proven),
    }
    record(connection, Entry(PROPOSED, proven.actor, data=data), now)
    return proposal


def statement_for(house: House, name: str, person: str, said: Answer, *, role: str = "", reason: str = "") -> Statement:
    """What a person has to sign to give this answer: it names everything that the answer is bound to.

    Args:
        name: the proposed policy's digest, or the beginning of it.

    Raises:
        NotFoundError: no such policy was proposed.
        ConflictError: it was adopted, and the proposal is over.
        DamagedRecordError: what is stored under its digest is something else.
    """
    with house.database.read() as connection:
        row = _open(connection, proposals.full_digest(connection, name))
        active = policies.current(connection)
    return statement_of(
        house,
        active.policy,
        Claim(person),
        ACTS[said],
        release=row.proposal.id,
        policy=row.proposal.digest,
        subject=active.digest,
        role=role,
        reason=reason,
    )


def _open(connection: sa.Connection, name: str) -> ProposalRow:
    row = proposals.open_of(connection, name)
    if row is not None:
        # Nobody says yes to what cannot be shown to them.
        contents.fetch(connection, name)
        return row
    if any(one.proposal.digest == name for one in proposals.everything(connection)):
        raise ConflictError(
            f"{short(name)} was adopted, and its proposal is over", remedy="propose it again: tidegate policy propose"
        )
    raise NotFoundError(f"{short(name)} is not proposed", remedy="tidegate policy history")


def answer(house: House, name: str, claim: Claim, said: Answer, *, role: str = "", reason: str = "") -> Answered:
    """Sign and record an answer to a proposed policy.

    Args:
        name: the policy's digest, or the beginning of it.

    Raises:
        NotPermittedError: the person is unknown, has not signed, has signed with a key that is not theirs, or is not
            asked.
        ConflictError: they have answered already, or it was adopted.
        NotFoundError: no such policy was proposed, or no approval is asked in that role.
        DamagedRecordError: what is stored under its digest is something else.
    """
    with refusals(house, "policy", claim.person, digest=name[:80]):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
        statement = statement_for(house, name, claim.person, said, role=role, reason=reason)
        proven = prove(policy, claim, statement)
        return _record(house, statement.policy, claim.person, proven.statement, proven.signature, statement)


def record_answer(house: House, name: str, person: str, statement: bytes, signature: str) -> Answered:
    """Record an answer that was signed elsewhere, as the answer to this proposal: verified as if it were given now.

    Raises:
        UsageError: it is no statement.
        NotPermittedError: the signature is not this person's, or the statement is about something else.
        ConflictError: they have answered already, this statement was recorded before, or the proposal is over.
        NotFoundError: no such policy was proposed, or no approval is asked in that role.
    """
    said = statements.from_bytes(statement)
    with refusals(house, "policy", person, digest=name[:80]):
        return _record(house, name, person, statement, signature, said)


def _record(house: House, name: str, person: str, statement: bytes, signature: str, said: Statement) -> Answered:
    with house.database.write() as connection:
        locks.lock_organization(connection)
        row = _open(connection, proposals.full_digest(connection, name))
        active = policies.current(connection)
        known(active.policy, Claim(person))
        _demand_signed(person, signature)
        proven = verify(active.policy, person, statement, signature)
        _demand_same(row.proposal, active.digest, active.policy, person, said)
        given = Answer.APPROVE if said.act is Act.APPROVE_POLICY else Answer.REJECT
        _demand_asked(active.policy, row.proposal, person, given, said.role)
        now = house.now()
        approval = Approval(said.nonce, proven.actor, given, "", said.subject, now, said.role)
        proposals.add_answer(connection, row.proposal, SignedApproval(approval, statement, signature))
        data = {
            "digest": row.proposal.digest,
            "proposal": row.proposal.id,
            "replaces": said.subject,
            "role": said.role,
            "reason": said.reason,
            "approval": approval.id,
            "statement": digest(statement),
            "signature": signature,
        }
        record(connection, Entry(ANSWERED[given], proven.actor, data=data), now)
    return Answered(approval, row.proposal)


def _demand_signed(person: str, signature: str) -> None:
    if not signature:
        raise NotPermittedError(
            f"{person} has not signed: a typed name is not an identity",
            remedy="sign with your SSH key: --key PATH (its public half must be among your keys in the policy)",
        )


def _demand_same(proposal: Proposal, active: str, policy: Policy, person: str, said: Statement) -> None:
    if said.person != person:
        raise NotPermittedError(
            f"the statement is {said.person}'s, and {person} brings it", remedy="let each person sign for themselves"
        )
    if said.act not in ACTS.values() or said.organization != policy.organization:
        raise NotPermittedError("the statement is no answer to a policy of this organisation", remedy="sign it anew")
    if (said.release, said.policy) != (proposal.id, proposal.digest):
        raise NotPermittedError(
            f"the statement is about another proposal than that of {short(proposal.digest)}",
            remedy=f"look at it (tidegate policy history {short(proposal.digest)}), then sign for it",
        )
    if said.subject != active:
        raise NotPermittedError(
            "the statement was made when another policy was active",
            remedy=f"look at what {short(proposal.digest)} changes now, then sign for it",
        )


def _demand_asked(policy: Policy, proposal: Proposal, person: str, given: Answer, role: str) -> None:
    """An answer that can never count is better refused than kept."""
    asks = policy.adoption.approvals
    asked = sorted({rule.group for rule in asks})
    counts = may_approve(policy, person) if given is Answer.APPROVE else may_reject(policy, person, proposal.by)
    if not counts:
        raise NotPermittedError(
            f"{person} is not asked about a change of the policy",
            remedy=f"it asks: {', '.join(asked)}" if asked else "no approval is asked for: tidegate policy adopt",
        )
    roles = sorted({rule.role for rule in asks if rule.role})
    if role and role not in roles:
        raise NotFoundError(
            f'no approval of a policy in the role "{role[:80]}" is asked for',
            remedy=f"leave --role out, or name one of: {', '.join(roles) or 'none is asked for'}",
        )


def revoke(house: House, name: str, claim: Claim, reason: str = "") -> list[str]:
    """Take back one's own standing answers to a proposed policy. The ids of what was taken back.

    Raises:
        NotPermittedError: it is not shown that it is this person.
        NotFoundError: no such policy was proposed, or they have no standing answer to it.
        ConflictError: it was adopted.
    """
    with refusals(house, "policy", claim.person, digest=name[:80]):
        with house.database.read() as connection:
            proposal = _open(connection, proposals.full_digest(connection, name)).proposal
        concerns = {"release": proposal.id, "policy": proposal.digest, "reason": reason}
        proven = proven_by(house, claim, Act.REVOKE_POLICY, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            if _open(connection, proposal.digest).proposal != proposal:
                raise ConflictError(
                    f"{short(proposal.digest)} was proposed anew meanwhile", remedy="repeat the command"
                )
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.REVOKE_POLICY, **concerns)
            _demand_signed(actor.person, proven.signature)
            now = house.now()
            ids = list(proposals.revoke_answers(connection, proposal.id, actor.person, now))
            if not ids:
                raise NotFoundError(
                    f"{actor.person} has no standing answer to {short(proposal.digest)}",
                    remedy=f"tidegate policy history {short(proposal.digest)}",
                )
            proof = shown(spend(connection, proven, now), proven)
            data = {
                "digest": proposal.digest,
                "proposal": proposal.id,
                "approvals": ids,
                "reason": reason,
                **proof,
            }
            record(connection, Entry(TAKEN_BACK, actor, data=data), now)
    return ids
