"""A rollback goes to a version that was verified there, and loses no data unless a person accepts it."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.facts import WayBack
from tidegate.core.rules.rule import BACK, Chapter, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.rules.saying import at

_TARGET, _DATA, _SCHEMA, _ATTEMPTS = "rollback.target", "rollback.data", "rollback.schema", "rollback.attempts"


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


def _schema(context: Context, way: WayBack) -> Found:
    """Whether the version bears the database as it is then; asked only where that is not certain."""
    question = context.question
    sure = "breaks" if way.breaks else "may break"
    said = f"{way.component} {sure} on the database as it is then"
    why = f": {way.because}" if way.because else ""
    if question.accepts_data_loss and not question.actor.is_automation:
        return passes(_SCHEMA, f"{question.actor.person} accepts it: {said}{why}")
    remedy = (
        "release what mends it instead; or a person may accept it: "
        f"tidegate rollback {way.component} {question.environment} --accept-data-loss"
    )
    return (denies if way.breaks else cannot_tell)(_SCHEMA, f"{said}{why}", remedy)


def _attempts(context: Context, way: WayBack) -> Iterator[Found]:
    """How often Tidegate may take one release back by itself; it stops nobody but Tidegate."""
    if not context.question.actor.is_automation or not context.since(3):
        return
    most, where = context.policy.rollback.automatic_attempts, context.question.environment
    if way.taken_back < most:
        yield passes(
            _ATTEMPTS, f"Tidegate has taken it back by itself {_times(way.taken_back)}, and may {_times(most)}"
        )
    else:
        yield denies(
            _ATTEMPTS,
            f"Tidegate may take a release back by itself {_times(most)} here, and has {_times(way.taken_back)}: "
            "a person decides",
            f"take it back: tidegate rollback {way.component} {where}; or go on: tidegate rollout resume ROLLOUT",
        )


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _order(way: WayBack) -> tuple[str, ...]:
    told = (way.loses_data, way.breaks, way.taken_back)
    return (way.component, way.version, way.because, str(way.verified_at), *map(str, told))


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
        if way.breaks is not False:
            yield _schema(context, way)
        yield from _attempts(context, way)


RULE = Rule(
    "rollback",
    "A rollback goes to a verified version, and neither loses data nor breaks on its database unawares.",
    "7D-11, M1-14, HD-06",
    BACK,
    _check,
    chapter=Chapter.WAY_BACK,
    keys=("rollback.automatic_attempts", "rollback"),
)
