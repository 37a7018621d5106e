"""What squawk says of SQL for PostgreSQL: the locks that a statement takes, and what PostgreSQL does not parse.

It is a native command that reads its standard input; it is run with an argument list, in an empty directory (it looks
for settings where it stands), and what it may be told by comments to ignore is taken out of its input.
Source: https://squawkhq.com/docs/rules; version 2.70.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from shutil import which
from typing import Any

from tidegate.core.migration.operation import IN_TRANSACTION
from tidegate.errors import InternalError, TidegateError

TIMEOUT_S = 30.0
"""Seconds that it may take; a mebibyte takes it less than one."""

LOCKS: Mapping[str, str] = {
    "require-concurrent-index-creation": "SHARE: nobody writes to the table while the index is built",
    "require-concurrent-index-deletion": "ACCESS EXCLUSIVE: nobody reads or writes the table until the index is gone",
    "require-concurrent-reindex": "SHARE: nobody writes to the table while the index is built",
    "require-concurrent-partition-detach": "ACCESS EXCLUSIVE: nobody reads or writes the table meanwhile",
    "require-concurrent-refresh-materialized-view": "ACCESS EXCLUSIVE: nobody reads the view meanwhile",
    "disallowed-unique-constraint": "ACCESS EXCLUSIVE: nobody reads or writes the table while the index is built",
    "adding-primary-key": "ACCESS EXCLUSIVE: nobody reads or writes the table while the index is built",
    "adding-serial-primary-key-field": "ACCESS EXCLUSIVE: nobody reads or writes the table while it is written anew",
    "constraint-missing-not-valid": "nobody writes to the table while every row is checked",
    "adding-foreign-key-constraint": "SHARE ROW EXCLUSIVE: nobody writes to either table while every row is checked",
    "adding-not-nullable-field": "ACCESS EXCLUSIVE: nobody reads or writes the table while every row is read",
    "adding-field-with-default": "ACCESS EXCLUSIVE: nobody reads or writes the table while it is written anew",
    "changing-column-type": "ACCESS EXCLUSIVE: nobody reads or writes the table while it is written anew",
    "ban-concurrent-index-creation-in-transaction": IN_TRANSACTION,
}
"""Its rules that speak of locks, by what each means; the others are matters of taste, or judged by ourselves."""

SYNTAX = "syntax-error"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What it found: the line (from 1), the name of its rule, and the lock; of a syntax error, what it expected."""

    line: int
    rule: str
    says: str


@lru_cache(maxsize=128)
def complaints(sql: str, *, in_transaction: bool = False) -> tuple[Complaint, ...]:
    """What squawk has to say of a text, of locks and of syntax alone.

    Args:
        in_transaction: whether the tool runs the file in a transaction.

    Raises:
        TidegateError: it cannot be run, or does not answer as it should.
    """
    arguments = [_command(), "--reporter", "json", "--pg-version", "15", "--stdin-filepath", "migration.sql"]
    if in_transaction:
        arguments.append("--assume-in-transaction")
    # A comment of its own could silence it, and an author is not the one to decide that.
    text = sql.replace("squawk-ignore", "squawk_ignore").replace("\0", " ")
    with tempfile.TemporaryDirectory(prefix="tidegate-squawk-") as empty:
        try:
            done = subprocess.run(
                arguments, input=text.encode("utf-8", "replace"), capture_output=True, timeout=TIMEOUT_S, cwd=empty,
                env={"HOME": empty, "PATH": "/usr/bin:/bin"}, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _silent(str(error)) from error
    try:
        return tuple(dict.fromkeys(_read(json.loads(done.stdout or b"[]"))))
    except (ValueError, KeyError, TypeError) as error:
        raise _silent(f"its answer cannot be read ({type(error).__name__})") from error


def _silent(why: str) -> TidegateError:
    return InternalError(f"squawk does not answer: {why[:200]}", remedy="install squawk-cli again")


def _command() -> str:
    """Where it is: beside the Python that runs us, or by PATH."""
    here = Path(sysconfig.get_path("scripts")) / "squawk"
    beside = Path(sys.executable).parent / "squawk"
    for place in (here, beside):
        if place.is_file():
            return str(place)
    return which("squawk") or "squawk"


def _read(found: Any) -> Iterator[Complaint]:
    for one in found:
        rule, line = str(one["rule_name"]), int(one["line"]) + 1
        if rule in LOCKS:
            yield Complaint(line, rule, LOCKS[rule])
        elif rule == SYNTAX:
            yield Complaint(line, rule, str(one["message"])[:100])
