"""What if: facts with something supposed in them, so that a decision can be tried before anybody acts.

A supposition is written ``WHAT=VALUE``, or ``WHAT:DETAIL=VALUE``:

    evidence=FILE  evidence:SOURCE=FILE   this report were added
    approval=PERSON  approval:ROLE=PERSON this person said yes
    now=TIME                              it were that time
    lifted=HOLD                           this hold were lifted
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Answer, Approval
from tidegate.core.evidence import Evidence
from tidegate.core.facts import Facts
from tidegate.errors import NotFoundError, UsageError

_REMEDY = "write evidence=FILE, evidence:SOURCE=FILE, approval=PERSON, approval:ROLE=PERSON, now=TIME or lifted=HOLD"


class What(StrEnum):
    """What can be supposed."""

    EVIDENCE = "evidence"
    APPROVAL = "approval"
    NOW = "now"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class Supposition:
    """One thing that is supposed; ``detail`` is the source of evidence, or the role of an approval, or empty."""

    what: What
    value: str
    detail: str = ""


def read_supposition(text: str) -> Supposition:
    """A supposition from how it is written.

    Raises:
        UsageError: it is none; says how they are written.
    """
    left, equals, value = text.partition("=")
    name, _, detail = left.partition(":")
    known = {what.value: what for what in What}
    if name not in known or not equals or not value or (detail and name not in ("evidence", "approval")):
        raise UsageError(f'"{text[:80]}" is nothing that can be supposed', remedy=_REMEDY)
    return Supposition(known[name], value, detail)


def with_evidence(facts: Facts, pieces: tuple[Evidence, ...]) -> Facts:
    """The facts as they would be if this evidence were added."""
    return replace(facts, evidence=(*facts.evidence, *pieces))


def with_approval(facts: Facts, person: str, role: str, environment: str, now: datetime) -> Facts:
    """The facts as they would be if this person had just signed a yes to what the release is now."""
    approval = Approval(
        id=f"supposed-{len(facts.approvals)}",
        actor=Actor(person, "supposed", Assurance.SIGNATURE),
        answer=Answer.APPROVE,
        environment=environment,
        subject=facts.release.subject_for(environment),
        at=now,
        role=role,
    )
    return replace(facts, approvals=(*facts.approvals, approval))


def without_hold(facts: Facts, name: str) -> Facts:
    """The facts as they would be if this hold were lifted.

    Raises:
        NotFoundError: no such hold is in force.
    """
    left = tuple(hold for hold in facts.holds if hold.id != name)
    if len(left) == len(facts.holds):
        raise NotFoundError(f'no hold "{name[:80]}" is in force', remedy="see them with: tidegate hold list")
    return replace(facts, holds=left)
