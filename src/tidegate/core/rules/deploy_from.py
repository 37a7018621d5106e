"""What is released comes from a branch, or a tag, from which the environment may be deployed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.deploy_source import REMOTE, DeploySource, deploy_sources, shown
from tidegate.core.facts import Head, Item, Origin
from tidegate.core.rules.rule import START, Chapter, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.rules.saying import names

_FETCH = "git fetch --tags, and --unshallow in a shallow clone"


def _of(context: Context, item: Item, sources: Sequence[DeploySource]) -> Found:
    where = context.question.environment
    what = f"{item.component} {item.to_version}"
    if not sources:
        return denies(
            RULE.id, f"{where} may be deployed from nowhere", f"name branches: environments.{where}.deploy_from"
        )
    wanted = " or ".join(dict.fromkeys(source.text for source in sources))
    origin = _origin(context, item)
    if origin is None:
        return cannot_tell(
            RULE.id,
            f"nobody has looked whether {what} comes from {wanted}",
            "ask where the repository is, by a command or a worker of this version",
        )
    heads = [head for source in sources for head in source.heads(origin.heads)]
    commit = f"{what} is made of {item.subject.commit[:10] or 'a commit'}"
    holders = dict.fromkeys(shown(head) for head in heads if head.contains)
    if holders:
        return passes(RULE.id, f"{commit}, which comes from {names(holders)}", _looked(heads))
    if origin.unknown:
        return cannot_tell(
            RULE.id, f"{commit}, and whether it comes from {wanted} nobody can tell: {origin.unknown}", _FETCH
        )
    if not heads and not all(source.tag for source in sources):
        return cannot_tell(
            RULE.id,
            f"{where} may be deployed from {wanted}, and there is none here",
            f"fetch it ({_FETCH}), or name a branch that there is: environments.{where}.deploy_from",
        )
    return denies(
        RULE.id,
        f"{commit}, which does not come from {wanted}, from where alone {where} may be deployed",
        _remedy(context, item, sources, heads),
        _looked(heads),
    )


def _origin(context: Context, item: Item) -> Origin | None:
    """What was found out about the very commit of an item; of several, the first in their order."""
    known = [o for o in context.facts.origins if (o.component, o.commit) == (item.component, item.subject.commit)]
    return min(known, key=lambda o: (sorted((h.name, h.commit, h.contains) for h in o.heads), o.unknown), default=None)


def _looked(heads: Sequence[Head]) -> list[str]:
    """The branches and tags that were looked at, each with its commit."""
    return sorted(f"{head.name}@{head.commit}" for head in heads)


def _remedy(context: Context, item: Item, sources: Sequence[DeploySource], heads: Sequence[Head]) -> str:
    branch = next((source.text for source in sources if not source.tag), "")
    if context.since(3) and branch and any(head.name == f"{REMOTE}{branch}" for head in heads):
        # Whoever has merged it here alone would be told to do what they did.
        branch = f"{branch} of origin, and fetch that: git fetch origin"
    tag = f"tidegate tag {item.component} {item.to_version}"
    either = f"set the tag on that commit: {tag}; or " if context.since(3) and any(s.tag for s in sources) else ""
    if branch:
        return (
            f"{either}merge it into {branch}; where that makes another commit of it, open a release of that one: "
            f"tidegate release open {item.component}"
        )
    if context.since(3):
        return f"set the tag on that commit: {tag}"
    return f"set the tag on that commit: git tag -a {sources[0].tag} {item.subject.commit[:10]}"


def _check(context: Context) -> Iterator[Found]:
    for item in sorted(context.facts.release.items, key=lambda i: i.component):
        sources = deploy_sources(context.policy, context.question.environment, item.component, item.to_version)
        if sources is not None:
            yield _of(context, item, sources)


RULE = Rule(
    "deploy.from",
    "What is released comes from a branch, or a tag, from which the environment may be deployed.",
    "M1-17, HD-04",
    START,
    _check,
    since=2,
    chapter=Chapter.PROMOTION,
    keys=("environments.{environment}.deploy_from",),
)
