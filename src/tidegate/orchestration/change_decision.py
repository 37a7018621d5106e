"""Decide on a change request: a person's signed answer to it as it was submitted, in the seat that they may fill."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.actor import Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.canonical import digest
from tidegate.core.change_demands import (
    asks_of,
    decided,
    may_answer,
)
from tidegate.core.change_request import (
    CHANGE,
    ChangeAnswer,
    ChangeEvent,
    ChangeRequest,
    ChangeState,
)
from tidegate.core.policy import Policy
from tidegate.core.rules.actor_permitted import minimum_assurance
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration.change_acting import (
    category_of,
    demand_texts,
    loaded,
    one_release,
    refusing,
    touch,
)
from tidegate.orchestration.change_facts import ANSWERS, reason_with
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    Claim,
    Proven,
    known,
    prove,
    shown,
    spend,
    stands,
    statement_of,
)
from tidegate.orchestration.record import Entry, record
from tidegate.store import changes, contents, locks, policies
from tidegate.store.changes import SignedAnswer

MAX_MINUTES_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that was recorded, and the change request as it is now."""

    approval: Approval
    minutes: str
    change: ChangeRequest


def answer(
    house: House,
    name: str,
    claim: Claim,
    said: Answer,
    *,
    role: str = "",
    reason: str = "",
    minutes: str | bytes = "",
) -> Answered:
    """Sign and record a yes or a no to what was submitted.

    Args:
        minutes: of the board's meeting: words that name them, or their bytes, which are kept and named by digest.

    Raises:
        NotPermittedError: the person is not asked, wrote it or asks for it, or has not signed.
        NotFoundError: there is no such change request, or no approval in that role is asked for.
        ConflictError: it is not submitted, they have said so already, or it is over.
        UsageError: a member of the board names no minutes.
    """
    demand_texts(reason=reason, minutes=minutes if isinstance(minutes, str) else "")
    named = minutes if isinstance(minutes, str) else _minutes_of(minutes)
    with refusing(house, claim.person, name):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
            change = loaded(connection, policy, name)
            _demand_answerable(policy, change, claim.person, said, role, named)
        concerns = {"release": name, "role": role, "subject": change.digest, "reason": reason_with(named, reason)}
        proven = prove(policy, claim, statement_of(house, policy, claim, ANSWERS[said], **concerns))
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy, now = policies.current(connection).policy, house.now()
            stands(policy, proven, ANSWERS[said], **concerns)
            _demand_signed(proven)
            if isinstance(minutes, bytes):
                contents.keep(connection, minutes)
            return _record_answer(house, connection, policy, name, proven, said, named, now)


def _minutes_of(minutes: bytes) -> str:
    if not minutes or len(minutes) > MAX_MINUTES_BYTES:
        raise UsageError(
            f"the minutes have {len(minutes)} bytes; they have at least one and at most {MAX_MINUTES_BYTES}",
            remedy="give the text of the minutes, or words that name them",
        )
    return digest(minutes)


def _demand_signed(proven: Proven) -> None:
    if not proven.signature:
        raise NotPermittedError(
            f"{proven.actor.person} has not signed: a typed name is not an identity",
            remedy="sign with your SSH key: --key PATH (its public half must be among your keys in the policy)",
        )


def _demand_answerable(
    policy: Policy, change: ChangeRequest, person: str, said: Answer, role: str, minutes: str
) -> None:
    """An answer that can never count is better refused than kept."""
    known(policy, Claim(person))
    category = category_of(policy, change.category)
    if change.state is ChangeState.OPEN:
        raise ConflictError(f"{change.id} is not submitted yet", remedy=f"tidegate change submit {change.id}")
    CHANGE.next(change.state, ChangeEvent.APPROVED if said is Answer.APPROVE else ChangeEvent.REJECTED)
    asks = asks_of(policy, category, change.releases)
    asked = [ask for ask in asks if person in policy.people_of(ask.group)]
    if not asked:
        groups = ", ".join(sorted({ask.group for ask in asks}))
        raise NotPermittedError(
            f"{person} is not asked about {change.id}",
            remedy=f"it asks: {groups}" if groups else f"a {change.category} change asks nobody",
        )
    if said is Answer.APPROVE and not any(person in may_answer(policy, change, ask) for ask in asked):
        raise NotPermittedError(
            f"{person} {'asks for' if person == change.opened_by else 'wrote'} what {change.id} changes, and does not "
            "decide on it",
            remedy=f"ask somebody else of {', '.join(sorted({ask.group for ask in asked}))}",
        )
    roles = sorted({ask.rule.role for ask in asks if ask.rule.role})
    if role and role not in roles:
        raise NotFoundError(
            f'no approval in the role "{role[:80]}" is asked for',
            remedy=f"leave --role out, or name one of: {', '.join(roles) or 'none is asked for'}",
        )
    on_board = category.board is not None and all(ask.group == category.board for ask in asked)
    if said is Answer.APPROVE and on_board and not minutes:
        raise UsageError(
            f"{person} answers for {category.board}, and names no minutes of it", remedy="name them: --minutes FILE"
        )


def _record_answer(
    house: House,
    connection: sa.Connection,
    policy: Policy,
    name: str,
    proven: Proven,
    said: Answer,
    minutes: str,
    now: datetime,
) -> Answered:
    statement = statements.from_bytes(proven.statement)
    change = loaded(connection, policy, name)
    _demand_answerable(policy, change, proven.actor.person, said, statement.role, minutes)
    if statement.subject != change.digest:
        raise NotPermittedError(
            f"the statement is about {name} as it was before something changed",
            remedy=f"look at it (tidegate change show {name}), then answer again",
        )
    approval = Approval(
        id=statement.nonce,
        actor=proven.actor,
        answer=said,
        environment="",
        subject=statement.subject,
        at=now,
        role=statement.role,
    )
    signed = SignedAnswer(ChangeAnswer(approval, minutes), proven.statement, proven.signature)
    changes.add_answer(connection, name, signed)
    spent = spend(connection, proven, now)
    change = loaded(connection, policy, name)
    event = _outcome(policy, change, said)
    if event is not None:
        change = replace(change, state=changes.move(connection, change, event, now))
    touch(house, connection, change, now)
    data = {
        "change": name,
        "state": change.state.value,
        "role": statement.role,
        "subject": statement.subject,
        "reason": statement.reason,
        "minutes": minutes,
        "approval": approval.id,
        **shown(spent, proven),
    }
    kind = "change.answered" if said is Answer.APPROVE else "change.rejected"
    record(connection, Entry(kind, proven.actor, one_release(change), data), now)
    return Answered(approval, minutes, change)


def _outcome(policy: Policy, change: ChangeRequest, said: Answer) -> ChangeEvent | None:
    if said is Answer.REJECT:
        return ChangeEvent.REJECTED
    category = category_of(policy, change.category)
    standing = decided(policy, change, category, minimum_of(policy, change))
    return ChangeEvent.APPROVED if standing.complete else None


def minimum_of(policy: Policy, change: ChangeRequest) -> Assurance:
    """The least assurance with which a change request is decided: that of the strictest of its environments."""
    names = {name for bound in change.releases for name in bound.subjects}
    least = [minimum_assurance(policy.environments[name]) for name in names if name in policy.environments]
    return max(least, key=list(Assurance).index, default=Assurance.SIGNATURE)
