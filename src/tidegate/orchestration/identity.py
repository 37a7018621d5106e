"""Who acts, and how sure we are: a signature with a key that the policy lists, or only a name that was typed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.actor import AUTOMATION, Actor, Assurance
from tidegate.core.policy import Act as PolicyAct
from tidegate.core.policy import Environment, Policy
from tidegate.core.rules.actor_permitted import minimum_assurance, permitted_people
from tidegate.core.statement import Act, Statement
from tidegate.errors import NotPermittedError
from tidegate.orchestration.house import House
from tidegate.signing import ssh


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


def demand_permit(policy: Policy, actor: Actor, act: str, environment: str = "") -> None:
    """The policy lets this actor do this.

    Raises:
        NotPermittedError: it does not, or we are not sure enough who they are.
    """
    where = policy.environments.get(environment) if environment else None
    people = permitted_people(policy, PolicyAct(act), where)
    if actor.person not in people:
        raise NotPermittedError(
            f"{actor.person} may not {act}{f' in {environment}' if environment else ''}",
            remedy=f"ask one of: {', '.join(sorted(people)) or 'nobody may'}; or list them under permits.{act}",
        )
    minimum = _minimum(policy, where, PolicyAct(act))
    if not actor.assurance.at_least(minimum):
        raise NotPermittedError(
            f"{actor.person} is only {actor.assurance.value}; {environment or act} asks for {minimum.value}",
            remedy="sign with your SSH key: --key PATH",
        )


def _minimum(policy: Policy, where: Environment | None, act: PolicyAct) -> Assurance:
    if where is not None:
        return minimum_assurance(where)
    # To open a release changes nothing anywhere; what it leads to is asked for again.
    return Assurance.ASSERTED if act is PolicyAct.OPEN else policy.assurance
