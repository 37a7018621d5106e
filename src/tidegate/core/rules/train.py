"""The release rides one of its component's trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from tidegate.core.policy import Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def train_open_at(context: Context, component: str) -> tuple[list[str], Callable[[datetime], datetime | None]]:
    """The names of the trains that carry ``component`` to this environment, and when one can be boarded."""
    names = [
        name for name, train in context.policy.trains_of(component).items() if train.to == context.question.environment
    ]
    tables = [context.rulebook.timetables[name] for name in names]

    def open_at(moment: datetime) -> datetime | None:
        openings = [opens for table in tables if (opens := table.open_at(moment)) is not None]
        return min(openings, default=None)

    return names, open_at


def _check(context: Context) -> Iterator[Found]:
    if skips(context, Skippable.TRAIN) or not is_production(context):
        return
    for item in context.facts.release.items:
        names, open_at = train_open_at(context, item.component)
        if not names:
            continue

        def reads(opens: datetime | None, component: str = item.component, names: list[str] = names) -> str:
            when = at(context, opens) if opens else "not within 400 days"
            return f"{component} rides the {' or '.join(names)} train: next departure {when}"

        yield Waiting("train", open_at, reads, f"the {' or '.join(names)} train is at the platform")


RULE = Rule("train", "A release rides one of its component's trains.", "7D-01", START, _check)
