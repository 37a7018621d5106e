"""The same subject was verified in the environments that come before, for as long as the policy says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidegate.core.duration import format_duration
from tidegate.core.facts import Item, Verified
from tidegate.core.policy import After, Skippable
from tidegate.core.rules.demands import skips
from tidegate.core.rules.rule import START, Context, Found, Rule, Waiting, denies, passes
from tidegate.core.rules.saying import at


def _verified(context: Context, item: Item, where: str) -> Verified | None:
    subject = item.subject.digest_for(where)
    found = [
        v
        for v in context.facts.verified
        if v.component == item.component and v.environment == where and v.subject == subject
    ]
    return min(found, key=lambda v: v.at, default=None)


def _soak(context: Context, rule: After, item: Item, since: datetime) -> Waiting:
    soak = rule.soak
    assert soak is not None  # noqa: S101  the caller asks only where there is one
    ends = since + soak
    length = format_duration(soak)
    return Waiting(
        f"soak.{rule.environment}",
        lambda moment: max(moment, ends),
        lambda opens: f"{item.component} must stay in {rule.environment} for {length}, until {at(context, ends)}",
        f"{item.component} has been in {rule.environment} for {length}",
    )


def _check(context: Context) -> Iterator[Found]:
    environment = context.environment
    if environment is None:
        return
    for rule in environment.after:
        for item in context.facts.release.items:
            verified = _verified(context, item, rule.environment)
            if verified is None:
                yield denies(
                    f"after.{rule.environment}",
                    f"{item.component} {item.to_version} as it is now has not been verified in {rule.environment}",
                    f"tidegate deploy {context.facts.release.id} {rule.environment}",
                )
            else:
                yield passes(
                    f"after.{rule.environment}",
                    f"{item.component} {item.to_version} was verified in {rule.environment} {at(context, verified.at)}",
                )
            if rule.soak and not skips(context, Skippable.SOAK):
                yield _soak(context, rule, item, verified.at if verified else context.now)


RULE = Rule(
    "after",
    "The same subject was verified in the environments that come before, and stayed there long enough.",
    "7D-07, TP-07, HD-04",
    START,
    _check,
)
