"""There are no more releases of a type than its frequency says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time

from tidegate.core.facts import Done, Item
from tidegate.core.frequency import Frequency, parse_frequency
from tidegate.core.rules.demands import is_production
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting
from tidegate.core.rules.saying import at


def _check(context: Context) -> Iterator[Found]:
    kind = context.type
    if kind is None or kind.frequency is None or not is_production(context):
        return
    frequency = parse_frequency(kind.frequency)
    if frequency.every is None or frequency.on_demand:
        return
    for item in sorted(context.facts.release.items, key=lambda i: i.component):
        last = _last(context, item)
        if last is not None:
            yield _waiting(context, item, frequency, last)


def _last(context: Context, item: Item) -> Done | None:
    """The last release of this type that the component had here, but for this one."""
    release, where = context.facts.release, context.question.environment
    wanted = (item.component, release.type, where)
    found = [
        done
        for done in context.facts.done
        if (done.component, done.type, done.environment) == wanted and done.release != release.id
    ]
    return max(found, key=lambda done: (done.at, done.release), default=None)


def _waiting(context: Context, item: Item, frequency: Frequency, last: Done) -> Waiting:
    tz = context.rulebook.tz
    day = frequency.next_day(last.at.astimezone(tz).date())
    opens = datetime.combine(day, time(), tz).astimezone(UTC)
    kind, seen = context.facts.release.type, f"the last was {last.release}, {at(context, last.at)}"
    return Waiting(
        RULE.id,
        lambda moment: max(moment, opens),
        lambda _: f"{kind} releases of {item.component} are {frequency.text}, and {seen}",
        lambda: f"{kind} releases of {item.component} are {frequency.text}: {seen}",
    )


RULE = Rule(
    "frequency",
    "There are no more releases of a type than its frequency says.",
    "TP-01, HD-02",
    START,
    _check,
    since=3,
    chapter=Chapter.TIME,
    keys=("release_types.{type}.frequency",),
)
