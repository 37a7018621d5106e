"""What is owed afterwards: opened when a release is done, reminded of, settled by signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.actor import Actor, Assurance
from tidegate.core.afterwards import next_look_back
from tidegate.core.canonical import digest
from tidegate.core.debt import BLOCKING, Debt, DebtKind, may_settle, owed_by_release
from tidegate.core.emergency import emergency_for
from tidegate.core.notice import addresses_of
from tidegate.core.policy import Occasion, Policy
from tidegate.core.rulebook import Rulebook
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration.facts import recent_emergencies, with_targets
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import By, Claim, known, person_of, proven_by, shown, spend, stands
from tidegate.orchestration.messages import tell
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import contents, debts, locks, policies, requests
from tidegate.store.debts import OVERDUE, DebtRow
from tidegate.store.releases import ReleaseRow

LIMIT_BYTES = 4 << 20


def open_for(connection: sa.Connection, row: ReleaseRow, environment: str, policy: Policy, now: datetime) -> list[Debt]:
    """Open what a release owes that is done in ``environment``, by the policy under which it was opened.

    In the transaction in which it is done. What was opened already stays as it is: a release that is taken back after
    it was verified owes nothing twice.

    Args:
        policy: the current one, by which its targets are what they are.
    """
    pinned = policies.rulebook(connection, row.policy).policy
    components = [item.component for item in row.facts.items]
    recent = recent_emergencies(connection, policy, now)
    one = emergency_for(pinned, row.facts.type, components, recent, now, granted=True)
    subject = with_targets(row.facts, policy).subject_for(environment)
    owed = owed_by_release(pinned, row.facts, environment, subject, now, one)
    if one is not None and any(r.debt.kind is DebtKind.POST_MORTEM for r in debts.of(connection, emergency=one.id)):
        owed = tuple(debt for debt in owed if debt.kind is not DebtKind.POST_MORTEM)
    new = debts.open_(connection, owed)
    if new:
        tell_opened(connection, new, one.id if one else "", now, release=row.facts.id)
    return new


def tell_opened(
    connection: sa.Connection, new: Sequence[Debt], emergency: str, now: datetime, *, release: str = ""
) -> None:
    """Log that debts were opened, with all that keeps them owed where their rows are gone; they are of one team."""
    data = {
        "debts": {debt.id: to_text(debt.due_at) for debt in new},
        "emergency": emergency,
        "components": list(new[0].components),
        "teams": list(new[0].teams),
    }
    record(connection, Entry("debt.opened", Actor.automation("policy"), release, data), now)


def remind(house: House, debt: str) -> None:
    """Say once that a debt is soon due, and once that it is overdue, with its leaf and messages in one transaction."""
    with house.database.write() as connection:
        locks.lock_organization(connection)
        now = house.now()
        row = debts.load(connection, debt)
        if row.remind_at is None or row.remind_at > now:
            return
        given = debts.count_reminder(connection, row, now)
        if given == OVERDUE and row.debt.kind is DebtKind.LOOK_BACK and not row.debt.release:
            _plan_following(connection, policies.current(connection), row.debt, now)
        # Before the leaf, which locks the head of the log: who approves holds a request, and waits for the head.
        if given == OVERDUE and row.debt.kind in BLOCKING and requests.touch(connection, None, now):
            house.database.after_commit(connection, house.wake)
        if given:
            _remind(connection, policies.current(connection).policy, row.debt, given, now)


def _remind(connection: sa.Connection, policy: Policy, debt: Debt, given: int, now: datetime) -> None:
    late, owed = given == OVERDUE, debt.kind in BLOCKING
    on_time = Occasion.DEBT_DUE if owed else Occasion.TASK_DUE
    occasion = (Occasion.DEBT_OVERDUE if owed else Occasion.TASK_OVERDUE) if late else on_time
    due = debt.due_at.astimezone(policies.current(connection).tz).strftime("%Y-%m-%d %H:%M %Z")
    text = f"{debt.what} {'was' if late else 'is'} due {due}. {way_to_settle(debt)}"
    groups = {*debt.teams, *debt.by} if owed else {*(debt.by or debt.teams)}
    behind = [contact for contact in policy.contacts.values() if contact.group in groups]
    also = [over for contact in behind for over in addresses_of(policy, contact)]
    told = tell(connection, policy, occasion, debt.id, text, now, release=debt.release, also=also)
    data = {"debt": debt.id, "overdue": late, "channels": told}
    record(connection, Entry(f"{noun_of(debt)}.reminded", Actor.automation("sweep"), debt.release, data), now)


_NOUNS = {
    DebtKind.TASK: "task",
    DebtKind.LOOK_BACK: "review",
    DebtKind.JUDGEMENT: "success",
    DebtKind.IMPROVEMENT: "improvement",
}


def noun_of(debt: Debt) -> str:
    """What a debt is called in leaves: ``debt``, ``task``, ``review``, ``success``, ``improvement``."""
    return _NOUNS.get(debt.kind, "debt")


def way_to_settle(debt: Debt) -> str:
    """What to type when it is done, as a sentence."""
    return {
        DebtKind.TASK: f"Say that it is done: tidegate task done {debt.release} {debt.name}",
        DebtKind.LOOK_BACK: f"Record it: tidegate review record {debt.id}",
        DebtKind.JUDGEMENT: f"Judge it: tidegate success judge {debt.release} {debt.name}",
        DebtKind.IMPROVEMENT: f"Say that it is done: tidegate review improved {debt.id}",
    }.get(debt.kind, f"Settle it: tidegate debt settle {debt.id}")


def _plan_following(connection: sa.Connection, book: Rulebook, debt: Debt, now: datetime) -> None:
    """Plan the review after one that is overdue. Those that came and went while nobody looked are not made up for."""
    since = debt.due_at
    while (following := next_look_back(book.policy, debt.name, book.tz, since)) and following.due_at <= now:
        since = following.due_at
    plan_look_back(connection, book, debt.name, since)


def plan_look_back(connection: sa.Connection, book: Rulebook, name: str, since: datetime) -> bool:
    """Plan the next of a review that recurs, once; whether it is new."""
    following = next_look_back(book.policy, name, book.tz, since)
    return bool(following and debts.open_(connection, [following]))


@dataclass(frozen=True, slots=True)
class Settling:
    """How a debt is settled: by which act, with which words and document, and what else is done with it.

    ``then`` is called in the transaction that settles it, and gives what the leaf says besides.
    """

    act: Act
    leaf: str
    reason: str = ""
    document: bytes = b""
    outcome: str = ""
    then: Callable[[sa.Connection, Rulebook, Debt, datetime], Mapping[str, Any]] = lambda *_: {}


def settle(house: House, by: By, debt: str, document: Path | None = None, reason: str = "") -> DebtRow:
    """Settle a debt, signed: an approval by the signature itself, everything else by the document that is attached.

    Raises:
        NotPermittedError: this person may not, or has not signed; who wrote what was released approves nothing.
        ConflictError: it is settled, or this person fills another seat of the same release already.
        NotFoundError: there is no such debt or file.
        UsageError: a document is missing, is empty, or is given where a signature is asked for.
    """
    with refusals(house, "debt", person_of(by), debt=debt[:400]):
        row = _owed(house, debt)
        if row.debt.kind not in BLOCKING:
            raise UsageError(f"{row.debt.what} is no debt", remedy=way_to_settle(row.debt).partition(": ")[2])
        data = _document(row.debt, document)
        return settle_as(house, by, row.debt, Settling(Act.SETTLE_DEBT, "debt.settled", reason, data))


def _owed(house: House, debt: str) -> DebtRow:
    with house.database.read() as connection:
        return debts.load(connection, debt)


def settle_as(house: House, by: By, debt: Debt, how: Settling) -> DebtRow:
    """Settle it, signed by somebody who may; what debts and tasks have in common.

    Raises:
        NotPermittedError, ConflictError: as :func:`settle`.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    _demand_may(policy, debt, person_of(by))
    concerns = {
        "release": debt.release,
        "environment": debt.environment,
        "subject": digest(how.document) if how.document else debt.subject,
        "reason": f"{debt.id}: {how.outcome}{'; ' if how.outcome and how.reason else ''}{how.reason}",
    }
    proven = proven_by(house, by, how.act, **concerns)
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        book = policies.current(connection)
        actor = stands(book.policy, proven, how.act, **concerns)
        _demand_may(book.policy, debt, actor.person)
        if not actor.assurance.at_least(Assurance.PASSKEY):
            raise NotPermittedError(
                f"{actor.person} has not signed: {_WHAT_IS_SIGNED[debt.kind in BLOCKING]} with a signature",
                remedy="sign with your SSH key: --key PATH",
            )
        _demand_own_seat(connection, debt, actor.person)
        now = house.now()
        proof = shown(spend(connection, proven, now), proven)
        kept = contents.keep(connection, how.document) if how.document else ""
        note = "" if debt.kind in BLOCKING else how.reason
        debts.settle(connection, debt.id, actor, now, document=kept, note=note, outcome=how.outcome, **proof)
        more = how.then(connection, book, debt, now)
        requests.touch(connection, None, now)
        outcome = {"outcome": how.outcome} if how.outcome else {}
        told = {"debt": debt.id, "document": kept, "reason": how.reason, "late": now >= debt.due_at}
        record(connection, Entry(how.leaf, actor, debt.release, {**told, **outcome, **more, **proof}), now)
        house.database.after_commit(connection, house.wake)
        return debts.load(connection, debt.id)


_WHAT_IS_SIGNED = {True: "a debt is settled", False: "what was done is told"}


def _demand_may(policy: Policy, debt: Debt, person: str) -> None:
    known(policy, Claim(person))
    may = may_settle(policy, debt)
    if person in may:
        return
    author = debt.kind is DebtKind.APPROVAL and person in debt.authors
    raise NotPermittedError(
        f"{person} may not settle {debt.what}{': they wrote what was released' if author else ''}",
        remedy=f"ask one of: {', '.join(sorted(may)) or 'nobody may; add people to the group that it asks'}",
    )


def _demand_own_seat(connection: sa.Connection, debt: Debt, person: str) -> None:
    if debt.kind is not DebtKind.APPROVAL:
        return
    for other in debts.of(connection, release=debt.release):
        if other.debt.kind is DebtKind.APPROVAL and other.settled_by == person and other.debt.id != debt.id:
            raise ConflictError(
                f"{person} has settled {other.debt.id} already: one approval fills one seat",
                remedy="let somebody else approve it",
            )


def _document(debt: Debt, document: Path | None) -> bytes:
    """The bytes of what is attached; none for an approval."""
    if debt.kind is DebtKind.APPROVAL:
        if document is not None:
            raise UsageError(f"{debt.what} is settled by a signature, not by a document", remedy="leave --document out")
        return b""
    if document is None:
        raise UsageError(f"{debt.what} is settled by a document", remedy="attach it: --document FILE")
    return document_of(document)


def document_of(document: Path) -> bytes:
    """The bytes of a document that is attached.

    Raises:
        NotFoundError: there is none.
        UsageError: it is empty, too long, or cannot be read.
    """
    try:
        if not document.is_file():
            raise NotFoundError("there is no such document", where=str(document), remedy="name the file")
        size = document.stat().st_size
        if size > LIMIT_BYTES:
            raise UsageError(
                f"the document has {size >> 20} MiB; at most {LIMIT_BYTES >> 20} MiB are kept",
                where=str(document),
                remedy="attach the text alone",
            )
        data = document.read_bytes()
    except OSError as error:
        raise UsageError(
            f"it cannot be read: {error.strerror}", where=str(document), remedy="check the file"
        ) from error
    if not data.strip():
        raise UsageError("the document is empty", where=str(document), remedy="write it, then attach it")
    return data
