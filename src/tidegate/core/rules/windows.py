"""A rollout starts inside a window of the environment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def _check(context: Context) -> Iterator[Found]:
    environment, where = context.environment, context.question.environment
    if environment is None or environment.windows is None or skips(context, Skippable.WINDOWS):
        return
    path = ("environments", where, "windows")
    inside = context.rulebook.hours.windows("environments", where, environment.windows)

    def reads(opens: datetime | None) -> str:
        if opens is None:
            return f"{where} has no window that ever opens"
        return f"outside the windows of {where}; the next opens {at(context, opens)}"

    yield Waiting(
        RULE.id,
        inside.open_at,
        reads,
        lambda: f"inside a window of {where}",
        closes_at=inside.close_at,
        place=path,
    )


RULE = Rule(
    "windows",
    "A rollout starts inside a window of the environment.",
    "M1-05, TP-09",
    START,
    _check,
    chapter=Chapter.TIME,
    keys=("environments.{environment}.windows",),
    of_the_calendar=True,
)
