"""The environment is one that the policy knows."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.rules.rule import ALWAYS, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import names


def _check(context: Context) -> Iterator[Found]:
    name = context.question.environment
    if context.environment is not None:
        yield passes(RULE.id, f"{name} is an environment of the policy")
        return
    known = sorted(context.policy.environments)
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    remedy = f"name one of: {names(known)}" if known else "declare it under environments, then: tidegate policy adopt"
    yield denies(RULE.id, f'the policy knows no environment "{name}"{hint}', remedy)


RULE = Rule(
    "environment.known",
    "The environment is one that the policy knows.",
    "TP-07",
    ALWAYS,
    _check,
    keys=("environments.{environment}",),
    of_the_calendar=True,
)
