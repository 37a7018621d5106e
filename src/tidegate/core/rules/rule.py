"""What a rule is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.calendar import OpenAt
from tidegate.core.decision import Action, Finding, Question
from tidegate.core.facts import Facts
from tidegate.core.policy import Environment, Policy, ReleaseType
from tidegate.core.rulebook import Rulebook
from tidegate.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Context:
    """What every rule is given: the question, one policy, the facts, the time. Nothing else exists for it."""

    question: Question
    rulebook: Rulebook
    facts: Facts
    now: datetime

    @property
    def policy(self) -> Policy:
        """The policy under which this rule is asked."""
        return self.rulebook.policy

    @property
    def environment(self) -> Environment | None:
        """The environment of the question; None when this policy does not know it."""
        return self.policy.environments.get(self.question.environment)

    @property
    def type(self) -> ReleaseType | None:
        """The release's type; None when this policy does not know it."""
        return self.policy.release_types.get(self.facts.release.type)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A demand that passes by waiting: ``open_at`` says from when on, ``reads`` says what it is, in words."""

    rule: str
    open_at: OpenAt
    reads: Callable[[datetime | None], str]
    holds: str
    remedy: str = ""


Found = Finding | Waiting


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, one sentence, the ledger's numbers, the actions it is asked for, and its check.

    The check is pure. It yields a finding for each thing it asks, or a :class:`Waiting` for what time will settle;
    a rule that has nothing to ask yields nothing.
    """

    id: str
    sentence: str
    reference: str
    actions: frozenset[Action]
    check: Callable[[Context], Iterable[Found]]


START = frozenset({Action.START})
FORWARD = frozenset({Action.START, Action.CONTINUE})
ALWAYS = frozenset(Action)
BACK = frozenset({Action.ROLLBACK})


def passes(rule: str, message: str, looked_at: Iterable[str] = ()) -> Finding:
    """A finding that does not stand in the way."""
    return Finding(rule, Verdict.ALLOW, message, looked_at=tuple(looked_at))


def denies(rule: str, message: str, remedy: str, looked_at: Iterable[str] = ()) -> Finding:
    """A finding that stands in the way, and what would change it."""
    return Finding(rule, Verdict.DENY, message, remedy, looked_at=tuple(looked_at))


def cannot_tell(rule: str, message: str, remedy: str, looked_at: Iterable[str] = ()) -> Finding:
    """Something that would have to be known is not; that never passes."""
    return Finding(rule, Verdict.CANNOT_TELL, message, remedy, looked_at=tuple(looked_at))


def names(items: Iterable[str]) -> str:
    """A list for people: ``alice, bob``; ``nobody`` when it is empty."""
    return ", ".join(sorted(items)) or "nobody"


