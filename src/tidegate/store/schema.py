"""The schema: created and brought up to date once, safely when several processes come at once."""

from __future__ import annotations

import secrets
from pathlib import Path

import sqlalchemy as sa

from tidegate.core.merkle import Frontier
from tidegate.errors import StoreError
from tidegate.store import tables
from tidegate.store.database import Database

HEAD = "0019"
"""The revision that this version of Tidegate works on: the newest file under ``migrations/versions``."""

_MIGRATION_LOCK = 0x7469_6465
"""The key of PostgreSQL's advisory lock under which one process migrates."""


def ensure_schema(database: Database) -> None:
    """Create the tables, or bring them up to :data:`HEAD`; costs one look where there is nothing to do.

    Raises:
        StoreError: the database is of a newer Tidegate, or cannot be written.
    """
    if revision(database) == HEAD:
        return
    # Before the transaction: PostgreSQL ends one that stands idle, and the first import takes its time.
    import alembic.command  # noqa: F401

    with database.write() as connection:
        if database.kind == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        _upgrade(connection)
        _first_rows(connection)


def ours(_object: object, name: str | None, kind: str, reflected: bool, _compare_to: object) -> bool:
    """Whether a table is Alembic's to care for: the engine's lie in the same database, ``tg_executor`` among them."""
    return not (kind == "table" and reflected and name not in tables.metadata.tables)


def revision(database: Database) -> str | None:
    """The revision of the tables as they are; None: there are none. Nothing is created.

    Raises:
        StoreError: the database cannot be reached.
    """
    if database.path is not None and not database.path.exists():
        return None
    with database.read() as connection:
        return _revision_on(connection)


def _revision_on(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("tg_schema"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM tg_schema")).scalar()


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            f"the database has schema {_revision_on(connection)}, which this version of Tidegate does not know",
            where=str(connection.engine.url.database),
            remedy="use the version of Tidegate that wrote it, or a newer one",
        ) from error


def _first_rows(connection: sa.Connection) -> None:
    if connection.execute(sa.select(tables.head.c.id)).first() is not None:
        return
    connection.execute(sa.insert(tables.head).values(id=1, size=0, frontier=Frontier().encode(), last_at=""))
    origin = f"tidegate/{secrets.token_hex(8)}"
    for name, value in (("organization", ""), ("epoch", "1"), ("origin", origin)):
        connection.execute(sa.insert(tables.meta).values(name=name, value=value))
