"""An emergency for people: who was called and when, who acknowledged how late, what its releases go without."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tidegate.core.debt import Debt, may_settle
from tidegate.core.policy import Policy
from tidegate.orchestration.house import House
from tidegate.store import debts, emergencies, policies
from tidegate.store.debts import DebtRow
from tidegate.store.emergencies import EmergencyRow


class Standing(StrEnum):
    """How an emergency stands."""

    CALLING = "calling"
    ACKNOWLEDGED = "acknowledged"
    EXPIRED = "expired"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CallView:
    """A contact, how they are reached, and when they were called or will be."""

    contact: str
    title: str
    reach: str
    at: datetime
    called: bool


@dataclass(frozen=True, slots=True)
class EmergencyView:
    """What ``tidegate emergency show`` answers. Seconds count from the declaration; ``late``: after its time."""

    id: str
    standing: Standing
    incident: str
    criterion: str
    reason: str
    components: tuple[str, ...]
    declared_by: str
    declared_at: datetime
    expires_at: datetime
    acknowledge_by: datetime | None
    acknowledged_by: str
    acknowledged_at: datetime | None
    acknowledged_after_s: int | None
    late: bool
    ended_at: datetime | None
    ended_by: str
    outcome: str
    elapsed_s: int
    calls: tuple[CallView, ...]
    types: tuple[str, ...]
    skips: tuple[str, ...]
    steps: tuple[str, ...]
    debts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DebtView:
    """A debt, and who may settle it now."""

    id: str
    kind: str
    what: str
    release: str
    emergency: str
    teams: tuple[str, ...]
    opened_at: datetime
    due_at: datetime
    overdue: bool
    may_settle: tuple[str, ...]
    settled_at: datetime | None
    settled_by: str
    document: str


def emergency_views(house: House) -> list[EmergencyView]:
    """All emergencies, the newest first."""
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        rows = [(row, debts.of(connection, emergency=row.emergency.id)) for row in emergencies.everything(connection)]
    return [_emergency(policy, row, owed, house.now()) for row, owed in rows]


def emergency_view(house: House, emergency: str) -> EmergencyView:
    """One emergency.

    Raises:
        NotFoundError: there is none of that id.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        row = emergencies.load(connection, emergency)
        owed = debts.of(connection, emergency=emergency)
    return _emergency(policy, row, owed, house.now())


def _emergency(policy: Policy, row: EmergencyRow, owed: list[DebtRow], now: datetime) -> EmergencyView:
    one = row.emergency
    until = one.acknowledged_at or one.ended_at or now
    types = [name for name in policy.emergency.types if one.criterion in _criteria(policy, name)]
    return EmergencyView(
        id=one.id,
        standing=_standing(row, now),
        incident=one.incident,
        criterion=one.criterion,
        reason=one.reason,
        components=one.components,
        declared_by=one.declared_by,
        declared_at=one.declared_at,
        expires_at=one.expires_at,
        acknowledge_by=row.acknowledge_by,
        acknowledged_by=one.acknowledged_by,
        acknowledged_at=one.acknowledged_at,
        acknowledged_after_s=_seconds(one.declared_at, one.acknowledged_at),
        late=row.acknowledge_by is not None and until > row.acknowledge_by,
        ended_at=one.ended_at,
        ended_by=row.ended_by,
        outcome=row.outcome,
        elapsed_s=_seconds(one.declared_at, one.ended_at or now) or 0,
        calls=tuple(_call(policy, row, number) for number in range(len(row.calls))),
        types=tuple(types),
        skips=tuple(_skips(policy, types)),
        steps=policy.emergency.steps,
        debts=tuple(found.debt.id for found in owed if found.settled_at is None),
    )


def _criteria(policy: Policy, name: str) -> tuple[str, ...]:
    kind = policy.release_types.get(name)
    return kind.criteria if kind else ()


def _skips(policy: Policy, types: list[str]) -> list[str]:
    waited = {skip.value for name in types for skip in policy.release_types[name].skips}
    return [*sorted(waited), *(f"the environment's {what.value}" for what in sorted(policy.emergency.bypasses))]


def _standing(row: EmergencyRow, now: datetime) -> Standing:
    one = row.emergency
    if one.ended_at is not None:
        return Standing.ENDED
    if one.expires_at <= now:
        return Standing.EXPIRED
    return Standing.ACKNOWLEDGED if one.acknowledged_at else Standing.CALLING


def _call(policy: Policy, row: EmergencyRow, number: int) -> CallView:
    call = row.calls[number]
    contact = policy.contacts.get(call.contact)
    title, reach = (contact.title, contact.reach) if contact else (call.contact, "")
    return CallView(call.contact, title, reach, call.at, number < row.called)


def _seconds(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else int((end - start).total_seconds())


def debt_views(house: House, *, settled: bool = False) -> list[DebtView]:
    """What is owed, what is due first before the rest.

    Args:
        settled: what is settled, too.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        rows = debts.everything(connection)
    return [_debt(policy, row, house.now()) for row in rows if settled or row.settled_at is None]


def debt_view(house: House, debt: str) -> DebtView:
    """One debt.

    Raises:
        NotFoundError: there is none of that id.
    """
    with house.database.read() as connection:
        return _debt(policies.current(connection).policy, debts.load(connection, debt), house.now())


def _debt(policy: Policy, row: DebtRow, now: datetime) -> DebtView:
    debt: Debt = row.debt
    return DebtView(
        id=debt.id,
        kind=debt.kind.value,
        what=debt.what,
        release=debt.release,
        emergency=debt.emergency,
        teams=debt.teams,
        opened_at=debt.opened_at,
        due_at=debt.due_at,
        overdue=(row.settled_at or now) >= debt.due_at,
        may_settle=tuple(sorted(may_settle(policy, debt))),
        settled_at=row.settled_at,
        settled_by=row.settled_by,
        document=row.document,
    )
