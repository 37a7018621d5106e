"""Stop the line, and let it go on."""

from __future__ import annotations

from datetime import timedelta

from tidegate.core.facts import Hold
from tidegate.core.policy import Policy
from tidegate.core.statement import Act
from tidegate.errors import NotFoundError, UsageError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import (
    Claim,
    Proven,
    demand_environment,
    demand_listed,
    demand_permit,
    nonce,
    proven_by,
    shown,
    spend,
    stands,
)
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import holds, locks, policies, requests

LONGEST = timedelta(days=400)


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
        NotFoundError: the policy knows no such environment or component: a hold of it would stop nothing.
        UsageError: it gives no reason, or would last no time, or longer than 400 days.
    """
    if not reason.strip():
        raise UsageError("a hold needs a reason", remedy="say why the line is stopped: --reason TEXT")
    if lasts is not None and not timedelta(0) < lasts <= LONGEST:
        raise UsageError("a hold lasts at least a moment and at most 400 days", remedy="leave --for out to hold on")
    with refusals(house, "hold", claim.person, environment=environment, component=component):
        concerns = {"environment": environment, "component": component, "reason": reason}
        proven = _prove(house, claim, Act.HOLD, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.HOLD, **concerns)
            demand_permit(policy, actor, "hold")
            _demand_place(policy, environment, component)
            now = house.now()
            hold = Hold(
                id=f"hold-{nonce()[:8]}",
                reason=reason,
                by=actor.person,
                since=now,
                expires_at=now + lasts if lasts else None,
                environment=environment,
                component=component,
            )
            holds.add(connection, hold, actor)
            proof = shown(spend(connection, proven, now), proven)
            record(connection, Entry("hold.added", actor, data={"hold": hold.id, **concerns, **proof}), now)
    return hold


def _prove(house: House, claim: Claim, act: Act, **concerns: str) -> Proven:
    with house.database.read() as connection:
        demand_listed(policies.current(connection).policy, claim.person, "hold")
    return proven_by(house, claim, act, **concerns)


def _demand_place(policy: Policy, environment: str, component: str) -> None:
    if environment:
        demand_environment(policy, environment)
    if component and component not in policy.components:
        raise NotFoundError(
            f'the policy knows no component "{component[:80]}"',
            remedy=f"name one of: {', '.join(policy.components) or 'none is declared'}",
        )


def lift(house: House, claim: Claim, hold: str, reason: str = "") -> None:
    """Let the line go on.

    Raises:
        NotPermittedError: the policy does not let this person.
        NotFoundError: there is no such hold in force.
    """
    with refusals(house, "hold", claim.person, hold=hold):
        # The statement has no place for the id of a hold but its reason; a lift signed for one hold lifts no other.
        concerns = {"reason": f"{hold}: {reason}"}
        proven = _prove(house, claim, Act.LIFT, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            now = house.now()
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.LIFT, **concerns)
            demand_permit(policy, actor, "hold")
            holds.lift(connection, hold, actor, now)
            requests.touch(connection, None, now)
            data = {"hold": hold, "reason": reason, **shown(spend(connection, proven, now), proven)}
            record(connection, Entry("hold.lifted", actor, data=data), now)
            house.database.after_commit(connection, house.wake)
