"""No rollout starts during a blackout."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from tidegate.core.moments import of_days
from tidegate.core.naming import Path
from tidegate.core.policy import Blackout, Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def holds_here(context: Context, blackout: Blackout) -> bool:
    """Whether a blackout is one for this release in this environment, whenever it is."""
    if context.facts.release.type in blackout.exempt:
        return False
    items = context.facts.release.items
    if blackout.components and not any(item.component in blackout.components for item in items):
        return False
    if blackout.environments is None:
        return is_production(context)
    return context.question.environment in blackout.environments


def waiting(context: Context, rule: str, path: Path, blackout: Blackout, tz: ZoneInfo, whose: str = "") -> Waiting:
    """What one blackout is waited for with, its days being those of a zone; ``whose`` it is, where not everybody's."""
    outside = context.rulebook.hours.outside_blackout(path, blackout, tz)
    name = f'the blackout "{blackout.name}"{whose}'

    def reads(opens: datetime | None) -> str:
        return f"{name} lasts until {at(context, of_days(blackout.starts, blackout.ends, tz)[1])}"

    return Waiting(rule, outside.open_at, reads, lambda: f"{name} is not now", closes_at=outside.close_at, place=path)


def _check(context: Context) -> Iterator[Found]:
    if skips(context, Skippable.BLACKOUTS):
        return
    for number, blackout in enumerate(context.policy.calendar.blackouts):
        if holds_here(context, blackout):
            path = ("calendar", "blackouts", number)
            yield waiting(context, RULE.id, path, blackout, context.rulebook.tz)


RULE = Rule(
    "blackout",
    "No rollout starts during a blackout.",
    "M1-05",
    START,
    _check,
    chapter=Chapter.TIME,
    keys=("calendar.blackouts",),
    of_the_calendar=True,
)
