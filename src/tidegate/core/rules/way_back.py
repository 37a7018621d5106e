"""A rollback goes to a version that was verified there, and loses no data unless a person accepts it."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.facts import WayBack
from tidegate.core.rules.rule import BACK, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.rules.saying import at


def _target(context: Context, way: WayBack) -> Found:
    where = context.question.environment
    if not way.version:
        return passes("rollback.target", f"there was no {way.component} in {where} before: it returns to absent")
    if way.verified_at is None:
        return denies(
            "rollback.target",
            f"{way.component} {way.version} was never verified in {where}",
            f"name a version that was: tidegate rollout list --component {way.component} --environment {where}",
        )
    return passes("rollback.target", f"{way.component} {way.version} was verified in {where} {at(context, way.verified_at)}")


def _data(context: Context, way: WayBack) -> Found:
    why = f": {way.because}" if way.because else ""
    if way.loses_data is False:
        return passes("rollback.data", f"no data is lost{why}")
    if context.question.accepts_data_loss and not context.question.actor.is_automation:
        return passes("rollback.data", f"{context.question.actor.person} accepts that data may be lost{why}")
    remedy = "a person may decide to go back all the same: --accept-data-loss"
    if way.loses_data is None:
        return cannot_tell("rollback.data", f"nobody can tell whether data would be lost{why}", remedy)
    return denies("rollback.data", f"going back loses data{why}", remedy)


def _check(context: Context) -> Iterator[Found]:
    ways = sorted(context.facts.way_back, key=lambda way: way.component)
    if not ways:
        yield denies(
            "rollback.target",
            f"nothing is known to go back to in {context.question.environment}",
            f"tidegate adopt COMPONENT {context.question.environment} records what runs there",
        )
    for way in ways:
        yield _target(context, way)
        yield _data(context, way)


RULE = Rule(
    "rollback", "A rollback goes to a verified version and loses no data unawares.", "7D-11, M1-14, HD-06", BACK, _check
)
