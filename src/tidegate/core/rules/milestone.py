"""What a milestone does not let in joined before it: the feature freeze, and whatever else people call it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tidegate.core.duration import format_duration
from tidegate.core.policy import Milestone
from tidegate.core.rules.demands import is_production
from tidegate.core.rules.freeze import Closing, waiting
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule


def closes(context: Context, milestone: Milestone) -> bool:
    """Whether a release of this type may contain here only what joined before the milestone, or what it lets in."""
    if milestone.allow is None or not milestone.is_before:
        return False
    return is_production(context) and (not milestone.types or context.facts.release.type in milestone.types)


def _check(context: Context) -> Iterator[Found]:
    for name, milestone in context.policy.milestones.items():
        if closes(context, milestone):
            before = -(milestone.at or timedelta(0))
            said = f'after "{milestone.title}", {format_duration(before)} before it goes'
            rule, place = f"{RULE.id}.{name}", ("milestones", name)
            yield from waiting(context, Closing(rule, place, said, before, milestone.allow or ()))


RULE = Rule(
    "milestone",
    "What a milestone does not let in joined before it.",
    "TP-03, HD-04, 7D-03",
    START,
    _check,
    since=3,
    chapter=Chapter.TIME,
    keys=("milestones.{name}",),
)
