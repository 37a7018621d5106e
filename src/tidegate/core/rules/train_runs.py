"""The trains that a component rides to the environment of the question."""

from __future__ import annotations

from tidegate.core.calendar import Timetable
from tidegate.core.rules.rule import Context


def timetables(context: Context, component: str) -> dict[str, Timetable]:
    """The timetables of those trains, by name, in the order of their names."""
    trains = context.policy.trains_of(component)
    here = sorted(name for name, train in trains.items() if train.to == context.question.environment)
    return {name: context.rulebook.timetables[name] for name in here}
