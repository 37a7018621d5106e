"""The kinds of backup by the name that a policy calls them. Adding one is its file and one line here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tidegate.artifacts.image.login import secret_of
from tidegate.backups.contract import Kind
from tidegate.core.policy import BackupOf, CommandCopy, FilesCopy, MySQLDump, PostgresDump, SecretFrom
from tidegate.core.secret import Secret
from tidegate.errors import InternalError


def _postgres(of: PostgresDump, root: Path, where: str) -> Kind:
    from tidegate.backups.postgres import PostgresBackup

    return PostgresBackup(*_addresses(of.url, of.scratch, root, where), where)


def _mysql(of: MySQLDump, root: Path, where: str) -> Kind:
    from tidegate.backups.mysql import MySQLBackup

    return MySQLBackup(*_addresses(of.url, of.scratch, root, where), where)


def _files(of: FilesCopy, root: Path, where: str) -> Kind:
    from tidegate.backups.files import FilesBackup

    return FilesBackup(root / Path(of.directory).expanduser(), of.without, where)


def _command(of: CommandCopy, root: Path, where: str) -> Kind:
    from tidegate.backups.command import CommandBackup

    return CommandBackup(of, root, where)


KINDS: Mapping[str, Callable[[Any, Path, str], Kind]] = {
    "postgres": _postgres,
    "mysql": _mysql,
    "files": _files,
    "command": _command,
}

SUFFIXES: Mapping[str, str] = {"postgres": ".dump", "mysql": ".sql", "files": ".tar.gz", "command": ".backup"}
"""How the files of each kind end, for whoever only looks for them."""


def build(of: BackupOf, root: Path, where: str) -> Kind:
    """The kind of backup that a policy asks for.

    Args:
        root: where relative paths begin: the directory of the policy file.
        where: the key of the policy, for errors.

    Raises:
        NotPermittedError: the address is not where the policy says.
        UsageError: what is there is no address.
    """
    if of.kind not in KINDS:
        raise InternalError(f"there is no kind of backup {of.kind}", remedy="report this")
    return KINDS[of.kind](getattr(of, of.kind), root, f"{where}.of.{of.kind}")


def _addresses(url: SecretFrom, scratch: SecretFrom | None, root: Path, where: str) -> tuple[Secret, Secret | None]:
    found = secret_of(url, f"{where}.url", root, os.environ)
    return found, secret_of(scratch, f"{where}.scratch", root, os.environ) if scratch else None
