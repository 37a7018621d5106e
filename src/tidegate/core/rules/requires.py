"""What the components of a release require runs there, and what runs there can live with the release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.core.bundle import in_order
from tidegate.core.decision import Action
from tidegate.core.facts import Item, Running, WayBack
from tidegate.core.requirement import read_number, understood
from tidegate.core.rules.rule import ALWAYS, Chapter, Context, Found, Rule, cannot_tell, denies, passes
from tidegate.core.verdict import Verdict, combine

BESIDE = "required"
"""How the findings begin that speak of what runs there already, and requires what is released."""


@dataclass(frozen=True, slots=True)
class _Need:
    """That one component, at a version, requires another one."""

    component: str
    version: str
    other: str
    text: str

    def __str__(self) -> str:
        return f"{self.component} {self.version} requires {self.other} {self.text}"

    def by(self, version: str) -> Verdict:
        """Whether a version of the other fulfils it; an empty one is none."""
        if not version:
            return Verdict.DENY
        wanted, number = understood(self.text), read_number(version)
        if wanted is None or number is None:
            return Verdict.CANNOT_TELL
        return Verdict.ALLOW if wanted.holds(number) else Verdict.DENY


def _order(context: Context) -> Iterator[Found]:
    """A release of several components must have an order in which they can go."""
    found = in_order({item.component: item.requires for item in context.facts.release.items})
    for cycle in found.cycles:
        yield denies(
            f"{RULE.id}.order",
            f"no order: {', which requires '.join(cycle)}",
            "take one of these requirements out of the policy, or make one of the versions work without the other",
        )


def _forward(context: Context, item: Item, other: str, text: str) -> Found:
    """One requirement of one component of the release."""
    rule, where = f"{RULE.id}.{other}", context.question.environment
    need = _Need(item.component, item.to_version, other, text)
    with_it = [i.to_version for i in context.facts.release.items if i.component == other]
    versions = with_it or sorted({r.version for r in _here(context) if r.component == other})
    if understood(text) is None:
        return cannot_tell(
            rule,
            f"{need}, which says nothing about versions",
            f"correct components.{item.component}.requires in the policy and adopt it, then: "
            f"tidegate release rebase {context.facts.release.id}",
        )
    if not versions:
        return cannot_tell(
            rule,
            f"{need}, and nobody knows which runs in {where}",
            f"say it: tidegate adopt {other} {where} --version VERSION; or deploy {other} there first",
        )
    verdict = combine([need.by(version) for version in versions])
    there = f"this release brings {with_it[0]}" if with_it else _running(other, where, versions)
    if verdict is Verdict.ALLOW:
        return passes(rule, f"{need}: {there}")
    if verdict is Verdict.CANNOT_TELL:
        return cannot_tell(
            rule,
            f"{need}, and {there}, which is no number that can be compared",
            f"record it under its number: tidegate adopt {other} {where} --version VERSION",
        )
    remedy = f"take a version of {other} into the release that fits" if with_it else _first(other, text, where)
    return denies(rule, f"{need}, and {there}", remedy)


def _first(other: str, text: str, where: str) -> str:
    return f"bring {other} {text} to {where} first: tidegate deploy RELEASE {where}"


def _running(other: str, where: str, versions: Sequence[str]) -> str:
    """What runs of a component; several versions where a rollout of it is under way."""
    if len(versions) > 1:
        named = " and ".join(version or "none" for version in versions)
        return f"{where} runs {named} while a rollout of {other} is under way"
    return f"{where} runs {versions[0]}" if versions[0] else f"there is no {other} in {where}"


def _here(context: Context) -> list[Running]:
    """What runs in the environment of the question, in an order."""
    here = [r for r in context.facts.running if r.environment == context.question.environment]
    return sorted(here, key=lambda r: (r.component, r.version, sorted(r.requires.items()), r.unknown))


def _backward(context: Context) -> Iterator[Found]:
    """What runs there and is not part of the release, and requires something of it."""
    items = {item.component: item for item in context.facts.release.items}
    for running in _here(context):
        if running.component in items:
            continue
        if running.unknown:
            yield _unknown(running, context.question.environment)
        for other in sorted(items.keys() & running.requires.keys()):
            yield _of_running(context, running, items[other])


def _unknown(running: Running, where: str) -> Found:
    return cannot_tell(
        f"{BESIDE}.{running.component}",
        f"what {running.component} {running.version}, which runs in {where}, requires cannot be read: "
        f"{running.unknown}",
        "tidegate audit verify; then restore the database from a backup",
    )


def _of_running(context: Context, running: Running, item: Item) -> Found:
    rule, where = f"{BESIDE}.{running.component}", context.question.environment
    need = _Need(running.component, running.version, item.component, running.requires[item.component])
    there = f"{running.component} {running.version}, which runs in {where}, requires {item.component} {need.text}"
    verdict = need.by(item.to_version)
    if verdict is Verdict.ALLOW:
        return passes(rule, f"{there}: this release brings {item.to_version}")
    if verdict is Verdict.DENY:
        return denies(
            rule,
            f"{there}, and this release brings {item.to_version}",
            f"first bring a version of {running.component} to {where} that works with {item.component} "
            f"{item.to_version}",
        )
    wrong = "a requirement" if understood(need.text) is None else f"{item.to_version} as a version"
    return cannot_tell(
        rule, f"{there}, and nobody can compare {wrong}", f"release a {running.component} that says it in numbers"
    )


def _beside(context: Context) -> Iterator[Found]:
    """At a rollback: what it may break, as a fact beside it. Nothing here stands in its way."""
    for way in sorted(context.facts.way_back, key=lambda w: (w.component, w.version)):
        for running in _here(context):
            if running.component != way.component and way.component in running.requires:
                yield from _broken(context, running, way)


def _broken(context: Context, running: Running, way: WayBack) -> Iterator[Found]:
    need = _Need(running.component, running.version, way.component, running.requires[way.component])
    if need.by(way.version) is not Verdict.ALLOW:
        left = f"{way.component} {way.version}" if way.version else f"no {way.component}"
        yield passes(
            f"{BESIDE}.{running.component}",
            f"{need}, and going back leaves {left} in {context.question.environment}: {running.component} may break",
        )


def _check(context: Context) -> Iterator[Found]:
    if context.environment is None:
        return  # environment.known has said so; nothing runs there
    if context.question.action is Action.ROLLBACK:
        yield from _beside(context)
        return
    yield from _order(context)
    for item in sorted(context.facts.release.items, key=lambda i: i.component):
        for other, text in sorted(item.requires.items()):
            if other != item.component:
                yield _forward(context, item, other, text)
    yield from _backward(context)


RULE = Rule(
    "requires",
    "What a component requires runs there, and what runs there can live with the release.",
    "7D-13",
    ALWAYS,
    _check,
    also=(BESIDE,),
    since=2,
    chapter=Chapter.PROMOTION,
)
