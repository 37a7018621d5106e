"""Something is asked for: what permits everything permits nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.rules.demands import approval_rules, gate_names
from tidegate.core.rules.rule import START, Context, Found, Rule, denies


def _check(context: Context) -> Iterator[Found]:
    environment = context.environment
    if environment is None or context.type is None:
        return
    if gate_names(context) or approval_rules(context) or environment.after:
        return
    yield denies(
        RULE.id,
        f"the policy asks for nothing before a {context.facts.release.type} release goes to "
        f"{context.question.environment}",
        f"name a gate, an approval or an environment to come after, under environments.{context.question.environment}"
        f" or release_types.{context.facts.release.type}",
    )


RULE = Rule("requirement.present", "An environment that asks for nothing is closed.", "M2-07", START, _check)
