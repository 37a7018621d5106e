"""Who acts has access to the environment."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.policy import Environment, Policy
from tidegate.core.rules.rule import FORWARD, Chapter, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import names


def has_access(policy: Policy, person: str, environment: Environment) -> bool:
    """Whether a person has access; everybody, where the environment does not say who."""
    known = policy.people.get(person)
    return environment.access is None or (known is not None and not set(known.groups).isdisjoint(environment.access))


def no_access(person: str, name: str, environment: Environment) -> tuple[str, str]:
    """What is said of a person without access, and what would change it."""
    groups = names(environment.access or ())
    return (
        f"{person} has no access to {name}: it is for {groups}",
        f"ask somebody of {groups}, or add {person} to one of them in the policy"
        if environment.access
        else f"list groups under environments.{name}.access",
    )


def _check(context: Context) -> Iterator[Found]:
    environment, actor = context.environment, context.question.actor
    if environment is None or environment.access is None or actor.is_automation:
        return
    where = context.question.environment
    if has_access(context.policy, actor.person, environment):
        yield passes(RULE.id, f"{actor.person} has access to {where}")
    else:
        what, remedy = no_access(actor.person, where, environment)
        yield denies(RULE.id, what, remedy)


RULE = Rule(
    "access",
    "Who acts has access to the environment.",
    "TP-04",
    FORWARD,
    _check,
    since=3,
    chapter=Chapter.PEOPLE,
    keys=("environments.{environment}.access",),
)
