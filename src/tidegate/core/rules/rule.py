"""What a rule is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from tidegate.core.calendar import CloseAt, OpenAt
from tidegate.core.decision import Action, Finding, Question
from tidegate.core.facts import Facts
from tidegate.core.naming import Path
from tidegate.core.policy import Environment, Policy, ReleaseTemplate, ReleaseType
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules.lookup import Lookup
from tidegate.core.verdict import Verdict

NEWEST = 1 << 30
"""The version of the rules where nobody judges again what an earlier one decided."""


@dataclass(frozen=True)
class Context:
    """What every rule is given: the question, one policy, the facts, the time. Nothing else exists for it.

    ``known`` is what several rules look up in the facts; both policies of a decision share it. ``version`` is that of
    the rules, where a rule answers differently since one of them. ``today`` is the current policy, which only remedies
    look at: the policy that is asked may be the pinned one.
    """

    question: Question
    rulebook: Rulebook
    facts: Facts
    now: datetime
    known: Lookup = field(default_factory=Lookup, compare=False, repr=False)
    version: int = NEWEST
    today: Policy | None = field(default=None, compare=False, repr=False)

    # Not slotted, so that what is looked up is kept with the decision and no longer.

    def since(self, version: int) -> bool:
        """Whether what that version of the rules brought holds in this decision."""
        return self.version >= version

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

    @property
    def template(self) -> ReleaseTemplate | None:
        """The template from which the release was opened; None where there is none, or this policy has it no more."""
        return self.policy.release_templates.get(self.facts.release.template)

    @cached_property
    def subject(self) -> str:
        """What an approval for the environment of the question must be bound to."""
        return self.known.subject(self.facts.release, self.question.environment)


def never_closes(_: datetime) -> None:
    """Of what holds from some moment on."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A demand that passes by waiting.

    ``open_at`` says from when on it holds, and must answer with the earliest moment not before the one it is given at
    which it holds, whatever that moment is. ``reads`` says what is waited for, ``holds`` what is said when it holds;
    ``instead`` is what somebody could do other than wait. ``closes_at`` answers with the earliest moment not before
    the one it is given at which it does not hold; what holds from some moment on never closes. ``place`` is where the
    policy says it.
    """

    rule: str
    open_at: OpenAt
    reads: Callable[[datetime | None], str]
    holds: Callable[[], str]
    instead: str = ""
    closes_at: CloseAt = never_closes
    place: Path = ()


Found = Finding | Waiting


class Chapter(StrEnum):
    """What a rule is about; an explanation groups the findings by it, in this order."""

    RELEASE = "release"
    PROMOTION = "promotion"
    EVIDENCE = "evidence"
    PEOPLE = "people"
    CHANGE = "change"
    TIME = "time"
    WAY_BACK = "way back"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, one sentence, the ledger's numbers, the actions it is asked for, and its check.

    The check is pure. It yields a finding for each thing it asks, or a :class:`Waiting` for what time will settle;
    a rule that has nothing to ask yields nothing. The ids of its findings are the rule's own, or begin with it and a
    dot, or are among ``also``. ``since`` is the version of the rules that brought it: what was decided by an earlier
    one is judged again without it. ``chapter`` is where an explanation tells it; ``keys`` are the paths of the policy
    that ask for it, in which ``{name}`` is what follows the rule's id in that of a finding, and ``{environment}`` and
    ``{type}`` are those of the question. One that is ``of_the_calendar`` asks nothing of a release but its type and its
    components.
    """

    id: str
    sentence: str
    reference: str
    actions: frozenset[Action]
    check: Callable[[Context], Iterable[Found]]
    also: tuple[str, ...] = ()
    since: int = 1
    chapter: Chapter = Chapter.RELEASE
    keys: tuple[str, ...] = ()
    of_the_calendar: bool = False


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
