"""Go back without the database, by the way back alone, and bring the journal home afterwards.

The database may be gone, its disk full, its server down. The document says what each unit is to run again, who may
decide it, and under which token; what is done is journalled, each line fsynced, into room that was reserved before
the rollout began. The journal is imported, and logged, before anything else is decided.

An act in the journal is the lines *begun*, one *returned* for each unit, and *ended*. Its effects carry the keys that
the units were given, so that the imported rows can be held against the units for ever after.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.clock import Clock, from_text, to_text
from tidegate.core import statement as statements
from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import canonical
from tidegate.core.effect import (
    Act,
    Effect,
    EffectEvent,
    Finding,
    Health,
    Observation,
    Package,
    Presence,
    Stage,
    Token,
    judge,
)
from tidegate.core.rollout import ACTIVE, Direction, RolloutEvent, RolloutState
from tidegate.core.statement import Act as Signed
from tidegate.core.statement import Statement
from tidegate.core.wave import Wave
from tidegate.drivers.contract import Driver
from tidegate.errors import (
    FencedError,
    NotFoundError,
    NotPermittedError,
    StoreBusyError,
    StoreError,
    TidegateError,
    UsageError,
)
from tidegate.orchestration import incident
from tidegate.orchestration.abreast import AT_ONCE
from tidegate.orchestration.checkpoint import effect_on, lock_rollout
from tidegate.orchestration.held import hold_back
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, Proven, nonce, shown, spend, stands
from tidegate.orchestration.joint import leave_behind
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.rollback import finish_return, withdraw
from tidegate.orchestration.wayback import WayBackDocument, journal_path, reserve_journal, sync_directory
from tidegate.signing import ssh
from tidegate.store import contents, leases, locks, policies, rollouts, tables
from tidegate.store.database import Seam, nowhere
from tidegate.store.releases import actor_of, actor_record
from tidegate.store.rollouts import Rollout

DETAIL = 500
"""Characters of what a unit said that are journalled: the room for a line is reserved."""
ATTEMPT = 8
"""Characters of the signed nonce that name the act in its keys, so that a signature proves this act and no other."""


@dataclass(frozen=True, slots=True)
class UnitReturned:
    """What became of one unit, read back."""

    unit: str
    finding: Finding
    detail: str


# ------------------------------------------------------------------------------------------------ the journal


class Journal:
    """Lines of canonical JSON in reserved room, each naming the digest of the one before it, each fsynced.

    From the first line until :meth:`close`, or the end of the process, nobody else can write or import it.

    Args:
        at: called before and after each line, with ``journal:before`` and ``journal:after``; the kill tests' seam.
    """

    def __init__(self, path: Path, *, at: Seam = nowhere) -> None:
        self._path = path
        self._at = at
        self._descriptor: int | None = None
        self._end = 0
        self._last = ""
        self._torn = 0

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one line, durably.

        Raises:
            StoreError: it cannot be written, or what is there was changed.
            StoreBusyError: somebody else writes or imports it.
        """
        self._at("journal:before")
        try:
            descriptor = self._open()
            line = canonical({**entry, "after": self._last}) + b"\n"
            # What a crash left half written is overwritten as a whole.
            _write_at(descriptor, line + b"\n" * (self._torn - len(line)), self._end)
            os.fsync(descriptor)
        except OSError as error:
            raise _unwritable(self._path, error) from error
        self._last = hashlib.sha256(line).hexdigest()
        self._end += len(line)
        self._torn = 0
        self._at("journal:after")

    def close(self) -> None:
        """Let others write and import it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> int:
        if self._descriptor is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = _open_locked(self._path, create=True)
            try:
                content = _read_all(descriptor)
                _, self._end, self._last = _scan(content, self._path)
                self._torn = len(content[self._end :].rstrip(b"\n"))
                sync_directory(self._path.parent)
            except BaseException:
                os.close(descriptor)
                raise
            self._descriptor = descriptor
        return self._descriptor


def _open_locked(path: Path, *, create: bool) -> int:
    """The journal, locked for us: the one that bears its name now, not one that was put away meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _bears_name(descriptor, path):
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise StoreBusyError(
                "the break-glass journal is being written or imported",
                where=str(path),
                remedy="wait until that has ended, then repeat",
            ) from error
        os.close(descriptor)


def _bears_name(descriptor: int, path: Path) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)


def _read_all(descriptor: int) -> bytes:
    return b"".join(iter(lambda: os.read(descriptor, 1 << 16), b""))


def _write_at(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        if written == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        data, offset = data[written:], offset + written


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the journal cannot be written: {error.strerror}",
        where=str(path),
        remedy="name a place that can be written with --journal",
    )


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The entries of a journal, in order; a last line that was cut off by a crash is left out.

    Raises:
        StoreError: it was changed, or cannot be read.
    """
    try:
        return _scan(path.read_bytes(), path)[0]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"the break-glass journal cannot be read: {error.strerror}",
            where=str(path),
            remedy="give this user the file, then repeat",
        ) from error


def _scan(content: bytes, path: Path) -> tuple[list[dict[str, Any]], int, str]:
    """The entries, where the last of them ends, and its digest."""
    entries: list[dict[str, Any]] = []
    end, last = 0, ""
    while True:
        line, newline, rest = content[end:].partition(b"\n")
        entry = _entry(line) if newline else None
        if entry is None:
            # Free room, or a line that a crash cut off: nothing can follow it.
            if rest.strip(b"\n"):
                raise _changed(path, len(entries) + 1)
            return entries, end, last
        if entry.get("after") != last:
            raise _changed(path, len(entries) + 1)
        entries.append(entry)
        last = hashlib.sha256(line + b"\n").hexdigest()
        end += len(line) + 1


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _changed(path: Path, number: int) -> StoreError:
    return StoreError(
        "the break-glass journal was changed",
        where=f"{path}:{number}",
        remedy="move it to a safe place, and settle with whoever broke the glass what was done",
    )


# ------------------------------------------------------------------------------------------------ going back


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
    effects = [_effect(document, unit, attempt) for unit in document.units]
    try:
        journal.write(_begun(document, signed, attempt, reason, clock))
        return _take_all_back(document, driver, effects, package, journal, clock, say)
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
        "units": list(document.units),
    }


def _rollout_id(rollout: str, attempt: str) -> str:
    return f"{rollout}.glass.{attempt}"


def _effect(document: WayBackDocument, unit: str, attempt: str) -> Effect:
    """What the unit is given: the very effect that the import will record."""
    return Effect(
        rollout=_rollout_id(document.rollout, attempt),
        step=rollouts.step_of(0),
        unit=unit,
        attempt=1,
        component=document.component,
        environment=document.environment,
        act=Act.RESTORE if document.target else Act.REMOVE,
        to=document.target,
        previous=document.leaves,
    )


def _take_all_back(
    document: WayBackDocument,
    driver: Driver,
    effects: Sequence[Effect],
    package: Path | None,
    journal: Journal,
    clock: Clock,
    say: Callable[[str], None],
) -> list[UnitReturned]:
    def take_back(effect: Effect) -> UnitReturned:
        say(f"{document.component} {document.target or 'absent'} on {effect.unit} (break-glass)")
        return _take_back(driver, document, effect, package)

    results: dict[str, UnitReturned] = {}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="tidegate-glass") as pool:
        for done in as_completed([pool.submit(take_back, effect) for effect in effects]):
            result = done.result()
            results[result.unit] = result
            _note(journal, {"kind": "returned", "at": to_text(clock()), **_told(result)}, say)
    _note(journal, {"kind": "ended", "at": to_text(clock())}, say)
    return [results[effect.unit] for effect in effects]


def _told(result: UnitReturned) -> dict[str, str]:
    return {"unit": result.unit, "finding": result.finding.value, "detail": result.detail[:DETAIL]}


def _note(journal: Journal, entry: Mapping[str, Any], say: Callable[[str], None]) -> None:
    try:
        journal.write(entry)
    except StoreError as error:
        # The other units must not stay as they are because of a line: the import will ask this one again.
        say(f"not journalled: {error}")


def _take_back(driver: Driver, document: WayBackDocument, effect: Effect, package: Path | None) -> UnitReturned:
    unit, token = effect.unit, document.token.breaking_glass()
    try:
        # First of all the fence: whoever is frozen in the middle of the rollout must not act on this unit any more,
        # also where it runs the right version already.
        fenced = _fence(driver, document, unit, token)
        seen = driver.observe(unit)
        if not seen.reachable:
            return UnitReturned(unit, Finding.IN_DOUBT, seen.detail)
        if fenced and _stands(effect, seen):
            # Restarting it would only disturb.
            return UnitReturned(unit, Finding.CONFIRMED, "it runs that version already")
        return _apply(driver, effect, package, token)
    except FencedError as error:
        return UnitReturned(unit, Finding.OVERTAKEN, str(error))
    except TidegateError as error:
        return UnitReturned(unit, Finding.IN_DOUBT, str(error))


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


# ------------------------------------------------------------------------------------------------ coming home


def waiting(state: Path) -> bool:
    """Whether something was journalled that the database does not know yet. Costs the reading of one byte."""
    try:
        with journal_path(state).open("rb", buffering=0) as file:
            return file.read(1) not in (b"", b"\n")
    except OSError:
        return False


def bring_home(house: House) -> int:
    """Import the journal, if there is one: before anything else is decided. How many break-glass acts it held.

    Killed at any point, it is repeated as a whole: what was imported is not imported again.

    Raises:
        StoreError: the journal was changed, or the database cannot be written.
        StoreBusyError: somebody breaks the glass at this moment.
    """
    if not waiting(house.state):
        return 0
    path = journal_path(house.state)
    try:
        with _held(path) as descriptor:
            acts = _acts(_scan(_read_all(descriptor), path)[0], path)
            for act in acts:
                _import(house, act)
            if acts:
                _put_away(path, house.now())
    except FileNotFoundError:
        return 0  # somebody else has just brought it home
    except OSError as error:
        raise _unwritable(path, error) from error
    with contextlib.suppress(StoreError):  # the next rollout makes room before it begins, or does not begin
        reserve_journal(house.state)
    return len(acts)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    descriptor = _open_locked(path, create=False)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _put_away(path: Path, now: datetime) -> None:
    # Kept, not deleted: it is the only witness of what was done without the log.
    path.rename(path.with_name(f"break-glass-{to_text(now).replace(':', '')}.imported"))
    sync_directory(path.parent)


@dataclass(frozen=True, slots=True)
class _GlassAct:
    """One act, as the journal tells it."""

    marker: str
    at: datetime
    actor: Actor
    statement: str
    signature: str
    reason: str
    rollout: str
    release: str
    component: str
    environment: str
    target: Package | None
    leaves: Package | None
    token: Token
    attempt: str
    units: tuple[str, ...]
    returned: dict[str, UnitReturned]
    returned_at: dict[str, datetime]

    @property
    def whole(self) -> bool:
        """Whether every unit was read back as it is to be."""
        return all(self.finding(unit) is Finding.CONFIRMED for unit in self.units)

    def finding(self, unit: str) -> Finding:
        """What the journal says of a unit; in doubt where it says nothing."""
        result = self.returned.get(unit)
        return result.finding if result else Finding.IN_DOUBT

    @classmethod
    def begun(cls, entry: Mapping[str, Any]) -> _GlassAct:
        target, leaves = entry["target"], entry["leaves"]
        return cls(
            marker=f"glass {hashlib.sha256(canonical(entry)).hexdigest()[:40]}",
            at=from_text(entry["at"]),
            actor=actor_of(entry["actor"]),
            **{name: str(entry[name]) for name in _WORDS},
            target=Package(*target) if target else None,
            leaves=Package(*leaves) if leaves else None,
            token=Token(*entry["token"]),
            units=tuple(dict.fromkeys(entry["units"])),
            returned={},
            returned_at={},
        )


_WORDS = ("statement", "signature", "reason", "rollout", "release", "component", "environment", "attempt")


def _acts(entries: Sequence[Mapping[str, Any]], path: Path) -> list[_GlassAct]:
    acts: list[_GlassAct] = []
    for number, entry in enumerate(entries, start=1):
        try:
            if entry["kind"] == "begun":
                acts.append(_GlassAct.begun(entry))
            elif entry["kind"] == "returned":
                unit = str(entry["unit"])
                acts[-1].returned[unit] = UnitReturned(unit, Finding(entry["finding"]), str(entry["detail"]))
                acts[-1].returned_at[unit] = from_text(entry["at"])
        except (KeyError, IndexError, TypeError, ValueError, UsageError) as error:
            raise _changed(path, number) from error
    return acts


def _import(house: House, act: _GlassAct) -> None:
    """Record one act, in one transaction; an act that was recorded changes nothing."""
    with house.database.write() as connection:
        now = house.now()
        locks.lock_organization(connection, exclusive=True)
        if not contents.insert_once(connection, tables.meta, {"name": act.marker, "value": to_text(now)}):
            return
        proven = _proven(connection, act, now)
        actor = proven.actor
        apart = _record_rows(house, connection, act, proven, now)
        data: dict[str, Any] = {
            "rollout": act.rollout,
            "component": act.component,
            "environment": act.environment,
            "to": act.target.version if act.target else "absent",
            "at": to_text(act.at),
            "reason": act.reason[:DETAIL],
            "signed": "yes" if actor.assurance is Assurance.SIGNATURE else "no",
            "units": {unit: act.finding(unit).value for unit in act.units},
            **shown(proven.statement, proven.signed),
            **({"apart": apart} if apart else {}),
        }
        record(connection, Entry("glass.broken", actor, act.release, data), now)


@dataclass(frozen=True, slots=True)
class _Proven:
    """Who broke the glass; ``statement`` is the digest of what they signed, empty where nothing proves it."""

    actor: Actor
    signed: Proven
    statement: str = ""


def _proven(connection: sa.Connection, act: _GlassAct, now: datetime) -> _Proven:
    """Who broke the glass, and how sure that is: the journal's word alone makes nobody a signer.

    Its chain has no key, so anybody who can write the file can make one that is whole; and a signature may have been
    made for another rollback. Only one that names this very act counts, and that once.
    """
    asserted = Actor(act.actor.person, "break-glass journal", Assurance.ASSERTED)
    signed = Proven(act.actor, act.statement.encode(), act.signature)
    concerns = {
        "release": act.release,
        "component": act.component,
        "environment": act.environment,
        "reason": act.reason,
    }
    try:
        if not act.signature or statements.from_bytes(signed.statement).nonce[:ATTEMPT] != act.attempt:
            return _Proven(asserted, Proven(asserted))
        actor = stands(policies.current(connection).policy, signed, Signed.ROLLBACK, **concerns)
        return _Proven(actor, signed, spend(connection, signed, now))
    except TidegateError:
        return _Proven(asserted, Proven(asserted))


def _record_rows(house: House, connection: sa.Connection, act: _GlassAct, proven: _Proven, now: datetime) -> str:
    """Make the rows say what the units say; why they do not, where the act stands apart from them."""
    try:
        forward = lock_rollout(connection, act.rollout)
    except NotFoundError:
        # A database that was restored from before this rollout.
        leases.raise_to(connection, act.component, act.environment, act.token, now)
        return "the database does not know this rollout"
    if all(act.finding(unit) is Finding.OVERTAKEN for unit in act.units):
        return "every unit obeyed a higher token: nothing was done"
    if _is_known(connection, _rollout_id(forward.id, act.attempt)):
        return "an act of this name is recorded already"
    standing = rollouts.active(connection, forward.component, forward.environment)
    if standing is not None and forward.id not in (standing.id, standing.reverses):
        return f"rollout {standing.id} has taken over since"
    leases.raise_to(connection, forward.component, forward.environment, act.token, now)
    glass = _take_over(connection, act, forward, standing, proven, now)
    hold_back(connection, glass, proven.actor, now)
    incident.open_for(connection, policies.current(connection).policy, glass, proven.actor, now)
    _record_effects(connection, glass, act)
    if act.whole:
        finish_return(house, connection, glass, now)
    else:
        because = "break-glass did not bring every unit back: resume it, and the rest is read back and done"
        rollouts.move(connection, glass, RolloutEvent.PAUSED, now, because=because)
    return ""


def _is_known(connection: sa.Connection, rollout: str) -> bool:
    try:
        rollouts.load(connection, rollout)
    except NotFoundError:
        return False
    return True


def _take_over(
    connection: sa.Connection,
    act: _GlassAct,
    forward: Rollout,
    standing: Rollout | None,
    proven: _Proven,
    now: datetime,
) -> Rollout:
    """The rollout that records the act; what it ended gives way to it as it would to any rollback."""
    because = f"break-glass: {act.reason}"
    over = {r.id: r for r in (forward, standing) if r is not None}
    for rollout in over.values():
        if rollout.state in ACTIVE or rollout.state is RolloutState.SUCCEEDED:
            rollouts.move(connection, rollout, RolloutEvent.REVERSED, now, because=because)
            withdraw(connection, rollout, now, "taken back by break-glass")
    glass_id = _rollout_id(forward.id, act.attempt)
    token = leases.claim(connection, forward.component, forward.environment, glass_id, now, take_over=True)
    glass = Rollout(
        id=glass_id,
        release=forward.release,
        component=forward.component,
        environment=forward.environment,
        direction=Direction.BACK,
        state=RolloutState.RUNNING,
        subject=forward.subject,
        granted=forward.granted,
        source=act.leaves,
        target=act.target,
        waves=(Wave(act.units),),
        wave=0,
        token=token,
        legs=0,
        started_at=act.at,
        started_by=proven.actor,
        because=because,
        reverses=forward.id,
        statement=proven.statement,
        signature=proven.signed.signature,
        joint=forward.joint,
    )
    rollouts.insert(connection, glass)
    leave_behind(connection, glass, now)
    return glass


_EVENT = {
    Finding.CONFIRMED: EffectEvent.CONFIRM,
    Finding.FAILED: EffectEvent.FAIL,
    Finding.OVERTAKEN: EffectEvent.OVERTAKE,
    Finding.NOT_DONE: EffectEvent.LOSE_SIGHT,
    Finding.IN_DOUBT: EffectEvent.LOSE_SIGHT,
}


def _record_effects(connection: sa.Connection, glass: Rollout, act: _GlassAct) -> None:
    rollouts.add_effects(connection, 0, [effect_on(glass, 0, unit) for unit in act.units], act.at)
    for row in rollouts.effects_of(connection, glass):
        unit = row.effect.unit
        dispatched = rollouts.move_effect(connection, row, EffectEvent.DISPATCH, act.at)
        result = act.returned.get(unit)
        detail = result.detail if result else "the journal does not say what became of it"
        ended = act.returned_at.get(unit, act.at)
        rollouts.move_effect(connection, dispatched, _EVENT[act.finding(unit)], ended, detail)
