"""PostgreSQL: ``pg_dump`` in its custom format, and what it has, counted in the very snapshot that it dumps.

Source: PostgreSQL's documentation, pg_dump (``--snapshot``), 9.27.5 snapshot synchronization, 34.16 the password file,
34.17 the connection service file.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlunsplit

from tidegate.backups.contract import LONG, Look, NotWholeError
from tidegate.backups.credentials import (
    database_of,
    demand_scratch_name,
    private_files,
    split_address,
)
from tidegate.core.backup import Figures
from tidegate.core.secret import Secret
from tidegate.drivers.command import Completed, environment, redact, run
from tidegate.errors import ConflictError, TargetError, UsageError

if TYPE_CHECKING:
    import psycopg

_SCHEMES = ("postgresql", "postgres")
_SERVICE = "tidegate"
_ENCODING = "encoding"
_SETTINGS = (
    "SET DateStyle = 'ISO, YMD'",
    "SET IntervalStyle = 'postgres'",
    "SET TimeZone = 'UTC'",
    "SET extra_float_digits = 3",
    "SET bytea_output = 'hex'",
    "SET xmloption = 'content'",
    "SET search_path = pg_catalog",
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
    "SET row_security = off",
)
"""What the text of a row depends on; and as pg_dump, we would rather fail than see only some of the rows."""

_OURS = (
    "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_' "
    "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.tableoid AND d.objid = o.oid AND d.deptype = 'e')"
)
"""What is neither the system's nor an extension's, which comes with the extension."""
_CLASSES = f"FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace WHERE {_OURS} AND o.relkind IN "
_TABLES = (
    f"SELECT n.nspname, o.relname, o.relkind = 'S' {_CLASSES} ('r', 'S') AND o.relpersistence <> 't' ORDER BY 1, 2"
)
_OBJECTS = {
    "indexes": f"SELECT count(*) {_CLASSES} ('i', 'I')",
    "views": f"SELECT count(*) {_CLASSES} ('v', 'm')",
    "functions": f"SELECT count(*) FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace WHERE {_OURS}",  # noqa: S608
    "constraints": "SELECT count(*) FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace "  # noqa: S608
    f"WHERE o.contype <> 'n' AND {_OURS}",
    "triggers": "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal",
    "large objects": "SELECT count(*) FROM pg_largeobject_metadata",
}
_ROWS = (
    "SELECT count(*), coalesce(sum(('x' || left(h, 16))::bit(64)::bigint::numeric), 0), "
    "coalesce(sum(('x' || right(h, 16))::bit(64)::bigint::numeric), 0) "
    "FROM (SELECT md5(t::text) AS h FROM ONLY {}.{} AS t) AS hashed"
)
"""A sum over the rows does not depend on their order, and, other than an exclusive or, sees one that is there twice."""


class PostgresBackup:
    """One database of a server."""

    name = "postgres"
    suffix = ".dump"

    def __init__(self, address: Secret, scratch: Secret | None = None, where: str = "") -> None:
        """``address`` is where the database is, ``scratch`` the server on which it is restored; ``where`` their key."""
        self._where = where
        split_address(address, _SCHEMES, where)
        database_of(split_address(address, _SCHEMES, where), where)
        self._address = _plain(address)
        self._scratch = _plain(scratch) if scratch else self._address
        if scratch:
            split_address(scratch, _SCHEMES, where)

    def take(self, file: Path) -> Figures:
        """As the contract says; figures and dump are of one snapshot."""
        with self._connected(self._address) as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            snapshot = _one(connection, "SELECT pg_export_snapshot()")
            figures = _figures(connection)
            words = ["pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={file}"]
            done = self._run(self._address, None, words)
            if done.status != 0:
                raise TargetError(
                    f"pg_dump ended with {_ended(done)}",
                    where=self._where,
                    remedy="read what it says, and mend it; nothing was kept",
                )
        return figures

    def look(self, file: Path, figures: Figures) -> Look:
        """List it, and read all of it."""
        listed = run(["pg_restore", "--list", str(file)], (), LONG, where=self._where)
        if listed.status != 0:
            return Look(False, f"pg_restore cannot list it: {_ended(listed)}")
        lines = listed.stdout.decode("utf-8", "replace").splitlines()
        entries = [line for line in lines if line and not line.startswith(";")]
        tables = sum(1 for name in figures if name.startswith("table "))
        data = sum(1 for line in entries if " TABLE DATA " in line)
        if data < tables:
            return Look(False, f"it lists the data of {data} of the {tables} tables that were there when it was taken")
        read = run(["pg_restore", "--file=/dev/null", str(file)], (), LONG, where=self._where)
        if read.status != 0:
            return Look(False, f"pg_restore cannot read it: {_ended(read)}")
        return Look(
            True, f"pg_restore lists {len(entries)} entries, {data} of them data of tables, and reads all of it"
        )

    def demand_free(self, scratch: str, figures: Figures) -> None:
        """No database of that name is on the scratch server."""
        demand_scratch_name(scratch)
        with self._connected(self._scratch) as connection:
            there = connection.execute("SELECT FROM pg_database WHERE datname = %s", (scratch,)).fetchone()
        if there is not None:
            raise ConflictError(
                f"there is a database {scratch} already, and nothing is restored over it",
                where=self._where,
                remedy=f"name one that does not exist, or remove it yourself: DROP DATABASE {scratch}",
            )

    def make(self, scratch: str, figures: Figures) -> None:
        """As the contract says, with the encoding that the database had."""
        from psycopg import sql

        encoding = figures.get(_ENCODING) or "UTF8"
        with self._connected(self._scratch) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(
                    sql.Identifier(scratch), sql.Literal(encoding)
                )
            )

    def restore(self, file: Path, scratch: str) -> None:
        """As the contract says; owners and privileges are left out, since the server may not have these roles."""
        words = ["pg_restore", "--exit-on-error", "--no-owner", "--no-privileges"]
        done = self._run(self._scratch, scratch, words, str(file))
        if done.status != 0:
            with self._connected(self._scratch):
                # The server is well, so it is the backup that cannot be restored there.
                raise NotWholeError(
                    f"pg_restore ended with {_ended(done)}", where=self._where, remedy="take a new backup, and look why"
                )

    def measure(self, scratch: str) -> Figures:
        """As the contract says."""
        with self._connected(self._scratch, scratch) as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return _figures(connection)

    def remove(self, scratch: str) -> None:
        """Drop the scratch database."""
        from psycopg import sql

        with self._connected(self._scratch) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(scratch)))

    @contextlib.contextmanager
    def _connected(self, address: Secret, database: str | None = None) -> Iterator[psycopg.Connection[Any]]:
        psycopg = _client()
        try:
            with contextlib.closing(
                psycopg.connect(_conninfo(address, database), autocommit=True, connect_timeout=30)
            ) as connection:
                for setting in _SETTINGS:
                    connection.execute(setting)
                yield connection
        except psycopg.Error as error:
            said = redact(" ".join(str(error).split()), _secrets(address))
            raise TargetError(
                f"the database cannot be used: {said}", where=self._where, remedy="mend it, and repeat the command"
            ) from error

    def _run(self, address: Secret, database: str | None, words: Sequence[str], *files: str) -> Completed:
        from psycopg.conninfo import conninfo_to_dict

        given = conninfo_to_dict(_conninfo(address, database))
        password = str(given.pop("password", None) or "")
        service = "".join(f"{name}={value}\n" for name, value in given.items() if value is not None)
        files_of = {"service": f"[{_SERVICE}]\n{service}", "password": f"*:*:*:*:{_escaped(password)}\n"}
        with private_files(files_of) as directory:
            env = environment() | {"PGSERVICEFILE": str(directory / "service")}
            if password:
                env["PGPASSFILE"] = str(directory / "password")
            argv = [*words, "--no-password", f"--dbname=service={_SERVICE}", *files]
            return run(argv, (), LONG, where=self._where, secrets=_secrets(address), env=env)


def _plain(address: Secret) -> Secret:
    """The address as libpq reads it: without the driver of SQLAlchemy, ``postgresql+psycopg://``."""
    split = split_address(address, _SCHEMES, "")
    return Secret(urlunsplit(split._replace(scheme="postgresql")) if "+" in split.scheme else address.reveal())


def _secrets(address: Secret) -> list[str]:
    split = split_address(address, _SCHEMES, "")
    password = split.password or ""
    return [address.reveal(), password, unquote(password)]


def _client() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise UsageError(
            "backups of PostgreSQL need its client library", remedy="install tidegate[postgres]"
        ) from error
    return psycopg


def _conninfo(address: Secret, database: str | None = None) -> str:
    from psycopg import ProgrammingError
    from psycopg.conninfo import make_conninfo

    try:
        return make_conninfo(address.reveal(), **({"dbname": database} if database else {}))
    except ProgrammingError as error:
        # Its message would show the address.
        raise UsageError(
            "what is found there is no address of PostgreSQL", remedy="write it as postgresql://user:password@host/name"
        ) from error


def _escaped(password: str) -> str:
    return password.replace("\\", "\\\\").replace(":", "\\:")


def _ended(done: Completed) -> str:
    said = " ".join(done.stderr.split())[-400:]
    return f"{done.status}: {said}" if said else str(done.status)


def _one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def _figures(connection: psycopg.Connection[Any]) -> dict[str, str | None]:
    """Rows and a checksum of each table, and how many there are of what has no rows."""
    from psycopg import sql

    found: dict[str, str | None] = {_ENCODING: str(_one(connection, "SHOW server_encoding"))}
    found |= {name: str(_one(connection, query)) for name, query in _OBJECTS.items()}
    for schema, table, sequence in connection.execute(_TABLES).fetchall():
        if sequence:
            # Sequences keep to no snapshot, so what they are at cannot be compared.
            found[f"sequence {schema}.{table}"] = "there"
            continue
        query = sql.SQL(_ROWS).format(sql.Identifier(schema), sql.Identifier(table))
        row = connection.execute(query).fetchone()
        found[f"table {schema}.{table}"] = told_rows(*(row or (0, 0, 0)))
    return found


def told_rows(rows: object, *sums: object) -> str:
    """``12 rows, 3f0a...``: what is compared of a table."""
    return f"{rows} rows, {hashlib.sha256(','.join(map(str, sums)).encode()).hexdigest()[:32]}"
