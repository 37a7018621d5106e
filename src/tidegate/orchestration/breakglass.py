"""Go back without the database, by the way back alone, and bring the journal home afterwards.

The database may be gone, its disk full, its server down. The document says what each unit is to run again, who may
decide it, and under which token; what is done is journalled, each line fsynced, into room that was reserved before
the rollout began. The journal is imported, and logged, before anything else is decided.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.clock import Clock, from_text, to_text
from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import canonical
from tidegate.core.effect import Act, Effect, EffectEvent, EffectState, Finding, Package, Token, judge
from tidegate.core.release import ReleaseEvent, ReleaseState
from tidegate.core.rollout import ACTIVE, Direction, RolloutEvent, RolloutState
from tidegate.core.statement import Act as Signed
from tidegate.core.statement import Statement
from tidegate.drivers.contract import Driver
from tidegate.errors import NotFoundError, NotPermittedError, StoreError, TidegateError
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, nonce
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.wayback import WayBackDocument, journal_path
from tidegate.signing import ssh
from tidegate.store import leases, locks, releases, rollouts, tables
from tidegate.store.releases import actor_of, actor_record
from tidegate.store.rollouts import Rollout

STEP = "break-glass"


@dataclass(frozen=True, slots=True)
class UnitReturned:
    """What became of one unit, read back."""

    unit: str
    finding: Finding
    detail: str


class Journal:
    """Lines of canonical JSON in reserved room, each naming the digest of the one before it, each fsynced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = ""

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one line, durably.

        Raises:
            StoreError: it cannot be written; then nothing is done either.
        """
        line = canonical({**entry, "after": self._last}) + b"\n"
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                content = b""
                while block := os.read(descriptor, 1 << 16):
                    content += block
                os.pwrite(descriptor, line, len(content.rstrip(b"\n")) + 1 if content.strip(b"\n") else 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(
                f"the journal cannot be written: {error.strerror}",
                where=str(self._path),
                remedy="name a place that can be written with --journal",
            ) from error
        self._last = hashlib.sha256(line).hexdigest()


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The entries of a journal, in order; a last line that was cut off by a crash is left out.

    Raises:
        StoreError: it was changed.
    """
    try:
        lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except FileNotFoundError:
        return []
    entries: list[dict[str, Any]] = []
    last = ""
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except ValueError:
            if number == len(lines):
                break
            raise _changed(path, number) from None
        if entry.get("after") != last:
            raise _changed(path, number)
        last = hashlib.sha256(line + b"\n").hexdigest()
        entries.append(entry)
    return entries


def _changed(path: Path, number: int) -> StoreError:
    return StoreError(
        "the break-glass journal was changed",
        where=f"{path}:{number}",
        remedy="keep it, and settle with whoever broke the glass what was done",
    )


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
    """Take every unit back to what the document names, under its token, journalled; what each unit then says.

    Raises:
        NotPermittedError: the document does not let this person.
        StoreError: the journal cannot be written; nothing was done.
    """
    actor = _permitted(document, claim, clock, reason)
    token = document.token.breaking_glass()
    attempt = nonce()[:8]
    effects = [_effect(document, unit, attempt) for unit in document.units]
    journal.write(
        {
            "kind": "begun",
            "at": to_text(clock()),
            "actor": actor_record(actor),
            "reason": reason,
            "rollout": document.rollout,
            "release": document.release,
            "component": document.component,
            "environment": document.environment,
            "target": [document.target.version, document.target.digest] if document.target else None,
            "token": [token.epoch, token.counter],
            "attempt": attempt,
            "units": list(document.units),
        }
    )

    def take_back(effect: Effect) -> UnitReturned:
        say(f"{document.component} {document.target or 'absent'} on {effect.unit} (break-glass)")
        return _take_back(driver, effect, package, token)

    with ThreadPoolExecutor(max_workers=16) as pool:
        results = list(pool.map(take_back, effects))
    for effect, result in zip(effects, results, strict=True):
        journal.write(
            {
                "kind": "returned",
                "at": to_text(clock()),
                "unit": result.unit,
                "key": effect.key,
                "finding": result.finding.value,
                "detail": result.detail[:500],
            }
        )
    journal.write({"kind": "ended", "at": to_text(clock())})
    return results


def _permitted(document: WayBackDocument, claim: Claim, clock: Clock, reason: str) -> Actor:
    keys = document.may_roll_back.get(claim.person)
    if keys is None:
        raise NotPermittedError(
            f"{claim.person or 'nobody'} may not take {document.component} back in {document.environment}",
            remedy=f"ask one of: {', '.join(sorted(document.may_roll_back)) or 'nobody may'}",
        )
    actor = Actor(claim.person, "typed name", Assurance.ASSERTED)
    if claim.key is not None:
        statement = Statement(
            act=Signed.ROLLBACK,
            person=claim.person,
            organization="break-glass",
            at=clock(),
            nonce=nonce(),
            component=document.component,
            environment=document.environment,
            reason=reason,
        ).to_bytes()
        proof = ssh.verify(statement, ssh.sign(statement, claim.key, ssh.ACT), keys, claim.person, ssh.ACT)
        actor = Actor(claim.person, f"ssh key {proof.fingerprint}", Assurance.SIGNATURE)
    if not actor.assurance.at_least(document.assurance):
        raise NotPermittedError(
            f"{claim.person} is only {actor.assurance.value}; "
            f"{document.environment} asks for {document.assurance.value}",
            remedy="sign with your SSH key: --key PATH",
        )
    return actor


def _effect(document: WayBackDocument, unit: str, attempt: str) -> Effect:
    return Effect(
        rollout=document.rollout,
        step=f"{STEP}-{attempt}",
        unit=unit,
        attempt=1,
        component=document.component,
        environment=document.environment,
        act=Act.RESTORE if document.target else Act.REMOVE,
        to=document.target,
        previous=document.leaves,
    )


def _take_back(driver: Driver, effect: Effect, package: Path | None, token: Token) -> UnitReturned:
    before = driver.observe(effect.unit)
    if effect.to is not None and effect.to.same_as(before.running):
        # It runs what it is to run: restarting it would only disturb.
        return UnitReturned(effect.unit, Finding.CONFIRMED, "it runs that version already")
    try:
        seen = driver.apply(effect, package, token)
    except TidegateError as error:
        seen = driver.observe(effect.unit)
        finding = judge(effect, seen, token)
        return UnitReturned(effect.unit, finding, str(error))
    return UnitReturned(effect.unit, judge(effect, seen, token), seen.detail)


def bring_home(house: House) -> int:
    """Import the journal, if there is one: before anything else is decided. How many break-glass acts it held.

    Raises:
        StoreError: the journal was changed, or the database cannot be written.
    """
    path = journal_path(house.state)
    entries = read_journal(path)
    if not entries:
        return 0
    marker = f"journal {hashlib.sha256(canonical(entries)).hexdigest()[:40]}"
    with house.database.write() as connection:
        locks.lock_organization(connection, exclusive=True)
        known = sa.select(tables.meta.c.value).where(tables.meta.c.name == marker)
        if connection.execute(known).first() is None:
            for act in _acts(entries):
                _import(connection, act, house.now())
            connection.execute(sa.insert(tables.meta).values(name=marker, value=to_text(house.now())))
    _put_away(path, house.now())
    return len(_acts(entries))


def _put_away(path: Path, now: datetime) -> None:
    # Kept, not deleted: it is the only witness of what was done without the log.
    path.rename(path.with_name(f"break-glass-{to_text(now).replace(':', '')}.imported"))


def _acts(entries: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    acts: list[list[Mapping[str, Any]]] = []
    for entry in entries:
        if entry["kind"] == "begun":
            acts.append([entry])
        elif acts:
            acts[-1].append(entry)
    return acts


def _import(connection: sa.Connection, act: Sequence[Mapping[str, Any]], now: datetime) -> None:
    begun = act[0]
    actor = actor_of(begun["actor"])
    returned = {entry["unit"]: entry for entry in act if entry["kind"] == "returned"}
    data = {
        "rollout": begun["rollout"],
        "component": begun["component"],
        "environment": begun["environment"],
        "to": begun["target"][0] if begun["target"] else "absent",
        "at": begun["at"],
        "reason": begun["reason"][:500],
        "units": {unit: returned[unit]["finding"] if unit in returned else "unknown" for unit in begun["units"]},
    }
    try:
        _import_rows(connection, begun, returned, actor, now)
    except NotFoundError:
        # A database that was restored from before this rollout does not know it: the log still tells what was done.
        data["unknown_rollout"] = "yes"
    record(connection, Entry("glass.broken", actor, begun["release"], data), now)


def _import_rows(
    connection: sa.Connection,
    begun: Mapping[str, Any],
    returned: Mapping[str, Mapping[str, Any]],
    actor: Actor,
    now: datetime,
) -> None:
    rollout = rollouts.load(connection, begun["rollout"], lock=True)
    locks.lock_lease(connection, rollout.component, rollout.environment)
    leases.raise_to(connection, rollout.component, rollout.environment, Token(*begun["token"]))
    back = _back_rollout(connection, rollout, begun, actor)
    if rollout.state in ACTIVE or rollout.state is RolloutState.SUCCEEDED:
        rollouts.move(connection, rollout, RolloutEvent.REVERSED, now, because=f"break-glass: {begun['reason']}")
        for row in rollouts.effects_of(connection, rollout):
            if row.state is EffectState.INTENDED:
                rollouts.move_effect(connection, row, EffectEvent.WITHDRAW, now, "taken back by break-glass")
        leases.claim(connection, rollout.component, rollout.environment, back.id, now, take_over=True)
    whole = all(returned.get(unit, {}).get("finding") == Finding.CONFIRMED.value for unit in begun["units"])
    rollouts.insert(connection, back)
    _import_effects(connection, back, begun, returned, now)
    back = rollouts.load(connection, back.id)
    if not whole:
        rollouts.move(
            connection, back, RolloutEvent.PAUSED, now, because="break-glass did not reach every unit: resume it"
        )
        return
    rollouts.move(connection, back, RolloutEvent.FINISHED, now)
    leases.release(connection, rollout.component, rollout.environment, back.id)
    reversed_ = rollouts.load(connection, rollout.id)
    if reversed_.state is RolloutState.REVERSING:
        rollouts.move(connection, reversed_, RolloutEvent.RETURNED, now)
    state = releases.load(connection, rollout.release).facts.state
    if state in (ReleaseState.ROLLING, ReleaseState.RELEASED):
        releases.move(connection, rollout.release, ReleaseEvent.TAKEN_BACK, now)


def _back_rollout(connection: sa.Connection, rollout: Rollout, begun: Mapping[str, Any], actor: Actor) -> Rollout:
    target = Package(*begun["target"]) if begun["target"] else None
    return Rollout(
        id=f"{rollout.id}.glass.{begun['attempt']}",
        release=rollout.release,
        component=rollout.component,
        environment=rollout.environment,
        direction=Direction.BACK,
        state=RolloutState.RUNNING,
        subject=rollout.subject,
        granted=rollout.granted,
        source=rollout.target,
        target=target,
        waves=(tuple(begun["units"]),),
        wave=0,
        token=Token(*begun["token"]),
        legs=1,
        started_at=from_text(begun["at"]),
        started_by=actor,
        because=f"break-glass: {begun['reason']}",
        reverses=rollout.id,
    )


_EVENT = {
    Finding.CONFIRMED.value: EffectEvent.CONFIRM,
    Finding.OVERTAKEN.value: EffectEvent.OVERTAKE,
    Finding.IN_DOUBT.value: EffectEvent.FAIL,
}


def _import_effects(
    connection: sa.Connection,
    back: Rollout,
    begun: Mapping[str, Any],
    returned: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> None:
    from tidegate.orchestration.rollout import effect_on

    rollouts.add_effects(connection, 0, [effect_on(back, 0, unit) for unit in begun["units"]], now)
    for row in rollouts.effects_of(connection, back):
        found = returned.get(row.effect.unit)
        dispatched = rollouts.move_effect(connection, row, EffectEvent.DISPATCH, now)
        event = _EVENT.get(found["finding"], EffectEvent.FAIL) if found else EffectEvent.FAIL
        detail = found["detail"] if found else "the journal does not say what became of it"
        rollouts.move_effect(connection, dispatched, event, now, detail)
