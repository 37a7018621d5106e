"""What is done after a release: opened with its due times when it is done, and told by those who do it, signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.actor import Actor
from tidegate.core.afterwards import follows, improvement_of, next_look_back, tracks
from tidegate.core.debt import Debt, DebtKind
from tidegate.core.emergency import people_listed
from tidegate.core.policy import Policy
from tidegate.core.rulebook import Rulebook
from tidegate.core.statement import Act
from tidegate.errors import NotFoundError, UsageError
from tidegate.orchestration.debt import Settling, document_of, plan_look_back, settle_as, way_to_settle
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import By, person_of
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import debts, policies, releases
from tidegate.store.debts import DROPPED, DebtRow
from tidegate.store.releases import ReleaseRow

IMPROVED_WITHIN = timedelta(days=30)
"""Within how long an improvement is done of which nobody says it."""
MET, NOT_MET = "met", "not met"
MOST_IMPROVEMENTS, LONGEST = 50, 400


def open_for(connection: sa.Connection, row: ReleaseRow, environment: str, now: datetime) -> list[Debt]:
    """Open what follows a release that is done, by the policy under which it was opened.

    In the transaction in which it is done; what was opened already stays as it is.
    """
    pinned = policies.rulebook(connection, row.policy).policy
    new = debts.open_(connection, follows(pinned, row.facts, environment, now))
    if new:
        data = {"tasks": {debt.id: to_text(debt.due_at) for debt in new}}
        record(connection, Entry("task.opened", Actor.automation("policy"), row.facts.id, data), now)
    return new


def drop_for(connection: sa.Connection, release: str, now: datetime) -> list[str]:
    """What follows a release that was taken back need not be done any more."""
    because = "the release was taken back"
    dropped = debts.drop(connection, release, Actor.automation("policy"), now, because)
    if dropped:
        data = {"tasks": dropped, "because": because}
        record(connection, Entry("task.dropped", Actor.automation("policy"), release, data), now)
    return dropped


def plan_reviews(connection: sa.Connection, book: Rulebook, now: datetime) -> None:
    """Plan the next of each review that recurs, in the transaction that adopts the policy; drop those of no policy."""
    recurring = {name for name in book.policy.reviews if next_look_back(book.policy, name, book.tz, now)}
    gone = [
        row.debt.id
        for row in debts.everything(connection, [DebtKind.LOOK_BACK])
        if row.settled_at is None and not row.debt.release and row.debt.name not in recurring
    ]
    because, by = "the policy has no such review any more", Actor.automation("policy")
    for name in gone:
        debts.settle(connection, name, by, now, note=because, outcome=DROPPED)
    for name in sorted(recurring):
        last = debts.last_due(connection, DebtKind.LOOK_BACK, name)
        if last is None or last <= now:
            plan_look_back(connection, book, name, now)
    if gone:
        record(connection, Entry("task.dropped", by, data={"tasks": gone, "because": because}), now)


# ---- what people say of it


def do(house: House, by: By, release: str, task: str, note: str = "") -> DebtRow:
    """Say that a task of a release is done, signed.

    Raises:
        NotPermittedError: this person is not in the group that does it, or has not signed.
        ConflictError: it is done.
        NotFoundError: there is no such release or task.
    """
    with refusals(house, "task", person_of(by), release[:160], task=task[:64]):
        debt = _of_release(house, release, DebtKind.TASK, task)
        return settle_as(house, by, debt, Settling(Act.DO_TASK, "task.done", note))


def judge(
    house: House, by: By, release: str, criterion: str, *, met: bool, evidence: str = "", document: Path | None = None
) -> DebtRow:
    """Say whether a criterion of success was met by a release, with the evidence for it, signed.

    Raises:
        UsageError: there is no evidence.
        NotPermittedError, ConflictError, NotFoundError: as :func:`do`.
    """
    with refusals(house, "success", person_of(by), release[:160], criterion=criterion[:64]):
        debt = _of_release(house, release, DebtKind.JUDGEMENT, criterion)
        if not evidence.strip() and document is None:
            raise UsageError(
                "a judgement names its evidence", remedy="say it with --evidence TEXT, or attach --document FILE"
            )
        data = document_of(document) if document else b""
        outcome = MET if met else NOT_MET
        return settle_as(house, by, debt, Settling(Act.JUDGE_SUCCESS, "success.judged", evidence, data, outcome))


def record_review(
    house: House,
    by: By,
    review: str,
    *,
    note: str = "",
    document: Path | None = None,
    improvements: Sequence[str] = (),
    improved_by: str = "",
    within: timedelta = IMPROVED_WITHIN,
) -> tuple[DebtRow, list[Debt]]:
    """Record what a review found, signed, and open what it decided to improve; the review, and the improvements.

    Raises:
        UsageError: it says nothing, or improvements of a review that does not follow them.
        NotPermittedError, ConflictError, NotFoundError: as :func:`do`.
    """
    with refusals(house, "review", person_of(by), review=review[:400]):
        debt = _named(house, review, (DebtKind.LOOK_BACK, DebtKind.REVIEW))
        with house.database.read() as connection:
            policy = policies.current(connection).policy
        wanted = [_line(text) for text in improvements]
        _demand_says_something(policy, debt, note, document, wanted, improved_by)
        data = document_of(document) if document else b""
        opened: list[Debt] = []

        def then(connection: sa.Connection, book: Rulebook, _: Debt, now: datetime) -> Mapping[str, Any]:
            opened.extend(
                improvement_of(debt, number, text, improved_by, now, within)
                for number, text in enumerate(wanted, start=1)
            )
            debts.open_(connection, opened)
            if debt.kind is DebtKind.LOOK_BACK and not debt.release:
                plan_look_back(connection, book, debt.name, debt.due_at)
            return {"improvements": {one.id: one.says for one in opened}} if opened else {}

        reason = "; ".join(filter(None, (note, *(f"improve: {text}" for text in wanted))))
        owed = debt.kind is DebtKind.REVIEW
        leaf = "debt.settled" if owed else "review.recorded"
        how = Settling(Act.SETTLE_DEBT if owed else Act.RECORD_REVIEW, leaf, reason, data, then=then)
        return settle_as(house, by, debt, how), opened


def improve(house: House, by: By, improvement: str, note: str = "") -> DebtRow:
    """Say that an improvement is done, signed; raises as :func:`do`."""
    with refusals(house, "improvement", person_of(by), improvement=improvement[:400]):
        debt = _named(house, improvement, (DebtKind.IMPROVEMENT,))
        return settle_as(house, by, debt, Settling(Act.FINISH_IMPROVEMENT, "improvement.done", note))


def _line(text: str) -> str:
    words = " ".join(text.split())
    if not words or len(words) > LONGEST:
        raise UsageError(f"an improvement is told in 1 to {LONGEST} characters", remedy="say what is to be done")
    return words


def _demand_says_something(
    policy: Policy, debt: Debt, note: str, document: Path | None, wanted: Sequence[str], improved_by: str
) -> None:
    if not note.strip() and document is None:
        raise UsageError("nothing is said of what was found", remedy="say it with --note TEXT, or --document FILE")
    if debt.kind is DebtKind.REVIEW and document is None:
        raise UsageError(f"{debt.what} is settled by a document", remedy="attach it: --document FILE")
    if len(wanted) > MOST_IMPROVEMENTS:
        raise UsageError(
            f"{len(wanted)} improvements; a review decides {MOST_IMPROVEMENTS} at most", remedy="join some"
        )
    if wanted and not tracks(policy.reviews.get(debt.name)):
        raise UsageError(
            f"{debt.name} does not follow what it decides",
            remedy=f"write it into the note or document, or set reviews.{debt.name}.tracks_improvements",
        )
    if improved_by and not people_listed(policy, [improved_by]):
        raise UsageError(
            f'nobody is in "{improved_by[:64]}"',
            remedy="name a group or a person of the policy with --by",
        )


def _of_release(house: House, release: str, kind: DebtKind, name: str) -> Debt:
    with house.database.read() as connection:
        releases.load(connection, release)
        found = [row.debt for row in debts.of(connection, release=release) if row.debt.kind is kind]
    for debt in found:
        if debt.name == name:
            return debt
    noun = "task" if kind is DebtKind.TASK else "criterion of success"
    known = ", ".join(debt.name for debt in found)
    raise NotFoundError(
        f'{release} has no {noun} "{name[:64]}"',
        remedy=f"name one of: {known}"
        if known
        else "there is none before a release is done, and none its policy lacks",
    )


def _named(house: House, name: str, kinds: Sequence[DebtKind]) -> Debt:
    with house.database.read() as connection:
        debt = debts.load(connection, name).debt
    if debt.kind not in kinds:
        raise UsageError(f"{debt.what} is told in another way", remedy=way_to_settle(debt).partition(": ")[2])
    return debt
