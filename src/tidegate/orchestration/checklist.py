"""Tick the points of a release's checklists, and show how each stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tidegate.core.decision import Action, Question
from tidegate.core.facts import Facts
from tidegate.core.mark import Mark, MarkKind
from tidegate.core.policy import ChecklistItem, Policy
from tidegate.core.rulebook import Rulebook
from tidegate.core.rules import Context
from tidegate.core.rules.checklist import Point, points
from tidegate.core.rules.demands import checklist_names
from tidegate.core.rules.marks import may_tick
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration.facts import gather
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.orchestration.marks import NOBODY, Desk, say, take_back
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.seen import look
from tidegate.store import policies, releases


def tick(
    house: House, release: str, checklist: str, item: str, claim: Claim, *, not_needed: bool = False, reason: str = ""
) -> Mark:
    """Tick a point, signed: it is true of what is released as it is now.

    Raises:
        UsageError: it is said to be not needed, and not why.
        NotPermittedError: they are not of the point's group, or have not signed.
        ConflictError: the point is not ticked by people, cannot be left out, or is ticked by them already.
        NotFoundError: there is no such release, checklist or point.
    """
    if not_needed and not reason.strip():
        raise UsageError("a point that is not needed says why", remedy="say why: --reason TEXT")

    def draft(at_hand: Desk) -> Mark:
        subject, now = at_hand.subject, house.now()
        return Mark("", MarkKind.TICK, checklist, item, NOBODY, subject, now, reason=reason, not_needed=not_needed)

    told = {"checklist": checklist, "item": item, "not_needed": not_needed, "reason": reason}
    with refusals(house, "checklist", claim.person, release, checklist=checklist[:64], item=item[:64]):
        return say(house, release, claim, draft, _demand, ("checklist.ticked", told))


def untick(house: House, release: str, checklist: str, item: str, claim: Claim, *, reason: str = "") -> list[str]:
    """Take a tick back: one's own, or, where one may tick the point, anybody's. The ids of what was taken back.

    Raises:
        NotPermittedError: they have not signed.
        NotFoundError: there is no such tick that they may take back.
    """

    def may(at_hand: Desk, mark: Mark) -> bool:
        found = find_item(at_hand, checklist, item)
        return claim.person in may_tick(at_hand.current, found)

    about = (MarkKind.TICK, checklist, item)
    told = ("checklist.unticked", {"checklist": checklist, "item": item})
    with refusals(house, "checklist", claim.person, release, checklist=checklist[:64], item=item[:64]):
        return take_back(house, release, claim, Act.UNTICK, about, told, reason=reason, may=may)


def find_item(at_hand: Desk, checklist: str, item: str) -> ChecklistItem:
    """A point, as the active policy has it, or else the one to which the release is pinned.

    Raises:
        NotFoundError: neither has it.
    """
    for policy in (at_hand.current, at_hand.pinned):
        found = policy.checklists.get(checklist)
        if found and item in found.items:
            return found.items[item]
    raise _unknown(at_hand.current, checklist, item)


def _unknown(policy: Policy, checklist: str, item: str) -> NotFoundError:
    known = policy.checklists.get(checklist)
    if known is None:
        return NotFoundError(
            f'the policy knows no checklist "{checklist[:80]}"',
            remedy=f"name one of: {', '.join(policy.checklists) or 'none is declared'}",
        )
    what = f'the checklist {checklist} has no point "{item[:80]}"'
    return NotFoundError(what, remedy=f"name one of: {', '.join(known.items)}")


def _demand(at_hand: Desk, mark: Mark) -> None:
    at_hand.demand_open()
    item, who = find_item(at_hand, mark.name, mark.part), mark.actor.person
    if item.by is None and (item.gate or item.document):
        by = f"the gate {item.gate}" if item.gate else f"the document {item.document}"
        raise ConflictError(
            f"{mark.part} is ticked by {by}, and by nobody else",
            remedy=f"see what it says: tidegate checklist show {at_hand.row.facts.id}",
        )
    people = may_tick(at_hand.current, item)
    if who not in people:
        raise NotPermittedError(
            f"{who or 'nobody'} may not tick {mark.part}" + (f": it is for {item.by}" if item.by else ""),
            remedy=f"ask one of: {', '.join(sorted(people)) or 'nobody may: add people in the policy'}",
        )
    if mark.not_needed and item.only != "if-needed":
        raise ConflictError(
            f"{mark.part} cannot be left out: the policy does not say only: if-needed", remedy="do it, then tick it"
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """A checklist of a release, with how each of its points stands; ``asked_for`` are the environments that ask it."""

    name: str
    title: str
    asked_for: tuple[str, ...]
    points: tuple[Point, ...]


def show(house: House, release: str) -> list[Shown]:
    """How each checklist of a release stands, by the active policy: those that an environment asks of it.

    Raises:
        NotFoundError: there is no such release.
    """
    in_git = look(house, release)
    with house.database.read() as connection:
        row = releases.load(connection, release)
        book = policies.current(connection)
        now = house.now()
        facts = gather(connection, row, book.policy, now, in_git=in_git)
    return shown_of(book, facts, now)


def shown_of(book: Rulebook, facts: Facts, now: datetime) -> list[Shown]:
    """The same, from facts that are at hand."""
    found: dict[str, tuple[list[str], Context]] = {}
    for environment in book.policy.environments:
        context = Context(Question(Action.START, NOBODY, environment), book, facts, now)
        for name in checklist_names(context):
            found.setdefault(name, ([], context))[0].append(environment)
    lists = book.policy.checklists
    return [
        Shown(name, lists[name].title, tuple(where), tuple(points(context, name)))
        for name, (where, context) in found.items()
        if name in lists
    ]
