"""Record what a person says of a release, signed: the part that ticks, waivers and reviews have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import digest
from tidegate.core.decision import Action, Question
from tidegate.core.facts import Facts
from tidegate.core.mark import ANYWHERE, Mark, MarkKind, signed_as
from tidegate.core.paper import Paper
from tidegate.core.policy import Policy
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules import Context
from tidegate.core.statement import Act, from_bytes
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError
from tidegate.orchestration.facts import checked_marks
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, nonce, prove, proven_by, shown, spend, stands, statement_of
from tidegate.orchestration.record import Entry, record
from tidegate.store import contents, locks, marks, policies, releases, requests
from tidegate.store.marks import SignedMark
from tidegate.store.releases import ReleaseRow

NOBODY = Actor("", "", Assurance.ASSERTED)
"""In place of whoever will sign."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A release on which somebody works: its row, the active policy, the one it is pinned to, and its marks."""

    row: ReleaseRow
    book: Rulebook
    pinned: Policy
    marks: tuple[Mark, ...]

    @property
    def current(self) -> Policy:
        """The active policy."""
        return self.book.policy

    def context(self, environment: str, now: datetime, papers: tuple[Paper, ...] = ()) -> Context:
        """What a rule would see of it, from its rows and marks alone: enough to say who may do what."""
        facts = Facts(self.row.facts, marks=self.marks, papers=papers)
        return Context(Question(Action.START, NOBODY, environment), self.book, facts, now)

    @property
    def subject(self) -> str:
        """What ticks and waivers are bound to."""
        return self.row.facts.subject_for(ANYWHERE)

    def demand_open(self) -> None:
        """It is not over.

        Raises:
            ConflictError: it is.
        """
        if self.row.closed_at is not None:
            what = f"release {self.row.facts.id} is {self.row.facts.state.said}"
            raise ConflictError(what, remedy="there is nothing to do for it any more")

    def standing(self, kind: MarkKind, name: str, part: str | None = None) -> list[Mark]:
        """The marks that nobody took back, of whatever subject; the oldest first."""
        return [
            mark
            for mark in self.marks
            if (mark.kind, mark.name) == (kind, name) and part in (None, mark.part) and mark.ended_at is None
        ]


def desk(connection: sa.Connection, release: str) -> Desk:
    """The release of that id, to work on.

    Raises:
        NotFoundError: there is none.
    """
    row = releases.load(connection, release)
    book = policies.current(connection)
    pinned = policies.rulebook(connection, row.policy).policy
    return Desk(row, book, pinned, checked_marks(connection, release, book.policy))


Demand = Callable[[Desk, Mark], None]
"""Raises what keeps a mark from being recorded; asked before it is signed, and again when it is recorded."""


def say(
    house: House,
    release: str,
    claim: Claim,
    draft: Callable[[Desk], Mark],
    demand: Demand,
    told: tuple[str, Mapping[str, Any]],
    *,
    content: bytes | None = None,
    may_be_unsigned: bool = False,
    replaces: Callable[[Mark, Mark], bool] | None = None,
) -> Mark:
    """Have a person sign a mark, and record it.

    Args:
        draft: the mark as it would be now; its person, id and time are filled in here.
        told: the kind of the leaf, and what it says besides.
        content: what is kept with it.
        replaces: which standing marks of the same kind about the same end by it, given the new one and each of them.

    Raises:
        NotPermittedError: they have not signed, or the signature is not theirs; also what ``demand`` raises.
        ConflictError: the release is over, or changed meanwhile, or they said the same before.
        NotFoundError: there is no such release.
    """
    with house.database.read() as connection:
        at_hand = desk(connection, release)
        planned = replace(draft(at_hand), actor=Actor(claim.person, "", Assurance.ASSERTED))
        demand(at_hand, planned)
        policy = at_hand.current
    act, fields = signed_as(planned)
    proven = prove(policy, claim, statement_of(house, policy, claim, act, release=release, **fields))
    if not proven.signature and not may_be_unsigned:
        raise NotPermittedError(
            f"{proven.actor.person} has not signed: a typed name is not an identity",
            remedy="sign with your SSH key: --key PATH (its public half must be among your keys in the policy)",
        )
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        at_hand = desk(connection, release)
        if draft(at_hand).subject != planned.subject:
            what = f"{release} changed while it was signed"
            raise ConflictError(what, remedy=f"look at it (tidegate release show {release}), then repeat")
        actor = stands(at_hand.current, proven, act, release=release, **fields)
        demand(at_hand, planned)
        return _record(house, connection, at_hand, planned, actor, proven, told, content, replaces)


def _record(
    house: House,
    connection: sa.Connection,
    at_hand: Desk,
    planned: Mark,
    actor: Actor,
    proven: Proven,
    told: tuple[str, Mapping[str, Any]],
    content: bytes | None,
    replaces: Callable[[Mark, Mark], bool] | None,
) -> Mark:
    now, release = house.now(), at_hand.row.facts.id
    name = from_bytes(proven.statement).nonce if proven.statement else nonce()
    mark = replace(planned, id=name, actor=actor, at=now)
    if content is not None:
        contents.keep(connection, content)
    ended: list[str] = []
    if replaces is not None:
        ended = [one.id for one in at_hand.standing(mark.kind, mark.name) if replaces(mark, one)]
        marks.end(connection, ended, now)
    marks.add(connection, SignedMark(release, mark, proven.statement, proven.signature))
    if requests.touch(connection, release, now):
        house.database.after_commit(connection, house.wake)
    kind, more = told
    more = {**more, "ended": ended} if ended else more
    data = {"mark": mark.id, "subject": mark.subject, **more, **_proof(proven)}
    record(connection, Entry(kind, actor, release, data), now)
    return mark


def _proof(proven: Proven) -> Mapping[str, str]:
    return shown(digest(proven.statement) if proven.signature else "", proven)


def take_back(
    house: House,
    release: str,
    claim: Claim,
    act: Act,
    about: tuple[MarkKind, str, str | None],
    told: tuple[str, Mapping[str, Any]],
    *,
    reason: str = "",
    may: Callable[[Desk, Mark], bool] = lambda desk, mark: False,
) -> list[str]:
    """Take back one's own standing marks, and those of others that ``may`` lets them. The ids of what was taken back.

    Raises:
        NotPermittedError: it is not shown that it is this person.
        NotFoundError: nothing of theirs stands there.
    """
    _, name, part = about
    concerns = {"release": release, "role": name if part is None else f"{name}/{part}", "reason": reason}
    with house.database.read() as connection:
        _mine(desk(connection, release), about, claim.person, may)
    proven = proven_by(house, claim, act, **concerns)
    with house.database.write() as connection:
        locks.lock_organization(connection)
        locks.lock_release(connection, release)
        at_hand = desk(connection, release)
        at_hand.demand_open()
        actor = stands(at_hand.current, proven, act, **concerns)
        if not proven.signature:
            raise NotPermittedError(
                f"{actor.person} has not signed: a typed name is not an identity",
                remedy="sign with your SSH key: --key PATH",
            )
        ids = [mark.id for mark in _mine(at_hand, about, actor.person, may)]
        now = house.now()
        marks.end(connection, ids, now)
        proof = shown(spend(connection, proven, now), proven)
        if requests.touch(connection, release, now):
            house.database.after_commit(connection, house.wake)
        leaf, more = told
        record(connection, Entry(leaf, actor, release, {"marks": ids, "reason": reason, **more, **proof}), now)
    return ids


def _mine(
    at_hand: Desk, about: tuple[MarkKind, str, str | None], person: str, may: Callable[[Desk, Mark], bool]
) -> list[Mark]:
    found = at_hand.standing(*about)
    mine = [mark for mark in found if mark.actor.person == person or may(at_hand, mark)]
    if not mine:
        raise NotFoundError(
            f"nothing that {person or 'nobody'} said of {about[1]} stands",
            remedy=f"tidegate release show {at_hand.row.facts.id}",
        )
    return mine
