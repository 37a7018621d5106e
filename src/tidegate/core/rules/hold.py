"""No hold stops the line here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from tidegate.core.decision import Finding
from tidegate.core.facts import CLIENT, Hold
from tidegate.core.mark import ANYWHERE
from tidegate.core.rules.rule import FORWARD, Chapter, Context, Found, Rule, Waiting, denies
from tidegate.core.rules.saying import at
from tidegate.core.verdict import Verdict


def _order(hold: Hold) -> tuple[str, ...]:
    return (hold.id, hold.by, hold.reason, hold.environment, hold.component, str(hold.expires_at))


def _check(context: Context) -> Iterator[Found]:
    components = [item.component for item in context.facts.release.items]
    places = [*components, *dict.fromkeys(_clients(context, components))]
    for hold in sorted(context.facts.holds, key=_order):
        if not any(hold.concerns(component, context.question.environment) for component in places):
            continue
        passed = _passed(context, hold)
        if passed is not None:
            yield passed
        elif hold.expires_at is None:
            yield denies(
                RULE.id,
                f"{hold.by} stopped the line until it is lifted: {hold.reason}",
                f"tidegate hold lift {hold.id}",
                [hold.id],
            )
        else:
            yield _expiring(context, hold, hold.expires_at)


def _clients(context: Context, components: Sequence[str]) -> Iterator[str]:
    """The clients to whom it goes, as holds name them."""
    for component in components:
        known = context.policy.components.get(component)
        if known is not None and known.client:
            yield f"{CLIENT}{known.client}"


def _passed(context: Context, hold: Hold) -> Finding | None:
    """That somebody lets this very release pass the hold; None: nobody does."""
    release = context.facts.release
    for one in sorted(hold.passed, key=lambda one: (one.by, one.reason)):
        if one.release == release.id and one.subject == release.subject_for(ANYWHERE) and context.since(3):
            said = f"{hold.by} stopped the line ({hold.reason}), and {one.by} lets this fix pass: {one.reason}"
            return Finding(RULE.id, Verdict.ALLOW, said, looked_at=(hold.id,), notable=True)
    return None


def _expiring(context: Context, hold: Hold, expires_at: datetime) -> Waiting:
    return Waiting(
        RULE.id,
        lambda moment: max(moment, expires_at),
        lambda opens: f"{hold.by} stopped the line until {at(context, expires_at)}: {hold.reason}",
        lambda: f"the hold of {hold.by} expired {at(context, expires_at)}",
        f"tidegate hold lift {hold.id}",
        lambda moment: moment if moment < expires_at else None,
    )


RULE = Rule(
    "hold",
    "No hold stops the line here. A hold never stops a rollback.",
    "7D-03, M1-15",
    FORWARD,
    _check,
    chapter=Chapter.TIME,
    of_the_calendar=True,
)
