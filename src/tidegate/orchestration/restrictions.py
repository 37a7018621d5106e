"""What stands in the way of every release: holds and debts, as the log tells them.

A row that grants something is believed where a signature proves it. A row that forbids something proves nothing by
being gone: whoever may write to the database could delete it. So what the log says was stopped, and does not say was
let go, still stands, whatever the rows say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from tidegate.clock import from_text
from tidegate.core.debt import Debt, DebtKind
from tidegate.core.facts import Hold
from tidegate.core.leaf import Leaf
from tidegate.core.policy import Policy
from tidegate.store import debts, holds, log


def holds_in_force(connection: sa.Connection, now: datetime) -> tuple[Hold, ...]:
    """The holds that nobody has lifted and that have not expired at ``now``, the oldest first."""
    rows = {hold.id: hold for hold in holds.every(connection)}
    told = [_hold(leaf, rows) for leaf in log.standing_holds(connection)]
    found = {hold.id: hold for hold in holds.in_force(connection, now)}
    found |= {hold.id: hold for hold in told if hold.expires_at is None or hold.expires_at > now}
    return tuple(sorted(found.values(), key=lambda hold: (hold.since, hold.id)))


def _hold(leaf: Leaf, rows: dict[str, Hold]) -> Hold:
    data = leaf.data
    row = rows.get(str(data["hold"]))
    until = str(data["until"]) if "until" in data else None
    # Leaves did not always tell until when; then the row is all there is, and one that is gone holds on.
    expires_at = (row.expires_at if row else None) if until is None else from_text(until) if until else None
    return Hold(
        id=str(data["hold"]),
        reason=str(data["reason"]),
        by=leaf.actor.person,
        since=row.since if row else leaf.time,
        expires_at=expires_at,
        environment=str(data["environment"]),
        component=str(data["component"]),
        version=str(data.get("version", "")),
        package=str(data.get("package", "")),
        rollback=str(data.get("rollback", "")),
    )


def debts_owed(connection: sa.Connection, components: Collection[str], policy: Policy) -> tuple[Debt, ...]:
    """What the teams that own the components owe: what is settled is so by the log as well."""
    owners = {name: policy.components[name].owners or "" for name in components if name in policy.components}
    rows = {row.debt.id: row for row in debts.everything(connection)}
    opened = dict(_opened(connection))
    settled = log.settled_debts(connection) if rows or opened else frozenset()
    owed = {name: row.debt for name, row in rows.items() if row.settled_at is None or name not in settled}
    for name, debt in opened.items():
        if name not in settled:
            owed[name] = replace(owed[name], due_at=debt.due_at) if name in owed else debt
    found = sorted(owed.values(), key=lambda debt: (debt.due_at, debt.id))
    return tuple(debt for debt in found if any(debt.is_of(name, owners.get(name, "")) for name in components))


def _opened(connection: sa.Connection) -> Iterator[tuple[str, Debt]]:
    """The debts that the log tells of, as far as it does."""
    for leaf in log.of_kinds(connection, "debt.opened"):
        data = leaf.data
        for name, due_at in data["debts"].items():
            yield (
                name,
                Debt(
                    id=name,
                    kind=DebtKind.DOCUMENT,
                    name=name,
                    components=tuple(data.get("components", ())),
                    opened_at=leaf.time,
                    due_at=from_text(due_at),
                    release=str(data.get("release", "")),
                    emergency=str(data.get("emergency", "")),
                    teams=tuple(data.get("teams", ())),
                ),
            )
