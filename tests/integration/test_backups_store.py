"""What was done with backups, in both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.core.actor import Actor, Assurance
from tidegate.core.backup import BackupAct, BackupEntry, standing
from tidegate.core.canonical import digest
from tidegate.errors import InternalError
from tidegate.store import backups
from tidegate.store.database import Database, open_database
from tidegate.store.schema import ensure_schema

BEGIN = datetime(2026, 12, 1, tzinfo=UTC)
RITA = Actor("rita", "ssh key", Assurance.SIGNATURE)
NOTHING = digest(b"")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = open_database(database_url)
    ensure_schema(made)
    yield made
    made.close()


def put(
    database: Database, act: BackupAct, backup: str, hour: int, outcome: bool | None = True, name: str = "db"
) -> None:
    id_ = backup if act is BackupAct.TAKEN else f"{act.value}-{backup}-{hour}"
    at = BEGIN + timedelta(hours=hour)
    entry = BackupEntry(
        id_, backup, name, "production", act, at, outcome, "so\x00", "files", 5 << 40, NOTHING, NOTHING, NOTHING, "rita"
    )
    with database.write() as connection:
        backups.add(connection, entry, RITA, "", "")


def test_the_newest_of_each_name_comes_with_its_checks(database: Database) -> None:
    put(database, BackupAct.TAKEN, "a", 1)
    put(database, BackupAct.VERIFIED, "a", 2)
    put(database, BackupAct.RESTORED, "a", 3)
    put(database, BackupAct.TAKEN, "b", 10)
    put(database, BackupAct.VERIFIED, "b", 11, outcome=None)
    put(database, BackupAct.TAKEN, "c", 12, name="other")
    with database.read() as connection:
        assert backups.newest(connection, []) == []
        found = backups.newest(connection, ["db", "unknown"])
        whole = backups.every(connection, "db", "production")
    assert [entry.backup for entry in whole] == ["a", "a", "a", "b", "b"]
    (one,) = standing(found)
    assert standing(whole) == (one,)
    assert (one.id, one.size, one.offsite) == ("b", 5 << 40, None)
    assert one.verified is not None
    assert (one.verified.outcome, one.verified.said) == (None, "so\ufffd")
    assert one.restored is not None
    assert one.restored.at == BEGIN + timedelta(hours=3)


def test_a_row_says_what_it_is(database: Database) -> None:
    put(database, BackupAct.TAKEN, "a", 1)
    with pytest.raises(InternalError, match="a rule of the schema stopped a wrong record"):
        put(database, BackupAct.TAKEN, "a", 2)
