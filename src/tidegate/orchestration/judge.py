"""Ask ``decide`` about a release as it stands in this transaction, under the pinned and the current policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.decide import decide
from tidegate.core.decision import Decision, Policies, Question
from tidegate.core.facts import Facts, WayBack
from tidegate.errors import RefusedError
from tidegate.orchestration.facts import gather
from tidegate.orchestration.seen import NOTHING, InGit
from tidegate.store import policies, releases
from tidegate.store.releases import ReleaseRow


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision with everything it was made from."""

    row: ReleaseRow
    question: Question
    policies: Policies
    facts: Facts
    decision: Decision


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


def judge(
    connection: sa.Connection,
    release: str,
    question: Question,
    now: datetime,
    way_back: Sequence[WayBack] = (),
    in_git: InGit = NOTHING,
) -> Judged:
    """Decide ``question`` on what this transaction sees, and, of the repository, on what was seen before it.

    Raises:
        NotFoundError: there is no such release, or no policy was adopted.
    """
    row, both, facts = lay_out(connection, release, now, way_back, in_git)
    return Judged(row, question, both, facts, decide(question, both, facts, now))


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
