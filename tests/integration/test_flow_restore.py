"""After a backup was put back: what was done since is not known, and nobody guesses."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.flows import Organisation, organisation, prepared_sqlite
from tidegate.core.effect import EffectState
from tidegate.core.release import ReleaseState
from tidegate.core.rollout import RolloutState
from tidegate.errors import NotPermittedError, TargetError
from tidegate.orchestration import adopt, audit, restore, resuming, rollback, rollout
from tidegate.store import leases, releases, rollouts


@pytest.fixture
def on_file(tmp_path: Path) -> Organisation:
    """An organisation whose database is a file that can be copied as a backup."""
    return organisation(tmp_path / "organisation", prepared_sqlite(tmp_path / "database"))


def backup(org: Organisation) -> Path:
    path = org.house.database.path
    assert path is not None
    with org.house.database.write() as connection:
        connection.exec_driver_sql("SELECT 1")
    target = path.with_suffix(".backup")
    import sqlite3

    with sqlite3.connect(path) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
    source.close()
    copy.close()
    return target


def put_back(org: Organisation, copy: Path) -> None:
    path = org.house.database.path
    assert path is not None
    org.house.database.close()
    for old in path.parent.glob(path.name + "-*"):
        old.unlink()
    shutil.copyfile(copy, path)
    org.legs.waiting.clear()


def test_every_token_from_then_on_outranks_all_that_were_given_out(org: Organisation) -> None:
    org.released()
    with org.house.database.read() as connection:
        before = leases.token(connection, "billing", "production")
    found = restore.restored(org.house, org.claim("rita"), "the disk died")
    assert (found.epoch, found.paused, found.ended) == (2, (), 0)
    started = org.rollout(org.released("1.2.0"))
    assert before is not None
    assert (started.token.epoch, started.token.counter) == (2, 1)
    assert started.token > before
    leaf = next(leaf for leaf in org.leaves() if leaf.kind == "store.restored")
    assert (leaf.data["epoch"], leaf.data["reason"]) == (2, "the disk died")


@pytest.mark.parametrize(
    ("person", "key", "sentence"), [("alice", None, "alice may not adopt"), ("rita", "", "rita is only asserted")]
)
def test_who_may_not_say_so(org: Organisation, person: str, key: str | None, sentence: str) -> None:
    with pytest.raises(NotPermittedError, match=sentence):
        restore.restored(org.house, org.claim(person, key))
    assert org.kinds()[-1] == "store.denied"


def test_what_was_under_way_waits_for_a_person_and_is_read_back(org: Organisation) -> None:
    started = org.start(org.prepared())
    request = rollout.ask_start(org.house, org.prepared("1.2.0"), "staging", org.claim("rita"))
    org.legs.waiting.clear()
    found = restore.restored(org.house, org.claim("rita"))
    assert (found.paused, found.ended) == ((started,), 1)
    held = org.rollout(started)
    assert (held.state, held.because) == (RolloutState.PAUSED, restore.BECAUSE)
    with org.house.database.read() as connection:
        (effect,) = rollouts.effects_of(connection, held)
        assert leases.holds(connection, "billing", "production", started, held.token)
    assert (effect.state, held.token.epoch) == (EffectState.UNKNOWN, 2)
    assert org.request(request).because == restore.BECAUSE
    org.sweep()
    assert org.running() == ["absent", "absent"]
    resuming.resume(org.house, started, org.claim("rita"))
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert org.running() == ["1.1.0", "1.1.0"]


def test_a_leg_from_before_does_nothing_any_more(org: Organisation) -> None:
    started = org.start(org.prepared())
    restore.restored(org.house, org.claim("rita"))
    org.carry()
    assert org.rollout(started).state is RolloutState.PAUSED
    assert org.running() == ["absent", "absent"]


def test_what_was_done_after_the_backup_is_found_at_the_hosts(on_file: Organisation) -> None:
    org = on_file
    started = org.start(org.prepared())
    copy = backup(org)
    org.carry()
    restarts = {name: unit.restarts for name, unit in org.worlds["production"].units.items()}
    put_back(org, copy)
    assert org.rollout(started).state is RolloutState.RUNNING
    restore.restored(org.house, org.claim("rita"))
    resuming.resume(org.house, started, org.claim("rita"))
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    # Nothing was done twice: the hosts had done it, and said so.
    assert {name: unit.restarts for name, unit in org.worlds["production"].units.items()} == restarts
    assert audit.verify(org.house).holds


def test_a_release_that_the_backup_does_not_know_is_not_overwritten(on_file: Organisation) -> None:
    org = on_file
    org.released("1.1.0")
    copy = backup(org)
    org.released("1.2.0")
    put_back(org, copy)
    restore.restored(org.house, org.claim("rita"))
    with pytest.raises(TargetError, match=r"it runs 1\.2\.0 \([0-9a-f]{12}\), and the record says 1\.1\.0"):
        org.start(org.prepared("1.3.0"))
    package = adopt.adopt(org.house, "billing", "production", "1.2.0", org.claim("rita"))
    assert package.version == "1.2.0"
    org.start("billing-1.3.0")
    org.carry()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert org.running() == ["1.2.0", "1.2.0"]


def test_going_back_works_after_a_restore(org: Organisation) -> None:
    started = org.start(org.prepared())
    org.carry_one()
    restore.restored(org.house, org.claim("rita"))
    made = rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.legs.waiting = [a for a in org.legs.waiting if a["rollout"] == made]
    org.carry()
    assert (org.rollout(made).state, org.rollout(started).state) == (RolloutState.SUCCEEDED, RolloutState.ROLLED_BACK)
    assert org.running() == ["absent", "absent"]
    with org.house.database.read() as connection:
        assert releases.load(connection, "billing-1.1.0").facts.state is ReleaseState.ROLLED_BACK
