"""Which marks of people count: signed by somebody whom the policy still lets, about what is released as it is."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.mark import ANYWHERE, Mark, MarkKind
from tidegate.core.policy import Act, ApprovalRule, ChecklistItem, Policy
from tidegate.core.rules.actor_permitted import minimum_assurance, permitted_people
from tidegate.core.rules.rule import Context


def marks_of(context: Context, kind: MarkKind, name: str) -> list[Mark]:
    """The marks of a kind about something, those of now and those of before, the oldest first."""
    return sorted(
        (mark for mark in context.facts.marks if mark.kind is kind and mark.name == name), key=lambda m: (m.at, m.id)
    )


def subject_anywhere(context: Context) -> str:
    """The digest that ticks and waivers are bound to."""
    return context.known.subject(context.facts.release, ANYWHERE)


def why_not(context: Context, mark: Mark, people: frozenset[str], subject: str) -> str:
    """Why a mark counts no more; empty while it counts."""
    who = mark.actor.person
    if mark.ended_at is not None:
        return f"{who} took it back"
    if mark.subject != subject:
        return f"{who} said it before something changed"
    if who not in people:
        return f"{who} may not"
    if mark.invalid:
        return f"{who}: {mark.invalid}"
    least = minimum_assurance(context.environment) if context.environment else None
    if least is None or not mark.actor.assurance.at_least(least):
        return f"{who} is only {mark.actor.assurance.value}"
    return ""


def may_tick(policy: Policy, item: ChecklistItem) -> frozenset[str]:
    """Who may tick a point: its group, or whoever may open releases."""
    return policy.people_of(item.by) if item.by else permitted_people(policy, Act.OPEN, None)


def authors_of(context: Context) -> frozenset[str]:
    """Who wrote what is released."""
    return frozenset(author for item in context.facts.release.items for author in item.authors)


def may_agree(policy: Policy, rule: ApprovalRule, groups: Iterator[str], authors: frozenset[str]) -> frozenset[str]:
    """Who may agree to a waiver: people of the groups that its rule asks, but for those who wrote what is released."""
    people = frozenset(name for group in groups for name in policy.people_of(group))
    return people if rule.author_may else people - authors
