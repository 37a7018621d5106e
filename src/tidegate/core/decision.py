"""The question, and the answer with its reasons: values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from tidegate.clock import to_text
from tidegate.core.actor import Actor
from tidegate.core.rulebook import Rulebook
from tidegate.core.verdict import Verdict


class Action(StrEnum):
    """What is asked about.

    start
        Begin a rollout: everything is asked.
    continue
        Go on at a checkpoint: windows, trains, freezes and evidence stay as they were granted; holds, the subject,
        revoked approvals and lost rights are asked again.
    rollback
        Go back: permission, a verified target, and whether data would be lost; nothing else.
    """

    START = "start"
    CONTINUE = "continue"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class Question:
    """May ``actor`` do ``action`` in ``environment``?

    ``granted_subject`` is, for *continue*, the digest under which the start was allowed; for *start*, it is given
    where the next component of a joint rollout is asked about, whose release was allowed to start.
    ``accepts_data_loss`` is a person's word that a rollback may lose data, given with both facts in view.
    """

    action: Action
    actor: Actor
    environment: str
    granted_subject: str = ""
    accepts_data_loss: bool = False


@dataclass(frozen=True, slots=True)
class Policies:
    """The policy that a release was opened under, and the one that is active now; often the same."""

    pinned: Rulebook
    current: Rulebook

    def asked(self, action: Action) -> tuple[tuple[str, Rulebook], ...]:
        """Which of them answer: going forward needs both, going back asks the current one only."""
        if action is Action.ROLLBACK or self.pinned.digest == self.current.digest:
            return (("current", self.current),)
        return (("pinned", self.pinned), ("current", self.current))


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found: the verdict, what it looked at, and what would change it.

    ``time_only`` findings pass by waiting; ``opens_at`` is when, seen by this rule alone. ``notable``: it passes, and
    is worth reading all the same, since something was waived or left out.
    """

    rule: str
    verdict: Verdict
    message: str
    remedy: str = ""
    reference: str = ""
    policy: str = "current"
    time_only: bool = False
    opens_at: datetime | None = None
    looked_at: tuple[str, ...] = ()
    notable: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The shape of ``--json``."""
        return {
            "rule": self.rule,
            "verdict": self.verdict.value,
            "message": self.message,
            "remedy": self.remedy,
            "reference": self.reference,
            "policy": self.policy,
            "time_only": self.time_only,
            "opens_at": to_text(self.opens_at) if self.opens_at else None,
            "looked_at": list(self.looked_at),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a question, explained.

    ``next_possible`` is the earliest moment at which the same question is allowed if everything that is not about
    time is met as it stands; None when there is none within 400 days.
    """

    question: Question
    verdict: Verdict
    findings: tuple[Finding, ...]
    decided_at: datetime
    subject: str
    next_possible: datetime | None = None
    blocked_by_time_only: bool = False
    policies: tuple[str, ...] = field(default=())

    @property
    def allowed(self) -> bool:
        """Whether it may go; *cannot tell* is not a yes."""
        return self.verdict is Verdict.ALLOW

    def against(self) -> Sequence[Finding]:
        """The findings that stand in the way."""
        return [finding for finding in self.findings if finding.verdict is not Verdict.ALLOW]

    def as_dict(self) -> dict[str, Any]:
        """The shape of ``--json``."""
        return {
            "verdict": self.verdict.value,
            "action": self.question.action.value,
            "environment": self.question.environment,
            "actor": self.question.actor.person,
            "findings": [finding.as_dict() for finding in self.findings],
            "next_possible": to_text(self.next_possible) if self.next_possible else None,
            "blocked_by_time_only": self.blocked_by_time_only,
            "decided_at": to_text(self.decided_at),
            "subject": self.subject,
            "policies": list(self.policies),
        }
