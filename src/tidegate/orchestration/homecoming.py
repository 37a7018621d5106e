"""Bring home what was done without the database: the journal is imported and logged before anything is decided."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tidegate.clock import from_text, to_text
from tidegate.core import statement as statements
from tidegate.core.actor import Actor, Assurance
from tidegate.core.canonical import canonical
from tidegate.core.effect import EffectEvent, Finding, Package, Token
from tidegate.core.rollout import ACTIVE, Direction, RolloutEvent, RolloutState
from tidegate.core.statement import Act as Signed
from tidegate.core.wave import DATABASE, Wave
from tidegate.errors import NotFoundError, StoreError, TidegateError, UsageError
from tidegate.orchestration import incident, migration
from tidegate.orchestration.breakglass import ATTEMPT, DETAIL, UnitReturned, rollout_id_of
from tidegate.orchestration.checkpoint import effect_on, lock_rollout
from tidegate.orchestration.glass_journal import changed, open_locked, read_all, scan, unwritable
from tidegate.orchestration.held import hold_back
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Proven, shown, spend, stands
from tidegate.orchestration.joint import leave_behind
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.rollback import finish_return, withdraw
from tidegate.orchestration.wayback import journal_path, reserve_journal, sync_directory, wave_of
from tidegate.store import contents, leases, locks, policies, rollouts, tables
from tidegate.store.releases import actor_of
from tidegate.store.rollouts import Rollout

_EVENT = {
    Finding.CONFIRMED: EffectEvent.CONFIRM,
    Finding.FAILED: EffectEvent.FAIL,
    Finding.OVERTAKEN: EffectEvent.OVERTAKE,
    Finding.NOT_DONE: EffectEvent.LOSE_SIGHT,
    Finding.IN_DOUBT: EffectEvent.LOSE_SIGHT,
}
_WORDS = ("statement", "signature", "reason", "rollout", "release", "component", "environment", "attempt")


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
            acts = _acts(scan(read_all(descriptor), path)[0], path)
            for act in acts:
                _import(house, act)
            if acts:
                _put_away(path, house.now())
    except FileNotFoundError:
        return 0  # somebody else has just brought it home
    except OSError as error:
        raise unwritable(path, error) from error
    with contextlib.suppress(StoreError):  # the next rollout makes room before it begins, or does not begin
        reserve_journal(house.state)
    return len(acts)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    descriptor = open_locked(path, create=False)
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
    waves: tuple[Wave, ...]
    returned: dict[tuple[int, str], UnitReturned]
    returned_at: dict[tuple[int, str], datetime]

    @property
    def whole(self) -> bool:
        """Whether every unit of every wave was read back as it is to be."""
        return all(self.is_back(number) for number in range(len(self.waves)))

    @property
    def stands_at(self) -> int:
        """The first wave that is not back, or the last: from there on it is resumed."""
        last = len(self.waves) - 1
        return next((number for number in range(last) if not self.is_back(number)), last)

    @property
    def findings(self) -> dict[str, Finding]:
        """By unit; of one that has several turns the first that is not as it is to be, else the last."""
        found: dict[str, Finding] = {}
        for number, wave in enumerate(self.waves):
            for unit in wave.units:
                if found.get(unit, Finding.CONFIRMED) is Finding.CONFIRMED:
                    found[unit] = self.finding(number, unit)
        return found

    def is_back(self, number: int) -> bool:
        """Whether a wave was read back as it is to be."""
        return all(self.finding(number, unit) is Finding.CONFIRMED for unit in self.waves[number].units)

    def finding(self, number: int, unit: str) -> Finding:
        """What the journal says of a unit of a wave; in doubt where it says nothing."""
        result = self.returned.get((number, unit))
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
            waves=_waves(entry),
            returned={},
            returned_at={},
        )


def _waves(entry: Mapping[str, Any]) -> tuple[Wave, ...]:
    """The waves of an act; a journal of before they were told had the units alone."""
    told = entry.get("waves")
    if told is None:
        return (Wave(tuple(dict.fromkeys(entry["units"]))),)
    if not told:
        raise ValueError("an act of no waves")
    return tuple(wave_of(wave) for wave in told)


def _acts(entries: Sequence[Mapping[str, Any]], path: Path) -> list[_GlassAct]:
    acts: list[_GlassAct] = []
    for number, entry in enumerate(entries, start=1):
        try:
            if entry["kind"] == "begun":
                acts.append(_GlassAct.begun(entry))
            elif entry["kind"] == "returned":
                unit, wave = str(entry["unit"]), int(entry.get("wave", 0))
                said = UnitReturned(unit, Finding(entry["finding"]), str(entry["detail"]), wave)
                acts[-1].returned[wave, unit] = said
                acts[-1].returned_at[wave, unit] = from_text(entry["at"])
        except (KeyError, IndexError, TypeError, ValueError, UsageError) as error:
            raise changed(path, number) from error
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
            "units": {unit: finding.value for unit, finding in act.findings.items()},
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
    if all(finding is Finding.OVERTAKEN for finding in act.findings.values()):
        return "every unit obeyed a higher token: nothing was done"
    if _is_known(connection, rollout_id_of(forward.id, act.attempt)):
        return "an act of this name is recorded already"
    standing = rollouts.active(connection, forward.component, forward.environment)
    if standing is not None and forward.id not in (standing.id, standing.reverses):
        return f"rollout {standing.id} has taken over since"
    leases.raise_to(connection, forward.component, forward.environment, act.token, now)
    glass = _take_over(connection, act, forward, standing, proven, now)
    hold_back(connection, glass, proven.actor, now)
    incident.open_for(connection, policies.current(connection).policy, glass, proven.actor, now)
    _record_effects(connection, glass, act)
    if any(wave.units == (DATABASE,) and act.is_back(number) for number, wave in enumerate(act.waves)):
        migration.undone(connection, glass, now)
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
    glass_id = rollout_id_of(forward.id, act.attempt)
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
        waves=act.waves,
        wave=act.stands_at,
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


def _record_effects(connection: sa.Connection, glass: Rollout, act: _GlassAct) -> None:
    # What came after the wave at which it stands is asked again, by the same keys, when it is resumed.
    for number in range(glass.wave + 1):
        units = act.waves[number].units
        rollouts.add_effects(connection, number, [effect_on(glass, number, unit) for unit in units], act.at)
    for row in rollouts.effects_of(connection, glass):
        turn = (row.wave, row.effect.unit)
        dispatched = rollouts.move_effect(connection, row, EffectEvent.DISPATCH, act.at)
        result = act.returned.get(turn)
        detail = result.detail if result else "the journal does not say what became of it"
        ended = act.returned_at.get(turn, act.at)
        rollouts.move_effect(connection, dispatched, _EVENT[act.finding(*turn)], ended, detail)
