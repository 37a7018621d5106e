"""No rollout starts during a blackout."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from tidegate.core.calendar import instant, outside_open_at
from tidegate.core.policy import Blackout, Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def _holds_here(context: Context, blackout: Blackout) -> bool:
    if context.facts.release.type in blackout.exempt:
        return False
    if blackout.environments is None:
        return is_production(context)
    return context.question.environment in blackout.environments


def _waiting(context: Context, blackout: Blackout) -> Waiting:
    tz = context.rulebook.tz
    first = instant(blackout.starts, time(0), tz)
    end = instant(blackout.ends + timedelta(days=1), time(0), tz)

    def open_at(moment: datetime) -> datetime:
        return outside_open_at([(first, end)], moment)

    return Waiting(
        RULE.id,
        open_at,
        lambda opens: f'the blackout "{blackout.name}" lasts until {at(context, end)}',
        lambda: f'the blackout "{blackout.name}" is not now',
    )


def _check(context: Context) -> Iterator[Found]:
    if not skips(context, Skippable.BLACKOUTS):
        yield from (_waiting(context, b) for b in context.policy.calendar.blackouts if _holds_here(context, b))


RULE = Rule("blackout", "No rollout starts during a blackout.", "M1-05", START, _check)
