"""Decide a release as it is, and as it would be if something were so. Nothing is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tidegate.clock import read_moment, to_text
from tidegate.core.decide import decide
from tidegate.core.decision import Question
from tidegate.core.facts import Facts
from tidegate.core.policy import Policy
from tidegate.core.supposing import (
    Supposition,
    What,
    read_supposition,
    with_approval,
    with_evidence,
    without_hold,
)
from tidegate.errors import UsageError
from tidegate.orchestration.evidence import would_add
from tidegate.orchestration.house import House
from tidegate.orchestration.judge import Judged, judge
from tidegate.orchestration.seen import look


@dataclass(frozen=True, slots=True)
class Supposed:
    """A decision under what was supposed, and the one without it; ``said`` are the suppositions in words."""

    judged: Judged
    really: Judged
    said: tuple[str, ...]


def suppose(house: House, release: str, question: Question, texts: Sequence[str]) -> Supposed:
    """Decide ``question`` as if everything in ``texts`` were so; the language is that of ``core/supposing.py``.

    Evidence and approvals are supposed to come now; ``now=`` moves the decision, not them.

    Raises:
        UsageError: a text that supposes nothing, or a report that cannot be read.
        NotFoundError: there is no such release, file or hold.
    """
    wishes = [read_supposition(text) for text in texts]
    now = house.now()
    at = _moment(wishes) or now
    in_git = look(house, release)
    with house.database.read() as connection:
        really = judge(connection, release, question, now, in_git=in_git)
        then = really if at == now else judge(connection, release, question, at, in_git=in_git)
    facts, said = then.facts, []
    for wish in wishes:
        facts, words = _apply(wish, facts, then.policies.current.policy, question, now)
        said.append(words)
    decision = decide(question, then.policies, facts, at)
    return Supposed(replace(then, facts=facts, decision=decision), really, tuple(said))


def _moment(wishes: Sequence[Supposition]) -> datetime | None:
    moments = [_read_moment(wish.value) for wish in wishes if wish.what is What.NOW]
    if len(moments) > 1:
        raise UsageError("it cannot be two times at once", remedy="suppose now= once")
    return moments[0] if moments else None


def _read_moment(text: str) -> datetime:
    try:
        return read_moment(text)
    except ValueError as error:
        raise UsageError(f'"{text[:60]}" names no moment', remedy="write it as now=2026-12-01T18:00:00Z") from error


def _apply(wish: Supposition, facts: Facts, policy: Policy, question: Question, now: datetime) -> tuple[Facts, str]:
    """The facts with a supposition in them, and the supposition in words."""
    match wish.what:
        case What.EVIDENCE:
            added = would_add(facts.release, policy, Path(wish.value), wish.detail, question.environment, now)
            pieces = tuple(each.evidence for each in added)
            return with_evidence(facts, pieces), f"{Path(wish.value).name} were added: {added[0].summary}"
        case What.APPROVAL:
            supposed = with_approval(facts, wish.value, wish.detail, question.environment, now)
            role = f" as {wish.detail}" if wish.detail else ""
            return supposed, f"{wish.value} approved it for {question.environment}{role}"
        case What.LIFTED:
            return without_hold(facts, wish.value), f"the hold {wish.value} were lifted"
        case What.NOW:
            return facts, f"it were {to_text(_read_moment(wish.value))}"
