"""Addresses of databases, and how a client learns them without anybody else reading them.

A command line and, to the same user, an environment can be read by others. So the client is told the name of a file,
which only we can read, in a directory that is gone when the client has ended.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from tidegate.core.secret import Secret
from tidegate.errors import UsageError

_NO_TEXT = re.compile(r"[\x00-\x1f\x7f]")


@contextlib.contextmanager
def private_files(files: Mapping[str, str]) -> Iterator[Path]:
    """A directory with files of these names and texts, readable by us alone (mode 600 in 700); gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tidegate-") as name:
        directory = Path(name)
        for file, text in files.items():
            handle = os.open(directory / file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
        yield directory


def split_address(secret: Secret, schemes: tuple[str, ...], where: str) -> SplitResult:
    """The parts of an address whose scheme is one of ``schemes``, perhaps with a driver behind a plus.

    Raises:
        UsageError: it is none. The address itself is never told.
    """
    try:
        found = urlsplit(secret.reveal())
        _ = found.port
    except ValueError:
        found = urlsplit("")
    if found.scheme.partition("+")[0] not in schemes or _NO_TEXT.search(unquote(secret.reveal())):
        raise UsageError(
            f"what is found there is no address of such a database; it does not begin with {schemes[0]}://",
            where=where,
            remedy=f"put it there as {schemes[0]}://user:password@host/database",
        )
    return found


def database_of(address: SplitResult, where: str) -> str:
    """The name of the database in an address.

    Raises:
        UsageError: it has none.
    """
    name = unquote(address.path.removeprefix("/"))
    if not name:
        raise UsageError("the address names no database", where=where, remedy="put its name at the end: .../database")
    return name


def options_of(address: SplitResult) -> dict[str, str]:
    """What follows the question mark of an address."""
    return dict(parse_qsl(address.query))


SCRATCH = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def demand_scratch_name(name: str) -> None:
    """A scratch database has a plain name.

    Raises:
        UsageError: it has not.
    """
    if not SCRATCH.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} is no name for a scratch database",
            remedy="name one of lower-case letters, digits and underscores, which does not exist: --to scratch_1",
        )
