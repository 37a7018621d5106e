"""The changes of the policy as lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from tidegate.cli.render import finding_lines
from tidegate.cli.text import bad, clean, columns, doubtful, good, strong, wrapped
from tidegate.core.adoption import AdoptionDecision, short
from tidegate.views.moments import civil, distance
from tidegate.views.policy_change import AnswerView, ChangeView, ProposalView


def refused_lines(decision: AdoptionDecision) -> list[str]:
    """Why a policy may not be adopted yet: each thing that is missing, with what to do."""
    lines = [f"{bad(strong('✗ deny'))}: adopt {short(decision.digest)}"]
    for finding in decision.against():
        lines += finding_lines(finding)
    return lines


def change_lines(changes: Iterable[ChangeView], tz: tzinfo, now: datetime, *, whole: bool) -> list[str]:
    """Adoptions as a table, then what is proposed; ``whole`` tells by what proposal each adoption came."""
    found = list(changes)
    adopted = [change for change in found if change.number is not None]
    lines = columns([_adoption(change, tz) for change in adopted])
    for change in adopted if whole else ():
        if change.proposal is not None:
            lines += ["", *_proposal(change.digest, change.state, change.proposal, now)]
    for change in found:
        if change.number is None and change.proposal is not None:
            lines += ["", *_proposal(change.digest, change.state, change.proposal, now)]
    return lines


def _adoption(change: ChangeView, tz: tzinfo) -> tuple[str, ...]:
    return (
        "*" if change.active else " ",
        str(change.number),
        f"{short(change.digest)}…",
        civil(change.adopted_at, tz) if change.adopted_at else "",
        clean((change.adopted_by or {}).get("person", "")),
    )


_STATES = {"open": doubtful("• open"), "rejected": bad("✗ rejected")}


def _proposal(digest: str, state: str, proposal: ProposalView, now: datetime) -> list[str]:
    head = f"{short(digest)}…  {_STATES.get(state, good('✓ adopted'))}"
    because = f": {clean(proposal.because)}" if proposal.because else ""
    who = f"proposed by {clean(proposal.proposed_by)}, {distance(proposal.proposed_at, now)}{because}"
    lines = [head, *wrapped(who, "    ", first="  ")]
    for answer in proposal.answers:
        lines += wrapped(_answer(answer, now), "    ", first="  ")
    for finding in proposal.against:
        lines += finding_lines(finding)
    return lines


def _answer(answer: AnswerView, now: datetime) -> str:
    word = "approved" if answer.answer == "approve" else "rejected"
    role = f" as {clean(answer.role)}" if answer.role else ""
    reason = f": {clean(answer.reason)}" if answer.reason else ""
    back = ", and took it back" if answer.revoked_at else ""
    return f"{clean(answer.person)} {word} it{role}, {distance(answer.at, now)}{back}{reason}"
