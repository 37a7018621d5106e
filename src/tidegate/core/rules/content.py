"""A release contains no more than its type says, and nothing that follows no convention where the policy refuses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.facts import Change, Item
from tidegate.core.policy import Bump, Policy
from tidegate.core.requirement import read_number
from tidegate.core.rules.rule import START, Context, Found, Rule, denies, passes
from tidegate.core.rules.saying import names
from tidegate.core.version import Level

LEVEL_OF: dict[Bump, Level] = {Bump.MAJOR: Level.MAJOR, Bump.MINOR: Level.MINOR, Bump.PATCH: Level.PATCH}
"""What a release type may contain at most, by what it raises."""

_WORDS = {level.word: level for level in Level}


def level_of(change: Change) -> Level:
    """What a change asks of the version.

    Releases of before do not say it; there the kind of the commit does, which is the least that it can be.
    """
    known = _WORDS.get(change.level)
    if known is not None:
        return known
    # Here, since whoever only asks would otherwise pay for the grammar of commits.
    from tidegate.core.change import LEVELS

    return Level.MAJOR if change.breaking else LEVELS.get(change.kind, Level.NONE)


def eased(level: Level, from_version: str) -> Level:
    """A level as a release from that version counts it: in initial development a breaking change is minor.

    Source: SemVer 2.0.0, clause 4; ``core/version.bump``.
    """
    before = read_number(from_version)
    early = before is not None and before.is_initial_development
    return Level.MINOR if level is Level.MAJOR and early else level


def exceeding(changes: Sequence[Change], bump: Bump, from_version: str) -> list[Change]:
    """The changes that ask for more than a type that raises ``bump`` may contain, the largest first.

    The first release of a component contains whatever there is.
    """
    if not from_version:
        return []
    found = [(eased(level_of(change), from_version), change) for change in changes]
    beyond = [(level, change) for level, change in found if level > LEVEL_OF[bump]]
    return [change for level, change in sorted(beyond, key=lambda pair: (-pair[0], pair[1].sha, pair[1].summary))]


def told(changes: Sequence[Change], from_version: str) -> str:
    """The first of some changes that ask for too much, what it asks for, and how many more there are."""
    first, more = changes[0], f" (and {len(changes) - 1} more for too much)" if len(changes) > 1 else ""
    summary = first.summary if len(first.summary) <= 40 else f"{first.summary[:39]}…"
    return f'"{summary}" asks for {eased(level_of(first), from_version).word}{more}'


def larger_types(policy: Policy, change: Change, from_version: str) -> str:
    """The release types that may contain a change, for a remedy; empty where there is none."""
    level = eased(level_of(change), from_version)
    return names((name for name, kind in policy.release_types.items() if LEVEL_OF[kind.bump] >= level), none="")


def _level(context: Context, item: Item, bump: Bump) -> Found:
    rule, kind = f"{RULE.id}.level", context.facts.release.type
    beyond = exceeding(item.changes, bump, item.from_version)
    if not beyond:
        return passes(rule, f"{item.component} contains nothing beyond {bump.value}")
    enough = larger_types(context.policy, beyond[0], item.from_version)
    instead = f"open it as {enough}, or " if enough else ""
    return denies(
        rule,
        f"{told(beyond, item.from_version)}, and a {kind} release of {item.component} contains {bump.value} at most",
        f"{instead}leave that out: tidegate release open {item.component} --at REVISION",
        [change.sha for change in beyond],
    )


def _convention(context: Context, item: Item) -> Found:
    rule = f"{RULE.id}.convention"
    odd = sorted((c for c in item.changes if not c.kind), key=lambda c: (c.sha, c.summary))
    if not odd:
        return passes(rule, f"every commit of {item.component} follows the convention")
    several = len(odd) > 1
    return denies(
        rule,
        f"{len(odd)} commit{'s' if several else ''} of {item.component} follow{'' if several else 's'} no convention: "
        f"{names((change.sha[:10] for change in odd), none='')}",
        "give them titles such as fix: ..., where nobody has built on them yet, and open the release again",
        [change.sha for change in odd],
    )


def _check(context: Context) -> Iterator[Found]:
    items = sorted(context.facts.release.items, key=lambda i: i.component)
    for item in items:
        if context.type is not None:
            yield _level(context, item, context.type.bump)
        if context.policy.versioning.unconventional == "refuse":
            yield _convention(context, item)


RULE = Rule(
    "content",
    "A release contains no more than its type says, and only commits that follow the convention where that is asked.",
    "HD-01, 7D-09",
    START,
    _check,
    since=2,
    keys=("release_types.{type}.bump", "release_types.{type}.allows", "versioning"),
)
