"""Policies that are proposed, and what people answered: rows beside the log, which has the last word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.adoption import SHORT, Proposal, short
from tidegate.core.approval import Answer, Approval
from tidegate.errors import ConflictError, NotFoundError, UsageError
from tidegate.store import contents, tables
from tidegate.store.releases import SignedApproval, actor_of, actor_record


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal as it is kept: ``adoption`` is the number of the policy that it became, None while it is open."""

    proposal: Proposal
    actor: Actor
    replaces: str
    ended_at: datetime | None = None
    adoption: int | None = None


def put(connection: sa.Connection, row: ProposalRow, statement: str, signature: str) -> None:
    """Record a new proposal. The caller has locked the organisation.

    Args:
        statement: the digest of what its proposer signed; empty where they signed nothing.

    Raises:
        ConflictError: the same policy is proposed already.
    """
    proposal = row.proposal
    values: dict[str, object] = {
        "id": proposal.id,
        "digest": proposal.digest,
        "replaces": row.replaces,
        "proposed_at": proposal.at,
        "proposed_by": actor_record(row.actor),
        "because": proposal.because,
        "statement": statement,
        "signature": signature,
    }
    if not contents.insert_once(connection, tables.proposal, values):
        raise ConflictError(f"{short(proposal.digest)} is proposed already", remedy="tidegate policy history")


def _row(row: sa.Row[tuple[object, ...]]) -> ProposalRow:
    values = row._mapping
    actor = actor_of(values["proposed_by"])
    proposal = Proposal(values["id"], values["digest"], actor.person, values["proposed_at"], values["because"])
    return ProposalRow(proposal, actor, values["replaces"], values["ended_at"], values["adoption"])


def _select() -> sa.Select[tuple[object, ...]]:
    return sa.select(tables.proposal).order_by(tables.proposal.c.proposed_at, tables.proposal.c.id)


def everything(connection: sa.Connection) -> list[ProposalRow]:
    """All proposals, the first one first."""
    return [_row(row) for row in connection.execute(_select())]


def open_of(connection: sa.Connection, digest: str) -> ProposalRow | None:
    """The open proposal of the policy of that digest."""
    table = tables.proposal
    row = connection.execute(_select().where(table.c.digest == digest, table.c.ended_at.is_(None))).first()
    return _row(row) if row else None


_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{1,64})…?")


def full_digest(connection: sa.Connection, name: str) -> str:
    """The digest of the proposed or adopted policy that people call by the digest's beginning.

    Raises:
        UsageError: it is no digest, is shorter than twelve digits, or begins several.
        NotFoundError: it begins none.
    """
    match = _DIGEST.fullmatch(name)
    begins = f"sha256:{match[1]}" if match else ""
    if len(begins) < SHORT:
        raise UsageError(
            f'"{name[:80]}" is no digest', remedy="write at least twelve digits of it, as tidegate policy history does"
        )
    found: set[str] = set()
    for table in (tables.proposal, tables.policy):
        found |= set(connection.execute(sa.select(table.c.digest).where(table.c.digest.like(f"{begins}%"))).scalars())
    if not found:
        raise NotFoundError(f"no policy {begins} was proposed or adopted", remedy="tidegate policy history")
    if len(found) > 1:
        raise UsageError(f"{len(found)} policies begin with {begins}", remedy="write the digest out")
    return found.pop()


def adopted(connection: sa.Connection, proposal: str, number: int, now: datetime) -> None:
    """End a proposal: it became the policy of that number."""
    table = tables.proposal
    connection.execute(
        sa.update(table).where(table.c.id == proposal, table.c.ended_at.is_(None)).values(ended_at=now, adoption=number)
    )


def add_answer(connection: sa.Connection, proposal: Proposal, signed: SignedApproval) -> None:
    """Record an answer; the answer's ``subject`` is the policy that the proposal would replace.

    Raises:
        ConflictError: this very statement was recorded before, or they have a standing answer in this role already.
    """
    answer = signed.approval
    row = {
        "id": answer.id,
        "proposal": proposal.id,
        "replaces": answer.subject,
        "person": answer.actor.person,
        "actor": actor_record(answer.actor),
        "answer": answer.answer.value,
        "role": answer.role,
        "at": answer.at,
        "statement": contents.keep(connection, signed.statement),
        "signature": signed.signature,
    }
    table = tables.proposal_answer
    if connection.execute(sa.select(table.c.id).where(table.c.id == answer.id)).first():
        raise ConflictError(
            "this very statement was recorded before: a signed answer counts once, also after it was taken back",
            remedy=f"sign a new one: tidegate policy approve {short(proposal.digest)}",
        )
    if not contents.insert_once(connection, table, row):
        raise ConflictError(
            f"{answer.actor.person} has answered {short(proposal.digest)} already; one person fills one seat",
            remedy=f"take the first answer back: tidegate policy revoke {short(proposal.digest)}",
        )


def revoke_answers(connection: sa.Connection, proposal: str, person: str, now: datetime) -> Sequence[str]:
    """Take back this person's standing answers to a proposal; the ids of those taken back."""
    table = tables.proposal_answer
    where = sa.and_(table.c.proposal == proposal, table.c.person == person, table.c.revoked_at.is_(None))
    ids = list(connection.execute(sa.select(table.c.id).where(where).order_by(table.c.at, table.c.id)).scalars())
    connection.execute(sa.update(table).where(where).values(revoked_at=now))
    return ids


def answers_of(connection: sa.Connection, proposal: str) -> tuple[SignedApproval, ...]:
    """All answers to a proposal, those taken back too, in the order in which they came."""
    table = tables.proposal_answer
    query = (
        sa.select(table, tables.content.c.bytes)
        # As with releases: an answer whose statement is gone must not vanish.
        .outerjoin(tables.content, tables.content.c.digest == table.c.statement)
        .where(table.c.proposal == proposal)
        .order_by(table.c.at, table.c.id)
    )
    return tuple(
        SignedApproval(
            Approval(
                id=row.id,
                actor=actor_of(row.actor),
                answer=Answer(row.answer),
                environment="",
                subject=row.replaces,
                at=row.at,
                role=row.role,
                revoked_at=row.revoked_at,
            ),
            bytes(row.bytes or b""),
            row.signature,
        )
        for row in connection.execute(query)
    )
