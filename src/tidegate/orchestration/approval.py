"""Approve, reject, take back: a person's signed answer to one subject for one environment."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.canonical import digest
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Facts, Release
from tidegate.core.policy import Occasion, Policy
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules import Context
from tidegate.core.rules.actor_permitted import minimum_assurance
from tidegate.core.rules.approvals import Hearing, counts_nowhere, self_approval
from tidegate.core.rules.demands import approval_rules
from tidegate.core.statement import Act, Statement
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, TidegateError
from tidegate.orchestration.facts import delegations_since, with_targets
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
from tidegate.orchestration.judge import lay_out
from tidegate.orchestration.messages import say
from tidegate.orchestration.record import Entry, record, record_all
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.set_back import demand_clock
from tidegate.signing import ssh
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
        # Before the transaction, where nobody waits for it; inside, the same is remembered and costs nothing. What does
        # not hold is refused there, after what else is wrong with it.
        with suppress(ssh.SignatureError):
            ssh.prove(statement, signature, person, ssh.ACT)
        return _record_in(house, person, statement, signature)


@dataclass(frozen=True, slots=True)
class _Handed:
    """A signed answer as somebody hands it in."""

    person: str
    said: Statement
    statement: bytes
    signature: str


@dataclass(frozen=True, slots=True)
class _There:
    """What answers for one environment are held against: the subject's digest, and what each policy asks."""

    subject: str
    contexts: tuple[Context, ...]
    hearings: tuple[Hearing, ...]


@dataclass(frozen=True)
class _Asked:
    """What the answers about one release are held against, as it is now."""

    row: ReleaseRow
    books: tuple[Rulebook, ...]
    facts: Facts
    now: datetime
    there: dict[str, _There] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        """The active policy."""
        return self.books[-1].policy

    @cached_property
    def targeted(self) -> Release:
        """The release as it would go now."""
        return with_targets(self.row.facts, self.policy)

    def at(self, environment: str) -> _There:
        """The same, for one environment; made once."""
        if environment not in self.there:
            question = Question(Action.START, Actor("", "", Assurance.ASSERTED), environment)
            contexts = tuple(Context(question, book, self.facts, self.now) for book in self.books)
            subject = self.targeted.subject_for(environment)
            self.there[environment] = _There(subject, contexts, tuple(map(Hearing, contexts)))
        return self.there[environment]


def _record_in(house: House, person: str, statement: bytes, signature: str) -> Answered:
    handed = _Handed(person, statements.from_bytes(statement), statement, signature)
    answered: Answered = house.answers.do(handed.said.release, handed, lambda all_: _record_all(house, all_))
    return answered


def _record_all(house: House, handed: Sequence[_Handed]) -> list[Answered | Exception]:
    """Record answers about one release in one transaction: each for itself, in the order in which they came."""
    release = handed[0].said.release
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        asked = _asked(house, connection, release)
        found = [_held_against(asked, each) for each in handed]
        signed = {
            number: SignedApproval(approval, each.statement, each.signature)
            for number, (each, approval) in enumerate(zip(handed, found, strict=True))
            if isinstance(approval, Approval)
        }
        renewed: list[Entry] = []

        def renew(approval: Approval) -> bool:
            entry = _renewed(connection, asked, approval)
            renewed.extend([entry] if entry else [])
            return entry is not None

        added = releases.add_approvals(connection, release, list(signed.values()), renew)
        refused = dict(zip(signed, added, strict=True))
        results = [refused.get(number) or each for number, each in enumerate(found)]
        recorded = [(each, one) for each, one in zip(handed, results, strict=True) if isinstance(one, Approval)]
        if recorded and requests.touch(connection, release, asked.now):
            house.database.after_commit(connection, house.wake)
        for each, approval in recorded:
            _tell_rejection(connection, asked, each, approval)
        record_all(connection, [*renewed, *(_entry(each, approval) for each, approval in recorded)], asked.now)
    return [Answered(one, release) if isinstance(one, Approval) else one for one in results]


def _renewed(connection: sa.Connection, asked: _Asked, approval: Approval) -> Entry | None:
    """Take back the yes that a new one replaces, where it counts nowhere any more; None where it stands.

    A yes that was given before its turn, or too long ago, fills no seat: whoever gives it again, signed, need not take
    the first back by a second signature. One that counts stands, and so does a no, which is taken back knowingly.
    """
    release, environment, person = asked.row.facts.id, approval.environment, approval.actor.person
    _, _, facts = lay_out(connection, release, asked.now)
    own = [
        each
        for each in facts.approvals
        if (each.actor.person, each.environment, each.revoked_at) == (person, environment, None)
    ]
    asking = asked.at(environment).contexts
    hearings = [Hearing(Context(one.question, one.rulebook, facts, asked.now)) for one in asking]
    spent = [each for each in own if each.answer is Answer.APPROVE and counts_nowhere(hearings, each)]
    if approval.answer is not Answer.APPROVE or not own or len(spent) < len(own):
        return None
    ids = list(releases.revoke_approval(connection, release, environment, person, asked.now))
    data = {"environment": environment, "approvals": ids, "reason": "given again", "replaced_by": approval.id}
    return Entry("approval.revoked", approval.actor, release, data)


def _tell_rejection(connection: sa.Connection, asked: _Asked, handed: _Handed, approval: Approval) -> None:
    if approval.answer is Answer.REJECT:
        why = f": {handed.said.reason}" if handed.said.reason else ""
        detail = f"{handed.person} rejected it for {approval.environment}{why}"
        say(connection, asked.policy, Occasion.REJECTED, asked.row.facts, asked.now, detail=detail, once=approval.id)


def _asked(house: House, connection: sa.Connection, release: str) -> _Asked:
    now = house.now()
    demand_clock(connection, now)
    row = releases.load(connection, release)
    current, pinned = policies.current(connection), policies.rulebook(connection, row.policy)
    books = (pinned,) if pinned.digest == current.digest else (pinned, current)
    delegated = delegations_since(connection, current.policy, row.facts.opened_at)
    return _Asked(row, books, Facts(row.facts, delegations=delegated), now)


def _held_against(asked: _Asked, handed: _Handed) -> Approval | TidegateError:
    """The approval that an answer is, or why it is none."""
    said, policy = handed.said, asked.policy
    try:
        demand_environment(policy, said.environment)
        known(policy, Claim(handed.person))
        proven = verify(policy, handed.person, handed.statement, handed.signature)
        _demand_assurance(policy, said.environment, proven)
        _demand_same(asked, handed)
        _demand_role(asked, said)
        if said.act is Act.APPROVE:
            _demand_other_hands(asked, said)
    except TidegateError as error:
        return error
    return Approval(
        id=said.nonce,
        actor=proven.actor,
        answer=Answer(said.act.value),
        environment=said.environment,
        subject=said.subject,
        at=asked.now,
        role=said.role,
    )


def _entry(handed: _Handed, approval: Approval) -> Entry:
    said = handed.said
    data = {
        "environment": said.environment,
        "role": said.role,
        "subject": said.subject,
        "reason": said.reason,
        "approval": approval.id,
        "statement": digest(handed.statement),
        "signature": handed.signature,
    }
    kind = "approval.granted" if approval.answer is Answer.APPROVE else "approval.rejected"
    return Entry(kind, approval.actor, said.release, data)


def _demand_same(asked: _Asked, handed: _Handed) -> None:
    row, person, said = asked.row, handed.person, handed.said
    if row.closed_at is not None:
        raise ConflictError(f"release {said.release} is {row.facts.state.said}", remedy="there is nothing to approve")
    if said.person != person:
        raise NotPermittedError(
            f"the statement is {said.person}'s, and {person} brings it", remedy="let each person sign for themselves"
        )
    if said.act not in (Act.APPROVE, Act.REJECT) or said.organization != asked.policy.organization:
        raise NotPermittedError("the statement is no answer to a release of this organisation", remedy="sign it anew")
    if said.subject != asked.at(said.environment).subject:
        raise NotPermittedError(
            f"the statement is about another subject: something of {said.release} changed since it was made",
            remedy=f"look at what changed (tidegate release show {said.release}), then approve again",
        )
    if said.policy != row.policy:
        raise NotPermittedError(
            f"the statement was made when {said.release} was pinned to another policy",
            remedy=f"look at the release (tidegate release show {said.release}), then approve again",
        )


def _demand_other_hands(asked: _Asked, said: Statement) -> None:
    """Whoever has a hand in it does not approve it, by whatever way the answer comes."""
    why = self_approval(asked.at(said.environment).hearings, said.person)
    if why:
        raise NotPermittedError(
            f"{said.person} {why}, and may not approve {said.release}",
            remedy="let somebody approve it who has no hand in it",
        )


def _demand_role(asked: _Asked, said: Statement) -> None:
    """A role that nothing asks for fills no seat: better to say so now than to count it nowhere."""
    if not said.role:
        return
    wanted = [rule for each in asked.at(said.environment).contexts for rule in approval_rules(each)]
    roles = sorted({rule.role for rule in wanted if rule.role})
    if said.role not in roles:
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
