"""The backups that Tidegate takes: how the newest of each stands, and what else is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tidegate.core.backup import BackupAct, BackupEntry, TakenBackup, standing
from tidegate.core.policy import Policy, Purpose
from tidegate.orchestration.backup_files import amiss
from tidegate.orchestration.house import House
from tidegate.store import backups, policies


@dataclass(frozen=True, slots=True)
class BackupView:
    """A backup of the policy in an environment. ``newest`` is None where there is none yet.

    ``by`` is what takes it where Tidegate does not; ``earlier`` are the ids of those before it, the newest first.
    """

    name: str
    environment: str
    title: str
    by: str
    newest: TakenBackup | None
    fresh_until: datetime | None
    earlier: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BackupsView:
    """All of them, in the policy's order."""

    timezone: str
    now: datetime
    backups: tuple[BackupView, ...]


def backups_view(house: House) -> BackupsView:
    """How the backups of the active policy stand.

    Raises:
        NotFoundError: no policy was adopted.
    """
    with house.database.read() as connection:
        policy = policies.current(connection).policy
        entries = backups.every(connection)
    wrong = dict(amiss(house, (policy,), _newest(entries)))
    stands = {(one.name, one.environment): replace(one, amiss=wrong.get(one.id, "")) for one in standing(entries)}
    found = [
        _view(policy, name, environment, stands.get((name, environment)), entries)
        for name in policy.backups
        for environment in _environments(policy, name)
    ]
    return BackupsView(policy.timezone, house.now(), tuple(found))


def _newest(entries: Sequence[BackupEntry]) -> list[BackupEntry]:
    ids = {one.id for one in standing(entries)}
    return [entry for entry in entries if entry.act is BackupAct.TAKEN and entry.backup in ids]


def _environments(policy: Policy, name: str) -> list[str]:
    of = policy.backups[name].environments
    return [
        environment
        for environment, known in policy.environments.items()
        if environment in of or (not of and known.purpose is Purpose.PRODUCTION)
    ]


def _view(
    policy: Policy, name: str, environment: str, newest: TakenBackup | None, entries: Sequence[BackupEntry]
) -> BackupView:
    said = policy.backups[name]
    earlier = [
        entry.backup
        for entry in reversed(entries)
        if (entry.name, entry.environment, entry.act) == (name, environment, BackupAct.TAKEN)
        and (newest is None or entry.backup != newest.id)
    ]
    by = "" if said.of else said.by or "something else"
    until = newest.taken_at + said.fresh if newest and said.fresh else None
    return BackupView(name, environment, said.title, by, newest, until, tuple(earlier))
