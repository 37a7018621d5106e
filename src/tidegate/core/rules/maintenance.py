"""What needs a maintenance window starts inside one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidegate.core.policy import MaintenanceWindow, Skippable
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import article, at, names


def needs(context: Context, window: MaintenanceWindow) -> bool:
    """Whether a release of this type starts in this environment only inside such a window.

    To name a type is to mean it: skipping the windows of every day does not let it out. Who names none means all that
    keep to windows.
    """
    here = is_production(context)
    if window.environments is not None:
        here = context.question.environment in window.environments
    if window.types:
        return here and context.facts.release.type in window.types
    return here and not skips(context, Skippable.WINDOWS)


def _check(context: Context) -> Iterator[Found]:
    known = context.policy.calendar.maintenance
    numbers = tuple(number for number, window in enumerate(known) if needs(context, window))
    if not numbers:
        return
    inside = context.rulebook.hours.maintenance(numbers)
    called = names({f'"{known[number].name}"' for number in numbers})
    kind = article(context.facts.release.type)

    def reads(opens: datetime | None) -> str:
        when = f"the next opens {at(context, opens)}" if opens else "none ever opens"
        return f"{kind} release starts only inside the maintenance window {called}; {when}"

    yield Waiting(
        RULE.id,
        inside.open_at,
        reads,
        lambda: f"inside the maintenance window {called}",
        closes_at=inside.close_at,
        place=("calendar", "maintenance", numbers[0]) if len(numbers) == 1 else ("calendar", "maintenance"),
    )


RULE = Rule(
    "maintenance",
    "What needs a maintenance window starts inside one.",
    "M1-05, TP-09",
    START,
    _check,
    since=3,
    chapter=Chapter.TIME,
    keys=("calendar.maintenance",),
    of_the_calendar=True,
)
