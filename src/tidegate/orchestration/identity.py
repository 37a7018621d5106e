"""Who acts, and how sure we are: a signature with a key that the policy lists, or only a name that was typed.

A use case is told *by* whom it is asked for, in one of three ways. A :class:`Claim` is proven on the spot: the person
signs exactly this act. A :class:`Proven` was signed elsewhere and is verified. An :class:`Actor` is vouched for by the
caller, as a server vouches for a login; it is believed in this process only, never from a row.

What was signed is verified outside the transaction first, since a person may have to touch a security key, and once
more inside it (:func:`stands`), under the policy that is active then.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from tidegate.core import statement as statements
from tidegate.core.actor import AUTOMATION, Actor, Assurance
from tidegate.core.calendar import zone
from tidegate.core.policy import Act as PolicyAct
from tidegate.core.policy import Environment, Policy
from tidegate.core.rules.access import has_access, no_access
from tidegate.core.rules.actor_permitted import listed_for, minimum_assurance, permitted_people
from tidegate.core.statement import Act, Statement
from tidegate.core.training import missing, untrained_for
from tidegate.errors import NotFoundError, NotPermittedError
from tidegate.orchestration.house import House
from tidegate.signing import ssh
from tidegate.store import policies
from tidegate.store.spent import spend as spend_nonce


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a command says is acting, and with which key they can prove it; ``key`` None: they cannot."""

    person: str
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Proven:
    """An actor with what they signed; both texts are empty where they signed nothing."""

    actor: Actor
    statement: bytes = b""
    signature: str = ""


By = Claim | Proven | Actor


def person_of(by: By) -> str:
    """The name under which somebody asks, whether or not it is theirs."""
    return by.actor.person if isinstance(by, Proven) else by.person


def nonce() -> str:
    """A new nonce for a statement."""
    return secrets.token_hex(16)


def prove(policy: Policy, claim: Claim, statement: Statement) -> Proven:
    """Have the person sign ``statement``, and verify it against the keys that the policy lists for them.

    Raises:
        NotPermittedError: they are unknown or disabled, or the signature is not theirs.
    """
    asserted = known(policy, claim)
    if claim.key is None:
        return Proven(asserted)
    written = statement.to_bytes()
    signature = ssh.sign(written, claim.key, ssh.ACT)
    return verify(policy, claim.person, written, signature)


def prove_act(house: House, under: Policy, claim: Claim, act: Act, **concerns: str) -> Proven:
    """Have the person sign that they do ``act``; ``concerns`` are the statement's fields that the act is bound to.

    Raises:
        NotPermittedError: as :func:`prove`.
    """
    return prove(under, claim, statement_of(house, under, claim, act, **concerns))


def proven_by(house: House, by: By, act: Act, **concerns: str) -> Proven:
    """Who asks for ``act``: a claim is proven now, under the active policy; the others are taken as they are.

    Raises:
        NotPermittedError: as :func:`prove`.
        NotFoundError: no policy was adopted.
    """
    if isinstance(by, Actor):
        return Proven(by)
    if isinstance(by, Proven):
        return by
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    return prove_act(house, policy, by, act, **concerns)


def stands(policy: Policy, proven: Proven, act: Act, /, **concerns: str) -> Actor:
    """The actor, after verifying again, under ``policy``, that they signed this very act.

    Where nothing was signed it is only asked whether the policy still knows the person: how sure we are of them is the
    caller's word.

    Raises:
        NotPermittedError: they are unknown or disabled, the key is not theirs any more, or they signed something else.
    """
    actor = proven.actor
    known(policy, Claim(actor.person))
    if not proven.signature:
        return actor
    again = verify(policy, actor.person, proven.statement, proven.signature)
    said = statements.from_bytes(proven.statement)
    wanted = {"act": act, "person": actor.person, "organization": policy.organization, **concerns}
    for name, value in wanted.items():
        if getattr(said, name) != value:
            raise NotPermittedError(
                f"{actor.person} has signed something else: its {name} is {str(getattr(said, name))!r:.80}, "
                f"and {str(value)!r:.80} is asked for",
                remedy="sign exactly this act: repeat the command",
            )
    return again.actor


def spend(connection: sa.Connection, proven: Proven, now: datetime) -> str:
    """Spend what was signed, so that nobody can use it again; its digest, empty where nothing was signed.

    Raises:
        ConflictError: it was used before.
    """
    if not proven.signature:
        return ""
    return spend_nonce(connection, statements.from_bytes(proven.statement).nonce, proven.statement, now)


def shown(statement: str, proven: Proven) -> Mapping[str, str]:
    """What a leaf keeps of a proof: the digest of the statement and the signature, so that anybody can verify it."""
    return {"statement": statement, "signature": proven.signature} if statement else {}


def statement_of(house: House, under: Policy, claim: Claim, act: Act, **concerns: str) -> Statement:
    """The statement that ``claim``'s person signs for ``act``."""
    return Statement(
        act=act,
        person=claim.person,
        organization=under.organization,
        at=house.now(),
        nonce=nonce(),
        **concerns,
    )


def known(policy: Policy, claim: Claim) -> Actor:
    """The person whom the claim names, no surer than a typed name is.

    Raises:
        NotPermittedError: the policy does not know them, or has disabled them.
    """
    person = policy.people.get(claim.person)
    if claim.person == AUTOMATION or person is None:
        raise NotPermittedError(
            f'the policy knows no person "{claim.person}"' if claim.person else "nobody says who is asking",
            remedy=f"say --as PERSON, one of: {', '.join(sorted(policy.people)) or 'none is declared'}",
        )
    if person.disabled:
        raise NotPermittedError(f"{claim.person} is disabled", remedy="let somebody else do it")
    return Actor(claim.person, "typed name", Assurance.ASSERTED)


def verify(policy: Policy, person: str, statement: bytes, signature: str) -> Proven:
    """The actor whom a signature proves.

    Raises:
        NotPermittedError: it is not this person's signature of this statement.
    """
    known = policy.people.get(person)
    signed = ssh.verify(statement, signature, known.keys if known else (), person, ssh.ACT)
    return Proven(Actor(person, f"ssh key {signed.fingerprint}", Assurance.SIGNATURE), statement, signature)


def demand_environment(policy: Policy, environment: str) -> Environment:
    """The environment of that name.

    Raises:
        NotFoundError: the policy knows none.
    """
    found = policy.environments.get(environment)
    if found is None:
        raise NotFoundError(
            f'the policy knows no environment "{environment[:80]}"',
            remedy=f"name one of: {', '.join(policy.environments) or 'none is declared'}",
        )
    return found


def demand_permit(
    policy: Policy, actor: Actor, act: str, environment: str = "", minimum: Assurance | None = None, *, now: datetime
) -> None:
    """The policy lets this actor do this.

    Args:
        minimum: asks for more than the act itself does.

    Raises:
        NotPermittedError: it does not, or we are not sure enough who they are.
    """
    demand_listed(policy, actor.person, act, environment, now=now)
    where = policy.environments.get(environment) if environment else None
    least = minimum or _minimum(policy, where, PolicyAct(act))
    if not actor.assurance.at_least(least):
        raise NotPermittedError(
            f"{actor.person} is only {actor.assurance.value}; {environment or act} asks for {least.value}",
            remedy="sign with your SSH key: --key PATH",
        )


def demand_listed(policy: Policy, person: str, act: str, environment: str = "", *, now: datetime) -> None:
    """The policy knows the person, lists them (or a group of theirs) for the act, and asks no training they lack.

    Raises:
        NotPermittedError: it does not; or they have no access to the environment.
    """
    known(policy, Claim(person))
    where = policy.environments.get(environment) if environment else None
    people = permitted_people(policy, PolicyAct(act), where)
    if person not in people:
        raise NotPermittedError(
            f"{person} may not {act}{f' in {environment}' if environment else ''}",
            remedy=f"ask one of: {', '.join(sorted(people)) or 'nobody may'}; or list them under permits.{act}",
        )
    # Neither a training nor access stops a rollback.
    if act != PolicyAct.ROLLBACK:
        _demand_trained(policy, person, PolicyAct(act), where, now)
        if where is not None and not has_access(policy, person, where):
            what, remedy = no_access(person, environment, where)
            raise NotPermittedError(what, remedy=remedy)


def _demand_trained(policy: Policy, person: str, act: PolicyAct, where: Environment | None, now: datetime) -> None:
    tz = zone(policy.timezone)
    lacking = {
        *missing(policy, person, act, now, tz),
        *untrained_for(policy, person, listed_for(policy, act, where), now, tz),
    }
    if lacking:
        raise NotPermittedError(
            f"{person} may not {act.value} without the training {', '.join(sorted(lacking))}",
            remedy=f"take it, and have its day adopted under people.{person}.trained; or ask somebody who has it",
        )


def _minimum(policy: Policy, where: Environment | None, act: PolicyAct) -> Assurance:
    if where is not None:
        return minimum_assurance(where)
    # To open a release changes nothing anywhere; what it leads to is asked for again.
    return Assurance.ASSERTED if act is PolicyAct.OPEN else policy.assurance
