"""Something is asked for: what permits everything permits nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.rules.demands import afters, approval_rules, gate_names
from tidegate.core.rules.rule import START, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import count


def _check(context: Context) -> Iterator[Found]:
    environment, kind = context.environment, context.facts.release.type
    if environment is None or context.type is None:
        return  # environment.known or release.ready has said so
    where = context.question.environment
    asked = {
        "gate": len(gate_names(context)),
        "approval": sum(rule.count for rule in approval_rules(context)),
        "environment before": len(afters(context)),
    }
    said = ", ".join(count(number, noun) for noun, number in asked.items() if number)
    if said:
        yield passes(RULE.id, f"{where} asks for {said}".replace("environment befores", "environments before"))
        return
    yield denies(
        RULE.id,
        f"{where} asks for nothing of a {kind} release, and is closed for that",
        f"add gates:, approvals: or after: to environments.{where}",
    )


RULE = Rule(
    "requirement.present",
    "An environment that asks for nothing is closed.",
    "M2-07",
    START,
    _check,
    keys=("environments.{environment}",),
)
