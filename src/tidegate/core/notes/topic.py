"""What the notes of a release speak of: the topics, and which commits and hand-written fragments belong to each.

The order is that of 7D-13, with what the other formats know besides put where it fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tidegate.core.change import MERGE, QUIET_KINDS, REVERT, UNCONVENTIONAL, Change


class Topic(StrEnum):
    """One section of the data. The value is its name in JSON and in templates."""

    HIGHLIGHTS = "highlights"
    FEATURES = "features"
    FIXES = "fixes"
    SECURITY = "security"
    PERFORMANCE = "performance"
    IMPROVEMENTS = "improvements"
    DOCUMENTATION = "documentation"
    REMOVED = "removed"
    BREAKING = "breaking"
    DEPRECATIONS = "deprecations"
    MIGRATION_GUIDE = "migration_guide"
    UPGRADE_STEPS = "upgrade_steps"
    DEPENDENCIES = "dependencies"
    KNOWN_ISSUES = "known_issues"
    SUPPORT = "support"
    OTHER = "other"
    UNCONVENTIONAL = "unconventional"


_DEPENDENCY_SCOPES = frozenset({"deps", "dep", "dependencies", "deps-dev"})

KINDS: Mapping[str, Topic] = MappingProxyType(
    {
        "feat": Topic.FEATURES,
        "feature": Topic.FEATURES,
        "fix": Topic.FIXES,
        REVERT: Topic.FIXES,
        "security": Topic.SECURITY,
        "perf": Topic.PERFORMANCE,
        "docs": Topic.DOCUMENTATION,
        "deprecate": Topic.DEPRECATIONS,
        "deps": Topic.DEPENDENCIES,
        **dict.fromkeys(("improve", "improvement", "enhance", "enhancement", "change"), Topic.IMPROVEMENTS),
        **dict.fromkeys(("remove", "removed"), Topic.REMOVED),
        UNCONVENTIONAL: Topic.UNCONVENTIONAL,
    }
)
"""Where commits of a kind are told. A kind that is not here and is not quiet is told under ``other``: a reader must be
able to see it."""

FRAGMENT_TYPES: Mapping[str, Topic] = MappingProxyType(
    {
        "added": Topic.FEATURES,
        "changed": Topic.IMPROVEMENTS,
        "deprecated": Topic.DEPRECATIONS,
        "removed": Topic.REMOVED,
        "fixed": Topic.FIXES,
        "security": Topic.SECURITY,
        "performance": Topic.PERFORMANCE,
        "breaking": Topic.BREAKING,
        "highlight": Topic.HIGHLIGHTS,
        "migration": Topic.MIGRATION_GUIDE,
        "upgrade": Topic.UPGRADE_STEPS,
        "dependency": Topic.DEPENDENCIES,
        "known-issue": Topic.KNOWN_ISSUES,
        "documentation": Topic.DOCUMENTATION,
        "support": Topic.SUPPORT,
        "other": Topic.OTHER,
    }
)
"""The types of hand-written fragments, as Keep a Changelog calls them where it has a word."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("feature", "feat"), "added"),
        **dict.fromkeys(("bugfix", "fix"), "fixed"),
        **dict.fromkeys(("perf",), "performance"),
        **dict.fromkeys(("doc", "docs"), "documentation"),
        **dict.fromkeys(("removal",), "removed"),
        **dict.fromkeys(("misc",), "other"),
    }
)
"""What towncrier and conventional commits call the same."""


def topic_of(change: Change) -> Topic | None:
    """Where a change is told; None for what users do not notice: quiet kinds and merges that say nothing.

    A quiet change that breaks something is an improvement that users will notice.
    """
    if change.scope and change.scope.lower() in _DEPENDENCY_SCOPES:
        return Topic.DEPENDENCIES
    if found := KINDS.get(change.kind):
        return found
    if change.kind in QUIET_KINDS or change.kind == MERGE:
        return Topic.IMPROVEMENTS if change.breaking else None
    return Topic.OTHER
