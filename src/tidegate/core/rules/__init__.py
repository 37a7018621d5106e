"""The rules by which ``decide`` answers. One rule, one file; this list is the registry, and its order is the order of
the explanation."""

from __future__ import annotations

from tidegate.core.rules import (
    access,
    actor_permitted,
    approvals,
    artifact,
    backup,
    blackouts,
    business_cycle,
    change,
    checklist,
    client_blackouts,
    client_windows,
    component_windows,
    content,
    content_kind,
    criterion,
    debts,
    deploy_from,
    document,
    drills,
    emergency,
    environment_known,
    freeze,
    frequency,
    gate,
    held,
    hold,
    holiday,
    horizon,
    maintenance,
    migration,
    milestone,
    notice,
    predecessor,
    release_ready,
    requirement_present,
    requires,
    subject_unchanged,
    train,
    training,
    validated,
    way_back,
    windows,
)
from tidegate.core.rules.rule import Chapter, Context, Found, Rule, Waiting

RULES: tuple[Rule, ...] = (
    environment_known.RULE,
    actor_permitted.RULE,
    access.RULE,
    training.RULE,
    release_ready.RULE,
    requirement_present.RULE,
    subject_unchanged.RULE,
    artifact.RULE,
    hold.RULE,
    held.RULE,
    emergency.RULE,
    debts.RULE,
    content.RULE,
    content_kind.RULE,
    criterion.RULE,
    deploy_from.RULE,
    requires.RULE,
    predecessor.RULE,
    migration.RULE,
    gate.RULE,
    backup.RULE,
    document.RULE,
    checklist.RULE,
    approvals.RULE,
    change.RULE,
    notice.RULE,
    horizon.RULE,
    frequency.RULE,
    freeze.RULE,
    milestone.RULE,
    train.RULE,
    windows.RULE,
    client_windows.RULE,
    component_windows.RULE,
    maintenance.RULE,
    blackouts.RULE,
    client_blackouts.RULE,
    holiday.RULE,
    business_cycle.RULE,
    validated.RULE,
    drills.RULE,
    way_back.RULE,
)

OF_THE_CALENDAR: tuple[Rule, ...] = tuple(rule for rule in RULES if rule.of_the_calendar)
"""Those that ask nothing of a release but its type and its components: by them alone it is open, or it is not."""

VERSION = 4
"""Raised whenever a rule may answer differently on the same facts; written into every leaf."""


def rule_of(finding: str) -> Rule | None:
    """The rule that a finding of this id comes from: the rule's own id, one below it, or one of ``also``.

    Where one rule's id lies below another's, as ``content.kind`` below ``content``, it is the nearer one.
    """
    known = {name: rule for rule in RULES for name in (rule.id, *rule.also)}
    return known.get(max((name for name in known if _covers(name, finding)), key=len, default=""))


def _covers(name: str, finding: str) -> bool:
    return finding == name or finding.startswith(f"{name}.")


__all__ = ["OF_THE_CALENDAR", "RULES", "VERSION", "Chapter", "Context", "Found", "Rule", "Waiting", "rule_of"]
