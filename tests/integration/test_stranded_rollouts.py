"""A rollout is never left running with nobody to carry it; what stops it in flight stops it at the next checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.test_break_glass import all_restarts, running
from tests.integration.test_frozen_workers import FORWARD, Worker, demand_whole, on_sqlite, prepared, start_worker
from tests.support import kill_world
from tests.support.kill_stories import STORIES
from tests.support.kill_world import RITA, World, all_is_quiet, execute
from tidegate.core.effect import EffectState
from tidegate.orchestration import audit, hold, resuming
from tidegate.store import rollouts
from tidegate.store.rollouts import EffectRow, Rollout

__all__ = ["on_sqlite", "prepared", "start_worker"]

WATCHED = STORIES["watched-rollout"]


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    kill_world.hurry(monkeypatch.setattr)
    yield
    kill_world.close_all()


def forward(world: World) -> tuple[Rollout, list[EffectRow]]:
    with world.house().database.read() as connection:
        found = rollouts.load(connection, FORWARD)
        return found, rollouts.effects_of(connection, found)


def kinds(world: World) -> list[str]:
    return [leaf.kind for leaf in audit.leaves(world.house())]


def go_on(world: World, act: Callable[..., object] = lambda _: None) -> None:
    assert execute(world, lambda _: None, act, all_is_quiet)


def strand(world: World, statement: str) -> None:
    """Do to the engine's row of the first leg what a restore, a cleaning or a fault of the engine may do."""
    with world.house().database.write() as connection:
        changed = connection.execute(sa.text(statement), {"leg": f"{FORWARD}:leg-1"})
    assert changed.rowcount == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM workflow_status WHERE workflow_uuid = :leg",
        "UPDATE workflow_status SET status = 'ERROR' WHERE workflow_uuid = :leg",
        "UPDATE workflow_status SET status = 'CANCELLED' WHERE workflow_uuid = :leg",
        "UPDATE workflow_status SET status = 'MAX_RECOVERY_ATTEMPTS_EXCEEDED' WHERE workflow_uuid = :leg",
    ],
)
def test_a_rollout_whose_leg_is_lost_is_carried_by_another(
    on_sqlite: World, start_worker: Callable[..., Worker], statement: str
) -> None:
    worker = start_worker(on_sqlite, "watched-rollout", "commit:before leg.dispatch #1")
    worker.wait_frozen()
    worker.close()
    strand(on_sqlite, statement)

    go_on(on_sqlite)

    assert forward(on_sqlite)[0].state.value == "succeeded"
    assert kinds(on_sqlite).count("rollout.stranded") == 1
    assert set(running(on_sqlite).values()) == {"0.11.0"}


def test_a_rollout_whose_leg_is_lost_again_and_again_is_paused(
    on_sqlite: World, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker(on_sqlite, "watched-rollout", "commit:before leg.dispatch #1")
    worker.wait_frozen()
    worker.close()
    house = on_sqlite.house()
    from tidegate.orchestration import leg

    for _ in range(2):
        with house.database.write() as connection:
            connection.execute(sa.text("DELETE FROM workflow_status WHERE workflow_uuid LIKE '%production.1:leg-%'"))
        leg.look_after(house, FORWARD)

    found, _ = forward(on_sqlite)
    assert found.state.value == "paused"
    assert found.because == "nobody carried it any more: leg 2 is absent"
    go_on(on_sqlite, lambda house: resuming.resume(house, FORWARD, RITA))
    assert forward(on_sqlite)[0].state.value == "succeeded"


def test_a_leg_that_is_carried_is_left_alone(on_sqlite: World, start_worker: Callable[..., Worker]) -> None:
    from tidegate.orchestration import leg

    worker = start_worker(on_sqlite, "watched-rollout", "apply:before:web1 #1")
    worker.wait_frozen()
    before = forward(on_sqlite)

    leg.look_after(on_sqlite.house(), FORWARD)

    assert forward(on_sqlite) == before
    worker.thaw()
    assert worker.wait() == 0


def test_a_hold_that_comes_in_flight_stops_it_at_the_next_checkpoint(
    on_sqlite: World, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker(on_sqlite, "watched-rollout", "apply:before:web1 #1")
    worker.wait_frozen()
    hold.add(on_sqlite.house(), on_sqlite.claim("rita"), "stop the line", environment="production")
    worker.thaw()
    assert worker.wait() == 0

    found, effects = forward(on_sqlite)

    assert found.state.value == "paused"
    assert "stop the line" in found.because
    assert {(row.effect.unit, row.state) for row in effects} == {
        ("web1", EffectState.CONFIRMED),
        ("web2", EffectState.CONFIRMED),
    }
    assert running(on_sqlite) == {"web1": "0.11.0", "web2": "0.11.0", "web3": "0.10.0"}


def test_what_was_paused_before_its_watch_began_is_watched_when_it_is_resumed(
    on_sqlite: World, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker(on_sqlite, "watched-rollout", "apply:before:web3 #1")
    worker.wait_frozen()
    resuming.pause_by_person(on_sqlite.house(), FORWARD, RITA, "let me see")
    worker.thaw()
    assert worker.wait() == 0
    found, effects = forward(on_sqlite)
    assert (found.state.value, found.because, found.wave) == ("paused", "let me see", 1)
    assert {row.state for row in effects} == {EffectState.CONFIRMED}
    watched = kinds(on_sqlite).count("wave.confirmed")

    go_on(on_sqlite, lambda house: resuming.resume(house, FORWARD, RITA))

    assert forward(on_sqlite)[0].state.value == "succeeded"
    assert kinds(on_sqlite).count("wave.confirmed") == watched + 1
    demand_whole(on_sqlite, WATCHED)


def test_what_was_dispatched_when_it_was_paused_and_killed_is_read_back(
    on_sqlite: World, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker(on_sqlite, "watched-rollout", "commit:before leg.conclude #1")
    worker.wait_frozen()
    worker.close()
    resuming.pause_by_person(on_sqlite.house(), FORWARD, RITA, "let me see")
    assert {row.state for row in forward(on_sqlite)[1]} == {EffectState.DISPATCHED}

    go_on(on_sqlite)

    found, effects = forward(on_sqlite)
    assert found.state.value == "paused"
    assert {row.state for row in effects} == {EffectState.CONFIRMED}
    before = all_restarts(on_sqlite)
    go_on(on_sqlite, lambda house: resuming.resume(house, FORWARD, RITA))
    assert {unit: done for unit, done in all_restarts(on_sqlite).items() if unit != "web3"} == {
        unit: done for unit, done in before.items() if unit != "web3"
    }
    demand_whole(on_sqlite, WATCHED)


def test_a_unit_that_has_seen_a_higher_token_pauses_it_and_resuming_outranks_it(
    on_sqlite: World, tmp_path: Path
) -> None:
    """As after a database was restored without saying so: the units remember what it does not."""
    from tests.integration.test_break_glass import settings
    from tidegate.core.effect import Token

    driver = on_sqlite.driver("shop", "production", settings(on_sqlite.house()))
    driver.write_way_back("web2", b"{}", Token(1, 40))

    go_on(on_sqlite, lambda house: WATCHED.tell(on_sqlite, house))

    found, effects = forward(on_sqlite)
    assert found.state.value == "paused"
    assert "is outranked by [1, 40, 0], which this host has seen" in found.because
    assert {row.state for row in effects} == {EffectState.INTENDED}
    go_on(on_sqlite, lambda house: resuming.resume(house, FORWARD, RITA))
    found, _ = forward(on_sqlite)
    assert (found.state.value, str(found.token)) == ("succeeded", "1.41")
    demand_whole(on_sqlite, WATCHED)
