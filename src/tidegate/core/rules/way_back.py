"""A rollback goes to a version that was verified there, and loses no data unless a person accepts it."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.facts import WayBack
from tidegate.core.rules.rule import BACK, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.rules.saying import at

_TARGET, _DATA = "rollback.target", "rollback.data"


def _target(context: Context, way: WayBack) -> Found:
    where = context.question.environment
    if not way.version:
        return passes(_TARGET, f"there was no {way.component} in {where} before: it returns to absent")
    if way.verified_at is None:
        return denies(
            _TARGET,
            f"{way.component} {way.version} was never verified in {where}",
            "choose one that was, with --to VERSION: "
            f"tidegate rollout list --component {way.component} --environment {where}",
        )
    return passes(_TARGET, f"{way.component} {way.version} was verified in {where} {at(context, way.verified_at)}")


def _data(context: Context, way: WayBack) -> Found:
    question = context.question
    why = f": {way.because}" if way.because else ""
    if way.loses_data is False:
        return passes(_DATA, f"going back loses no data{why}")
    fact = "going back loses data" if way.loses_data else "nobody can tell whether going back loses data"
    if question.accepts_data_loss and not question.actor.is_automation:
        return passes(_DATA, f"{question.actor.person} accepts it: {fact}{why}")
    remedy = f"a person may accept it: tidegate rollback {way.component} {question.environment} --accept-data-loss"
    return (denies if way.loses_data else cannot_tell)(_DATA, f"{fact}{why}", remedy)


def _order(way: WayBack) -> tuple[str, ...]:
    return (way.component, way.version, way.because, str(way.verified_at), str(way.loses_data))


def _check(context: Context) -> Iterator[Found]:
    ways = sorted(context.facts.way_back, key=_order)
    if not ways:
        where = context.question.environment
        yield denies(
            _TARGET,
            f"nothing is known to go back to in {where}",
            f"record what runs there: tidegate adopt COMPONENT {where} --version VERSION",
        )
    for way in ways:
        yield _target(context, way)
        yield _data(context, way)


RULE = Rule(
    "rollback", "A rollback goes to a verified version and loses no data unawares.", "7D-11, M1-14, HD-06", BACK, _check
)
