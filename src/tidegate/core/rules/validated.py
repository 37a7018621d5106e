"""The way back was tried out, dry, before production."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.evidence import Evidence
from tidegate.core.facts import Item
from tidegate.core.rules.demands import is_production
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.rules.saying import at

KIND = "rollback-plan"


def _stands(context: Context, item: Item) -> str:
    """The version that a rollback of it would return to now."""
    here = (item.component, context.question.environment)
    return next((s.version for s in context.facts.stands if (s.component, s.environment) == here), "")


def _why_not(context: Context, item: Item, piece: Evidence) -> str:
    where = context.question.environment
    binding = dict(context.known.binding(item, KIND, where))
    if piece.environment != where or dict(piece.bound) != binding:
        return "the release has changed since its way back was validated"
    if piece.taken_at > context.now:
        return "it says that it was validated in the future"
    returns, now_returns = str(piece.values.get("returns_to", "")), _stands(context, item)
    if returns != now_returns:
        return f"it would return to {now_returns or 'absent'} now, and the way to {returns or 'absent'} was validated"
    return ""


def _finding(context: Context, item: Item) -> Found:
    where = context.question.environment
    command = f"tidegate rollback validate {context.facts.release.id} --for {where}"
    pieces = context.known.evidence(context.facts, where, item.component, KIND)
    if not pieces:
        return cannot_tell(RULE.id, f"nobody has validated the way back of {item.component} in {where}", command)
    piece = max(pieces, key=lambda one: (one.taken_at, one.added_at, one.report))
    wrong = _why_not(context, item, piece)
    if wrong:
        return cannot_tell(RULE.id, f"{item.component}: {wrong}", command, [piece.report])
    if piece.values.get("valid") is not True:
        problems = piece.values.get("problems")
        said = f"{problems} problem{'' if problems == 1 else 's'}"
        what = f"the way back of {item.component} in {where} was tried out, and has {said}"
        return denies(RULE.id, what, f"look at them, mend them: {command}", [piece.report])
    returns = piece.values.get("returns_to") or "absent"
    what = f"the way back of {item.component} to {returns} was validated {at(context, piece.taken_at)}"
    return passes(RULE.id, what, [piece.report])


def _check(context: Context) -> Iterator[Found]:
    if not context.policy.rollback.validated or not is_production(context):
        return
    for item in sorted(context.facts.release.items, key=lambda item: item.component):
        yield _finding(context, item)


RULE = Rule(
    "rollback.validated",
    "Before production, the way back of this very release was tried out against the target.",
    "M2-05, M2-07, HD-03, HD-08, TP-11",
    START,
    _check,
    since=3,
    chapter=Chapter.WAY_BACK,
    keys=("rollback.validated",),
)
