"""Backups: taken, read back, copied elsewhere, restored for a test; each act signed, recorded, and in the log.

Nothing counts that is not recorded, and nothing is recorded that was not found out by reading what is on the disk (or
on the remote, or in the scratch place) after it was written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tidegate.backups.contract import Kind, Look, NotWholeError
from tidegate.backups.keeping import Keeping, hash_file
from tidegate.backups.offsite import Offsite
from tidegate.backups.registry import build
from tidegate.clock import to_text
from tidegate.core.actor import Actor, Assurance
from tidegate.core.backup import (
    BackupAct,
    BackupEntry,
    Figures,
    bytes_text,
    compared,
    shrunk,
    surplus,
)
from tidegate.core.canonical import canonical, digest
from tidegate.core.decision import Action, Question
from tidegate.core.policy import Backup, Policy, Purpose
from tidegate.core.rules.access import has_access, no_access
from tidegate.core.statement import Act
from tidegate.core.verdict import Verdict
from tidegate.errors import NotFoundError, NotPermittedError, StoreError, TargetError, UsageError
from tidegate.orchestration.backup_files import directory_of
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim, demand_environment, known, nonce, proven_by, shown, spend, stands
from tidegate.orchestration.judge import judge
from tidegate.orchestration.record import Entry, record
from tidegate.orchestration.refusal import refusals
from tidegate.orchestration.seen import look
from tidegate.store import backups, contents, locks, policies, requests

FORMAT = "backup/1"
FIGURES = ".figures.json"
_NOTHING = digest(b"")
_LEAVES = {
    BackupAct.TAKEN: "backup.taken",
    BackupAct.VERIFIED: "backup.verified",
    BackupAct.OFFSITE: "backup.copied",
    BackupAct.RESTORED: "backup.restored",
}


@dataclass(frozen=True)
class _Place:
    """A backup of the policy, in an environment, and where its files lie."""

    name: str
    environment: str
    said: Backup
    kind: Kind
    keeping: Keeping

    def file(self, entry: BackupEntry) -> Path:
        """The file of a backup that was taken."""
        return self.keeping.path(entry.backup + self.kind.suffix)

    def figures(self, entry: BackupEntry) -> Path:
        """The file of what is compared."""
        return self.keeping.path(entry.backup + FIGURES)


def take(house: House, name: str, claim: Claim, environment: str = "") -> tuple[BackupEntry, ...]:
    """Take a backup, read it back, and copy it elsewhere where the policy asks; older ones are removed.

    Returns:
        The acts, in their order, each with its outcome. The first is that it was taken.

    Raises:
        NotFoundError: the policy knows no such backup or environment.
        UsageError: Tidegate does not take this one, or not there.
        NotPermittedError: the person is unknown, does not sign, or has no access to the environment.
        ConflictError: another command takes it right now.
        TargetError, StoreError: it could not be taken; there is none then.
    """
    with refusals(house, "backup", claim.person, backup=name, environment=environment):
        place = _place(house, name, claim, environment)
        with place.keeping.locked():
            taken = _take(house, place, claim)
            done = [taken, _verify(house, place, taken, claim, "")]
            if place.said.offsite is not None:
                done.append(_copy(house, place, taken, claim))
            _prune(house, place)
    return tuple(done)


def verify(
    house: House, name: str, claim: Claim, environment: str = "", *, smaller_because: str = ""
) -> tuple[BackupEntry, ...]:
    """Read the newest backup back: its bytes, its contents, its size, and its copy where the policy asks for one.

    Args:
        smaller_because: why it is rightly much smaller than those before it; signed with it.

    Raises:
        As :func:`take`; NotFoundError also where there is none.
    """
    with refusals(house, "backup", claim.person, backup=name, environment=environment):
        place = _place(house, name, claim, environment)
        taken = _newest(house, place)
        done = [_verify(house, place, taken, claim, smaller_because)]
        if place.said.offsite is not None:
            done.append(_look_offsite(house, place, taken, claim))
    return tuple(done)


def copy(house: House, name: str, claim: Claim, environment: str = "") -> BackupEntry:
    """Copy the newest backup elsewhere, and look whether it is there.

    Raises:
        As :func:`verify`; UsageError also where the policy says no place.
    """
    with refusals(house, "backup", claim.person, backup=name, environment=environment):
        place = _place(house, name, claim, environment)
        if place.said.offsite is None:
            raise UsageError(f"the policy says no place for a copy of {name}", remedy=f"add backups.{name}.offsite")
        return _copy(house, place, _newest(house, place), claim)


def restore(
    house: House, name: str, claim: Claim, scratch: str, environment: str = "", *, compare: bool, leave: bool = False
) -> BackupEntry:
    """Restore the newest backup into a scratch place, and compare it with what was backed up.

    Nothing is restored over anything. What was restored is removed afterwards, unless it is left.

    Args:
        scratch: a database or a directory that does not exist.
        compare: without it nobody can tell whether what was restored is what was backed up.

    Raises:
        As :func:`verify`; ConflictError also where the scratch place is there already.
        TargetError: it could not be restored for another reason than the backup itself; nothing is recorded.
    """
    with refusals(house, "backup", claim.person, backup=name, environment=environment):
        place = _place(house, name, claim, environment)
        taken = _newest(house, place)
        figures = _known_figures(place, taken)
        bad = _bytes_changed(place, taken)
        if bad is not None:
            found = bad
        else:
            place.kind.demand_free(scratch, figures)
            found = _restored(house, place, taken, scratch, figures, compare, leave)
    return _keep(house, place, taken, claim, BackupAct.RESTORED, found, {"to": scratch, "compared": compare})


def before_release(house: House, release: str, environment: str, claim: Claim) -> tuple[BackupEntry, ...]:
    """Take the backups of an environment that are taken before each release, if nothing else stands in its way.

    A release that would be refused for another reason is worth no backup.

    Raises:
        As :func:`take`; NotFoundError also where there is no such release.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    here = policy.environments.get(environment)
    asked = [name for name in (here.backups if here else ()) if _is_taken(policy.backups.get(name))]
    if not asked or _stands_in_the_way(house, policy, release, environment, claim):
        return ()
    done: list[BackupEntry] = []
    for name in asked:
        house.say(f"taking the backup {name} of {environment}")
        done += take(house, name, claim, environment)
    return tuple(done)


def of_stage(house: House, release: str, environment: str, claim: Claim) -> tuple[BackupEntry, ...]:
    """Take the backups of an environment that Tidegate takes and that do not stand for a release, as a stage asks.

    The stage itself asks for them: neither ``take`` nor what else is in the way of a start counts.

    Raises:
        As :func:`take`; NotFoundError also where there is no such release.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    here = policy.environments.get(environment)
    lacking = _against(house, release, environment, claim)
    done: list[BackupEntry] = []
    for name in here.backups if here else ():
        said = policy.backups.get(name)
        if said is not None and said.of is not None and f"backup.{name}" in lacking:
            house.say(f"taking the backup {name} of {environment}")
            done += take(house, name, claim, environment)
    return tuple(done)


def _stands_in_the_way(house: House, policy: Policy, release: str, environment: str, claim: Claim) -> bool:
    """Whether a start would be refused for something else than backups."""
    gates = {f"gate.{name}" for name, gate in policy.gates.items() if set(gate.evidence) == {"backup"}}
    against = _against(house, release, environment, claim)
    return any(rule not in gates and not rule.startswith("backup.") for rule in against)


def _against(house: House, release: str, environment: str, claim: Claim) -> list[str]:
    """The rules that are in the way of a start."""
    question = Question(Action.START, Actor(claim.person, "asks", Assurance.SIGNATURE), environment)
    in_git = look(house, release)
    with house.database.read() as connection:
        decision = judge(connection, release, question, house.now(), in_git=in_git).decision
    return [finding.rule for finding in decision.findings if finding.verdict is not Verdict.ALLOW]


def _is_taken(said: Backup | None) -> bool:
    return said is not None and said.of is not None and said.take is not None


def environment_of(policy: Policy, name: str, said: Backup, named: str) -> str:
    """Of which environment a backup is: the one that is named, or the only one that it can be of.

    Raises:
        UsageError: there is none, or several and none is named; or it is not of the one that is named.
        NotFoundError: the policy knows no such environment.
    """
    of = said.environments or tuple(
        env for env, known in policy.environments.items() if known.purpose is Purpose.PRODUCTION
    )
    if named:
        demand_environment(policy, named)
        if named in of:
            return named
        raise UsageError(
            f"the backup {name} is of {', '.join(of) or 'no environment'}, and not of {named}",
            remedy=f"name it in backups.{name}.environments",
        )
    if len(of) == 1:
        return of[0]
    raise UsageError(f"the backup {name} is of {len(of)} environments", remedy="say of which: --for ENVIRONMENT")


def _place(house: House, name: str, claim: Claim, environment: str) -> _Place:
    with house.database.read() as connection:
        policy = policies.current(connection).policy
    said = _said(policy, name)
    known(policy, claim)
    if claim.key is None:
        raise NotPermittedError(
            f"{claim.person} is only asserted; what is done with backups is signed",
            remedy="sign with your SSH key: --key PATH",
        )
    here = environment_of(policy, name, said, environment)
    where = policy.environments[here]
    if not has_access(policy, claim.person, where):
        what, remedy = no_access(claim.person, here, where)
        raise NotPermittedError(what, remedy=remedy)
    if said.of is None:
        raise UsageError(
            f"Tidegate does not take the backup {name} itself{f': {said.by} does' if said.by else ''}",
            remedy=f"say what it is of: backups.{name}.of; or state it: tidegate evidence state RELEASE backup "
            f"verified=yes offsite=yes --source {name} --environment {here}",
        )
    if len(set(said.environments)) > 1:
        raise UsageError(
            f"the backup {name} is of {len(set(said.environments))} environments, and what it names is of one",
            remedy=f"write one backup for each of them, beside backups.{name}",
        )
    if said.offsite is not None:
        Offsite(said.offsite.to, f"backups.{name}.offsite.to")
    kind = build(said.of, house.root, f"backups.{name}")
    return _Place(name, here, said, kind, Keeping(directory_of(house, said), name))


def _said(policy: Policy, name: str) -> Backup:
    said = policy.backups.get(name)
    if said is None:
        raise NotFoundError(
            f'the policy knows no backup "{name[:80]}"',
            remedy=f"name one of: {', '.join(policy.backups) or 'none is declared'}",
        )
    return said


def _take(house: House, place: _Place, claim: Claim) -> BackupEntry:
    began = house.now()
    id_ = f"{place.name}-{place.environment}-{began:%Y%m%dT%H%M%SZ}-{nonce()[:8]}"
    house.say(f"taking {id_}")
    with place.keeping.new(id_ + place.kind.suffix) as part:
        figures = place.kind.take(part)
        if part.stat().st_size == 0:
            raise TargetError(
                "the backup is empty", where=f"backups.{place.name}.of", remedy="look why nothing was written"
            )
    data = canonical(dict(figures))
    with place.keeping.new(id_ + FIGURES) as part:
        part.write_bytes(data)
    size, sha256 = hash_file(place.keeping.path(id_ + place.kind.suffix))
    parts = f"{len(figures)} part{'s' if len(figures) != 1 else ''}"
    entry = _entry(place, id_, BackupAct.TAKEN, began, Look(True, f"{bytes_text(size)} in {parts}"))
    entry = replace(entry, size=size, sha256=f"sha256:{sha256}", figures=digest(data))
    return _kept(house, claim, entry, {"title": place.said.title, "file": id_ + place.kind.suffix})


def _entry(place: _Place, backup: str, act: BackupAct, at: datetime, found: Look) -> BackupEntry:
    return BackupEntry(
        id=backup if act is BackupAct.TAKEN else f"{act.value}-{nonce()[:16]}",
        backup=backup,
        name=place.name,
        environment=place.environment,
        act=act,
        at=at,
        outcome=found.outcome,
        said=found.said,
        kind=place.kind.name,
        size=0,
        sha256=_NOTHING,
        figures=_NOTHING,
        report=_NOTHING,
        by="",
    )


def _keep(
    house: House,
    place: _Place,
    taken: BackupEntry,
    claim: Claim,
    act: BackupAct,
    found: Look,
    more: Mapping[str, Any] | None = None,
) -> BackupEntry:
    entry = _entry(place, taken.backup, act, house.now(), found)
    entry = replace(entry, size=taken.size, sha256=taken.sha256, figures=taken.figures)
    return _kept(house, claim, entry, more or {})


def _kept(house: House, claim: Claim, entry: BackupEntry, more: Mapping[str, Any]) -> BackupEntry:
    """Record an act, with its report, its leaf, and what wakes whoever waits for it."""
    report = {
        "tidegate": FORMAT,
        "id": entry.id,
        "backup": entry.backup,
        "name": entry.name,
        "environment": entry.environment,
        "kind": entry.kind,
        "act": entry.act.value,
        "at": to_text(entry.at),
        "outcome": entry.outcome,
        "said": entry.said.encode("utf-8", "replace").decode(),
        "size": entry.size,
        "sha256": entry.sha256,
        "figures": entry.figures,
        **more,
    }
    data = canonical(report)
    concerns = {
        "environment": entry.environment,
        "subject": digest(data),
        "reason": f"{entry.act.value} {entry.backup}",
    }
    proven = proven_by(house, claim, Act.BACKUP, **concerns)
    with house.database.write() as connection:
        locks.lock_organization(connection)
        actor = stands(policies.current(connection).policy, proven, Act.BACKUP, **concerns)
        now = house.now()
        entry = replace(entry, report=contents.keep(connection, data), by=actor.person)
        statement = spend(connection, proven, now)
        backups.add(connection, entry, actor, statement, proven.signature)
        if requests.touch(connection, None, now):
            house.database.after_commit(connection, house.wake)
        leaf = {name: report[name] for name in ("backup", "name", "environment", "kind", "outcome", "said", "size")}
        told = {**leaf, "sha256": entry.sha256, "at": to_text(entry.at), "report": entry.report}
        record(connection, Entry(_LEAVES[entry.act], actor, data={**told, **shown(statement, proven)}), now)
    return entry


def _newest(house: House, place: _Place) -> BackupEntry:
    with house.database.read() as connection:
        found = [e for e in backups.newest(connection, [place.name]) if e.environment == place.environment]
    taken = [entry for entry in found if entry.act is BackupAct.TAKEN]
    if not taken:
        raise NotFoundError(
            f"there is no backup {place.name} of {place.environment}",
            remedy=f"take one: tidegate backup take {place.name} --for {place.environment}",
        )
    return taken[-1]


def _bytes_changed(place: _Place, taken: BackupEntry) -> Look | None:
    """What is wrong with the bytes on the disk; None where they are those that were taken."""
    path = place.file(taken)
    try:
        size, found = hash_file(path)
    except FileNotFoundError:
        if place.keeping.directory.is_dir():
            return Look(False, f"its file is gone: {path}")
        return Look(None, f"the directory of its file is not on this machine: {path.parent}")
    except OSError as error:
        return Look(None, f"its file cannot be read: {path}: {error.strerror or error}")
    if size != taken.size:
        return Look(False, f"its file has {bytes_text(size)} ({size} bytes), and {taken.size} bytes were taken")
    if f"sha256:{found}" != taken.sha256:
        return Look(False, "its file has another SHA-256 than what was taken: it was changed, or the disk is bad")
    return None


def _known_figures(place: _Place, taken: BackupEntry) -> Figures:
    try:
        data = place.figures(taken).read_bytes()
    except OSError:
        data = b""
    if digest(data) != taken.figures:
        raise NotFoundError(
            f"what is compared after a restore of {taken.backup} is gone or was changed",
            where=str(place.figures(taken)),
            remedy=f"take a new backup: tidegate backup take {place.name} --for {place.environment}",
        )
    found: dict[str, str | None] = json.loads(data)
    return found


def _verify(house: House, place: _Place, taken: BackupEntry, claim: Claim, smaller_because: str) -> BackupEntry:
    found = _bytes_changed(place, taken) or _read_back(place, taken)
    why = shrunk(taken.size, _earlier(house, place, taken))
    if found.outcome is True and why:
        found = Look(True, f"{found.said}; {why}, because {smaller_because}") if smaller_because else Look(False, why)
    more = {"smaller_because": smaller_because} if smaller_because else {}
    return _keep(house, place, taken, claim, BackupAct.VERIFIED, found, more)


def _read_back(place: _Place, taken: BackupEntry) -> Look:
    try:
        return place.kind.look(place.file(taken), _known_figures(place, taken))
    except NotFoundError as error:
        return Look(False, error.what)
    except (TargetError, OSError) as error:
        return Look(None, f"it cannot be read back: {error}")


def _earlier(house: House, place: _Place, taken: BackupEntry) -> list[int]:
    """The sizes of the verified ones before it, the newest last."""
    with house.database.read() as connection:
        found = backups.every(connection, place.name, place.environment)
    good = {entry.backup: entry.outcome for entry in found if entry.act is BackupAct.VERIFIED}
    return [
        entry.size
        for entry in found
        if entry.act is BackupAct.TAKEN and entry.at < taken.at and good.get(entry.backup) is True
    ]


def _copy(house: House, place: _Place, taken: BackupEntry, claim: Claim) -> BackupEntry:
    def copied(offsite: Offsite) -> Look:
        house.say(f"copying it to {offsite.place(place.file(taken).name)}")
        offsite.copy(place.file(taken))
        return offsite.look(place.file(taken))

    return _offsite(house, place, taken, claim, copied)


def _look_offsite(house: House, place: _Place, taken: BackupEntry, claim: Claim) -> BackupEntry:
    return _offsite(house, place, taken, claim, lambda offsite: offsite.look(place.file(taken)))


def _offsite(
    house: House, place: _Place, taken: BackupEntry, claim: Claim, act: Callable[[Offsite], Look]
) -> BackupEntry:
    to = place.said.offsite.to if place.said.offsite else ""
    offsite = Offsite(to, f"backups.{place.name}.offsite.to")
    bad = _bytes_changed(place, taken)
    if bad is not None:
        found = Look(None, f"there is nothing to compare the copy with: {bad.said}")
    else:
        try:
            found = act(offsite)
        except TargetError as error:
            found = Look(None, error.what)
    return _keep(house, place, taken, claim, BackupAct.OFFSITE, found, {"to": to})


def _restored(
    house: House, place: _Place, taken: BackupEntry, scratch: str, figures: Figures, compare: bool, leave: bool
) -> Look:
    house.say(f"restoring {taken.backup} to {scratch}")
    place.kind.make(scratch, figures)
    try:
        place.kind.restore(place.file(taken), scratch)
        if not compare:
            return Look(None, "it was restored, and not compared")
        outcome, said = compared(figures, place.kind.measure(scratch))
        return Look(outcome, f"{said}, in {scratch}")
    except NotWholeError as error:
        return Look(False, error.what)
    finally:
        if not leave:
            place.kind.remove(scratch)


def _prune(house: House, place: _Place) -> None:
    """Remove the files of what is older than the policy keeps; what was recorded of them stays."""
    with house.database.read() as connection:
        found = backups.every(connection, place.name, place.environment)
    for entry in surplus(found, place.name, place.environment, place.said.keep):
        try:
            place.keeping.remove(entry.backup + place.kind.suffix)
            place.keeping.remove(entry.backup + FIGURES)
        except StoreError as error:
            house.say(f"{entry.backup} stays: {error.what}")
