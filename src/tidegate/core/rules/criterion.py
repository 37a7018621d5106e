"""A release of a type that is for certain cases says which of them it is."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from tidegate.core.emergency import is_emergency_type
from tidegate.core.rules.demands import is_production
from tidegate.core.rules.rule import START, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import article, names


def named(criteria: tuple[str, ...], criterion: str, reason: str) -> str:
    """The criterion that a release names, as its own or within its reason; empty where it names none."""
    own, said = " ".join(criterion.split()).casefold(), " ".join(reason.split()).casefold()
    return next((c for c in criteria if c.casefold() == own or (c.casefold() in said)), "")


def _check(context: Context) -> Iterator[Found]:
    kind, release = context.type, context.facts.release
    if kind is None or not kind.criteria or not is_production(context):
        return
    if is_emergency_type(context.policy, release.type):
        return  # The emergency that was declared says for what it is; the rule `emergency` asks for it.
    found = named(kind.criteria, release.criterion, release.reason)
    if found:
        because = f": {release.reason}" if release.reason else ""
        yield passes(RULE.id, f'"{found}"{because}')
        return
    given = release.criterion or release.reason
    yield denies(
        RULE.id,
        f"{article(release.type)} release is for {names(kind.criteria)}; "
        + (f'this one is for "{given[:80]}"' if given else "this one does not say for what it is"),
        f"say which it is: tidegate release amend {release.id} --criterion {quote(kind.criteria[0])} --reason TEXT; "
        "or release it as another type",
    )


RULE = Rule(
    "criterion",
    "A release of a type that is for certain cases says which of them it is.",
    "M1-15, TP-01, HD-02, 7D-02",
    START,
    _check,
    since=3,
    keys=("release_types.{type}.criteria",),
)
