"""The files of backups as they lie on this machine: looked at whenever a start is judged, outside any transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from tidegate.core.backup import BackupAct, BackupEntry, bytes_text
from tidegate.core.policy import Backup, Policy
from tidegate.store import backups

if TYPE_CHECKING:
    from tidegate.orchestration.house import House

READ_BYTES = 64 << 20
"""Up to this size a file is hashed each time that a start is judged; of a larger one its size alone is looked at."""


def directory_of(house: House, said: Backup) -> Path:
    """Where the files of a backup lie on this machine."""
    return house.root / Path(said.kept_in).expanduser() if said.kept_in else house.state / "backups"


def kept_backups(connection: sa.Connection, asking: Iterable[Policy]) -> list[BackupEntry]:
    """What is recorded of the newest backups that Tidegate takes itself, by any of the policies."""
    names = {name for policy in asking for name, said in policy.backups.items() if said.of is not None}
    return backups.newest(connection, names)


def amiss(house: House, asking: Sequence[Policy], kept: Iterable[BackupEntry]) -> Iterator[tuple[str, str]]:
    """What is wrong with the files of these backups, by the id of each; nothing of those on another machine."""
    from tidegate.backups.registry import SUFFIXES

    for entry in kept:
        said = next((found for policy in asking if (found := policy.backups.get(entry.name)) and found.of), None)
        if entry.act is BackupAct.TAKEN and said is not None and entry.kind in SUFFIXES:
            directory = directory_of(house, said)
            if directory.is_dir() and (why := _amiss(directory / (entry.backup + SUFFIXES[entry.kind]), entry)):
                yield entry.backup, why


def _amiss(path: Path, entry: BackupEntry) -> str:
    try:
        found = path.stat()
        if found.st_size != entry.size:
            return (
                f"its file has {bytes_text(found.st_size)} ({found.st_size} bytes), and {entry.size} bytes were taken"
            )
        if entry.size <= READ_BYTES and _hash(path, found.st_ino, found.st_mtime_ns, found.st_ctime_ns) != entry.sha256:
            return "its file has another SHA-256 than what was taken: it was changed, or the disk is bad"
    except FileNotFoundError:
        return f"its file is gone: {path}"
    except OSError as error:
        return f"its file cannot be read: {error.strerror or error}"
    return ""


@lru_cache(maxsize=256)
def _hash(path: Path, inode: int, changed_ns: int, touched_ns: int) -> str:
    from tidegate.backups.keeping import hash_file

    return f"sha256:{hash_file(path)[1]}"
