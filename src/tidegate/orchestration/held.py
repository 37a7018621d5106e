"""What was taken back is held: that version does not go there again until a person lets it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor
from tidegate.core.facts import Hold
from tidegate.orchestration.identity import nonce
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.restrictions import holds_in_force
from tidegate.store import holds
from tidegate.store.rollouts import Rollout

LONGEST_REASON = 500
"""Characters of a reason that a hold keeps; the rollback itself keeps it whole."""


def hold_back(connection: sa.Connection, rollback: Rollout, actor: Actor, now: datetime) -> Hold | None:
    """Hold what ``rollback`` takes back, in the transaction that begins it; None where nothing new is to be held.

    The caller has locked the lease: whoever starts there asks for holds under that lock.
    """
    bad = rollback.source
    if bad is None or held(connection, rollback, now) is not None:
        return None
    hold = Hold(
        id=f"hold-{nonce()[:8]}",
        reason=rollback.because[:LONGEST_REASON],
        by=actor.person,
        since=now,
        environment=rollback.environment,
        component=rollback.component,
        version=bad.version,
        package=bad.digest,
        rollback=rollback.id,
    )
    holds.add(connection, hold, actor)
    data = {
        "hold": hold.id,
        "until": "",
        "environment": hold.environment,
        "component": hold.component,
        "reason": hold.reason,
        "version": hold.version,
        "package": hold.package,
        "rollback": hold.rollback,
    }
    record(connection, Entry("hold.added", actor, rollback.release, data), now)
    return hold


def held(connection: sa.Connection, rollback: Rollout, now: datetime) -> Hold | None:
    """The hold in force of the version that ``rollback`` takes back, if there is one."""
    bad = rollback.source
    if bad is None:
        return None
    wanted = (rollback.component, rollback.environment, bad.version, bad.digest)
    found = holds_in_force(connection, now)
    return next((h for h in found if (h.component, h.environment, h.version, h.package) == wanted), None)


def let_go(connection: sa.Connection, rollback: str, actor: Actor, now: datetime, reason: str) -> bool:
    """Lift the hold that came of a rollback; whether there was one."""
    for hold in holds_in_force(connection, now):
        if hold.rollback == rollback:
            holds.lift(connection, hold.id, actor, now)
            record(connection, Entry("hold.lifted", actor, data={"hold": hold.id, "reason": reason}), now)
            return True
    return False
