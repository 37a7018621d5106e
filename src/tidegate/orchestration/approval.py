"""Approve, reject, take back: a person's signed answer to one subject for one environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.approval import Answer, Approval
from tidegate.core.canonical import digest
from tidegate.core.policy import ApprovalRule, Policy
from tidegate.core.rules.actor_permitted import minimum_assurance
from tidegate.core.statement import Act, Statement
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError
from tidegate.orchestration.facts import with_targets
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    Claim,
    Proven,
    demand_environment,
    known,
    prove,
    proven_by,
    shown,
    spend,
    stands,
    statement_of,
    verify,
)
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import locks, policies, releases, requests
from tidegate.store.releases import ReleaseRow, SignedApproval


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was recorded."""

    approval: Approval
    release: str


def statement_for(
    house: House, release: str, environment: str, person: str, answer: Answer, *, role: str = "", reason: str = ""
) -> Statement:
    """What a person has to sign to give this answer: it names everything that the answer is bound to.

    Raises:
        NotFoundError: there is no such release or environment.
    """
    with house.database.read() as connection:
        row = releases.load(connection, release)
        policy = policies.current(connection).policy
        demand_environment(policy, environment)
        subject = with_targets(row.facts, policy).subject_for(environment)
    return statement_of(
        house,
        policy,
        Claim(person),
        Act(answer.value),
        release=release,
        environment=environment,
        role=role,
        subject=subject,
        policy=row.policy,
        reason=reason,
    )


def answer(
    house: House, release: str, environment: str, claim: Claim, said: Answer, *, role: str = "", reason: str = ""
) -> Answered:
    """Sign and record an answer; one that is refused leaves a ``denied`` leaf.

    Raises:
        NotPermittedError: the person is unknown, has not signed, or has signed with a key that is not theirs.
        ConflictError: they have answered already, or the release is over.
        NotFoundError: there is no such release or environment.
    """
    with refusals(house, "approval", claim.person, release, environment=environment):
        statement = statement_for(house, release, environment, claim.person, said, role=role, reason=reason)
        with house.database.read() as connection:
            policy = policies.current(connection).policy
        proven = prove(policy, claim, statement)
        _demand_assurance(policy, environment, proven)
        return _record_in(house, proven.actor.person, proven.statement, proven.signature)


def record_answer(house: House, person: str, statement: bytes, signature: str) -> Answered:
    """Record an answer that was signed elsewhere: verified, and held against the release as it is now.

    Raises:
        UsageError: it is no statement.
        NotPermittedError: the signature is not this person's, or the statement is about another subject.
        ConflictError: they have answered already, this statement was recorded before, or the release is over.
        NotFoundError: there is no such release, environment or role.
    """
    said = statements.from_bytes(statement)
    with refusals(house, "approval", person, said.release, environment=said.environment):
        return _record_in(house, person, statement, signature)


def _record_in(house: House, person: str, statement: bytes, signature: str) -> Answered:
    said = statements.from_bytes(statement)
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, said.release)
        return _record(house, connection, person, said, statement, signature)


def _record(
    house: House, connection: sa.Connection, person: str, said: Statement, statement: bytes, signature: str
) -> Answered:
    now = house.now()
    row = releases.load(connection, said.release)
    policy = policies.current(connection).policy
    demand_environment(policy, said.environment)
    known(policy, Claim(person))
    proven = verify(policy, person, statement, signature)
    _demand_assurance(policy, said.environment, proven)
    _demand_same(row, policy, person, said)
    _demand_role([policies.rulebook(connection, row.policy).policy, policy], row.facts.type, said)
    approval = Approval(
        id=said.nonce,
        actor=proven.actor,
        answer=Answer(said.act.value),
        environment=said.environment,
        subject=said.subject,
        at=now,
        role=said.role,
    )
    releases.add_approval(connection, said.release, SignedApproval(approval, statement, signature))
    if requests.touch(connection, said.release, now):
        house.database.after_commit(connection, house.wake)
    kind = "approval.granted" if approval.answer is Answer.APPROVE else "approval.rejected"
    data = {
        "environment": said.environment,
        "role": said.role,
        "subject": said.subject,
        "reason": said.reason,
        "approval": approval.id,
        "statement": digest(statement),
        "signature": signature,
    }
    record(connection, Entry(kind, proven.actor, said.release, data), now)
    return Answered(approval, said.release)


def _demand_same(row: ReleaseRow, policy: Policy, person: str, said: Statement) -> None:
    if row.closed_at is not None:
        raise ConflictError(f"release {said.release} is {row.facts.state.value}", remedy="there is nothing to approve")
    if said.person != person:
        raise NotPermittedError(
            f"the statement is {said.person}'s, and {person} brings it", remedy="let each person sign for themselves"
        )
    if said.act not in (Act.APPROVE, Act.REJECT) or said.organization != policy.organization:
        raise NotPermittedError("the statement is no answer to a release of this organisation", remedy="sign it anew")
    if said.subject != with_targets(row.facts, policy).subject_for(said.environment):
        raise NotPermittedError(
            f"the statement is about another subject: something of {said.release} changed since it was made",
            remedy=f"look at what changed (tidegate release show {said.release}), then approve again",
        )
    if said.policy != row.policy:
        raise NotPermittedError(
            f"the statement was made when {said.release} was pinned to another policy",
            remedy=f"look at the release (tidegate release show {said.release}), then approve again",
        )


def _demand_role(asked: Sequence[Policy], type_: str, said: Statement) -> None:
    """A role that nothing asks for fills no seat: better to say so now than to count it nowhere."""
    rules: list[ApprovalRule] = []
    for policy in asked:
        environment, kind = policy.environments.get(said.environment), policy.release_types.get(type_)
        rules += [*(environment.approvals if environment else ()), *(kind.approvals if kind else ())]
    roles = sorted({rule.role for rule in rules if rule.role})
    if said.role and said.role not in roles:
        raise NotFoundError(
            f'no approval in the role "{said.role[:80]}" is asked for',
            remedy=f"leave --role out, or name one of: {', '.join(roles) or 'none is asked for'}",
        )


def _demand_assurance(policy: Policy, environment: str, proven: Proven) -> None:
    minimum = minimum_assurance(policy.environments[environment])
    if not proven.signature or not proven.actor.assurance.at_least(minimum):
        raise NotPermittedError(
            f"{proven.actor.person} has not signed: a typed name is not an identity",
            remedy="sign with your SSH key: --key PATH (its public half must be among your keys in the policy)",
        )


def revoke(house: House, release: str, environment: str, claim: Claim, reason: str = "") -> list[str]:
    """Take back one's own standing answer. The ids of what was taken back.

    Raises:
        NotPermittedError: it is not shown that it is this person.
        NotFoundError: they have no standing answer there.
    """
    with refusals(house, "approval", claim.person, release, environment=environment):
        with house.database.read() as connection:
            demand_environment(policies.current(connection).policy, environment)
            releases.load(connection, release)
        concerns = {"release": release, "environment": environment, "reason": reason}
        proven = proven_by(house, claim, Act.REVOKE, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            locks.lock_release(connection, release)
            policy = policies.current(connection).policy
            demand_environment(policy, environment)
            actor = stands(policy, proven, Act.REVOKE, **concerns)
            _demand_assurance(policy, environment, proven)
            now = house.now()
            ids = list(releases.revoke_approval(connection, release, environment, claim.person, now))
            if not ids:
                raise NotFoundError(
                    f"{claim.person} has no standing answer about {release} for {environment}",
                    remedy=f"tidegate release show {release}",
                )
            proof = shown(spend(connection, proven, now), proven)
            # What was taken back may have been a no.
            if requests.touch(connection, release, now):
                house.database.after_commit(connection, house.wake)
            data = {"environment": environment, "approvals": ids, "reason": reason, **proof}
            record(connection, Entry("approval.revoked", actor, release, data), now)
    return ids
