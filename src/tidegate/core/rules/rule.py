"""What a rule is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from tidegate.core.calendar import OpenAt
from tidegate.core.decision import Action, Finding, Question
from tidegate.core.facts import Facts
from tidegate.core.policy import Environment, Policy, ReleaseType
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules.lookup import Lookup
from tidegate.core.verdict import Verdict


@dataclass(frozen=True)
class Context:
    """What every rule is given: the question, one policy, the facts, the time. Nothing else exists for it.

    ``known`` is what several rules look up in the facts; both policies of a decision share it.
    """

    question: Question
    rulebook: Rulebook
    facts: Facts
    now: datetime
    known: Lookup = field(default_factory=Lookup, compare=False, repr=False)

    # Not slotted, so that what is looked up is kept with the decision and no longer.

    @cached_property
    def policy(self) -> Policy:
        """The policy under which this rule is asked."""
        return self.rulebook.policy

    @cached_property
    def environment(self) -> Environment | None:
        """The environment of the question; None when this policy does not know it."""
        return self.policy.environments.get(self.question.environment)

    @cached_property
    def type(self) -> ReleaseType | None:
        """The release's type; None when this policy does not know it."""
        return self.policy.release_types.get(self.facts.release.type)

    @cached_property
    def subject(self) -> str:
        """What an approval for the environment of the question must be bound to."""
        return self.known.subject(self.facts.release, self.question.environment)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A demand that passes by waiting.

    ``open_at`` says from when on it holds, and must answer with the earliest moment not before the one it is given at
    which it holds, whatever that moment is. ``reads`` says what is waited for, ``holds`` what is said when it holds;
    ``instead`` is what somebody could do other than wait.
    """

    rule: str
    open_at: OpenAt
    reads: Callable[[datetime | None], str]
    holds: Callable[[], str]
    instead: str = ""


Found = Finding | Waiting


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, one sentence, the ledger's numbers, the actions it is asked for, and its check.

    The check is pure. It yields a finding for each thing it asks, or a :class:`Waiting` for what time will settle;
    a rule that has nothing to ask yields nothing. The ids of its findings are the rule's own, or begin with it and a
    dot, or are among ``also``.
    """

    id: str
    sentence: str
    reference: str
    actions: frozenset[Action]
    check: Callable[[Context], Iterable[Found]]
    also: tuple[str, ...] = ()


START = frozenset({Action.START})
CONTINUE = frozenset({Action.CONTINUE})
FORWARD = START | CONTINUE
BACK = frozenset({Action.ROLLBACK})
ALWAYS = frozenset(Action)


def passes(rule: str, message: str, looked_at: Iterable[str] = ()) -> Finding:
    """A finding that does not stand in the way."""
    return Finding(rule, Verdict.ALLOW, message, looked_at=tuple(looked_at))


def denies(rule: str, message: str, remedy: str, looked_at: Iterable[str] = ()) -> Finding:
    """A finding that stands in the way, and what would change it."""
    return Finding(rule, Verdict.DENY, message, remedy, looked_at=tuple(looked_at))


def cannot_tell(rule: str, message: str, remedy: str, looked_at: Iterable[str] = ()) -> Finding:
    """Something that would have to be known is not; that never passes."""
    return Finding(rule, Verdict.CANNOT_TELL, message, remedy, looked_at=tuple(looked_at))
