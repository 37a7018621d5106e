"""What is still undecided with what holds meanwhile, what was decided, and where the file knowingly asks for less."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.policy import Policy, Undecided
from tidegate.core.undecided import OpenPoint
from tidegate.views.explain.model import Item, Topic, listing, paragraph, topic
from tidegate.views.explain.words import all_of, code, codes, dot, upper


def undecided_topic(policy: Policy, points: Sequence[OpenPoint]) -> Topic:
    """The open points, and what became of those that the policy once left open."""
    still = {point.id for point in points}
    settled = [name for name in policy.undecided if name not in still and name not in policy.decided]
    return topic(
        "undecided",
        "What is still undecided",
        (
            listing("Until these are decided, their default holds:", (_open(policy, point) for point in points)),
            listing("Decided meanwhile:", _decided(policy)),
            listing("Settled by what the file says itself:", (_settled(policy, name) for name in settled)),
        ),
    )


def _open(policy: Policy, point: OpenPoint) -> Item:
    declared = policy.undecided.get(point.id)
    return (
        _point(point.id, declared)
        if declared
        else Item(f"Until then: {dot(point.default)}", upper(point.what), point.id)
    )


def _settled(policy: Policy, name: str) -> Item:
    return Item(" ".join(_where(policy.undecided[name])), policy.undecided[name].what, name)


def _point(name: str, point: Undecided) -> Item:
    said = [f"Until then: {dot(point.default)}", *_where(point)]
    return Item(" ".join(said), point.what, name)


def _where(point: Undecided) -> Iterator[str]:
    if point.at:
        yield f"It would be said at {codes(point.at, 'or')}."
    if point.source:
        yield f"Left open in: {dot(point.source)}"


def _decided(policy: Policy) -> Iterator[Item]:
    for name, decision in policy.decided.items():
        point = policy.undecided.get(name)
        if point is None:
            yield Item(dot(decision), key=name)
        else:
            before = f"Before it was: {dot(point.default)}"
            yield Item(" ".join([dot(decision), before, *_where(point)]), point.what, name)


def foundation_topic(policy: Policy) -> Topic:
    """What the file builds on, and where it knowingly asks for less."""
    return topic(
        "foundation",
        "What this policy builds on",
        (
            paragraph(
                f"It builds on {all_of(map(code, policy.extends))}; what it says itself wins."
                if policy.extends
                else "",
                f"It takes out {codes(policy.without)}." if policy.without else "",
            ),
            listing(
                "It knowingly asks for less than what it builds on:",
                (Item(dot(why), key=path) for path, why in policy.deviations.items()),
            ),
        ),
    )
