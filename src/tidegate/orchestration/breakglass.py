"""Go back without the database, by the way back alone.

The database may be gone, its disk full, its server down. The document says what each unit is to run again, who may
decide it, and under which token; what is done is journalled (``glass_journal.py``), and brought home before anything
else is decided (``homecoming.py``).

An act in the journal is the lines *begun*, one *returned* for each unit, and *ended*. Its effects carry the keys that
the units were given, so that the imported rows can be held against the units for ever after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tidegate.clock import Clock, to_text
from tidegate.core.actor import Actor, Assurance
from tidegate.core.effect import Act, Effect, Finding, Health, Observation, Presence, Stage, Token, judge
from tidegate.core.statement import Act as Signed
from tidegate.core.statement import Statement
from tidegate.core.wave import Wave
from tidegate.drivers.contract import Driver
from tidegate.errors import FencedError, NotPermittedError, StoreError, TidegateError
from tidegate.orchestration.abreast import AT_ONCE
from tidegate.orchestration.glass_journal import Journal
from tidegate.orchestration.identity import Claim, nonce
from tidegate.orchestration.wayback import WayBackDocument, wave_record
from tidegate.signing import ssh
from tidegate.store import rollouts
from tidegate.store.releases import actor_record

DETAIL = 500
"""Characters of what a unit said that are journalled: the room for a line is reserved."""

ATTEMPT = 8
"""Characters of the signed nonce that name the act in its keys, so that a signature proves this act and no other."""


@dataclass(frozen=True, slots=True)
class UnitReturned:
    """What became of one unit of one wave, read back; waves count from 0."""

    unit: str
    finding: Finding
    detail: str
    wave: int = 0


def roll_back(
    document: WayBackDocument,
    driver: Driver,
    claim: Claim,
    *,
    clock: Clock,
    journal: Journal,
    package: Path | None,
    reason: str,
    say: Callable[[str], None],
) -> list[UnitReturned]:
    """Go the way back that the document names, under its token, journalled; what each unit then says.

    In the order of any rollback: what was shifted, the units, and then the database, where that goes back. A switch
    that does not answer keeps no unit from going back; what comes after the units waits until each of them is back.

    Args:
        package: the bytes of the version that runs again; may be None, since the units keep it.

    Raises:
        NotPermittedError: the document does not let this person.
        StoreError: the journal cannot be written; nothing was done.
        StoreBusyError: somebody else breaks the glass, or imports the journal, at this moment.
    """
    once = nonce()
    attempt = once[:ATTEMPT]
    signed = _permitted(document, claim, clock, reason, once)
    effects = [
        [_effect(document, number, wave, unit, attempt) for unit in wave.units]
        for number, wave in enumerate(document.waves)
    ]
    try:
        journal.write(_begun(document, signed, attempt, reason, clock))
        return _Way(document, driver, package, journal, clock, say).go(effects)
    finally:
        journal.close()


@dataclass(frozen=True, slots=True)
class _SignedActor:
    actor: Actor
    statement: str = ""
    signature: str = ""


def _permitted(document: WayBackDocument, claim: Claim, clock: Clock, reason: str, once: str) -> _SignedActor:
    keys = document.may_roll_back.get(claim.person)
    if keys is None:
        raise NotPermittedError(
            f"{claim.person or 'nobody'} may not take {document.component} back in {document.environment}",
            remedy=f"ask one of: {', '.join(sorted(document.may_roll_back)) or 'nobody may'}",
        )
    signed = _SignedActor(Actor(claim.person, "typed name", Assurance.ASSERTED))
    if claim.key is not None:
        signed = _sign(document, claim.person, claim.key, keys, clock(), reason, once)
    if not signed.actor.assurance.at_least(document.assurance):
        raise NotPermittedError(
            f"{claim.person} is only {signed.actor.assurance.value}; "
            f"{document.environment} asks for {document.assurance.value}",
            remedy="sign with your SSH key: --key PATH",
        )
    return signed


def _sign(
    document: WayBackDocument, person: str, key: Path, keys: Sequence[str], at: datetime, reason: str, once: str
) -> _SignedActor:
    statement = Statement(
        act=Signed.ROLLBACK,
        person=person,
        organization=document.organization,
        at=at,
        nonce=once,
        release=document.release,
        component=document.component,
        environment=document.environment,
        reason=reason[:DETAIL],
    ).to_bytes()
    signature = ssh.sign(statement, key, ssh.ACT)
    proof = ssh.verify(statement, signature, keys, person, ssh.ACT)
    actor = Actor(person, f"ssh key {proof.fingerprint}", Assurance.SIGNATURE)
    return _SignedActor(actor, statement.decode(), signature)


def _begun(document: WayBackDocument, signed: _SignedActor, attempt: str, reason: str, clock: Clock) -> dict[str, Any]:
    return {
        "kind": "begun",
        "at": to_text(clock()),
        "actor": actor_record(signed.actor),
        "statement": signed.statement,
        "signature": signed.signature,
        "reason": reason[:DETAIL],
        "rollout": document.rollout,
        "release": document.release,
        "component": document.component,
        "environment": document.environment,
        "target": [document.target.version, document.target.digest] if document.target else None,
        "leaves": [document.leaves.version, document.leaves.digest] if document.leaves else None,
        "token": [document.token.epoch, document.token.counter],
        "attempt": attempt,
        "units": list(dict.fromkeys(unit for wave in document.waves for unit in wave.units)),
        "waves": [wave_record(wave) for wave in document.waves],
    }


def rollout_id_of(rollout: str, attempt: str) -> str:
    return f"{rollout}.glass.{attempt}"


def _effect(document: WayBackDocument, number: int, wave: Wave, unit: str, attempt: str) -> Effect:
    """What the unit is given: the very effect that the import will record."""
    act = Act.RESTORE if document.target else Act.REMOVE
    return Effect(
        rollout=rollout_id_of(document.rollout, attempt),
        step=rollouts.step_of(number),
        unit=unit,
        attempt=1,
        component=document.component,
        environment=document.environment,
        act=act if wave.share is None else Act.SHIFT,
        to=document.target,
        previous=document.leaves,
        share=wave.share,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """The way of one document, with what is needed to go it."""

    document: WayBackDocument
    driver: Driver
    package: Path | None
    journal: Journal
    clock: Clock
    say: Callable[[str], None]

    def go(self, effects: Sequence[Sequence[Effect]]) -> list[UnitReturned]:
        results: list[UnitReturned] = []
        missing = ""
        for wave, (number, ours) in zip(self.document.waves, enumerate(effects), strict=True):
            if missing:
                done = [UnitReturned(e.unit, Finding.NOT_DONE, f"not begun: {missing}", number) for e in ours]
                for result in done:
                    self._note(_told(result))
            else:
                done = self._abreast(number, ours)
            results += done
            away = [result.unit for result in done if result.finding is not Finding.CONFIRMED]
            if away and not missing and wave.share is None:
                missing = f"{', '.join(away[:3])}{' and more' if len(away) > 3 else ''} must be back before"
        self._note({"kind": "ended"})
        return results

    def _abreast(self, number: int, effects: Sequence[Effect]) -> list[UnitReturned]:
        results: dict[str, UnitReturned] = {}
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="tidegate-glass") as pool:
            for done in as_completed([pool.submit(self._take_back, effect) for effect in effects]):
                result = replace(done.result(), wave=number)
                results[result.unit] = result
                self._note(_told(result))
        return [results[effect.unit] for effect in effects]

    def _take_back(self, effect: Effect) -> UnitReturned:
        what = effect.share or self.document.target or "absent"
        self.say(f"{self.document.component} {what} on {effect.unit} (break-glass)")
        return _take_back(self.driver, self.document, effect, self.package)

    def _note(self, entry: Mapping[str, Any]) -> None:
        try:
            self.journal.write({"at": to_text(self.clock()), **entry})
        except StoreError as error:
            # The other units must not stay as they are because of a line: the import will ask this one again.
            self.say(f"not journalled: {error}")


def _told(result: UnitReturned) -> dict[str, Any]:
    return {
        "kind": "returned",
        "wave": result.wave,
        "unit": result.unit,
        "finding": result.finding.value,
        "detail": result.detail[:DETAIL],
    }


def _take_back(driver: Driver, document: WayBackDocument, effect: Effect, package: Path | None) -> UnitReturned:
    token = document.token.breaking_glass()
    try:
        if effect.share is None and effect.unit in document.units:
            return _take_unit_back(driver, document, effect, package, token)
        # The switch, the flag and the database keep no way back; to ask them for the same again does nothing.
        return _apply(driver, effect, package, token)
    except FencedError as error:
        return UnitReturned(effect.unit, Finding.OVERTAKEN, str(error))
    except TidegateError as error:
        return UnitReturned(effect.unit, Finding.IN_DOUBT, str(error))


def _take_unit_back(
    driver: Driver, document: WayBackDocument, effect: Effect, package: Path | None, token: Token
) -> UnitReturned:
    # First of all the fence: whoever is frozen in the middle of the rollout must not act on this unit any more, also
    # where it runs the right version already.
    fenced = _fence(driver, document, effect.unit, token)
    seen = driver.observe(effect.unit)
    if not seen.reachable:
        return UnitReturned(effect.unit, Finding.IN_DOUBT, seen.detail)
    if fenced and _stands(effect, seen):
        # Restarting it would only disturb.
        return UnitReturned(effect.unit, Finding.CONFIRMED, "it runs that version already")
    return _apply(driver, effect, package, token)


def _fence(driver: Driver, document: WayBackDocument, unit: str, token: Token) -> bool:
    if not driver.abilities.way_back_on_target:
        return False
    try:
        driver.write_way_back(unit, document.to_bytes(), token, [document.target] if document.target else [])
    except FencedError:
        raise
    except TidegateError:
        return False  # a full disk perhaps: the act itself raises the fence, too
    return True


def _stands(effect: Effect, seen: Observation) -> bool:
    there = seen.running is Presence.ABSENT if effect.to is None else effect.to.same_as(seen.running)
    # Switched is not restarted: after an act that did not end, nobody knows which version the processes are of.
    return there and seen.last_stage in (None, Stage.DONE) and seen.healthy is not Health.NO


def _apply(driver: Driver, effect: Effect, package: Path | None, token: Token) -> UnitReturned:
    detail = ""
    try:
        seen = driver.apply(effect, package, token)
    except FencedError:
        raise
    except TidegateError as error:
        detail = str(error)
        seen = driver.observe(effect.unit)
    return UnitReturned(effect.unit, judge(effect, seen, token), detail or seen.detail)
