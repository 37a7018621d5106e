"""No rollout starts during a blackout."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from tidegate.core.calendar import instant, outside_open_at
from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def _check(context: Context) -> Iterator[Found]:
    if skips(context, Skippable.BLACKOUTS):
        return
    tz = context.rulebook.tz
    for blackout in context.policy.calendar.blackouts:
        if context.facts.release.type in blackout.exempt:
            continue
        if blackout.environments is None and not is_production(context):
            continue
        if blackout.environments is not None and context.question.environment not in blackout.environments:
            continue
        span = (
            instant(blackout.starts, time(0), tz),
            instant(blackout.ends + timedelta(days=1), time(0), tz),
        )

        def open_at(moment: datetime, span: tuple[datetime, datetime] = span) -> datetime:
            return outside_open_at([span], moment)

        def reads(opens: datetime | None, name: str = blackout.name, end: datetime = span[1]) -> str:
            return f'blackout "{name}" until {at(context, end)}'

        yield Waiting("blackout", open_at, reads, f'no blackout "{blackout.name}" now')


RULE = Rule("blackout", "No rollout starts during a blackout.", "M1-05", START, _check)
