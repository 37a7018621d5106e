"""A decision for people: chapter by chapter what stands in the way and what passes, why, and when it could go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from tidegate.core.decision import Decision, Finding
from tidegate.core.rules import Chapter, rule_of
from tidegate.core.verdict import Verdict, combine


@dataclass(frozen=True, slots=True)
class ChapterView:
    """The findings of one chapter: those in the way first."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """What the chapter says as a whole."""
        return combine([finding.verdict for finding in self.findings])

    @property
    def against(self) -> list[Finding]:
        """The findings that stand in the way."""
        return [finding for finding in self.findings if finding.verdict is not Verdict.ALLOW]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision with what its rendering needs to know of the policy.

    ``assumed`` is what was taken for granted; ``supposing`` what was supposed, and ``really`` the decision without it.
    """

    decision: Decision
    release: str
    tz: tzinfo
    rehearsal: str
    assumed: str = ""
    supposing: Sequence[str] = field(default=())
    really: Decision | None = None

    @property
    def chapters(self) -> list[ChapterView]:
        """Every finding once, by chapter; within one, first what somebody can do something about."""
        return chapters_of(self.decision.findings)

    @property
    def next_possible(self) -> datetime | None:
        """When the same question could next be allowed."""
        return self.decision.next_possible

    def settled(self, finding: Finding) -> bool:
        """Whether it is what was supposed that lets this rule pass."""
        before = self.really.findings if self.really else ()
        same = [other.verdict for other in before if (other.rule, other.policy) == (finding.rule, finding.policy)]
        return finding.verdict is Verdict.ALLOW and any(verdict is not Verdict.ALLOW for verdict in same)


def chapters_of(findings: Iterable[Finding]) -> list[ChapterView]:
    """The findings, each once, by chapter."""
    found: dict[Chapter, list[Finding]] = {chapter: [] for chapter in Chapter}
    for finding in once(findings):
        found[chapter_of(finding)].append(finding)
    return [ChapterView(chapter.value, tuple(sorted(row, key=_urgency))) for chapter, row in found.items() if row]


def chapter_of(finding: Finding) -> Chapter:
    """The chapter in which a finding is told."""
    rule = rule_of(finding.rule)
    return rule.chapter if rule else Chapter.RELEASE


def once(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, each once: the pinned and the current policy often say the same."""
    seen: dict[tuple[str, str, Verdict], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.rule, finding.message, finding.verdict), finding)
    return list(seen.values())


def _urgency(finding: Finding) -> tuple[bool, bool, bool]:
    passes = finding.verdict is Verdict.ALLOW
    return passes, not passes and finding.time_only, not passes and finding.verdict is Verdict.CANNOT_TELL
