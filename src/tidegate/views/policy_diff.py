"""Two policies compared, for people and as JSON: what became stricter, what looser, and which answers are others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from tidegate.core.decision import Finding
from tidegate.core.rulebook import dotted
from tidegate.core.strictness import Difference, Direction
from tidegate.core.verdict import Verdict
from tidegate.orchestration.policy_diff import Answers, Comparison, Source


@dataclass(frozen=True, slots=True)
class DifferenceLine:
    """One difference. ``where`` is its place in a file, empty where no file has it."""

    path: str
    direction: str
    kind: str
    was: Any
    now: Any
    what: str
    where: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that makes the difference, and what it found."""

    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """A release whose answer is another."""

    release: str
    environment: str
    was: Verdict
    now: Verdict
    was_possible: datetime | None
    now_possible: datetime | None
    in_the_way: tuple[Reason, ...]
    out_of_the_way: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two policies."""

    name: str
    digest: str
    rehearsal: str


@dataclass(frozen=True, slots=True)
class PolicyDiffView:
    """What ``tidegate policy diff`` answers. ``asked`` counts the questions about open releases; None: no store."""

    before: Side
    after: Side
    stricter: tuple[DifferenceLine, ...]
    looser: tuple[DifferenceLine, ...]
    other: tuple[DifferenceLine, ...]
    asked: int | None
    answers: tuple[AnswerLine, ...]
    held: tuple[str, ...]
    tz: tzinfo
    at: datetime

    @property
    def differs(self) -> bool:
        """Whether the two policies are not the same."""
        return bool(self.stricter or self.looser or self.other)

    def as_dict(self) -> dict[str, Any]:
        """The shape of ``--json``."""
        return {
            "before": self.before,
            "after": self.after,
            "stricter": self.stricter,
            "looser": self.looser,
            "other": self.other,
            "releases": None
            if self.asked is None
            else {"asked": self.asked, "changed": self.answers, "held_by_pinned_policy": self.held},
        }


def policy_diff_view(found: Comparison, now: datetime) -> PolicyDiffView:
    """A comparison as it is shown."""
    answers = found.answers or ()
    return PolicyDiffView(
        before=_side(found.before),
        after=_side(found.after),
        stricter=_lines(found, Direction.STRICTER),
        looser=_lines(found, Direction.LOOSER),
        other=_lines(found, Direction.OTHER),
        asked=None if found.answers is None else len(answers),
        answers=tuple(_answer(answer) for answer in answers if answer.changed),
        held=tuple(f"{answer.release} in {answer.environment}" for answer in answers if answer.held),
        tz=found.after.rulebook.tz,
        at=now,
    )


def _side(source: Source) -> Side:
    return Side(source.name, source.rulebook.digest, source.policy.rehearsal or "")


def _lines(found: Comparison, direction: Direction) -> tuple[DifferenceLine, ...]:
    return tuple(_line(found, one) for one in found.differences if one.direction is direction)


def _line(found: Comparison, one: Difference) -> DifferenceLine:
    # What is there now has its place in the later file; what is gone had one in the earlier.
    here = found.after.where(one.after) if one.now is not None else ""
    there = found.before.where(one.before) if one.was is not None else ""
    return DifferenceLine(
        dotted(one.path), one.direction.value, one.kind.value, one.was, one.now, one.what, here or there
    )


def _answer(answer: Answers) -> AnswerLine:
    return AnswerLine(
        answer.release,
        answer.environment,
        answer.was.verdict,
        answer.now.verdict,
        answer.was.next_possible,
        answer.now.next_possible,
        _reasons(answer.in_the_way),
        _reasons(answer.out_of_the_way),
    )


def _reasons(findings: Iterable[Finding]) -> tuple[Reason, ...]:
    return tuple(Reason(finding.rule, finding.message) for finding in findings)
