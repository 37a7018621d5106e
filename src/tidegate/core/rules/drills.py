"""What is to be rehearsed was rehearsed, and not too long ago."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tidegate.core.drill import due_at, last_good
from tidegate.core.emergency import is_emergency_type
from tidegate.core.policy import Drill
from tidegate.core.rules.demands import is_production
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting, denies
from tidegate.core.rules.saying import at


def _remedy(name: str, drill: Drill) -> str:
    by = f", by {drill.by}" if drill.by else ""
    if drill.of == "emergency":
        return f"exercise it: tidegate drill call {name}{by}"
    return f"rehearse it: tidegate drill run {name} ENVIRONMENT, or tidegate drill record {name} --report FILE{by}"


def _held(context: Context, name: str, drill: Drill) -> Found | None:
    rule, last = f"{RULE.id}.{name}", last_good(context.facts.drills, name, context.now)
    if last is None:
        return denies(rule, f"{drill.title} was never rehearsed with success", _remedy(name, drill))
    due = due_at(drill, last.at, context.rulebook.tz)
    if due is None:
        return None
    if due <= context.now:
        said = f"{drill.title} was rehearsed last {at(context, last.at)}, and was due again {at(context, due)}"
        return denies(rule, said, _remedy(name, drill), [last.id])
    return _not_yet(context, rule, drill, last.at, due, _remedy(name, drill))


def _not_yet(context: Context, rule: str, drill: Drill, last: datetime, due: datetime, remedy: str) -> Waiting:
    # It passes today and not for ever: what waits beyond its due time waits for the next rehearsal, too.
    said = f"{drill.title} was rehearsed {at(context, last)}, and is due again {at(context, due)}"
    return Waiting(
        rule,
        lambda moment: moment if moment < due else None,
        lambda opens: said,
        lambda: said,
        remedy,
        lambda moment: max(moment, due),
    )


def _check(context: Context) -> Iterator[Found]:
    if not is_production(context) or is_emergency_type(context.policy, context.facts.release.type):
        return  # Who must act now is not kept from it by an exercise that was not held.
    for name, drill in sorted(context.policy.drills.items()):
        found = _held(context, name, drill) if drill.blocks else None
        if found is not None:
            yield found


RULE = Rule(
    "drill",
    "What blocks while it is overdue was rehearsed with success, and is not due again. It never stops an emergency "
    "release or a rollback.",
    "M2-05, HD-08, HD-14",
    START,
    _check,
    since=3,
    chapter=Chapter.WAY_BACK,
    keys=("drills.{name}",),
)
