"""A release is planned as long ahead as its type asks."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.duration import format_duration
from tidegate.core.rules.demands import is_production
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, Waiting, cannot_tell, denies, passes
from tidegate.core.rules.saying import at
from tidegate.core.span import Span, parse_span


def _check(context: Context) -> Iterator[Found]:
    kind = context.type
    if kind is None or kind.horizon is None or not is_production(context):
        return
    span = parse_span(kind.horizon)
    yield _planned(context, span)
    if span.least:
        yield _waiting(context, span)


def _planned(context: Context, span: Span) -> Found:
    rule, release = f"{RULE.id}.planned", context.facts.release
    amend = f"tidegate release amend {release.id} --planned DATE"
    if release.planned_at is None and not span.least:
        return passes(rule, f"a {release.type} release may go at once")
    if release.planned_at is None:
        what = f"a {release.type} release is planned {span.text} ahead, and nobody says for when this one is planned"
        return cannot_tell(rule, what, f"say it: {amend}")
    ahead = release.planned_at - release.opened_at
    if ahead > span.most:
        what = (
            f"a {release.type} release is planned at most {format_duration(span.most)} ahead, and this one was opened "
            f"{format_duration(ahead)} before {at(context, release.planned_at)}"
        )
        return denies(rule, what, f"plan it for an earlier day: {amend}")
    return passes(rule, f"it is planned for {at(context, release.planned_at)}")


def _waiting(context: Context, span: Span) -> Waiting:
    opened = context.facts.release.opened_at
    ends, least = opened + span.least, format_duration(span.least)
    return Waiting(
        RULE.id,
        lambda moment: max(moment, ends),
        lambda opens: (
            f"a {context.facts.release.type} release is planned at least {least} ahead, and this one was "
            f"opened {at(context, opened)}"
        ),
        lambda: f"it was opened at least {least} ago",
    )


RULE = Rule(
    "horizon",
    "A release is planned as long ahead as its type asks.",
    "TP-01, TP-02, HD-11",
    START,
    _check,
    since=3,
    chapter=Chapter.TIME,
    keys=("release_types.{type}.horizon",),
)
