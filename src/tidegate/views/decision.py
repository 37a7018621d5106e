"""A decision for people: what stands in the way, what passes, and when it could go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from tidegate.core.decision import Decision, Finding
from tidegate.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision with what its rendering needs to know of the policy."""

    decision: Decision
    release: str
    tz: tzinfo
    rehearsal: str
    assumed: str = ""

    @property
    def against(self) -> list[Finding]:
        """What stands in the way: first what somebody can do something about, then what only time can."""
        found = once(self.decision.against())
        return sorted(found, key=lambda f: (f.time_only, f.verdict is Verdict.CANNOT_TELL))

    @property
    def passed(self) -> list[Finding]:
        """What passes."""
        return once([f for f in self.decision.findings if f.verdict is Verdict.ALLOW])

    @property
    def next_possible(self) -> datetime | None:
        """When the same question could next be allowed."""
        return self.decision.next_possible


def once(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, each once: the pinned and the current policy often say the same."""
    seen: dict[tuple[str, str, Verdict], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.rule, finding.message, finding.verdict), finding)
    return list(seen.values())
