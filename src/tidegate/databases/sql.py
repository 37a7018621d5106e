"""Plain SQL: a folder of files, which Tidegate runs itself, each in a transaction with what records it.

``NAME.sql`` or ``NAME.up.sql`` goes forward; ``NAME.down.sql`` beside it goes back, or what stands behind a mark
(``-- migrate:down``, ``-- +goose Down``) in the same file; of Flyway's names ``V1__x.sql`` and ``U1__x.sql``. A file
whose first lines say ``-- tidegate: no transaction`` holds one statement that PostgreSQL runs in none, such as CREATE
INDEX CONCURRENTLY.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.databases.contract import Files, Goal, Work
from tidegate.errors import TargetError
from tidegate.migrations.folder import is_down, marked_down, ordered, runs_alone, undoes

if TYPE_CHECKING:
    from tidegate.databases.contract import Connection

TABLE = "tidegate_migration"
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (name text PRIMARY KEY, digest text NOT NULL, version text NOT NULL, "
    "at timestamptz NOT NULL DEFAULT now())"
)
_RECORD = f"INSERT INTO {TABLE} (name, digest, version) VALUES (%s, %s, %s)"  # noqa: S608
_FORGET = f"DELETE FROM {TABLE} WHERE name = %s"  # noqa: S608
_UP = re.compile(r"[._-](?:up|do|deploy)$", re.IGNORECASE)
_ENDS_ITSELF = re.compile(r"^\s*(?:COMMIT|ROLLBACK|END)(?:\s+(?:WORK|TRANSACTION))?\s*;", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(r"\$([A-Za-z_0-9]*)\$.*?\$\1\$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _File:
    """One migration: its file, and what it does forward and back; ``back`` is empty where nothing is written down."""

    path: str
    forward: str
    back: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.forward.encode()).hexdigest()


class PlainSql:
    """Files of SQL, run by Tidegate itself."""

    runs_code = False
    table = TABLE

    def sentence(self, back: bool) -> tuple[str, ...]:
        return ()

    def goal(self, files: Files, leaves: Files | None, labels: Mapping[str, str]) -> Goal:
        here = frozenset(_read(files))
        return Goal(here, frozenset(_read(leaves)) - here if leaves is not None else frozenset())

    def recorded(self, connection: Connection) -> frozenset[str]:
        there = connection.execute(f"SELECT to_regclass('{TABLE}') IS NOT NULL").fetchone()
        if not there or not there[0]:
            return frozenset()
        return frozenset(str(row[0]) for row in connection.execute(f"SELECT name FROM {TABLE}"))  # noqa: S608

    def run(self, work: Work) -> None:
        work.connection.execute(_CREATE)
        if work.back:
            self._undo(work)
            return
        for name, file in _read(work.files).items():
            if name not in work.recorded:
                _carry(work, file.path, file.forward, _RECORD, (name, file.digest, work.version))

    def _undo(self, work: Work) -> None:
        code = _read(work.code)
        for name in reversed(code):
            if name not in work.goal.lacks & work.recorded:
                continue
            file = code[name]
            if not file.back.strip():
                raise TargetError(
                    f"{file.path} has no way back", remedy="write one, or release what mends the database instead"
                )
            _carry(work, file.path, file.back, _FORGET, (name,))


def _carry(work: Work, path: str, text: str, record: str, values: tuple[str, ...]) -> None:
    """Run a file and record it: both, or neither."""
    import psycopg

    if _ENDS_ITSELF.search(_QUOTED.sub("", text)):
        raise TargetError(
            f"{path} ends its transaction itself, so nobody could record it with what it does",
            remedy="take BEGIN and COMMIT out of it: each file is run in a transaction",
        )
    try:
        if runs_alone(text):
            with work.connection.transaction():
                work.fenced()
            work.connection.execute(text.encode())
            work.connection.execute(record.encode(), values)
            return
        with work.connection.transaction():
            work.fenced()
            work.connection.execute(text.encode())
            work.connection.execute(record.encode(), values)
    except psycopg.Error as error:
        said = " ".join(str(error).split())[:300]
        raise TargetError(f"{path}: {said}", remedy="mend it, and release it again") from error


def _read(files: Files) -> dict[str, _File]:
    """The migrations by their names, in the order in which people number them."""
    downs = {path: data for path, data in files.items() if is_down(path)}
    found: dict[str, _File] = {}
    for path in ordered(path for path in files if path.lower().endswith(".sql") and path not in downs):
        text = _text(path, files[path])
        forward, back = marked_down(text)
        for other, undo in downs.items():
            if other.rpartition("/")[0] == path.rpartition("/")[0] and undoes(other, path):
                back = _text(other, undo)
        stem = path.rpartition("/")[2].removesuffix(".sql").removesuffix(".SQL")
        name = _UP.sub("", stem)
        if name in found:
            raise TargetError(
                f"{found[name].path} and {path} are both called {name}", remedy="give one of them another name"
            )
        found[name] = _File(path, forward, back)
    return found


def _text(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TargetError(f"{path} is no text in UTF-8", remedy="write it in UTF-8, and release it again") from error
