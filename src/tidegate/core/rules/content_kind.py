"""A release contains the kinds of change that its type allows, and no others."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.core.facts import Item
from tidegate.core.rules.rule import START, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import names


def _of(context: Context, item: Item, allows: tuple[str, ...]) -> Found:
    kind = context.facts.release.type
    others = sorted((c for c in item.changes if c.kind not in allows), key=lambda c: (c.sha, c.summary))
    if not others:
        return passes(RULE.id, f"{item.component} contains nothing but {names(allows, none='nothing')}")
    first, more = others[0], f" (and {len(others) - 1} more)" if len(others) > 1 else ""
    summary = first.summary if len(first.summary) <= 40 else f"{first.summary[:39]}…"
    return denies(
        RULE.id,
        f'"{summary}" is {first.kind or "of no kind"}{more}, and a {kind} release of {item.component} contains '
        f"{names(allows, none='nothing')} alone",
        f"release it as another type, or leave that out: tidegate release open {item.component} --at REVISION",
        [change.sha for change in others],
    )


def _check(context: Context) -> Iterator[Found]:
    if context.type is None or context.type.allows is None:
        return
    for item in sorted(context.facts.release.items, key=lambda i: i.component):
        yield _of(context, item, context.type.allows)


RULE = Rule(
    "content.kind",
    "A release contains the kinds of change that its type allows, and no others.",
    "HD-01, 7D-03",
    START,
    _check,
    since=3,
    keys=("release_types.{type}.allows",),
)
