"""No version goes again where it was taken back, until a person lets it."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.facts import Hold, Item
from tidegate.core.rules.rule import FORWARD, Chapter, Context, Found, Rule, denies
from tidegate.core.rules.saying import at


def _is_of(hold: Hold, item: Item, environment: str) -> bool:
    """Whether a hold is of this very version here: where the bytes are known, of these very bytes."""
    if (hold.component, hold.version, hold.environment) != (item.component, item.to_version, environment):
        return False
    return not item.packages or hold.package in item.packages


def _order(hold: Hold) -> tuple[str, ...]:
    return (hold.id, hold.by, hold.reason, str(hold.since))


def _check(context: Context) -> Iterator[Found]:
    where = context.question.environment
    held = sorted((hold for hold in context.facts.holds if hold.version), key=_order)
    for item in sorted(context.facts.release.items, key=lambda item: item.component):
        for hold in held:
            if _is_of(hold, item, where):
                yield denies(
                    RULE.id,
                    f"{hold.by} took {item.component} {item.to_version} back in {where} {at(context, hold.since)}: "
                    f"{hold.reason}",
                    "release a new version; or let this one go again, with a reason: "
                    f"tidegate hold lift {hold.id} --reason TEXT",
                    [hold.id],
                )


RULE = Rule(
    "hold.version",
    "No version goes again where it was taken back, until a person lifts the hold.",
    "M1-14, M1-25",
    FORWARD,
    _check,
    since=3,
    chapter=Chapter.WAY_BACK,
)
