"""Change requests as facts: from rows, with every act and answer held against what its person signed."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.actor import Assurance
from tidegate.core.approval import Answer
from tidegate.core.change_request import ActKind, ChangeAct, ChangeAnswer, ChangeRequest
from tidegate.core.policy import Policy
from tidegate.core.statement import Act, Statement
from tidegate.errors import TidegateError
from tidegate.signing import ssh
from tidegate.store import changes
from tidegate.store.changes import ChangeRow, SignedAct, SignedAnswer

ACTS = {
    ActKind.REQUEST: Act.OPEN_CHANGE,
    ActKind.ASSESSMENT: Act.ASSESS_CHANGE,
    ActKind.STEP: Act.STEP_CHANGE,
    ActKind.SUBMISSION: Act.SUBMIT_CHANGE,
    ActKind.MITIGATION: Act.MITIGATE_CHANGE,
}
"""What is signed for each kind of act."""

ANSWERS = {Answer.APPROVE: Act.APPROVE_CHANGE, Answer.REJECT: Act.REJECT_CHANGE}
"""What is signed for each answer."""


def changes_for(connection: sa.Connection, release: str, policy: Policy) -> tuple[ChangeRequest, ...]:
    """The change requests for a release, with their acts and answers as they hold under the keys of ``policy``."""
    return tuple(change_of(row, policy) for row in changes.of_release(connection, release))


def change_of(row: ChangeRow, policy: Policy) -> ChangeRequest:
    """A change request with its acts and answers, each with the reason why its signature does not hold."""
    change = row.change
    return replace(
        change,
        acts=tuple(_checked_act(signed, change.id, policy) for signed in row.acts),
        answers=tuple(_checked_answer(signed, change.id, policy) for signed in row.answers),
    )


def concerns_of(change: str, act: ChangeAct) -> dict[str, str]:
    """The fields of the statement by which somebody signs an act on a change request."""
    named = "" if act.kind is ActKind.REQUEST else change
    return {"release": named, "role": act.name, "subject": act.subject, "reason": act.how}


def reason_with(minutes: str, reason: str) -> str:
    """The reason that an answer is signed with: the statement has no place of its own for the minutes."""
    return f"minutes {minutes}; {reason}" if minutes else reason


def _checked_act(signed: SignedAct, change: str, policy: Policy) -> ChangeAct:
    act = signed.act
    if not signed.signature:
        return replace(act, assurance=Assurance.ASSERTED)
    try:
        said = statements.from_bytes(signed.statement)
        wanted = {"act": ACTS[act.kind], "person": act.by, "organization": policy.organization}
        if any(getattr(said, name) != value for name, value in (wanted | concerns_of(change, act)).items()):
            return replace(act, invalid=_OTHER)
        _verify(policy, act.by, signed.statement, signed.signature)
    except TidegateError as error:
        return replace(act, invalid=error.what)
    return act


_OTHER = "the signed statement says something else than the record"


def _checked_answer(signed: SignedAnswer, change: str, policy: Policy) -> ChangeAnswer:
    given, minutes = signed.answer.approval, signed.answer.minutes
    try:
        said = statements.from_bytes(signed.statement)
        if _differs(said, signed.answer, change, policy) or not said.reason.startswith(reason_with(minutes, "")):
            return ChangeAnswer(replace(given, invalid=_OTHER), minutes)
        key = _verify(policy, given.actor.person, signed.statement, signed.signature)
    except TidegateError as error:
        return ChangeAnswer(replace(given, invalid=error.what), minutes)
    return ChangeAnswer(replace(given, key=key), minutes)


def _differs(said: Statement, answer: ChangeAnswer, change: str, policy: Policy) -> bool:
    given = answer.approval
    signed = (said.nonce, said.organization, said.act, said.release, said.subject, said.person, said.role)
    act = ANSWERS[given.answer]
    return signed != (given.id, policy.organization, act, change, given.subject, given.actor.person, given.role)


def _verify(policy: Policy, person: str, statement: bytes, signature: str) -> str:
    known = policy.people.get(person)
    return ssh.verify(statement, signature, known.keys if known else (), person, ssh.ACT).fingerprint
