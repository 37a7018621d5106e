"""Declare an emergency, call people until somebody acknowledges, end it.

Not to be mistaken for ``breakglass.py``: that goes back where the database is gone. This goes forward, and is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core import statement as statements
from tidegate.core.actor import Actor, Assurance
from tidegate.core.debt import DebtKind, owed_by_emergency
from tidegate.core.emergency import (
    Emergency,
    acknowledgers,
    calls,
    criteria,
    criterion_of,
    declarers,
    patience,
)
from tidegate.core.notice import addresses_of
from tidegate.core.policy import Occasion, Policy
from tidegate.core.statement import Act
from tidegate.errors import NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration.debt import tell_opened
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import By, Claim, known, person_of, proven_by, shown, spend, stands
from tidegate.orchestration.messages import tell
from tidegate.orchestration.next_release import component_of
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.store import debts, emergencies, locks, policies, requests
from tidegate.store.emergencies import EmergencyRow, Planned

LONGEST_CHARACTERS = 2000
"""Of an incident's number, a reason, an outcome: a statement has 16 KiB."""


def declare(
    house: House, by: Claim, *, incident: str, reason: str, criterion: str, components: Iterable[str]
) -> EmergencyRow:
    """Declare an emergency: signed, for one criterion of the emergency types, of some components.

    Raises:
        NotPermittedError: the policy does not let this person, or they have not signed.
        NotFoundError: the policy knows no such criterion or component.
        UsageError: no incident, reason or component is given, or one is too long.
    """
    named = tuple(sorted(dict.fromkeys(filter(None, (name.strip() for name in components)))))
    _demand_said(named, incident=incident, reason=reason)
    with refusals(house, "emergency", person_of(by), incident=incident[:200]):
        with house.database.read() as connection:
            policy = policies.current(connection).policy
        _demand_one_of(policy, person_of(by), declarers(policy), "declare an emergency", "emergency.declared_by")
        exact = _criterion(policy, criterion)
        for name in named:
            component_of(policy, name)
        until = house.now() + policy.emergency.lasts
        asked = Emergency("", incident, reason, exact, named, by.person, house.now(), until)
        concerns = {
            "component": ",".join(named),
            "subject": asked.terms,
            "reason": f"{incident}: {exact}: {reason}",
        }
        proven = proven_by(house, by, Act.DECLARE_EMERGENCY, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.DECLARE_EMERGENCY, **concerns)
            _demand_signed(actor)
            _demand_one_of(policy, actor.person, declarers(policy), "declare an emergency", "emergency.declared_by")
            _criterion(policy, exact)
            now = house.now()
            row = _new(policy, replace(asked, id=emergency_id(proven.statement), declared_at=now))
            emergencies.add(connection, row, actor, proven.statement, proven.signature)
            one = row.emergency
            text = f"{one.id} is declared for {incident}: {exact}; {reason} ({', '.join(named)})"
            tell(connection, policy, Occasion.EMERGENCY, one.id, text, now)
            requests.touch(connection, None, now)
            data = {
                "emergency": one.id,
                "incident": incident,
                "criterion": exact,
                "components": list(named),
                "because": reason,
                "expires_at": to_text(one.expires_at),
                **shown(spend(connection, proven, now), proven),
            }
            record(connection, Entry("emergency.declared", actor, data=data), now)
            _call_due(connection, policy, one.id, now)
            house.database.after_commit(connection, house.wake)
    return row


def emergency_id(statement: bytes) -> str:
    """What an emergency is called: by the nonce of what its declarer signed."""
    return f"emergency-{statements.from_bytes(statement).nonce[:8]}"


def _new(policy: Policy, one: Emergency) -> EmergencyRow:
    planned = tuple(Planned(call.contact, one.declared_at + call.after) for call in calls(policy))
    within = patience(policy)
    by_when = one.declared_at + within if within else None
    return EmergencyRow(one, by_when, planned, 0, planned[0].at if planned else None)


def call_due(house: House, emergency: str) -> None:
    """Call whoever is to be called by now, each once: the call, its leaf and its messages are one transaction."""
    with house.database.write() as connection:
        locks.lock_organization(connection)
        _call_due(connection, policies.current(connection).policy, emergency, house.now())


def _call_due(connection: sa.Connection, policy: Policy, emergency: str, now: datetime) -> None:
    row = emergencies.load(connection, emergency)
    while row.due_at is not None and row.due_at <= now and emergencies.count_call(connection, row):
        _call(connection, policy, row, now)
        row = emergencies.load(connection, emergency)


def _call(connection: sa.Connection, policy: Policy, row: EmergencyRow, now: datetime) -> None:
    one, call = row.emergency, row.calls[row.called]
    contact = policy.contacts.get(call.contact)
    title, reach = (contact.title, contact.reach) if contact else (call.contact, "")
    later = call.at > one.declared_at
    why = "nobody has acknowledged" if later else "it was declared"
    text = (
        f"call {title}{f' ({reach})' if reach else ''} for {one.id}: {why}. {one.incident}, {one.criterion}: "
        f"{one.reason}. Acknowledge: tidegate emergency acknowledge {one.id}"
    )
    also = addresses_of(policy, contact) if contact else ()
    told = tell(connection, policy, Occasion.CALLED, one.id, text, now, once=call.contact, also=also)
    data = {"emergency": one.id, "contact": call.contact, "planned": to_text(call.at), "channels": told}
    kind = "emergency.escalated" if later else "emergency.called"
    record(connection, Entry(kind, Actor.automation("sweep"), data=data), now)


def acknowledge(house: House, by: By, emergency: str) -> EmergencyRow:
    """Take an emergency on, signed; from then on nobody else is called.

    Raises:
        NotPermittedError: this person is behind no contact that it calls, or has not signed.
        ConflictError: somebody has acknowledged it already, or it is over.
        NotFoundError: there is none of that id.
    """
    with refusals(house, "emergency", person_of(by), emergency=emergency[:160]):
        row = _known(house, by, emergency, "acknowledge it", _acknowledgers, "contacts.*.group")
        concerns = {"reason": emergency}
        proven = proven_by(house, by, Act.ACKNOWLEDGE_EMERGENCY, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.ACKNOWLEDGE_EMERGENCY, **concerns)
            _demand_signed(actor)
            _demand_one_of(policy, actor.person, _acknowledgers(policy, row), "acknowledge it", "contacts.*.group")
            now = house.now()
            emergencies.acknowledge(connection, emergency, actor, now)
            late = row.acknowledge_by is not None and now > row.acknowledge_by
            data = {
                "emergency": emergency,
                "after_s": int((now - row.emergency.declared_at).total_seconds()),
                "late": late,
                **shown(spend(connection, proven, now), proven),
            }
            record(connection, Entry("emergency.acknowledged", actor, data=data), now)
            return emergencies.load(connection, emergency)


def end(house: House, by: By, emergency: str, outcome: str) -> EmergencyRow:
    """Say that an emergency is over, and how it was resolved; what it owes is owed from then on.

    Raises:
        NotPermittedError: the policy does not let this person, or they have not signed.
        ConflictError: it is over already.
        NotFoundError: there is none of that id.
        UsageError: no outcome is given.
    """
    _demand_said(("-",), outcome=outcome)
    with refusals(house, "emergency", person_of(by), emergency=emergency[:160]):
        row = _known(house, by, emergency, "end it", _enders, "emergency.declared_by")
        concerns = {"reason": f"{emergency}: {outcome}"}
        proven = proven_by(house, by, Act.END_EMERGENCY, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.END_EMERGENCY, **concerns)
            _demand_signed(actor)
            _demand_one_of(policy, actor.person, _enders(policy, row), "end it", "emergency.declared_by")
            now = house.now()
            emergencies.end(connection, emergency, actor, outcome, now)
            owed = _owe(connection, policy, row.emergency, now)
            text = f"{emergency} is over: {outcome} ({row.emergency.incident})"
            tell(connection, policy, Occasion.EMERGENCY_OVER, emergency, text, now)
            requests.touch(connection, None, now)
            proof = shown(spend(connection, proven, now), proven)
            data = {"emergency": emergency, "outcome": outcome, "owes": owed, **proof}
            record(connection, Entry("emergency.ended", actor, data=data), now)
            house.database.after_commit(connection, house.wake)
            return emergencies.load(connection, emergency)


def _owe(connection: sa.Connection, policy: Policy, one: Emergency, now: datetime) -> list[str]:
    """What the emergency owes, where no release that went by it owes it already; the ids."""
    known_ = debts.of(connection, emergency=one.id)
    owed = owed_by_emergency(policy, one, now)
    if owed is None or any(row.debt.kind is DebtKind.POST_MORTEM for row in known_):
        return []
    new = debts.open_(connection, [owed])
    if new:
        tell_opened(connection, new, one.id, now)
    return [debt.id for debt in new]


def _known(
    house: House, by: By, emergency: str, what: str, may: Callable[[Policy, EmergencyRow], frozenset[str]], key: str
) -> EmergencyRow:
    """The emergency, if this person may do that to it; asked before they are made to sign."""
    with house.database.read() as connection:
        row = emergencies.load(connection, emergency)
        policy = policies.current(connection).policy
    _demand_one_of(policy, person_of(by), may(policy, row), what, key)
    return row


def _acknowledgers(policy: Policy, row: EmergencyRow) -> frozenset[str]:
    return acknowledgers(policy, [call.contact for call in row.calls])


def _enders(policy: Policy, row: EmergencyRow) -> frozenset[str]:
    return declarers(policy) | _acknowledgers(policy, row)


def _demand_one_of(policy: Policy, person: str, may: frozenset[str], what: str, key: str) -> None:
    known(policy, Claim(person))
    if person not in may:
        raise NotPermittedError(
            f"{person} may not {what}",
            remedy=f"ask one of: {', '.join(sorted(may)) or 'nobody may'}; or list them under {key}",
        )


def _demand_signed(actor: Actor) -> None:
    if not actor.assurance.at_least(Assurance.PASSKEY):
        raise NotPermittedError(
            f"{actor.person} has not signed: what is done in an emergency is signed, whatever the policy asks",
            remedy="sign with your SSH key: --key PATH",
        )


def _demand_said(components: Sequence[str], **texts: str) -> None:
    for name, text in texts.items():
        if not text.strip():
            raise UsageError(f"an emergency needs {_ARTICLE[name]}", remedy=f"say it: --{name} TEXT")
        if len(text) > LONGEST_CHARACTERS:
            raise UsageError(
                f"the {name} has {len(text)} characters, and at most {LONGEST_CHARACTERS} are kept",
                remedy="say it in short, and link to the rest",
            )
    if not components:
        raise UsageError(
            "an emergency is of components", remedy="name those whose releases may go by it: --components NAME,NAME"
        )


_ARTICLE = {"incident": "the number of an incident", "reason": "a reason", "outcome": "an outcome"}


def _criterion(policy: Policy, said: str) -> str:
    """The criterion as the policy writes it."""
    found = criterion_of(policy, said)
    if not found:
        listed = "; ".join(criteria(policy))
        raise NotFoundError(
            f'the policy knows no criterion "{said[:80]}" of emergency releases',
            remedy=f"name one of: {listed}" if listed else "say what they are for: release_types.*.criteria",
        )
    return found
