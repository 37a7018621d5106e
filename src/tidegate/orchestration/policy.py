"""Adopt a policy: the file is a proposal until this makes it the stored, active one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from tidegate.core.actor import Actor, Assurance
from tidegate.core.policy import Act as PolicyAct
from tidegate.core.policy import Policy
from tidegate.core.rules.actor_permitted import permitted_people
from tidegate.core.statement import Act
from tidegate.errors import ConflictError, UsageError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, demand_listed, demand_permit, prove_act, shown, spend
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.policyfile.load import LoadedPolicy
from tidegate.store import locks, policies, requests
from tidegate.store.policies import Adoption
from tidegate.store.releases import actor_record


@dataclass(frozen=True, slots=True)
class Adopted:
    """What adopting did: the digest in force, and whether it is another than before."""

    digest: str
    changed: bool
    first: bool


def adopt(house: House, loaded: LoadedPolicy, claim: Claim) -> Adopted:
    """Make the proposal the active policy, if the active policy lets this person.

    The first adoption has no policy that could be asked: whoever holds the empty database may make it, must be a person
    of the proposal, and is logged like everybody.

    A release that was opened before stays pinned to the policy that it was opened under.

    Raises:
        NotPermittedError: the active policy (at first: the proposal) does not know them, or does not let them.
        ConflictError: another policy was adopted meanwhile.
        UsageError: under the proposal nobody could ever adopt another policy.
    """
    _demand_a_way_on(loaded.policy)
    with refusals(house, "policy", claim.person, digest=loaded.digest):
        return _adopt(house, loaded, claim)


def _demand_a_way_on(policy: Policy) -> None:
    people = permitted_people(policy, PolicyAct.ADOPT, None)
    able = [name for name in people if policy.people[name].keys or policy.assurance is not Assurance.SIGNATURE]
    if not able:
        raise UsageError(
            "under this policy nobody could ever adopt another one: "
            + ("nobody is permitted to" if not people else f"{', '.join(sorted(people))} can sign with no key"),
            remedy="list under permits.adopt a person, or a group with a person in it, who has a key",
        )


def _adopt(house: House, loaded: LoadedPolicy, claim: Claim) -> Adopted:
    with house.database.read() as connection:
        before = policies.active(connection)
        judge = policies.rulebook(connection, before.digest).policy if before else loaded.policy
    if before is not None:
        # Asked before the person is asked to sign: who may not adopt need not touch their key for it.
        demand_listed(judge, claim.person, "adopt")
    # Of the organisation as it is named now: a proposal may rename it, and its own name proves nothing yet.
    proven = prove_act(house, judge, claim, Act.ADOPT_POLICY, policy=loaded.digest)
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        now = house.now()
        found = policies.active(connection)
        if (found.number if found else 0) != (before.number if before else 0):
            raise ConflictError(
                "another policy was adopted meanwhile", remedy="look at it (tidegate policy show), then adopt again"
            )
        if found is not None:
            demand_permit(judge, proven.actor, "adopt")
            if found.digest == loaded.digest:
                return Adopted(found.digest, changed=False, first=False)
        _replace(connection, loaded, proven, found, now)
        house.database.after_commit(connection, house.wake)
    return Adopted(loaded.digest, changed=True, first=found is None)


def _replace(
    connection: sa.Connection, loaded: LoadedPolicy, proven: Proven, found: Adoption | None, now: datetime
) -> None:
    statement = spend(connection, proven, now)
    digest = policies.adopt(connection, loaded.resolved, now, actor_record(proven.actor))
    # What waits for a start may be allowed now, or may have lost its right.
    requests.touch(connection, None, now)
    data = {"digest": digest, "replaces": found.digest if found else "", **shown(statement, proven)}
    record(connection, Entry("policy.adopted", proven.actor, data=data), now)


def adopt_first(house: House, loaded: LoadedPolicy) -> Adoption | None:
    """Adopt the proposal if no policy is active yet: the first use adopts, and is logged. None: one is active.

    Nobody is asked who they are: there is no policy yet that could know them.
    """
    with house.database.read() as connection:
        if policies.active(connection) is not None:
            return None
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        if policies.active(connection) is not None:
            return None
        _replace(connection, loaded, Proven(_FIRST_USE), None, house.now())
        return policies.active(connection)


_FIRST_USE = Actor("first-use", "first command in an empty store", Assurance.ASSERTED)
