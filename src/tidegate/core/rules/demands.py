"""What a release must have for an environment: its own demands, and for production those of the release type."""

from __future__ import annotations

from tidegate.core.policy import ApprovalRule, Purpose, Skippable
from tidegate.core.rules.rule import Context


def is_production(context: Context) -> bool:
    """Whether the release type's own demands (notice, gates, approvals) hold for this question."""
    environment = context.environment
    return environment is not None and environment.purpose is Purpose.PRODUCTION


def gate_names(context: Context) -> tuple[str, ...]:
    """The gates to be passed, each once."""
    environment, kind = context.environment, context.type
    found = dict.fromkeys(environment.gates if environment else ())
    if kind and is_production(context):
        found |= dict.fromkeys(kind.gates)
    return tuple(found)


def approval_rules(context: Context) -> tuple[ApprovalRule, ...]:
    """The approvals to be had."""
    environment, kind = context.environment, context.type
    own = environment.approvals if environment else ()
    return own + kind.approvals if kind and is_production(context) else own


def skips(context: Context, what: Skippable) -> bool:
    """Whether the release type skips a time rule."""
    return context.type is not None and what in context.type.skips
