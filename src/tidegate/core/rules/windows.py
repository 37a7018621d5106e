"""A rollout starts inside a window of the environment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidegate.core.calendar import windows_open_at
from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import skips
from tidegate.core.rules.rule import START, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def _check(context: Context) -> Iterator[Found]:
    environment, where = context.environment, context.question.environment
    if environment is None or environment.windows is None or skips(context, Skippable.WINDOWS):
        return
    spans = [rule.window() for rule in environment.windows]

    def reads(opens: datetime | None) -> str:
        if opens is None:
            return f"{where} has no window that ever opens"
        return f"outside the windows of {where}; the next opens {at(context, opens)}"

    yield Waiting(
        RULE.id,
        lambda moment: windows_open_at(spans, context.rulebook.tz, moment),
        reads,
        lambda: f"inside a window of {where}",
    )


RULE = Rule("windows", "A rollout starts inside a window of the environment.", "M1-05, TP-09", START, _check)
