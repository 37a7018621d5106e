"""The heart: one pure, total, explained function that answers every question about a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from tidegate.core.calendar import first_open
from tidegate.core.decision import Decision, Finding, Policies, Question
from tidegate.core.facts import Facts
from tidegate.core.rules import RULES, Context, Rule, Waiting
from tidegate.core.verdict import Verdict, combine


def decide(question: Question, policies: Policies, facts: Facts, now: datetime) -> Decision:
    """Answer ``question`` from ``facts`` at ``now``, by the policies that it concerns.

    Going forward needs yes from the pinned and from the current policy; going back asks the current one only. Every
    rule that is asked leaves its findings; deny outweighs cannot tell, and only a yes to everything is a yes. Nothing
    in ``facts`` has an order that matters, and adding a demand to a policy never turns a no into a yes.

    Args:
        now: UTC.

    Returns:
        The decision. It never raises: what goes wrong inside a rule is a finding that cannot tell.
    """
    findings: list[Finding] = []
    waits: list[Waiting] = []
    asked = policies.asked(question.action)
    for label, rulebook in asked:
        context = Context(question, rulebook, facts, now)
        for rule in RULES:
            if question.action in rule.actions:
                _ask(rule, context, label, findings, waits)
    verdict = combine(finding.verdict for finding in findings)
    in_the_way = [finding for finding in findings if finding.verdict is not Verdict.ALLOW]
    next_possible = _next_possible(waits, now)
    return Decision(
        question=question,
        verdict=verdict,
        findings=tuple(findings),
        decided_at=now,
        subject=_subject(facts, question.environment),
        next_possible=next_possible,
        blocked_by_time_only=bool(in_the_way) and all(finding.time_only for finding in in_the_way),
        policies=tuple(rulebook.digest for _, rulebook in asked),
    )


def _ask(rule: Rule, context: Context, label: str, findings: list[Finding], waits: list[Waiting]) -> None:
    try:
        for found in rule.check(context):
            if isinstance(found, Waiting):
                waits.append(found)
                found = _waited(found, context.now)
            findings.append(replace(found, policy=label, reference=rule.reference))
    except Exception as error:  # noqa: BLE001  the promise: an error never passes a gate, and never goes unseen
        findings.append(
            Finding(
                rule.id,
                Verdict.CANNOT_TELL,
                f"the rule failed: {type(error).__name__}: {error}",
                "report this: a rule must answer whatever the facts are",
                rule.reference,
                label,
            )
        )


def _waited(wait: Waiting, now: datetime) -> Finding:
    opens = wait.open_at(now)
    if opens == now:
        return Finding(wait.rule, Verdict.ALLOW, wait.holds, time_only=True, opens_at=now)
    remedy = wait.remedy or ("wait" if opens else "nothing opens within 400 days: change the rule or the release type")
    return Finding(wait.rule, Verdict.DENY, wait.reads(opens), remedy, time_only=True, opens_at=opens)


def _next_possible(waits: Sequence[Waiting], now: datetime) -> datetime | None:
    try:
        return first_open([wait.open_at for wait in waits], now)
    except Exception:  # noqa: BLE001  the rule that fails has already left its finding
        return None


def _subject(facts: Facts, environment: str) -> str:
    return facts.release.subject_for(environment)


