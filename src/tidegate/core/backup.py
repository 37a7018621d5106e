"""Backups: what was taken, what was found when it was read back, and what stands of all that.

Every act leaves an entry, and none is ever changed. What stands is worked out from them:

    taken ---- verified (its bytes, its contents, its size)      again whenever somebody looks
          ---- offsite  (one object there, its size, its hash)
          ---- restored (into a scratch place, and compared)

The newest entry of a kind counts. One that could not be made out is *cannot tell* (``None``), and never passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BackupAct(StrEnum):
    """What was done with a backup."""

    TAKEN = "taken"
    VERIFIED = "verified"
    OFFSITE = "offsite"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class BackupEntry:
    """One act on one backup. ``backup`` is the id of what was taken; ``name`` and ``environment`` say of what.

    ``outcome`` is True where it was good, False where it was not, None where nobody can tell; ``said`` says why.
    ``size`` is in bytes; ``sha256`` and ``figures`` are the digests of the file and of what is compared after a
    restore. ``report`` is the digest of the whole report.
    """

    id: str
    backup: str
    name: str
    environment: str
    act: BackupAct
    at: datetime
    outcome: bool | None
    said: str
    kind: str
    size: int
    sha256: str
    figures: str
    report: str
    by: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found when a backup was looked at: good, not good, or nobody can tell (None); and why."""

    outcome: bool | None
    said: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TakenBackup:
    """A backup that Tidegate took: what, of which environment, when, how large, and how it stands now.

    A check that was never made is None. ``restored`` is the newest restore of any backup of this name and environment,
    since a restore rehearses the way back, and not one file. ``amiss`` is what was wrong with its file as it lay
    here a moment ago; empty where nothing was, or where the file is on another machine.
    """

    name: str
    environment: str
    id: str
    taken_at: datetime
    size: int
    sha256: str
    report: str
    verified: Checked | None = None
    offsite: Checked | None = None
    restored: Checked | None = None
    amiss: str = ""


def standing(entries: Iterable[BackupEntry]) -> tuple[TakenBackup, ...]:
    """What stands: the newest backup of each name and environment, in that order.

    A later one that was taken badly, which has no entry, changes nothing.
    """
    kept = sorted(entries, key=lambda entry: (entry.at, entry.id))
    taken: dict[tuple[str, str], BackupEntry] = {}
    restored: dict[tuple[str, str], Checked] = {}
    checks: dict[tuple[str, BackupAct], Checked] = {}
    for entry in kept:
        key = (entry.name, entry.environment)
        if entry.act is BackupAct.TAKEN:
            taken[key] = entry
        elif entry.act is BackupAct.RESTORED:
            restored[key] = _checked(entry)
        else:
            checks[entry.backup, entry.act] = _checked(entry)
    return tuple(_taken(taken[key], checks, restored.get(key)) for key in sorted(taken))


def _checked(entry: BackupEntry) -> Checked:
    return Checked(entry.outcome, entry.said, entry.at)


def _taken(
    entry: BackupEntry, checks: Mapping[tuple[str, BackupAct], Checked], restored: Checked | None
) -> TakenBackup:
    return TakenBackup(
        entry.name,
        entry.environment,
        entry.backup,
        entry.at,
        entry.size,
        entry.sha256,
        entry.report,
        checks.get((entry.backup, BackupAct.VERIFIED)),
        checks.get((entry.backup, BackupAct.OFFSITE)),
        restored,
    )


LOOKED_BACK = 5
"""With so many of the backups before it the size of one is compared."""

LEAST_SHARE = 0.5
"""A backup smaller than this share of the median of those before it has lost something, until that is explained."""


def shrunk(size: int, earlier: Sequence[int]) -> str:
    """Why a backup of ``size`` bytes is too small beside those before it, the newest last; empty where it is not."""
    if not earlier:
        return ""
    last = sorted(earlier[-LOOKED_BACK:])
    # The median; the library that has it takes longer to load than a decision takes.
    usual = (last[(len(last) - 1) // 2] + last[len(last) // 2]) / 2
    if size >= usual * LEAST_SHARE:
        return ""
    return f"it has {bytes_text(size)}, less than half of what the last ones have ({bytes_text(int(usual))})"


def surplus(entries: Iterable[BackupEntry], name: str, environment: str, keep: int) -> list[BackupEntry]:
    """Which backups may be removed, oldest first: all but the newest ``keep`` that are verified, and what came later.

    Where fewer are verified nothing may go: what is not verified replaces nothing.
    """
    of = [entry for entry in entries if (entry.name, entry.environment) == (name, environment)]
    good = {entry.backup: entry.outcome for entry in sorted(of, key=_order) if entry.act is BackupAct.VERIFIED}
    taken = sorted((entry for entry in of if entry.act is BackupAct.TAKEN), key=_order)
    verified = [number for number, entry in enumerate(taken) if good.get(entry.backup) is True]
    return taken[: verified[-keep]] if len(verified) >= keep else []


def _order(entry: BackupEntry) -> tuple[datetime, str]:
    return entry.at, entry.id


Figures = Mapping[str, str | None]
"""What is compared after a restore, by name: rows and a checksum of each table, a digest of each file. ``None``: it
changed while the backup was taken, so that nobody can tell what the backup has."""

_NAMED = 3


def compared(taken: Figures, restored: Figures) -> tuple[bool | None, str]:
    """Whether what was restored is what was backed up, and how they differ; None where nobody can tell."""
    lost = sorted(taken.keys() - restored.keys())
    more = sorted(restored.keys() - taken.keys())
    both = sorted(taken.keys() & restored.keys())
    other = [name for name in both if taken[name] is not None and taken[name] != restored[name]]
    unknown = [name for name in both if taken[name] is None]
    if lost or more or other:
        told = [_told("is missing", "are missing", lost), _told("was not there", "were not there", more)]
        told += [f"{name} has {restored[name]}, and had {taken[name]}" for name in other[:_NAMED]]
        told += [f"and {len(other) - _NAMED} more differ"] if len(other) > _NAMED else []
        return False, "; ".join(filter(None, told))
    if not taken:
        return None, "there is nothing to compare"
    if unknown:
        return None, f"{_told('changed', 'changed', unknown)} while the backup was taken"
    return True, f"{len(taken)} of {len(taken)} are equal"


def _told(one: str, several: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more} {one if len(names) == 1 else several}"


_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def bytes_text(size: int) -> str:
    """``512 B``, ``1.5 MiB``."""
    if size < 1024:
        return f"{size} B"
    power = next((power for power in range(1, len(_UNITS)) if size / 1024**power < 1023.95), len(_UNITS))
    return f"{size / 1024**power:.1f} {_UNITS[power - 1]}"
