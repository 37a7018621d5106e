"""The heart: one pure, total, explained function that answers every question about a release.

How it decides is told in docs/explanation/deciding.md, and each rule in docs/rules/.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tidegate.core.calendar import first_open
from tidegate.core.decision import Action, Decision, Finding, Policies, Question
from tidegate.core.facts import Facts
from tidegate.core.rules import RULES, VERSION, Context, Rule, Waiting
from tidegate.core.rules.lookup import Lookup
from tidegate.core.rules.saying import at
from tidegate.core.verdict import Verdict, combine


def decide(question: Question, policies: Policies, facts: Facts, now: datetime, *, version: int = VERSION) -> Decision:
    """Answer ``question`` from ``facts`` at ``now``, by the policies that it concerns.

    Going forward needs yes from the pinned and from the current policy; going back asks the current one only. Every
    rule that is asked leaves its findings; deny outweighs cannot tell, and only a yes to everything is a yes. Nothing
    in ``facts`` has an order that matters. Adding a demand to a policy never turns a no into a yes, except for the
    first one of an environment, which asked for nothing before and was closed for that.

    Args:
        now: UTC.
        version: that of the rules; an earlier one leaves out what came later, to judge again what it decided.

    Returns:
        The decision. It never raises: what goes wrong inside a rule is a finding that cannot tell.
    """
    known = Lookup()
    asked = policies.asked(question.action)
    rules = [rule for rule in RULES if question.action in rule.actions and rule.since <= version]
    today = policies.current.policy
    hearings = [
        _hear(Context(question, rulebook, facts, now, known, version, today), label, rules) for label, rulebook in asked
    ]
    findings = tuple([finding for hearing in hearings for finding in hearing.findings])
    in_the_way = [finding for finding in findings if finding.verdict is not Verdict.ALLOW]
    return Decision(
        question=question,
        verdict=combine([finding.verdict for finding in findings]),
        findings=findings,
        decided_at=now,
        subject=_subject(known, facts, question.environment),
        next_possible=_next_possible(hearings, now),
        blocked_by_time_only=bool(in_the_way) and all(finding.time_only for finding in in_the_way),
        policies=tuple([rulebook.digest for _, rulebook in asked]),
    )


def waits(context: Context, rules: Sequence[Rule] = RULES) -> list[Waiting]:
    """What a question would wait for, by one policy: the demands that pass by waiting, whatever else is missing.

    A rule that fails is one that never opens.

    Args:
        rules: those that are asked; whoever asks for many releases leaves out what never waits.
    """
    hearing = _Hearing(context, "current")
    found: list[Waiting] = []
    for rule in rules:
        if context.question.action in rule.actions:
            try:
                found += [one for one in rule.check(context) if isinstance(one, Waiting)]
            except Exception:  # noqa: BLE001  as in a decision: an error never passes
                hearing.foreseeable = False
    return found if hearing.foreseeable else [*found, _NEVER]


_NEVER = Waiting("unforeseen", lambda moment: None, lambda opens: "nobody can tell", lambda: "")


class _Hearing:
    """What one policy has to say: its findings, what it waits for, and whether it can be foreseen at all."""

    def __init__(self, context: Context, label: str) -> None:
        self.context = context
        self.label = label
        self.findings: list[Finding] = []
        self.waits: list[Waiting] = []
        self.foreseeable = context.environment is not None and (
            context.type is not None or context.question.action is not Action.START
        )

    def ask(self, rule: Rule) -> None:
        """Ask one rule."""
        try:
            for found in rule.check(self.context):
                if isinstance(found, Waiting):
                    self.waits.append(found)
                    self.add(rule, _waited(found, self.context))
                else:
                    self.add(rule, found)
        except Exception as error:  # noqa: BLE001  the promise: an error never passes, and never goes unseen
            self.foreseeable = False
            self.add(rule, _failed(rule, error))

    def add(self, rule: Rule, found: Finding) -> None:
        """Keep a finding, with whose it is. Written out, since ``dataclasses.replace`` costs three times as much."""
        self.findings.append(
            Finding(
                found.rule,
                found.verdict,
                found.message,
                found.remedy,
                rule.reference,
                self.label,
                found.time_only,
                found.opens_at,
                found.looked_at,
                found.notable,
            )
        )


def _hear(context: Context, label: str, rules: Sequence[Rule]) -> _Hearing:
    hearing = _Hearing(context, label)
    for rule in rules:
        hearing.ask(rule)
    return hearing


def _failed(rule: Rule, error: Exception) -> Finding:
    what = " ".join(str(error).split())[:200]
    return Finding(
        rule.id,
        Verdict.CANNOT_TELL,
        f"this rule failed with {type(error).__name__}: {what}",
        "report it as a fault in Tidegate, with the output of tidegate check --json",
    )


def _waited(wait: Waiting, context: Context) -> Finding:
    opens = wait.open_at(context.now)
    if opens == context.now:
        return Finding(wait.rule, Verdict.ALLOW, wait.holds(), time_only=True, opens_at=opens)
    until = f"wait until {at(context, opens)}" if opens else "it does not open within 400 days"
    remedy = f"{until}, or {wait.instead}" if wait.instead else until
    return Finding(wait.rule, Verdict.DENY, wait.reads(opens), remedy, time_only=True, opens_at=opens)


def _next_possible(hearings: Sequence[_Hearing], now: datetime) -> datetime | None:
    """The fixed point of all that is waited for, under every policy that is asked."""
    if not all(hearing.foreseeable for hearing in hearings):
        return None
    opens = {finding.opens_at for hearing in hearings for finding in hearing.findings if finding.time_only}
    if None in opens:
        return None
    if opens <= {now}:
        return now
    try:
        return first_open([wait.open_at for hearing in hearings for wait in hearing.waits], now)
    except Exception:  # noqa: BLE001  a moment beyond what a calendar can hold is none that can be foreseen
        return None


def _subject(known: Lookup, facts: Facts, environment: str) -> str:
    try:
        return known.subject(facts.release, environment)
    except Exception:  # noqa: BLE001  a subject without a digest: whichever rule needs it has said so
        return ""
