"""A rollout of a component to production starts inside the component's own windows, too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidegate.core.policy import Skippable, WindowRule
from tidegate.core.rules.demands import is_production, skips
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def _waiting(context: Context, component: str, windows: tuple[WindowRule, ...]) -> Waiting:
    inside = context.rulebook.hours.windows("components", component, windows)
    own = context.policy.components[component].timezone
    zone = f" ({own})" if own else ""

    def reads(opens: datetime | None) -> str:
        if opens is None:
            return f"{component} has no window that ever opens"
        return f"outside the windows of {component}{zone}; the next opens {at(context, opens)}"

    return Waiting(
        f"{RULE.id}.{component}",
        inside.open_at,
        reads,
        lambda: f"inside a window of {component}",
        closes_at=inside.close_at,
        place=("components", component, "windows"),
    )


def _check(context: Context) -> Iterator[Found]:
    if not is_production(context) or skips(context, Skippable.WINDOWS):
        return
    known = context.policy.components
    for component in sorted({item.component for item in context.facts.release.items} & known.keys()):
        windows = known[component].windows
        if windows is not None:
            yield _waiting(context, component, windows)


RULE = Rule(
    "component.windows",
    "A rollout of a component to production starts inside the component's own windows, too.",
    "M1-05, TP-09",
    START,
    _check,
    since=3,
    chapter=Chapter.TIME,
    keys=("components.{name}.windows",),
    of_the_calendar=True,
)
