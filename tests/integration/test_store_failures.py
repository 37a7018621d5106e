"""A database that is held, gone or full: nothing is changed, and the sentence says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests.support.flows import Organisation, organisation, prepared_postgres, prepared_sqlite
from tests.support.postgres import PostgresServer
from tidegate.core.approval import Answer
from tidegate.core.effect import EffectEvent
from tidegate.errors import NotPermittedError, StoreBusyError, StoreError
from tidegate.orchestration import approval, hold, rollout
from tidegate.orchestration.identity import Claim
from tidegate.store import database as database_module
from tidegate.store import locks, requests, rollouts


@pytest.fixture
def on_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Organisation]:
    """An organisation on SQLite that does not wait long for a lock."""
    monkeypatch.setattr(database_module, "SQLITE_BUSY_S", 0.2)
    org = organisation(tmp_path / "organisation", prepared_sqlite(tmp_path / "database"))
    yield org
    org.house.database.close()


@pytest.fixture
def on_server(
    tmp_path: Path, own_postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Organisation, PostgresServer]]:
    """An organisation on a PostgreSQL of its own, that does not wait long for a lock."""
    monkeypatch.setattr(database_module, "POSTGRES_LOCK_MS", 200)
    org = organisation(tmp_path / "organisation", prepared_postgres(own_postgres_server))
    yield org, own_postgres_server
    org.house.database.close()


def test_a_file_that_another_process_holds(on_file: Organisation) -> None:
    org = on_file
    release = org.prepared()
    before = org.counts()
    holder = sqlite3.connect(str(org.house.database.path), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    acts = (
        lambda: org.start(release),
        lambda: approval.answer(org.house, release, "production", org.claim("rita"), Answer.APPROVE),
        lambda: hold.add(org.house, org.claim("rita"), "stop"),
    )
    for act in acts:
        with pytest.raises(StoreBusyError, match="the database is locked by another process") as caught:
            act()
        assert (caught.value.exit_code, caught.value.where) == (6, str(org.house.database.path))
        assert caught.value.remedy
    # Reading goes on, and so does a check.
    assert org.decide(release).allowed
    holder.execute("ROLLBACK")
    holder.close()
    assert org.counts() == before
    assert org.start(release)


def test_a_refusal_that_cannot_be_recorded_is_still_the_refusal(on_file: Organisation) -> None:
    org = on_file
    release = org.open()
    holder = sqlite3.connect(str(org.house.database.path), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotPermittedError, match='the policy knows no person "zoe"'):
        approval.answer(org.house, release, "production", Claim("zoe"), Answer.APPROVE)
    holder.execute("ROLLBACK")
    holder.close()
    assert "approval.denied" not in org.kinds()


def test_rows_that_another_process_holds(on_server: tuple[Organisation, PostgresServer]) -> None:
    org, _ = on_server
    release = org.prepared()
    before = org.counts()
    with psycopg.connect(org.url.replace("postgresql+psycopg://", "postgresql://")) as holder:
        holder.execute("SELECT * FROM tg_head FOR UPDATE")
        with pytest.raises(StoreBusyError, match="the database is locked by another process") as caught:
            org.start(release)
        assert caught.value.exit_code == 6
        holder.rollback()
    assert org.counts() == before
    assert org.legs.waiting == []
    assert org.start(release)


def test_a_server_that_is_stopped(on_server: tuple[Organisation, PostgresServer]) -> None:
    org, server = on_server
    release = org.prepared()
    before = org.counts()
    server.stop()
    for _ in range(2):
        with pytest.raises(StoreError, match="the server cannot be reached") as caught:
            org.start(release)
        assert (caught.value.exit_code, caught.value.remedy) == (1, "Start it, or mend the URL.")
        assert "tidegate@" not in str(caught.value)
    assert all(unit.token is None for unit in org.worlds["production"].units.values())
    server.start()
    assert org.counts() == before
    org.start(release)
    org.carry()
    assert org.running() == ["1.1.0", "1.1.0"]


def test_a_server_that_dies_in_the_middle_of_a_start(
    on_server: tuple[Organisation, PostgresServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    org, server = on_server
    release = org.prepared()
    before = org.counts()

    def die(point: str) -> None:
        if point == "commit:before":
            monkeypatch.undo()
            server.kill()

    monkeypatch.setattr(org.house.database, "at", die)
    with pytest.raises(
        StoreError, match="the connection was lost while committing: whether it was recorded is not known"
    ):
        org.start(release)
    server.start()
    assert org.counts() == before
    assert org.start(release)


def test_a_disk_that_is_full_in_the_middle_of_a_start(on_file: Organisation) -> None:
    org = on_file
    release = org.prepared()
    before = org.counts()
    engine = org.house.database._main()

    def fill(connection: sa.Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    sa.event.listen(engine, "begin", fill)
    with pytest.raises(StoreError, match="the disk is full: nothing was recorded") as caught:
        org.start(release)
    assert caught.value.remedy == "Free some space, then repeat the command."
    sa.event.remove(engine, "begin", fill)
    org.house.database.close()
    assert org.counts() == before
    assert org.legs.waiting == []
    assert org.start(release)


def test_a_package_that_does_not_fit_leaves_nothing_half_written(
    on_file: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidegate.orchestration import release

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = on_file.counts()
    monkeypatch.setattr(release, "build_package", full)
    with pytest.raises(StoreError, match="the package cannot be kept: No space left on device") as caught:
        on_file.open()
    assert caught.value.where == str(on_file.house.packages)
    assert list(on_file.house.packages.iterdir()) == []
    assert on_file.counts() == before


def test_a_locked_release_does_not_hold_up_the_rows_that_refer_to_it(
    on_server: tuple[Organisation, PostgresServer],
) -> None:
    # Against the order of the locks: whoever holds the release may be waiting for such a row.
    org, _ = on_server
    request = rollout.ask_start(org.house, org.prepared(), "production", org.claim("rita"))
    with org.house.database.write() as holder, org.house.database.write() as other:
        locks.lock_release(holder, "billing-1.1.0")
        for _ in range(2):
            assert requests.claim(other, request, org.clock.now, org.clock.now)
            requests.postpone(other, request, org.clock.now, "twice", claimed_until=org.clock.now)
    assert org.request(request).because == "twice"


def test_a_locked_rollout_does_not_hold_up_its_effects(on_server: tuple[Organisation, PostgresServer]) -> None:
    org, _ = on_server
    started = org.rollout(org.start(org.prepared()))
    with org.house.database.write() as holder, org.house.database.write() as other:
        rollouts.load(holder, started.id, lock=True)
        (row,) = rollouts.effects_of(other, started)
        dispatched = rollouts.move_effect(other, row, EffectEvent.DISPATCH, org.clock.now)
        rollouts.move_effect(other, dispatched, EffectEvent.LOSE_SIGHT, org.clock.now)
