"""Adopt a policy: the file is a proposal until this makes it the stored, active one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.policy import Policy
from tidegate.core.rulebook import policy_of
from tidegate.core.statement import Act
from tidegate.errors import ConflictError
from tidegate.orchestration.adoption import AdoptionRefusedError, JudgedAdoption, judge_adoption
from tidegate.orchestration.afterwards import plan_reviews
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, demand_listed, demand_permit, prove_act, shown, spend
from tidegate.orchestration.proposal import Candidate, demand_a_way_on
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.train_plan import plan_runs
from tidegate.store import contents, locks, policies, proposals, requests
from tidegate.store.policies import Adoption
from tidegate.store.releases import actor_record


@dataclass(frozen=True, slots=True)
class Adopted:
    """What adopting did: the digest in force, and whether it is another than before."""

    digest: str
    changed: bool
    first: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """A policy that was proposed or adopted before, as it is stored."""

    policy: Policy
    resolved: bytes
    digest: str


def adopt(house: House, candidate: Candidate, claim: Claim) -> Adopted:
    """Make the candidate the active policy, if the active policy lets this person, and its approvals stand.

    The first adoption has no policy that could be asked: whoever holds the empty database may make it, must be a person
    of the proposal, and is logged like everybody.

    A release that was opened before stays pinned to the policy that it was opened under.

    Raises:
        NotPermittedError: the active policy (at first: the proposal) does not know them, or does not let them.
        AdoptionRefusedError: approvals that the active policy asks are missing; the refusal is recorded.
        ConflictError: another policy was adopted meanwhile.
        UsageError: under the proposal nobody could ever adopt another policy.
    """
    demand_a_way_on(candidate.policy)
    with refusals(house, "policy", claim.person, digest=candidate.digest):
        outcome = _adopt(house, candidate, claim)
    if isinstance(outcome, AdoptionRefusedError):
        raise outcome
    return outcome


def stored(house: House, name: str, claim: Claim) -> Stored:
    """The policy that was proposed or adopted under this digest, or its beginning; for ``claim``'s person to adopt.

    Raises:
        UsageError: it is no digest, or begins several.
        NotFoundError: no such policy was proposed or adopted.
        DamagedRecordError: what is stored is not what the digest names.
    """
    with refusals(house, "policy", claim.person, digest=name[:80]), house.database.read() as connection:
        digest = proposals.full_digest(connection, name)
        resolved = contents.fetch(connection, digest)
    return Stored(policy_of(resolved), resolved, digest)


def _adopt(house: House, candidate: Candidate, claim: Claim) -> Adopted | AdoptionRefusedError:
    with house.database.read() as connection:
        before = policies.active(connection)
        judge = policies.rulebook(connection, before.digest).policy if before else candidate.policy
    if before is not None:
        # Asked before the person is asked to sign: who may not adopt need not touch their key for it.
        demand_listed(judge, claim.person, "adopt", now=house.now())
    # Of the organisation as it is named now: a proposal may rename it, and its own name proves nothing yet.
    proven = prove_act(house, judge, claim, Act.ADOPT_POLICY, policy=candidate.digest)
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        now = house.now()
        found = policies.active(connection)
        if (found.number if found else 0) != (before.number if before else 0):
            raise ConflictError(
                "another policy was adopted meanwhile", remedy="look at it (tidegate policy show), then adopt again"
            )
        judged = None
        if found is not None:
            demand_permit(judge, proven.actor, "adopt", now=house.now())
            if found.digest == candidate.digest:
                return Adopted(found.digest, changed=False, first=False)
            judged = judge_adoption(connection, proven.actor, candidate.digest, now)
            if not judged.decision.allowed:
                return _refuse(connection, judged, proven, now)
        _replace(connection, candidate, proven, found, now, judged)
        house.database.after_commit(connection, house.wake)
    return Adopted(candidate.digest, changed=True, first=found is None)


def _refuse(connection: sa.Connection, judged: JudgedAdoption, proven: Proven, now: datetime) -> AdoptionRefusedError:
    refusal = AdoptionRefusedError(judged.decision)
    proof = shown(spend(connection, proven, now), proven)
    data = {"digest": judged.decision.digest, "error": refusal.kind, "what": refusal.what, **proof}
    record(connection, Entry("policy.denied", proven.actor, data=data), now, judged)
    return refusal


def _replace(
    connection: sa.Connection,
    candidate: Candidate,
    proven: Proven,
    found: Adoption | None,
    now: datetime,
    judged: JudgedAdoption | None = None,
) -> None:
    statement = spend(connection, proven, now)
    digest = policies.adopt(connection, candidate.resolved, now, actor_record(proven.actor))
    proposal = judged.facts.proposal if judged else None
    if proposal is not None:
        proposals.adopted(connection, proposal.id, found.number + 1 if found else 1, now)
    plan_runs(connection, policies.rulebook(connection, digest), now)
    plan_reviews(connection, policies.rulebook(connection, digest), now)
    # What waits for a start may be allowed now, or may have lost its right.
    requests.touch(connection, None, now)
    data = {
        "digest": digest,
        "replaces": found.digest if found else "",
        **({"proposal": proposal.id} if proposal else {}),
        **shown(statement, proven),
    }
    record(connection, Entry("policy.adopted", proven.actor, data=data), now, judged)


def adopt_first(house: House, candidate: Candidate) -> Adoption | None:
    """Adopt the proposal if no policy is active yet: the first use adopts, and is logged. None: one is active.

    Nobody is asked who they are: there is no policy yet that could know them.
    """
    with house.database.read() as connection:
        if policies.active(connection) is not None:
            return None
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        if policies.active(connection) is not None:
            return None
        _replace(connection, candidate, Proven(_FIRST_USE), None, house.now())
        return policies.active(connection)


_FIRST_USE = Actor("first-use", "first command in an empty store", Assurance.ASSERTED)
