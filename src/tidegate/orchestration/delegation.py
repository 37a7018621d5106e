"""Hand one's voice to somebody else for a time, signed, and take it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from tidegate.clock import to_text
from tidegate.core import statement as statements
from tidegate.core.calendar import zone
from tidegate.core.delegation import Delegation, handed, terms
from tidegate.core.policy import Policy
from tidegate.core.policytest.names import approval_rules
from tidegate.core.separation import same_people
from tidegate.core.statement import Act
from tidegate.core.training import lacks
from tidegate.errors import ConflictError, NotFoundError, NotPermittedError, UsageError
from tidegate.orchestration.facts import delegations_since
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, known, proven_by, shown, spend, stands
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.set_back import demand_clock
from tidegate.store import delegations, locks, policies, requests
from tidegate.store.delegations import SignedDelegation

LONGEST = timedelta(days=100)


def delegate(
    house: House, claim: Claim, to: str, scope: Sequence[str], until: datetime, reason: str = ""
) -> Delegation:
    """Hand the claim's person's voice to ``to``, for the groups or roles in ``scope``, until ``until``.

    Whether the delegate may approve a certain release is asked whenever it is decided about: who wrote it does not.

    Raises:
        NotPermittedError: the person has not signed, is not of such a group, may not hand it to this person, or to
            somebody who lacks a training of the group.
        ConflictError: it would make a chain, or they have a delegate already.
        UsageError: it would last no time, or longer than 100 days; or it names no group or role.
    """
    names = tuple(sorted(set(scope)))
    if not names:
        raise UsageError("nothing is delegated", remedy="name a group or a role: --for GROUP")
    now = house.now()
    if not now < until <= now + LONGEST:
        raise UsageError(
            f"a delegation ends after now and within {LONGEST.days} days, and {to_text(until)} does not",
            remedy="name a later moment, or a nearer one: --until 2026-12-24T18:00",
        )
    with refusals(house, "delegation", claim.person, to=to[:64]):
        concerns = {"subject": terms(to, names, to_text(until)), "reason": reason}
        with house.database.read() as connection:
            policy = policies.current(connection).policy
            known(policy, claim)
            _demand_may(policy, claim.person, to, names, now)
        proven = proven_by(house, claim, Act.DELEGATE, **concerns)
        return _record(house, proven, to, names, until, concerns)


def _record(
    house: House, proven: Proven, to: str, names: tuple[str, ...], until: datetime, concerns: dict[str, str]
) -> Delegation:
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        now = house.now()
        demand_clock(connection, now)
        policy = policies.current(connection).policy
        actor = stands(policy, proven, Act.DELEGATE, **concerns)
        if not proven.signature:
            raise NotPermittedError(
                f"{actor.person} has not signed: a typed name hands nobody a voice",
                remedy="sign with your SSH key: --key PATH",
            )
        _demand_may(policy, actor.person, to, names, now)
        _demand_no_chain(connection, policy, actor.person, to, now)
        nonce = statements.from_bytes(proven.statement).nonce
        made = Delegation(nonce, actor.person, to, names, now, until, concerns["reason"])
        proof = shown(spend(connection, proven, now), proven)
        delegations.add(connection, SignedDelegation(made, proven.statement, proven.signature))
        data = {"delegation": made.id, "to": to, "for": list(names), "until": to_text(until), "reason": made.reason}
        record(connection, Entry("delegation.made", actor, data={**data, **proof}), now)
    return made


def _demand_may(policy: Policy, by: str, to: str, scope: Sequence[str], now: datetime) -> None:
    person, delegate = policy.people[by], policy.people.get(to)
    if delegate is None or delegate.disabled:
        raise NotPermittedError(
            f"{to[:64]} is disabled" if delegate else f'the policy knows no person "{to[:64]}"',
            remedy="name somebody who can answer: --to PERSON",
        )
    if to == by or to in same_people(policy).get(by, ()):
        raise NotPermittedError(f"{by} cannot be their own delegate", remedy="name somebody else: --to PERSON")
    for name in scope:
        groups = [group for group in _groups_of(policy, name) if group in person.groups]
        if not groups:
            raise NotPermittedError(
                f'{by} has no voice in "{name[:80]}" to hand on: nobody hands on what was handed to them',
                remedy=f"name a group of yours: {', '.join(person.groups) or 'you are in none'}",
            )
        for group in groups:
            _demand_delegate(policy, group, to, now)


def _demand_delegate(policy: Policy, group: str, to: str, now: datetime) -> None:
    known_group = policy.groups.get(group)
    allowed = known_group.delegates if known_group else ()
    if set(allowed).isdisjoint(policy.people[to].groups):
        raise NotPermittedError(
            f"{to} may not speak for {group}: "
            + (f"its delegates are of {', '.join(allowed)}" if allowed else "the policy lets it have no delegates"),
            remedy=f"name somebody of {', '.join(allowed)}: --to PERSON"
            if allowed
            else f"list groups under groups.{group}.delegates, and adopt the policy",
        )
    trainings = known_group.trainings if known_group else ()
    if lacking := lacks(policy, to, trainings, now, zone(policy.timezone)):
        raise NotPermittedError(
            f"{to} lacks the training {', '.join(lacking)}, which {group} asks for",
            remedy="name somebody who has it: --to PERSON",
        )


def _groups_of(policy: Policy, name: str) -> list[str]:
    """The groups that a name means: itself, and those that are asked in a role of that name."""
    owners = [component.owners for component in policy.components.values() if component.owners]
    found = [name]
    for rule in approval_rules(policy):
        if rule.role == name:
            found += owners if rule.group.startswith("$") else [rule.group]
    return list(dict.fromkeys(found))


def _demand_no_chain(connection: sa.Connection, policy: Policy, by: str, to: str, now: datetime) -> None:
    """One delegate at a time, and neither of the two is part of another delegation in the other direction."""
    for each in handed(delegations_since(connection, policy, now), now):
        if each.by == by:
            raise ConflictError(
                f"{by} has handed their voice to {each.to} already, until {to_text(each.until)}",
                remedy="take it back first: tidegate delegate revoke",
            )
        if each.by == to:
            raise ConflictError(
                f"{to} has handed their own voice to {each.to}, until {to_text(each.until)}: that would be a chain",
                remedy="name somebody who answers themself: --to PERSON",
            )
        if each.to == by:
            raise ConflictError(
                f"{by} speaks for {each.by}, until {to_text(each.until)}: that would be a chain",
                remedy=f"let {each.by} take it back first, or answer yourself",
            )


def revoke(house: House, claim: Claim, to: str = "", reason: str = "") -> list[str]:
    """Take one's voice back at once: from ``to``, or from whoever has it. The ids of what was taken back.

    Raises:
        NotPermittedError: it is not shown that it is this person.
        NotFoundError: nobody has their voice.
    """
    with refusals(house, "delegation", claim.person, to=to[:64]):
        concerns = {"reason": f"{to}: {reason}"}
        proven = proven_by(house, claim, Act.REVOKE_DELEGATION, **concerns)
        with house.database.write() as connection:
            locks.lock_organization(connection, exclusive=True)
            policy = policies.current(connection).policy
            actor = stands(policy, proven, Act.REVOKE_DELEGATION, **concerns)
            if not proven.signature:
                raise NotPermittedError(
                    f"{actor.person} has not signed: a typed name takes nothing back",
                    remedy="sign with your SSH key: --key PATH",
                )
            now = house.now()
            ids = list(delegations.revoke(connection, actor.person, to, now))
            if not ids:
                raise NotFoundError(
                    f"{actor.person} has not handed their voice to {to[:64] or 'anybody'}",
                    remedy="tidegate delegate list",
                )
            proof = shown(spend(connection, proven, now), proven)
            requests.touch(connection, None, now)
            record(
                connection,
                Entry("delegation.revoked", actor, data={"delegations": ids, "to": to, "reason": reason, **proof}),
                now,
            )
            house.database.after_commit(connection, house.wake)
    return ids


def every(house: House) -> tuple[Delegation, ...]:
    """All delegations that are not over, revoked ones too, with why they do not hold.

    Raises:
        NotFoundError: no policy was adopted.
    """
    with house.database.read() as connection:
        return delegations_since(connection, policies.current(connection).policy, house.now())
