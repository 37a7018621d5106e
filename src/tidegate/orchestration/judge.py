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
    connection: sa.Connection, release: str, question: Question, now: datetime, way_back: Sequence[WayBack] = ()
) -> Judged:
    """Decide ``question`` on what this transaction sees.

    Raises:
        NotFoundError: there is no such release, or no policy was adopted.
    """
    row = releases.load(connection, release)
    current = policies.current(connection)
    both = Policies(policies.rulebook(connection, row.policy), current)
    facts = gather(connection, row, current.policy, now, way_back)
    return Judged(row, question, both, facts, decide(question, both, facts, now))
