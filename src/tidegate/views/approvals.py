"""The approvals of a release: what is asked, who has given it, what is open, and to whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.approval import Approval, in_order
from tidegate.core.decision import Action, Question
from tidegate.core.rules import Context
from tidegate.core.rules.approvals import Ask, Hearing, expiry
from tidegate.orchestration.facts import gather
from tidegate.store import policies, releases


@dataclass(frozen=True, slots=True)
class SeatTaken:
    """A yes that counts: who gave it, for whom where they are a delegate, when, and until when it counts."""

    person: str
    speaks_for: str
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class DemandView:
    """One demand: what it asks, who sits in its seats, who could still, and what must come before.

    ``policy`` is empty where the release is pinned to the policy that is active.
    """

    name: str
    group: str
    role: str
    seats: int
    given: tuple[SeatTaken, ...]
    open_to: tuple[str, ...]
    not_counted: tuple[str, ...]
    waits_for: tuple[str, ...]
    lacks_minutes: str
    policy: str = ""

    @property
    def missing(self) -> int:
        """How many seats are empty."""
        return self.seats - len(self.given)


@dataclass(frozen=True, slots=True)
class ApprovalsView:
    """The approvals of a release for one environment. ``stopped_by`` are those whose no stops it."""

    release: str
    environment: str
    demands: tuple[DemandView, ...]
    stopped_by: tuple[str, ...]
    objections: tuple[str, ...]
    void: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every approval is there and nobody stops it."""
        return not self.stopped_by and all(demand.missing <= 0 for demand in self.demands)


def approvals(connection: sa.Connection, release: str, now: datetime, environment: str = "") -> list[ApprovalsView]:
    """The approvals of a release, for one environment or for each that asks for any.

    Raises:
        NotFoundError: there is no such release, or no policy was adopted.
    """
    row = releases.load(connection, release)
    current = policies.current(connection)
    pinned = policies.rulebook(connection, row.policy)
    facts = gather(connection, row, current.policy, now)
    books = [("", current)] if pinned.digest == current.digest else [("pinned", pinned), ("current", current)]
    wanted = [environment] if environment else list(current.policy.environments)
    found = []
    for name in wanted:
        question = Question(Action.START, Actor("", "", Assurance.ASSERTED), name)
        hearings = [(label, Hearing(Context(question, book, facts, now))) for label, book in books]
        if environment or any(hearing.asks or hearing.nos for _, hearing in hearings):
            found.append(_view(release, name, hearings))
    return found


def _view(release: str, environment: str, hearings: Sequence[tuple[str, Hearing]]) -> ApprovalsView:
    nos = [(no.actor.person, hearing.decisive(no)) for _, hearing in hearings for no in hearing.nos]
    stopped_by = tuple(dict.fromkeys(who for who, decisive in nos if decisive))
    return ApprovalsView(
        release,
        environment,
        tuple(_together([demand for label, hearing in hearings for demand in _demands(label, hearing)])),
        stopped_by,
        tuple(dict.fromkeys(who for who, decisive in nos if not decisive and who not in stopped_by)),
        tuple(dict.fromkeys(why for _, hearing in hearings for why in hearing.void)),
    )


def _together(demands: Sequence[DemandView]) -> Iterator[DemandView]:
    """The demands, each once where both policies ask the same and find the same."""
    plain = [replace(demand, policy="") for demand in demands]
    for number, (demand, bare) in enumerate(zip(demands, plain, strict=True)):
        twins = [other for other, same in enumerate(plain) if same == bare and demands[other].policy != demand.policy]
        if not twins:
            yield demand
        elif number < min(twins):
            yield bare


def _demands(label: str, hearing: Hearing) -> Iterator[DemandView]:
    for ask, row in zip(hearing.asks, hearing.given, strict=True):
        complete = len(row) >= ask.count
        waits = () if complete or not ask.rule.after or hearing.complete_at(ask) else ask.rule.after
        yield DemandView(
            name=ask.name,
            group=ask.group,
            role=ask.rule.role or "",
            seats=ask.count,
            given=tuple(_seat(hearing, ask, approval) for approval in in_order(row)),
            open_to=() if complete else tuple(sorted(hearing.open_to(ask))),
            not_counted=() if complete else tuple(hearing.unseated(ask)),
            waits_for=tuple(name.removeprefix("$") for name in waits),
            lacks_minutes=hearing.why_no_minutes(ask) if ask.rule.minutes else "",
            policy=label,
        )


def _seat(hearing: Hearing, ask: Ask, approval: Approval) -> SeatTaken:
    who = approval.actor.person
    return SeatTaken(who, hearing.speaks_for(ask, who), approval.at, expiry(ask, approval))


def short_of(view: ApprovalsView) -> str:
    """What is still missing, in a line; empty where nothing is."""
    missing = [f"{demand.missing} from {demand.group or 'owners'}" for demand in view.demands if demand.missing > 0]
    said = [f"{who} stops it" for who in view.stopped_by]
    return "; ".join([*missing, *said])


def left_out(view: ApprovalsView, person: str) -> tuple[str, ...]:
    """Why the yes that ``person`` has given fills no seat as it stands; empty where it fills one."""
    if any(seat.person == person for demand in view.demands for seat in demand.given):
        return ()
    whys = (why for demand in view.demands for why in demand.not_counted if why.startswith(f"{person} "))
    return tuple(dict.fromkeys(whys))
