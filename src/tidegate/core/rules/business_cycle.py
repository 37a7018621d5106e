"""No rollout starts while a business cycle is closed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidegate.core.moments import Outside
from tidegate.core.policy import BusinessCycle, Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def concerned(context: Context) -> Iterator[tuple[int, BusinessCycle]]:
    """The business cycles that this release keeps clear of here, closed or not, each with its number."""
    if not is_production(context) or skips(context, Skippable.BLACKOUTS):
        return
    for number, cycle in enumerate(context.policy.calendar.business_cycles):
        if context.facts.release.type not in cycle.exempt:
            yield number, cycle


def said(context: Context, cycle: BusinessCycle, ends: datetime | None) -> str:
    """That it is now, and until when."""
    until = f"until {at(context, ends)}" if ends else "without an end"
    return f'"{cycle.name}" is now, {until}'


def _waiting(context: Context, number: int, cycle: BusinessCycle) -> Waiting:
    outside = Outside(context.rulebook.hours.cycle(number))
    return Waiting(
        RULE.id,
        outside.open_at,
        lambda opens: said(context, cycle, opens),
        lambda: f'"{cycle.name}" is not now',
        closes_at=outside.close_at,
        place=("calendar", "business_cycles", number),
    )


def _check(context: Context) -> Iterator[Found]:
    for number, cycle in concerned(context):
        if cycle.closed:
            yield _waiting(context, number, cycle)


RULE = Rule(
    "business.cycle",
    "No rollout starts while a business cycle is closed.",
    "HD-11, M1-05",
    START,
    _check,
    since=3,
    chapter=Chapter.TIME,
    keys=("calendar.business_cycles",),
    of_the_calendar=True,
)
