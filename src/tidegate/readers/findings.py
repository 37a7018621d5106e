"""Findings of security tools, counted on one scale of severity.

What no tool has given a severity to may be anything, so it is counted as the highest, and in ``unknown`` besides: a
gate that asks for no critical findings is not passed by those that nobody has judged.

    total = critical + high + medium + low        unknown <= critical
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.core.evidence_kind import Value


class Severity(StrEnum):
    """How bad a finding is, the worst first; of what is ``UNKNOWN`` nobody can say."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"


_BANDS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
_KNOWN = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
LARGEST_SCORE = 10.0


def of_score(score: float) -> Severity:
    """The severity of a CVSS score from 0 to 10. Tools write 0.0 where they know no score, so it is unknown.

    Source: CVSS v3.1, section 5, and v4.0, section 6: the qualitative severity rating scale.
    """
    if score <= 0:
        return Severity.UNKNOWN
    return next((severity for least, severity in _BANDS if score >= least), Severity.LOW)


def worst(severities: Iterable[Severity]) -> Severity:
    """The worst that is known; unknown where none is."""
    found = set(severities)
    return next((severity for severity in _KNOWN if severity in found), Severity.UNKNOWN)


@dataclass(slots=True)
class Tally:
    """Findings as they are counted."""

    counts: dict[Severity, int] = field(default_factory=lambda: dict.fromkeys(Severity, 0))

    def add(self, severity: Severity) -> None:
        """Count one finding."""
        self.counts[severity] += 1

    @property
    def total(self) -> int:
        """All findings."""
        return sum(self.counts.values())

    def values(self) -> dict[str, Value]:
        """The fields of the kinds of evidence whose root is ``findings``."""
        by_severity = {severity.value: self.counts[severity] for severity in _KNOWN}
        unknown = self.counts[Severity.UNKNOWN]
        by_severity["critical"] += unknown
        return {**by_severity, "unknown": unknown, "total": self.total}

    def said(self, one: str = "finding") -> str:
        """``3 findings: 1 critical, 2 low``; ``one`` is the word for a single one."""
        if not self.total:
            return f"no {_many(one)}"
        parts = [f"{self.counts[severity]} {severity.value}" for severity in _KNOWN if self.counts[severity]]
        if unknown := self.counts[Severity.UNKNOWN]:
            parts.append(f"{unknown} of unknown severity, which {'counts' if unknown == 1 else 'count'} as critical")
        return f"{counted(self.total, one)}: {', '.join(parts)}"


def counted(number: int, one: str) -> str:
    """``1 finding``, ``2 findings``, ``2 vulnerabilities``."""
    return f"{number} {one if number == 1 else _many(one)}"


def _many(one: str) -> str:
    return f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
