"""MySQL and MariaDB: a dump in one transaction, and what the database has, counted before it and after it.

Neither lets a second connection read the snapshot of a first one. So the tables are counted twice: where both counts
are equal the dump has the same, and where they are not nobody can tell what it has.

Source: MariaDB Knowledge Base, mariadb-dump (``--single-transaction``), option files (escapes in values).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import SplitResult, unquote

from tidegate.backups.contract import LONG, Look, NotWholeError
from tidegate.backups.credentials import (
    database_of,
    demand_scratch_name,
    options_of,
    private_files,
    split_address,
)
from tidegate.backups.postgres import told_rows
from tidegate.core.backup import Figures
from tidegate.core.secret import Secret
from tidegate.drivers.command import Completed, environment, run
from tidegate.errors import ConflictError, TargetError, UsageError

_SCHEMES = ("mysql", "mariadb")
_CHUNK = 1 << 18
_TAIL = 4096
_COMPLETED = b"-- Dump completed"
_TABLE = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?`((?:[^`]|``)+)` \(")
_EVENTS = "events"
_FOR_ALL = (
    "SET SESSION time_zone = '+00:00'; SET SESSION sql_mode = ''; "
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION WITH CONSISTENT SNAPSHOT;\n"
)
_OBJECTS = {
    "views": "SELECT COUNT(*) FROM information_schema.views WHERE table_schema = {0}",
    "routines": "SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = {0}",
    "triggers": "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = {0}",
    _EVENTS: "SELECT COUNT(*) FROM information_schema.events WHERE event_schema = {0}",
}
_ROWS = (
    "SELECT COUNT(*), COALESCE(SUM(CAST(CONV(LEFT(h, 16), 16, 10) AS DECIMAL(30, 0))), 0), "
    "COALESCE(SUM(CAST(CONV(RIGHT(h, 16), 16, 10) AS DECIMAL(30, 0))), 0) "
    "FROM (SELECT MD5(CONCAT_WS(',', {hashed})) AS h FROM {table}) AS hashed"
)
"""Of each column by itself, since a row may be longer than a packet; a sum does not depend on the order of the rows."""
_SCHEMA = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = {0}"
_COLUMNS = (
    "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t "
    "ON t.table_schema = c.table_schema AND t.table_name = c.table_name "
    "WHERE c.table_schema = {0} AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position"
)


class MySQLBackup:
    """One database of a server."""

    name = "mysql"
    suffix = ".sql"

    def __init__(self, address: Secret, scratch: Secret | None = None, where: str = "") -> None:
        """``address`` is where the database is, ``scratch`` the server on which it is restored; ``where`` their key."""
        self._where = where
        self._address = split_address(address, _SCHEMES, where)
        self._database = database_of(self._address, where)
        self._scratch = split_address(scratch, _SCHEMES, where) if scratch else self._address
        self._elsewhere = scratch is not None

    def take(self, file: Path) -> Figures:
        """As the contract says; a table that changed while it was dumped has no figure."""
        before = self._figures(self._address, self._database)
        words = ["--single-transaction", "--quick", "--skip-lock-tables", "--routines", "--triggers", "--events",
                 "--hex-blob", "--no-tablespaces", "--default-character-set=utf8mb4", f"--result-file={file}", "--",
                 self._database]  # fmt: skip
        done = self._run(self._address, _program("mariadb-dump", "mysqldump"), words)
        if done.status != 0:
            raise TargetError(
                f"the dump ended with {_ended(done)}",
                where=self._where,
                remedy="read what it says, and mend it; nothing was kept",
            )
        after = self._figures(self._address, self._database)
        return {name: before.get(name) if before.get(name) == after.get(name) else None for name in before | after}

    def look(self, file: Path, figures: Figures) -> Look:
        """Its last line says that it is complete, and it creates each table that was there."""
        with file.open("rb") as dump:
            dump.seek(max(0, file.stat().st_size - _TAIL))
            if not dump.read().rstrip().rpartition(b"\n")[2].startswith(_COMPLETED):
                return Look(False, "its end is missing: the last line does not say that the dump was completed")
        created = {name.replace(b"``", b"`").decode("utf-8", "replace") for name in _created(file)}
        expected = {name.removeprefix("table ") for name in figures if name.startswith("table ")}
        if lost := sorted(expected - created):
            return Look(False, f"it does not create {len(lost)} of the tables that were there, such as {lost[0]}")
        tables = f"{len(created)} table{'s' if len(created) != 1 else ''}"
        return Look(True, f"it creates {tables}, and its last line says that it is complete")

    def demand_free(self, scratch: str, figures: Figures) -> None:
        """No database of that name is there; and no event would begin to run in it beside the real ones."""
        demand_scratch_name(scratch)
        if figures.get(_EVENTS) != "0" and not self._elsewhere:
            raise UsageError(
                "it has events, which would run beside the real ones if it were restored on the same server",
                where=self._where,
                remedy="name a server for it: of.mysql.scratch",
            )
        if self._asked(self._scratch, None, f"{_SCHEMA.format(_text(scratch))};\n") != [["0"]]:
            raise ConflictError(
                f"there is a database {scratch} already, and nothing is restored over it",
                where=self._where,
                remedy=f"name one that does not exist, or remove it yourself: DROP DATABASE {scratch}",
            )

    def make(self, scratch: str, figures: Figures) -> None:
        """As the contract says."""
        self._asked(self._scratch, None, f"CREATE DATABASE {_name(scratch)} CHARACTER SET utf8mb4;\n")

    def restore(self, file: Path, scratch: str) -> None:
        """As the contract says."""
        words = ["--default-character-set=utf8mb4", "--batch", "--", scratch]
        done = self._run(self._scratch, _program("mariadb", "mysql"), words, _pieces(file))
        if done.status != 0:
            self._asked(self._scratch, None, "SELECT 1;\n")  # the server is well, so it is the backup
            raise NotWholeError(
                f"restoring it ended with {_ended(done)}", where=self._where, remedy="take a new backup, and look why"
            )

    def measure(self, scratch: str) -> Figures:
        """As the contract says."""
        return self._figures(self._scratch, scratch)

    def remove(self, scratch: str) -> None:
        """Drop the scratch database."""
        self._asked(self._scratch, None, f"DROP DATABASE IF EXISTS {_name(scratch)};\n")

    def _figures(self, address: SplitResult, database: str) -> dict[str, str | None]:
        """Rows and a checksum of each table, in one snapshot, and how many there are of what has no rows."""
        columns: dict[str, list[str]] = {}
        for table, column in self._asked(address, None, f"{_COLUMNS.format(_text(database))};\n"):
            columns.setdefault(table, []).append(column)
        tables = list(columns)
        queries = [f"{query.format(_text(database))};\n" for query in _OBJECTS.values()]
        queries += [f"{_rows(database, table, columns[table])};\n" for table in tables]
        rows = self._asked(address, None, _FOR_ALL + "".join(queries))
        found: dict[str, str | None] = dict(zip(_OBJECTS, (row[0] for row in rows), strict=False))
        counted = rows[len(_OBJECTS) :]
        return found | {f"table {name}": told_rows(*row) for name, row in zip(tables, counted, strict=True)}

    def _asked(self, address: SplitResult, database: str | None, queries: str) -> list[list[str]]:
        words = [
            "--default-character-set=utf8mb4",
            "--batch",
            "--skip-column-names",
            *(["--", database] if database else []),
        ]
        done = self._run(address, _program("mariadb", "mysql"), words, iter([queries.encode()]))
        if done.status != 0:
            raise TargetError(
                f"the database cannot be used: {_ended(done)}",
                where=self._where,
                remedy="mend it, and repeat the command",
            )
        lines = done.stdout.decode("utf-8", "replace").split("\n")[:-1]
        return [[_unescaped(field) for field in line.split("\t")] for line in lines]

    def _run(self, address: SplitResult, program: str, words: Sequence[str], stdin: Iterable[bytes] = ()) -> Completed:
        password = unquote(address.password or "")
        with private_files({"client": _options(address, password)}) as directory:
            argv = [program, f"--defaults-extra-file={directory / 'client'}", *words]
            return run(argv, stdin, LONG, where=self._where, secrets=[password], env=environment())


def _program(*names: str) -> str:
    found = next((name for name in names if shutil.which(name)), None)
    if found is None:
        raise UsageError(
            f"there is neither {' nor '.join(names)} on this machine",
            remedy="install the client of MariaDB or MySQL",
        )
    return found


def _options(address: SplitResult, password: str) -> str:
    """An option file. What is in quotes keeps its spaces and its hashes; a backslash and a quote are escaped."""
    options = options_of(address)
    values = {
        "user": unquote(address.username or ""),
        "password": password,
        "host": unquote(address.hostname or ""),
        "port": str(address.port or ""),
        "socket": options.get("unix_socket", ""),
        "ssl-ca": options.get("ssl_ca", ""),
    }
    lines = [f'{key}="{value.translate(_ESCAPES)}"\n' for key, value in values.items() if value]
    return "[client]\n" + "".join(lines)


_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def _rows(database: str, table: str, columns: Sequence[str]) -> str:
    hashed = ", ".join(f"COALESCE(MD5({_name(column)}), '-')" for column in columns)
    return _ROWS.format(hashed=hashed, table=f"{_name(database)}.{_name(table)}")


def _name(text: str) -> str:
    return "`" + text.replace("`", "``") + "`"


def _text(text: str) -> str:
    # In hexadecimal digits: no mode of the server changes what they mean.
    return f"CONVERT(0x{text.encode().hex()} USING utf8mb4)"


_BATCH = {"\\n": "\n", "\\t": "\t", "\\0": "\0", "\\\\": "\\"}


def _unescaped(field: str) -> str:
    return re.sub(r"\\[nt0\\]", lambda found: _BATCH[found[0]], field)


def _created(file: Path) -> Iterator[bytes]:
    with file.open("rb") as dump:
        for line in dump:
            if found := _TABLE.match(line):
                yield found[1]


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as dump:
        while data := dump.read(_CHUNK):
            yield data


def _ended(done: Completed) -> str:
    said = " ".join(done.stderr.split())[-400:]
    return f"{done.status}: {said}" if said else str(done.status)
