"""Adopt a policy: the file is a proposal until this makes it the stored, active one."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core.rulebook import rulebook_of
from tidegate.core.statement import Act
from tidegate.errors import NotPermittedError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_permit, prove_act
from tidegate.orchestration.record import Entry, record
from tidegate.policyfile.load import LoadedPolicy
from tidegate.store import locks, policies
from tidegate.store.policies import Adoption


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

    Raises:
        NotPermittedError: the active policy (at first: the proposal) does not know them, or does not let them.
    """
    with house.database.read() as connection:
        before = policies.active(connection)
        judge = policies.rulebook(connection, before.digest).policy if before else loaded.policy
    # Of the organisation as it is named now: a proposal may rename it, and its own name proves nothing yet.
    proven = prove_act(house, judge, claim, Act.ADOPT_POLICY, policy=loaded.digest)
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        now = house.now()
        found = policies.active(connection)
        if (found.number if found else 0) != (before.number if before else 0):
            raise NotPermittedError(
                "another policy was adopted meanwhile", remedy="look at it (tidegate policy show), then adopt again"
            )
        if found is not None:
            demand_permit(policies.rulebook(connection, found.digest).policy, proven.actor, "adopt")
            if found.digest == loaded.digest:
                return Adopted(found.digest, changed=False, first=False)
        digest = policies.adopt(connection, loaded.resolved, now, proven.actor)
        data = {"digest": digest, "replaces": found.digest if found else "", "signature": proven.signature}
        record(connection, Entry("policy.adopted", proven.actor, data=data), now)
    return Adopted(digest, changed=True, first=found is None)


def adopt_first(house: House, loaded: LoadedPolicy) -> Adoption | None:
    """Adopt the proposal if no policy is active yet: the first use adopts, and is logged. None: one is active.

    Nobody is asked who they are: there is no policy yet that could know them.
    """
    from tidegate.core.actor import Actor, Assurance

    with house.database.read() as connection:
        if policies.active(connection) is not None:
            return None
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        if policies.active(connection) is not None:
            return None
        now = house.now()
        actor = Actor("first-use", "first command in an empty store", Assurance.ASSERTED)
        digest = policies.adopt(connection, loaded.resolved, now, actor)
        rulebook_of(loaded.resolved, digest)
        record(
            connection, Entry("policy.adopted", actor, data={"digest": digest, "replaces": "", "signature": ""}), now
        )
        return policies.active(connection)
