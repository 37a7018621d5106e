"""What a release must have for an environment: its own demands, and for production those of the release type."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.decision import Action
from tidegate.core.emergency import Emergency, emergency_for
from tidegate.core.policy import After, ApprovalRule, Bypass, Purpose, Skippable
from tidegate.core.rules.rule import Context


def is_production(context: Context) -> bool:
    """Whether the release type's own demands (notice, gates, approvals) hold for this question."""
    environment = context.environment
    return environment is not None and environment.purpose is Purpose.PRODUCTION


def gate_names(context: Context) -> tuple[str, ...]:
    """The gates to be passed, each once."""
    environment, kind = context.environment, context.type
    found = dict.fromkeys(environment.gates if environment and not bypasses(context, Bypass.GATES) else ())
    if kind and is_production(context):
        found |= dict.fromkeys(kind.gates)
    return tuple(name for name in found if is_asked_of_type(context, name))


def is_asked_of_type(context: Context, name: str) -> bool:
    """Whether a gate is asked of this type; a gate that the policy does not have is asked for, and is missing."""
    gate = context.policy.gates.get(name)
    return gate is None or not gate.types or not context.since(3) or context.facts.release.type in gate.types


def document_names(context: Context) -> tuple[str, ...]:
    """The documents that there must be, each once."""
    environment, kind = context.environment, context.type
    found = dict.fromkeys(environment.documents if environment else ())
    if kind and is_production(context):
        found |= dict.fromkeys(kind.documents)
        found |= dict.fromkeys(context.template.documents if context.template else ())
    return tuple(found)


def checklist_names(context: Context) -> tuple[str, ...]:
    """The checklists that are to be ticked, each once."""
    environment, kind = context.environment, context.type
    found = dict.fromkeys(environment.checklists if environment else ())
    if kind and is_production(context):
        found |= dict.fromkeys(kind.checklists)
        found |= dict.fromkeys(context.template.checklists if context.template else ())
    return tuple(found)


def approval_rules(context: Context) -> tuple[ApprovalRule, ...]:
    """The approvals to be had: those of the environment, and for production those of the type and of the clients."""
    return tuple(rule for _, _, rule in placed_approvals(context))


def placed_approvals(context: Context) -> Iterator[tuple[tuple[str, str], int, ApprovalRule]]:
    """The same, each with where the policy says so: the section and the name in it, and its number there."""
    environment, kind = context.environment, context.type
    places: list[tuple[tuple[str, str], tuple[ApprovalRule, ...]]] = []
    if environment is not None and not bypasses(context, Bypass.APPROVALS):
        places.append((("environments", context.question.environment), environment.approvals))
    if kind and is_production(context):
        places.append((("release_types", context.facts.release.type), kind.approvals))
        places += [(("clients", name), context.policy.clients[name].approvals) for name in clients_of(context)]
    for place, rules in places:
        for number, rule in enumerate(rules):
            if not rule.types or context.facts.release.type in rule.types:
                yield place, number, rule


def clients_of(context: Context) -> list[str]:
    """The clients whose components are released, sorted; nothing asked for them before the third version of the rules.

    A client whose name leads nowhere has nothing to say: such a policy is not adopted.
    """
    if not context.since(3):
        return []
    components, known = context.policy.components, context.policy.clients
    named = {components[i.component].client for i in context.facts.release.items if i.component in components}
    return sorted(name for name in named if name is not None and name in known)


def skips(context: Context, what: Skippable) -> bool:
    """Whether the release type skips a time rule."""
    return context.type is not None and what in context.type.skips


def afters(context: Context) -> tuple[After, ...]:
    """The environments in which it must have been verified before."""
    environment = context.environment
    return environment.after if environment and not bypasses(context, Bypass.AFTER) else ()


def emergency_of(context: Context) -> Emergency | None:
    """The emergency by which the release goes.

    A checkpoint leaves it as it was granted: whoever ends an emergency stops nothing that went by it.
    """
    release = context.facts.release
    components = [item.component for item in release.items]
    granted = context.question.action is Action.CONTINUE
    return emergency_for(
        context.policy, release.type, components, context.facts.emergencies, context.now, granted=granted
    )


def bypasses(context: Context, what: Bypass) -> bool:
    """Whether an emergency in force lets the release go without what the environment asks of every other."""
    return what in context.policy.emergency.bypasses and emergency_of(context) is not None
