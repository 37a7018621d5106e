"""Whether a decision is what a case expects, and in which words it is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from tidegate.core.decide import decide
from tidegate.core.decision import Decision, Finding
from tidegate.core.policytest.form import Expect
from tidegate.core.policytest.times import NEVER
from tidegate.core.policytest.trial import Trial
from tidegate.core.rules import Context
from tidegate.core.rules.saying import at
from tidegate.core.verdict import Verdict

_DOES = {Verdict.ALLOW: "passes", Verdict.DENY: "denies", Verdict.CANNOT_TELL: "cannot tell"}
_TO = {Verdict.ALLOW: "pass", Verdict.DENY: "deny", Verdict.CANNOT_TELL: "not be able to tell"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A case that was asked: the decision, and in which points it is not what was expected."""

    trial: Trial
    decision: Decision
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the decision is what was expected."""
        return not self.problems


def judged(trial: Trial) -> Judged:
    """Ask the case, and hold the answer against what it expects."""
    decision = decide(trial.question, trial.policies, trial.facts, trial.at)
    return Judged(trial, decision, tuple(_problems(trial, decision)))


def is_named(by: str, rule: str) -> bool:
    """Whether an id in a case means the rule of a finding: its own id, or one that it begins with."""
    return rule == by or rule.startswith(f"{by}.")


def _problems(trial: Trial, decision: Decision) -> Iterator[str]:
    expect = trial.expect
    yield from _verdict(expect, decision)
    for verdict, names in ((Verdict.DENY, expect.deny), (Verdict.CANNOT_TELL, expect.cannot_tell)):
        for name in names:
            yield from _rule(name, verdict, decision)
    if expect.named and not expect.others:
        yield from _others(expect, decision)
    for name in expect.passes:
        yield from _rule(name, Verdict.ALLOW, decision)
    yield from _words(expect, decision)
    if expect.next_possible is not None:
        yield from _moment(trial, decision)


def _verdict(expect: Expect, decision: Decision) -> Iterator[str]:
    found = decision.verdict
    if expect.verdict not in (None, found):
        yield f"expected {expect.verdict}, and it is {found}"
    elif expect.allow is not None and expect.allow is not decision.allowed:
        yield f"expected {'allow' if expect.allow else 'no allow'}, and it is {found}"


def _rule(name: str, verdict: Verdict, decision: Decision) -> Iterator[str]:
    """What is wrong where no finding of that name has that verdict, or, to pass, where one has not."""
    found = [finding.verdict for finding in decision.findings if is_named(name, finding.rule)]
    holds = set(found) == {Verdict.ALLOW} if verdict is Verdict.ALLOW else verdict in found
    if not holds:
        others = dict.fromkeys(_DOES[other] for other in found if other is not verdict)
        does = f"it {' and '.join(others)}" if others else "nothing asks it"
        yield f"{name} was to {_TO[verdict]}, and {does}"


def _others(expect: Expect, decision: Decision) -> Iterator[str]:
    wanted = {Verdict.DENY: expect.deny, Verdict.CANNOT_TELL: expect.cannot_tell}
    told: dict[str, None] = {}
    for finding in decision.against():
        if not any(is_named(name, finding.rule) for name in wanted[finding.verdict]):
            told[f"{finding.rule} {_DOES[finding.verdict]}, and nothing expected it"] = None
    yield from told


def _words(expect: Expect, decision: Decision) -> Iterator[str]:
    against = decision.against()
    pool: list[Finding] = list(against or decision.findings)
    for words in expect.says:
        if not any(words in finding.message for finding in pool):
            where = "finding in the way" if against else "finding"
            yield f'no {where} says "{words}"'
    for words in expect.remedy:
        if not any(words in finding.remedy for finding in against):
            yield f'no remedy says "{words}"'


def _moment(trial: Trial, decision: Decision) -> Iterator[str]:
    expected = None if trial.expect.next_possible == NEVER else trial.next_possible
    if decision.next_possible != expected:
        found = _said(trial, decision.next_possible)
        yield f"next possible was to be {_said(trial, expected)}, and it is {found}"


def _said(trial: Trial, moment: datetime | None) -> str:
    if moment is None:
        return "never"
    return at(Context(trial.question, trial.policies.current, trial.facts, trial.at), moment)
