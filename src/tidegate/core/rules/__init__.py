"""The rules by which ``decide`` answers. One rule, one file; this list is the registry, and its order is the order of
the explanation."""

from __future__ import annotations

from tidegate.core.rules import (
    actor_permitted,
    approvals,
    blackouts,
    environment_known,
    freeze,
    gate,
    hold,
    notice,
    predecessor,
    release_ready,
    requirement_present,
    subject_unchanged,
    train,
    way_back,
    windows,
)
from tidegate.core.rules.rule import Context, Found, Rule, Waiting

RULES: tuple[Rule, ...] = (
    environment_known.RULE,
    actor_permitted.RULE,
    release_ready.RULE,
    requirement_present.RULE,
    subject_unchanged.RULE,
    hold.RULE,
    predecessor.RULE,
    gate.RULE,
    approvals.RULE,
    notice.RULE,
    freeze.RULE,
    train.RULE,
    windows.RULE,
    blackouts.RULE,
    way_back.RULE,
)

VERSION = 1
"""Raised whenever a rule may answer differently on the same facts; written into every leaf."""

__all__ = ["RULES", "VERSION", "Context", "Found", "Rule", "Waiting"]
