"""Approve, reject, take back: a person's signed answer to one subject for one environment."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.approval import Answer, Approval
from tidegate.core.facts import Facts
from tidegate.core.policy import Policy
from tidegate.core.rules.actor_permitted import minimum_assurance
from tidegate.core.statement import Act, Statement
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, TidegateError
from tidegate.orchestration.facts import gather
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, known, prove, prove_act, statement_of, verify
from tidegate.orchestration.record import Entry, record
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
        _demand_environment(policy, environment)
        subject = gather(connection, row, policy, house.now()).release.subject_for(environment)
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
    statement = statement_for(house, release, environment, claim.person, said, role=role, reason=reason)
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    try:
        proven = prove(policy, claim, statement)
        _demand_assurance(policy, environment, proven)
    except NotPermittedError as error:
        _denied(house, release, environment, claim.person, error)
        raise
    return record_answer(house, proven.actor.person, proven.statement, proven.signature)


def record_answer(house: House, person: str, statement: bytes, signature: str) -> Answered:
    """Record an answer that was signed elsewhere: verified, and held against the release as it is now.

    Raises:
        NotPermittedError: the signature is not this person's, or the statement is about another subject.
        ConflictError: they have answered already, or the release is over.
    """
    said = statements.from_bytes(statement)
    try:
        with house.database.write() as connection:
            locks.lock_organization(connection)
            locks.lock_release(connection, said.release)
            return _record(house, connection, person, said, statement, signature)
    except (NotPermittedError, ConflictError) as error:
        _denied(house, said.release, said.environment, person, error)
        raise


def _record(
    house: House, connection: sa.Connection, person: str, said: Statement, statement: bytes, signature: str
) -> Answered:
    now = house.now()
    row = releases.load(connection, said.release)
    policy = policies.current(connection).policy
    known(policy, Claim(person))
    proven = verify(policy, person, statement, signature)
    _demand_assurance(policy, said.environment, proven)
    facts = gather(connection, row, policy, now)
    _demand_same(row, facts, policy, person, said)
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
    kind = "approval.granted" if approval.answer is Answer.APPROVE else "approval.rejected"
    data = {
        "environment": said.environment,
        "role": said.role,
        "subject": said.subject,
        "reason": said.reason[:500],
        "approval": approval.id,
    }
    if requests.touch(connection, said.release, now):
        house.database.after_commit(connection, house.wake)
    record(connection, Entry(kind, proven.actor, said.release, data), now)
    return Answered(approval, said.release)


def _demand_same(row: ReleaseRow, facts: Facts, policy: Policy, person: str, said: Statement) -> None:
    if row.closed_at is not None:
        raise ConflictError(f"release {said.release} is {row.facts.state.value}", remedy="there is nothing to approve")
    _demand_environment(policy, said.environment)
    if said.person != person:
        raise NotPermittedError(
            f"the statement is {said.person}'s, and {person} brings it", remedy="let each person sign for themselves"
        )
    if said.act not in (Act.APPROVE, Act.REJECT) or said.organization != policy.organization:
        raise NotPermittedError("the statement is no answer to a release of this organisation", remedy="sign it anew")
    if said.subject != facts.release.subject_for(said.environment):
        raise NotPermittedError(
            f"the statement is about another subject: something of {said.release} changed since it was made",
            remedy=f"look at what changed (tidegate release show {said.release}), then approve again",
        )


def _demand_environment(policy: Policy, environment: str) -> None:
    if environment not in policy.environments:
        raise NotFoundError(
            f'the policy knows no environment "{environment}"',
            remedy=f"name one of: {', '.join(policy.environments) or 'none is declared'}",
        )


def _demand_assurance(policy: Policy, environment: str, proven: Proven) -> None:
    minimum = minimum_assurance(policy.environments[environment])
    if not proven.signature or not proven.actor.assurance.at_least(minimum):
        raise NotPermittedError(
            f"{proven.actor.person} has not signed: a typed name is not an identity",
            remedy="sign with your SSH key: --key PATH (its public half must be among your keys in the policy)",
        )


def _denied(house: House, release: str, environment: str, person: str, error: TidegateError) -> None:
    from tidegate.core.actor import Actor, Assurance

    with house.database.write() as connection:
        actor = Actor(person[:60] or "nobody", "typed name", Assurance.ASSERTED)
        data = {"environment": environment, "error": error.kind, "what": error.what[:500]}
        record(connection, Entry("approval.denied", actor, release, data), house.now())


def revoke(house: House, release: str, environment: str, claim: Claim, reason: str = "") -> list[str]:
    """Take back one's own standing answer. The ids of what was taken back.

    Raises:
        NotPermittedError: it is not shown that it is this person.
        NotFoundError: they have no standing answer there.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        releases.load(connection, release)
    _demand_environment(policy, environment)
    concerns = {"release": release, "environment": environment, "reason": reason}
    proven = prove_act(house, policy, claim, Act.REVOKE, **concerns)
    _demand_assurance(policy, environment, proven)
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        now = house.now()
        ids = list(releases.revoke_approval(connection, release, environment, claim.person, now))
        if not ids:
            raise NotFoundError(
                f"{claim.person} has no standing answer about {release} for {environment}",
                remedy=f"tidegate release show {release}",
            )
        data = {"environment": environment, "approvals": ids, "reason": reason[:500]}
        record(connection, Entry("approval.revoked", proven.actor, release, data), now)
    return ids
