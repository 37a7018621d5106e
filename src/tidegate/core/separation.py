"""Separation of duties: who has a hand in what is released, and so does not approve it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tidegate.core.facts import Item
from tidegate.core.policy import ApprovalRule, Hand, Policy

WROTE = (Hand.AUTHOR, Hand.CO_AUTHOR, Hand.COMMITTER, Hand.LAST_COMMITTER)
"""The hands that Git tells of; the others are told by who opened the release and who starts it."""

SAID: Mapping[Hand, str] = {
    Hand.AUTHOR: "is an author",
    Hand.CO_AUTHOR: "is a co-author",
    Hand.COMMITTER: "committed it",
    Hand.LAST_COMMITTER: "made the last commit",
    Hand.REQUESTER: "opened the release",
    Hand.DEPLOYER: "starts it",
}


def hands_of(items: Iterable[Item], opened_by: str, starts: str) -> dict[Hand, frozenset[str]]:
    """Who has which hand in a release; of a release that does not tell its authors apart each may be any of them."""
    found: dict[Hand, set[str]] = {hand: set() for hand in Hand}
    for item in items:
        for hand in WROTE:
            found[hand].update(item.hands.get(hand.value, ()) if item.hands else item.authors)
    found[Hand.REQUESTER].add(opened_by)
    found[Hand.DEPLOYER].add(starts)
    return {hand: frozenset(names - {""}) for hand, names in found.items()}


def refused_hands(policy: Policy, rule: ApprovalRule) -> tuple[Hand, ...]:
    """The hands that do not approve by this rule, in the order in which they are told."""
    asked = {*policy.separation, *rule.separation}
    # To let authors approve is to let everybody who wrote it; it never lets whoever opened or starts it.
    return tuple(hand for hand in Hand if hand in asked and not (rule.author_may and hand in WROTE))


def same_people(policy: Policy) -> dict[str, frozenset[str]]:
    """For each person who has several entries, all of them: entries that share a mail address are one person.

    A policy is not adopted with such entries; one that was adopted by an earlier version may have them. Keys need not
    be looked at: no policy was ever adopted in which two people have the same.
    """
    by_mail: dict[str, list[str]] = {}
    for name, person in policy.people.items():
        if person.email:
            by_mail.setdefault(person.email.casefold(), []).append(name)
    return {name: frozenset(names) for names in by_mail.values() if len(names) > 1 for name in names}
