"""Waivers: one person asks that a gate be passed that does not pass, others agree, for a time; each is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tidegate.clock import to_text
from tidegate.core.duration import format_duration
from tidegate.core.mark import Mark, MarkKind
from tidegate.core.policy import Gate, Migrations, Policy, Waiver
from tidegate.core.rules import Context
from tidegate.core.rules.migration import WAIVED_AS
from tidegate.core.rules.waiver import agreeable, waived
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.orchestration.marks import NOBODY, Desk, desk, say, take_back
from tidegate.orchestration.refusal import refusals
from tidegate.store import marks


def ask(house: House, release: str, gate: str, claim: Claim, *, reason: str, until: datetime) -> Mark:
    """Ask that a release pass a gate that it does not pass, until then; it does once the others have agreed.

    Raises:
        UsageError: it gives no reason, or would be over already.
        NotPermittedError: they have not signed.
        ConflictError: nobody may waive this gate, or not for so long; or the release is over.
        NotFoundError: there is no such release or gate.
    """
    if not reason.strip():
        raise UsageError("a waiver needs a reason", remedy="say why it may pass nevertheless: --reason TEXT")
    if until <= house.now():
        raise UsageError("the waiver would be over already", remedy="name a later moment: --until DATE")

    def draft(at_hand: Desk) -> Mark:
        return Mark("", MarkKind.WAIVER, gate, "", NOBODY, at_hand.subject, house.now(), until=until, reason=reason)

    told = {"gate": gate, "reason": reason, "until": to_text(until)}
    with refusals(house, "waiver", claim.person, release, gate=gate[:64]):
        return say(house, release, claim, draft, _demand_asking, ("waiver.asked", told), replaces=_same_person)


def _same_person(new: Mark, old: Mark) -> bool:
    return new.actor.person == old.actor.person


def _demand_asking(at_hand: Desk, mark: Mark) -> None:
    at_hand.demand_open()
    lasts = _waiver_of(at_hand, mark.name).lasts
    if mark.until is not None and mark.until > mark.at + lasts:
        raise ConflictError(
            f"a waiver of {mark.name} lasts {format_duration(lasts)} at most",
            remedy=f"ask for a shorter one: --until {format_duration(lasts)}",
        )


def _waiver_of(at_hand: Desk, gate: str) -> Waiver:
    """The terms of the active policy; a gate that it does not have, or lets nobody waive, is none to ask about."""
    found = _waivable(at_hand.current, gate)
    if found is None:
        raise NotFoundError(
            f'the policy knows no gate "{gate[:80]}"',
            remedy=f"name one of: {', '.join(at_hand.current.gates) or 'none is declared'}",
        )
    if found.waiver is None:
        raise ConflictError(
            f"nobody may waive {gate}: the policy does not say who",
            remedy=f"meet the gate, or adopt {_key(found, gate)}.waiver",
        )
    return found.waiver


def _waivable(policy: Policy, name: str) -> Gate | Migrations | None:
    """The gate of that name; else, by its own name, what the policy asks of migrations."""
    return policy.gates.get(name) or (policy.migrations if name == WAIVED_AS else None)


def _where(at_hand: Desk, name: str) -> str:
    found = _waivable(at_hand.current, name)
    return f"{_key(found, name)}.waiver" if found else f"gates.{name}.waiver"


def _key(found: Gate | Migrations, name: str) -> str:
    return f"gates.{name}" if isinstance(found, Gate) else "migrations"


def agree(house: House, release: str, gate: str, claim: Claim, *, reason: str = "") -> Mark:
    """Agree to the newest waiver of a gate that is asked for.

    Raises:
        NotPermittedError: they asked for it, wrote what is released, are not of the group, or have not signed.
        ConflictError: the release is over, or they agreed already.
        NotFoundError: nobody asks for one.
    """

    def draft(at_hand: Desk) -> Mark:
        asked = _asked(at_hand, gate)
        return Mark("", MarkKind.WAIVER_YES, gate, asked.id, NOBODY, at_hand.subject, house.now(), reason=reason)

    def demand(at_hand: Desk, mark: Mark) -> None:
        at_hand.demand_open()
        _demand_agreeing(at_hand, gate, mark, house.now())

    with refusals(house, "waiver", claim.person, release, gate=gate[:64]):
        return say(house, release, claim, draft, demand, ("waiver.agreed", {"gate": gate, "reason": reason}))


def _asked(at_hand: Desk, gate: str) -> Mark:
    asked = [mark for mark in at_hand.standing(MarkKind.WAIVER, gate) if mark.subject == at_hand.subject]
    if not asked:
        raise NotFoundError(
            f"nobody asks for a waiver of {gate} for {at_hand.row.facts.id} as it is now",
            remedy=f"ask for one: tidegate waive {at_hand.row.facts.id} {gate} --reason TEXT --until DATE",
        )
    return asked[-1]


def _demand_agreeing(at_hand: Desk, gate: str, mark: Mark, now: datetime) -> None:
    waiver, asked, who = _waiver_of(at_hand, gate), _asked(at_hand, gate), mark.actor.person
    if who == asked.actor.person:
        raise NotPermittedError(
            f"{who} asked for this waiver, and cannot agree to it", remedy="have somebody else agree to it"
        )
    people = agreeable(_context(at_hand, now), waiver, asked.actor.person)
    if who not in people:
        raise NotPermittedError(
            f"{who or 'nobody'} may not agree to a waiver of {gate}",
            remedy=f"ask one of: {', '.join(sorted(people)) or 'nobody may: see ' + _where(at_hand, gate)}",
        )


def _context(at_hand: Desk, now: datetime) -> Context:
    # A waiver is the same wherever it is used; of the environments, the last asks for the surest people.
    return at_hand.context(next(reversed(list(at_hand.current.environments)), ""), now)


def end(house: House, release: str, gate: str, claim: Claim, *, reason: str = "") -> list[str]:
    """Take a waiver back: by who asked for it, or whoever may agree to it. The ids of what was taken back.

    Raises:
        NotPermittedError: they have not signed.
        NotFoundError: there is none that they may take back.
    """

    def may(at_hand: Desk, mark: Mark) -> bool:
        found = _waivable(at_hand.current, gate)
        if found is None or found.waiver is None:
            return False
        return claim.person in agreeable(_context(at_hand, house.now()), found.waiver, mark.actor.person)

    about = (MarkKind.WAIVER, gate, None)
    with refusals(house, "waiver", claim.person, release, gate=gate[:64]):
        return take_back(
            house, release, claim, Act.END_WAIVER, about, ("waiver.ended", {"gate": gate}), reason=reason, may=may
        )


@dataclass(frozen=True, slots=True)
class WaiverLine:
    """A waiver as it stands: who asked, who agreed, until when; ``why`` it does not hold, empty while it does."""

    release: str
    gate: str
    asked_by: str
    asked_at: datetime
    until: datetime
    reason: str
    agreed: tuple[str, ...]
    why: str

    @property
    def holds(self) -> bool:
        """Whether it is in force."""
        return not self.why


def all_waivers(house: House, release: str = "") -> list[WaiverLine]:
    """Every waiver that was ever asked for, of all releases or of one, the oldest first."""
    with house.database.read() as connection:
        asked = marks.of_kinds(connection, MarkKind.WAIVER)
        names = dict.fromkeys(signed.release for signed in asked if release in ("", signed.release))
        desks = [desk(connection, name) for name in names]
    found = [line for at_hand in desks for line in _lines(at_hand, house.now())]
    return sorted(found, key=lambda line: (line.asked_at, line.release, line.gate))


def _lines(at_hand: Desk, now: datetime) -> Iterator[WaiverLine]:
    release = at_hand.row.facts
    for mark in at_hand.marks:
        if mark.kind is not MarkKind.WAIVER:
            continue
        gate = _waivable(at_hand.current, mark.name)
        alone = replace(at_hand, marks=tuple(m for m in at_hand.marks if m.kind is not MarkKind.WAIVER or m == mark))
        stands = waived(_context(alone, now), mark.name, gate) if gate else None
        agreed: tuple[str, ...] = stands.agreed if stands else ()
        why = stands.why if stands else "the policy lets nobody waive this gate"
        if not why and at_hand.row.closed_at is not None:
            why = f"the release is {release.state.said}"
        until = stands.ends_at if stands else mark.until or mark.at
        yield WaiverLine(release.id, mark.name, mark.actor.person, mark.at, until, mark.reason, agreed, why)
