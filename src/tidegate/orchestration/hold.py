"""Stop the line, and let it go on."""

from __future__ import annotations

from datetime import timedelta

from tidegate.core.facts import Hold
from tidegate.core.statement import Act
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, demand_permit, nonce, prove_act
from tidegate.orchestration.record import Entry, record
from tidegate.store import holds, locks, policies


def _prove(house: House, claim: Claim, act: Act, component: str, environment: str, reason: str) -> Proven:
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    proven = prove_act(house, policy, claim, act, component=component, environment=environment, reason=reason)
    demand_permit(policy, proven.actor, "hold")
    return proven


def add(
    house: House,
    claim: Claim,
    reason: str,
    *,
    environment: str = "",
    component: str = "",
    lasts: timedelta | None = None,
) -> Hold:
    """Stop the line: everywhere, in one environment, or for one component; at once, also for what is in flight.

    Raises:
        NotPermittedError: the policy does not let this person.
    """
    proven = _prove(house, claim, Act.HOLD, component, environment, reason)
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        now = house.now()
        demand_permit(policies.current(connection).policy, proven.actor, "hold")
        hold = Hold(
            id=f"hold-{nonce()[:8]}",
            reason=reason,
            by=claim.person,
            since=now,
            expires_at=now + lasts if lasts else None,
            environment=environment,
            component=component,
        )
        holds.add(connection, hold, proven.actor)
        data = {"hold": hold.id, "reason": reason[:500], "environment": environment, "component": component}
        record(connection, Entry("hold.added", proven.actor, data=data), now)
    return hold


def lift(house: House, claim: Claim, hold: str, reason: str = "") -> None:
    """Let the line go on.

    Raises:
        NotPermittedError: the policy does not let this person.
        NotFoundError: there is no such hold in force.
    """
    proven = _prove(house, claim, Act.LIFT, "", "", reason)
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        now = house.now()
        demand_permit(policies.current(connection).policy, proven.actor, "hold")
        holds.lift(connection, hold, proven.actor, now)
        record(connection, Entry("hold.lifted", proven.actor, data={"hold": hold, "reason": reason[:500]}), now)
    house.wake()
