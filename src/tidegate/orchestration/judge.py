"""Ask ``decide`` about a release as it stands in this transaction, under the pinned and the current policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.core.canonical import canonical
from tidegate.core.decide import decide
from tidegate.core.decision import Decision, Policies, Question
from tidegate.core.facts import Facts, WayBack
from tidegate.errors import RefusedError
from tidegate.orchestration.facts import gather
from tidegate.orchestration.house import House
from tidegate.orchestration.seen import NOTHING, InGit
from tidegate.store import policies, releases
from tidegate.store.releases import ReleaseRow


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision with everything it was made from; ``written`` is what the log keeps of the facts, where known."""

    row: ReleaseRow
    question: Question
    policies: Policies
    facts: Facts
    decision: Decision
    written: bytes | None = None


class DecisionRefusedError(RefusedError):
    """The policy says no, or cannot tell; ``decision`` explains."""

    def __init__(self, judged: Judged) -> None:
        against = judged.decision.against()
        first = against[0] if against else None
        what = first.message if first else "the policy does not allow it"
        more = f" (and {len(against) - 1} more)" if len(against) > 1 else ""
        super().__init__(
            f"{judged.question.action.value} of {judged.row.facts.id} in {judged.question.environment} is refused: "
            f"{what}{more}",
            remedy=(first.remedy if first else "") or f"tidegate check {judged.row.facts.id}",
        )
        self.judged = judged

    @property
    def decision(self) -> Decision:
        """What was decided."""
        return self.judged.decision


@dataclass(frozen=True, slots=True)
class LaidOut:
    """What a question about a release is decided from; ``written`` is what the log keeps of the facts, where known."""

    row: ReleaseRow
    policies: Policies
    facts: Facts
    written: bytes | None = None


def judge(
    connection: sa.Connection,
    release: str,
    question: Question,
    now: datetime,
    way_back: Sequence[WayBack] = (),
    in_git: InGit = NOTHING,
    *,
    ahead: LaidOut | None = None,
) -> Judged:
    """Decide ``question`` on what this transaction sees, and, of the repository, on what was seen before it.

    Args:
        ahead: what this transaction would see, where that is known: :meth:`Ahead.of` says so.

    Raises:
        NotFoundError: there is no such release, or no policy was adopted.
    """
    if ahead is None:
        row, both, facts = lay_out(connection, release, now, way_back, in_git)
        ahead = LaidOut(row, both, facts)
    decision = decide(question, ahead.policies, ahead.facts, now)
    return Judged(ahead.row, question, ahead.policies, ahead.facts, decision, ahead.written)


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a question about a release is decided from, gathered while something else was waited for.

    It is of use to a transaction that finds the database as it was then: between the two, nobody has committed
    anything. Some of it is of a moment, too, and so it is not used for long, and never where the line is stopped.
    """

    version: int
    release: str
    at: datetime
    found: LaidOut

    def of(self, house: House, release: str, now: datetime) -> LaidOut | None:
        """What was gathered, where the caller's transaction would gather the same; None where it has to do so."""
        fresh = timedelta(0) <= now - self.at <= _FRESH
        if release != self.release or not fresh or self.found.facts.holds or house.database.version() != self.version:
            return None
        return self.found


_FRESH = timedelta(seconds=10)


def look_ahead(house: House, release: str, in_git: InGit = NOTHING) -> Ahead | None:
    """Gather what a question about a release is decided from; None where the database does not tell if it changes.

    Raises:
        NotFoundError: there is no such release, or no policy was adopted.
    """
    version = house.database.version()
    if version is None:
        return None
    with house.database.read() as connection:
        now = house.now()
        row, both, facts = lay_out(connection, release, now, in_git=in_git)
    return Ahead(version, release, now, LaidOut(row, both, facts, canonical(facts)))


def lay_out(
    connection: sa.Connection,
    release: str,
    now: datetime,
    way_back: Sequence[WayBack] = (),
    in_git: InGit = NOTHING,
) -> tuple[ReleaseRow, Policies, Facts]:
    """What every question about a release is decided from, as this transaction sees it.

    Raises:
        NotFoundError: there is no such release, or no policy was adopted.
    """
    row = releases.load(connection, release)
    current = policies.current(connection)
    both = Policies(policies.rulebook(connection, row.policy), current)
    return row, both, gather(connection, row, current.policy, now, way_back, in_git, pinned=both.pinned.policy)
