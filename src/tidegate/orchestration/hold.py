"""Stop the line, and let it go on."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core.actor import Assurance
from tidegate.core.facts import CLIENT, Hold
from tidegate.core.mark import ANYWHERE
from tidegate.core.policy import Occasion, Policy
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, NotFoundError, UsageError
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
from tidegate.orchestration.messages import tell
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.restrictions import holds_in_force
from tidegate.store import holds, incidents, locks, policies, releases, requests

LONGEST = timedelta(days=400)


def add(
    house: House,
    claim: Claim,
    reason: str,
    *,
    environment: str = "",
    component: str = "",
    client: str = "",
    lasts: timedelta | None = None,
    incident: str = "",
) -> Hold:
    """Stop the line: everywhere, in one environment, for one component or client; at once, also for what is in flight.

    Args:
        incident: the incident for which it is; its name stands before the reason.

    Raises:
        NotPermittedError: the policy does not let this person.
        NotFoundError: the policy knows no such environment, component or client: a hold of it would stop nothing; or
            there is no such incident.
        UsageError: it gives no reason, names a component and a client, or would last no time, or longer than 400 days.
    """
    if not reason.strip():
        raise UsageError("a hold needs a reason", remedy="say why the line is stopped: --reason TEXT")
    if lasts is not None and not timedelta(0) < lasts <= LONGEST:
        raise UsageError("a hold lasts at least a moment and at most 400 days", remedy="leave --for out to hold on")
    if component and client:
        raise UsageError("a hold is of a component or of a client", remedy="name one of the two, or add two holds")
    place = f"{CLIENT}{client}" if client else component
    reason = _with_incident(house, incident, reason)
    with refusals(house, "hold", claim.person, environment=environment, component=place):
        concerns = {"environment": environment, "component": place, "reason": reason}
        proven = _prove(house, claim, Act.HOLD, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.HOLD, **concerns)
            demand_permit(policy, actor, "hold", now=house.now())
            _demand_place(policy, environment, component, client)
            now = house.now()
            hold = Hold(
                id=f"hold-{nonce()[:8]}",
                reason=reason,
                by=actor.person,
                since=now,
                expires_at=now + lasts if lasts else None,
                environment=environment,
                component=place,
            )
            holds.add(connection, hold, actor)
            where = [hold.place and f"for {hold.place}", environment and f"in {environment}"]
            said = f"{actor.person} has stopped the line {' '.join(filter(None, where)) or 'everywhere'}: {reason}"
            if tell(connection, policy, Occasion.HELD, hold.id, said, now):
                house.database.after_commit(connection, house.wake)
            proof = shown(spend(connection, proven, now), proven)
            until = to_text(hold.expires_at) if hold.expires_at else ""
            data = {"hold": hold.id, "until": until, **concerns, **proof}
            record(connection, Entry("hold.added", actor, data=data), now)
    return hold


def _with_incident(house: House, incident: str, reason: str) -> str:
    if not incident:
        return reason
    with house.database.read() as connection:
        return f"{incidents.load(connection, incident).id}: {reason}"


def _prove(house: House, claim: Claim, act: Act, **concerns: str) -> Proven:
    with house.database.read() as connection:
        demand_listed(policies.current(connection).policy, claim.person, "hold", now=house.now())
    return proven_by(house, claim, act, **concerns)


def _demand_place(policy: Policy, environment: str, component: str, client: str) -> None:
    if environment:
        demand_environment(policy, environment)
    if component and component not in policy.components:
        raise NotFoundError(
            f'the policy knows no component "{component[:80]}"',
            remedy=f"name one of: {', '.join(policy.components) or 'none is declared'}",
        )
    if client and client not in policy.clients:
        raise NotFoundError(
            f'the policy knows no client "{client[:80]}"',
            remedy=f"name one of: {', '.join(policy.clients) or 'none is declared'}",
        )


def lift(house: House, claim: Claim, hold: str, reason: str = "") -> None:
    """Let the line go on; or let a version go again where it was taken back, which takes a reason.

    Raises:
        NotPermittedError: the policy does not let this person.
        NotFoundError: there is no such hold in force.
        UsageError: it is of a version that was taken back, and no reason is given.
    """
    with house.database.read() as connection:
        of_version = next((h for h in holds.every(connection) if h.id == hold and h.version), None)
    if of_version is not None and not reason.strip():
        raise UsageError(
            f"{of_version.component} {of_version.version} was taken back in {of_version.environment}: letting it go "
            "again needs a reason",
            remedy=f"say what is different now: tidegate hold lift {hold} --reason TEXT",
        )
    with refusals(house, "hold", claim.person, hold=hold):
        # The statement has no place for the id of a hold but its reason; a lift signed for one hold lifts no other.
        concerns = {"reason": f"{hold}: {reason}"}
        proven = _prove(house, claim, Act.LIFT, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            now = house.now()
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.LIFT, **concerns)
            demand_permit(policy, actor, "hold", now=house.now())
            holds.lift(connection, hold, actor, now)
            requests.touch(connection, None, now)
            data = {"hold": hold, "reason": reason, **shown(spend(connection, proven, now), proven)}
            record(connection, Entry("hold.lifted", actor, data=data), now)
            house.database.after_commit(connection, house.wake)


def pass_fix(house: House, claim: Claim, hold: str, release: str, reason: str) -> None:
    """Let one release that contains nothing but fixes pass a hold, signed; for everything else the line stands still.

    It holds for the release as it is: what is added to it later passes nothing.

    Raises:
        NotPermittedError: the policy does not let this person stop the line, or they have not signed.
        NotFoundError: there is no such hold in force, or no such release.
        ConflictError: the hold is of a version that was taken back, or the release is no fix, or over.
        UsageError: no reason is given.
    """
    if not reason.strip():
        raise UsageError("letting a fix pass a hold needs a reason", remedy="say why: --reason TEXT")
    with refusals(house, "hold", claim.person, release, hold=hold[:160]):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
            demand_listed(policy, claim.person, "hold", now=house.now())
            subject = _demand_fix(connection, hold, release, house.now())
        concerns = {"release": release, "subject": subject, "reason": f"{hold}: {reason}"}
        proven = proven_by(house, claim, Act.LET_THROUGH, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection)
            locks.lock_release(connection, release)
            now, policy = house.now(), policies.current(connection).policy
            actor = stands(policy, proven, Act.LET_THROUGH, **concerns)
            demand_permit(policy, actor, "hold", minimum=Assurance.PASSKEY, now=now)
            if _demand_fix(connection, hold, release, now) != subject:
                raise ConflictError(f"{release} was changed meanwhile", remedy="look at it, then repeat")
            requests.touch(connection, release, now)
            data = {"hold": hold, "subject": subject, "reason": reason, **shown(spend(connection, proven, now), proven)}
            record(connection, Entry("hold.passed", actor, release, data), now)
            house.database.after_commit(connection, house.wake)


FIXES = ("fix", "revert")


def _demand_fix(connection: sa.Connection, hold: str, release: str, now: datetime) -> str:
    """The digest of what a release is made of that contains nothing but fixes, and may pass this hold."""
    standing = next((one for one in holds_in_force(connection, now) if one.id == hold), None)
    if standing is None:
        raise NotFoundError(f'there is no hold "{hold[:80]}" in force', remedy="tidegate hold list")
    if standing.version:
        raise ConflictError(
            f"{hold} holds {standing.component} {standing.version} because it was taken back: it is no fix of that",
            remedy=f"let it go again, with a reason: tidegate hold lift {hold} --reason TEXT",
        )
    row = releases.load(connection, release)
    if row.closed_at is not None:
        raise ConflictError(f"release {release} is {row.facts.state.said}", remedy="open another release")
    changes = [change for item in row.facts.items for change in item.changes]
    other = next((change for change in changes if change.kind not in FIXES or change.breaking), None)
    if other is not None or not changes:
        what = f'it contains "{other.summary[:80]}"' if other else "nobody knows what it contains"
        raise ConflictError(f"{release} is no fix: {what}", remedy="release the fix alone: tidegate hotfix COMPONENT")
    return row.facts.subject_for(ANYWHERE)
