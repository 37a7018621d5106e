"""Why a rule answered as it did: what it asks, what it found, what it looked at, and where the policy asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from tidegate.core.decision import Finding
from tidegate.core.facts import Facts
from tidegate.core.policy import Policy
from tidegate.core.rulebook import dotted
from tidegate.core.rules import RULES, Rule, rule_of
from tidegate.errors import UsageError
from tidegate.orchestration.judge import Judged
from tidegate.views.decision import once


@dataclass(frozen=True, slots=True)
class LookedAt:
    """Something that a finding rests on; ``at`` is when it was taken or given, None where nobody knows."""

    what: str
    digest: str
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Because:
    """One finding, with what it looked at and what the policy says at the keys that ask for it."""

    finding: Finding
    looked_at: tuple[LookedAt, ...]
    said: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class WhyView:
    """Everything about one rule in one decision. Without ``because`` the policy asks nothing of it here."""

    asked: str
    rule: Rule
    because: tuple[Because, ...]

    def as_dict(self) -> dict[str, Any]:
        """The shape of ``--json``."""
        return {
            "rule": self.rule.id,
            "asks": self.rule.sentence,
            "reference": self.rule.reference,
            "findings": [
                {
                    **each.finding.as_dict(),
                    "looked_at": list(each.looked_at),
                    "policy_says": dict(each.said),
                }
                for each in self.because
            ],
        }


def why_view(judged: Judged, name: str) -> WhyView:
    """What there is to say about the rule, or the finding, ``name``.

    Raises:
        UsageError: there is no such rule.
    """
    rule = rule_of(name)
    found = [f for f in once(judged.decision.findings) if f.rule == name or f.rule.startswith(f"{name}.")]
    if rule is None or not (found or name == rule.id):
        raise _unknown(judged, name)
    return WhyView(name, rule, tuple(_because(judged, rule, finding) for finding in found))


def _unknown(judged: Judged, name: str) -> UsageError:
    there = sorted({finding.rule for finding in judged.decision.findings} | {rule.id for rule in RULES})
    close = get_close_matches(name, there, n=1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return UsageError(
        f'there is no rule "{name[:80]}"{meant}', remedy=f"name one of: {', '.join(rule.id for rule in RULES)}"
    )


def _because(judged: Judged, rule: Rule, finding: Finding) -> Because:
    book = judged.policies.pinned if finding.policy == "pinned" else judged.policies.current
    looked_at = tuple(_looked_at(judged.facts, name) for name in finding.looked_at)
    return Because(finding, looked_at, tuple(_said(book.policy, judged, rule, finding)))


def _looked_at(facts: Facts, name: str) -> LookedAt:
    return next((each for known, each in _things(facts) if known == name), LookedAt(name, "", "", None))


def _things(facts: Facts) -> Iterator[tuple[str, LookedAt]]:
    """Everything that a finding can rest on, by what the findings call it."""
    # One report may be there twice, added once more after another one: what counts is the newest.
    for piece in sorted(facts.evidence, key=lambda piece: (piece.taken_at, piece.added_at), reverse=True):
        yield piece.report, LookedAt(f"{piece.kind} from {piece.source}", piece.report, piece.added_by, piece.taken_at)
    for approval in facts.approvals:
        said = f"{approval.answer.value} for {approval.environment}"
        yield approval.id, LookedAt(said, approval.id, approval.actor.person, approval.at)
    for mark in facts.marks:
        yield mark.id, LookedAt(f"{mark.kind.value} of {mark.name}", mark.id, mark.actor.person, mark.at)
    for change in facts.change_requests:
        yield change.id, LookedAt(f"{change.id}, {change.category}", "", change.opened_by, change.opened_at)
    for one in facts.emergencies:
        yield one.id, LookedAt(f"{one.id} for {one.incident}", "", one.declared_by, one.declared_at)
    for paper in facts.papers:
        yield paper.digest, LookedAt(f"{paper.document} at {paper.where}", paper.digest, "", None)
    for met in facts.minutes:
        yield met.id, LookedAt(f"minutes of {met.board}", met.id, met.by, met.at)


def _said(policy: Policy, judged: Judged, rule: Rule, finding: Finding) -> Iterator[tuple[str, object]]:
    """The keys of the policy that ask for a finding, each with what it says; those that say nothing are left out."""
    name = finding.rule.removeprefix(rule.id).removeprefix(".")
    written = policy.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for template in rule.keys:
        filled = [
            step.format(name=name, environment=judged.question.environment, type=judged.facts.release.type)
            for step in template.split(".")
        ]
        value = _at(written, filled)
        if value is not None:
            yield dotted(tuple(filled)), value


def _at(value: object, keys: Sequence[str]) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
