"""Workers that are frozen past their lease, cut off from their store, or killed beside an agent that goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.test_break_glass import all_restarts, break_glass, demand_told
from tests.support import kill_world
from tests.support.compose import why_no_compose
from tests.support.docker import why_no_docker
from tests.support.haproxy import why_no_haproxy
from tests.support.kill_checks import problems, restarts
from tests.support.kill_stories import STORIES, Story
from tests.support.kill_world import UNITS, World, all_is_quiet, execute
from tests.support.patience import PATIENCE_S
from tests.support.postgres import PostgresServer
from tests.support.processes import PROJECT
from tests.support.registry import why_no_registry
from tidegate.core.effect import EffectState
from tidegate.orchestration import audit
from tidegate.orchestration.executor import until
from tidegate.store import rollouts

LEASE_S = 1.0
FORWARD = "shop-0.11.0.production.1"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> World:
    """0.10.0 runs, and 0.11.0 may go; on SQLite."""
    world = World(tmp_path_factory.mktemp("prepared") / "w", forked=False)
    world.directory.mkdir()
    kill_world.found(world)
    kill_world.prepare(world, files={})
    return world


@pytest.fixture(autouse=True)
def databases_closed() -> Iterator[None]:
    """Before the server of the test is stopped."""
    yield
    kill_world.close_all()


@pytest.fixture
def on_sqlite(prepared: World, tmp_path: Path) -> World:
    world = World(tmp_path / "w", forked=False)
    kill_world.copy(prepared.directory, world.directory)
    return world


@pytest.fixture(scope="module")
def prepared_on_postgres(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same on PostgreSQL, to be copied."""
    world = World(tmp_path_factory.mktemp("postgres") / "w", postgres_server.fresh_database("frozen"), forked=False)
    world.directory.mkdir()
    kill_world.found(world)
    kill_world.prepare(world, files={})
    kill_world.close_all()
    return world


@pytest.fixture
def on_postgres(prepared_on_postgres: World, postgres_server: PostgresServer, tmp_path: Path) -> Iterator[World]:
    template = prepared_on_postgres.url.partition("@/")[2].partition("?")[0]
    world = World(tmp_path / "w", postgres_server.fresh_database("thawed", template=template), forked=False)
    kill_world.copy(prepared_on_postgres.directory, world.directory)
    yield world
    kill_world.close_all()
    postgres_server.drop_database(world.url)


@pytest.fixture
def on_own_postgres(own_postgres_server: PostgresServer, tmp_path: Path) -> Iterator[World]:
    """On a server that the test may stop."""
    world = World(tmp_path / "w", own_postgres_server.fresh_database("world"), forked=False)
    world.directory.mkdir()
    kill_world.found(world)
    kill_world.prepare(world, files={})
    yield world
    kill_world.close_all()


@pytest.fixture
def start_world(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Callable[[Story], World]]:
    """Makes the world of a story that needs more than hosts, on PostgreSQL, with what stands around it."""
    with contextlib.ExitStack() as stack:

        def start(story: Story) -> World:
            around = stack.enter_context(story.around(tmp_path / "around"))
            world = World(tmp_path / "w", postgres_server.fresh_database("around"), forked=False)
            world.directory.mkdir()
            around.begin(world)
            stack.callback(postgres_server.drop_database, world.url)
            stack.callback(around.remove, world)
            stack.callback(kill_world.close_all)
            kill_world.found(world, story.policy, story.first, story.also_in)
            kill_world.prepare(world, files=story.files)
            kill_world.close_all()
            return world

        yield start


class Worker:
    """A worker of ``kill_worker`` in a process of its own."""

    def __init__(self, world: World, story: str, point: str = "none", *, lease_s: float = LEASE_S) -> None:
        command = [sys.executable, "-m", "tests.support.kill_worker", story, point, "SIGSTOP"]
        self.said = world.directory / f"said-{story}-{os.urandom(4).hex()}"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [*command, str(world.directory), world.url, str(lease_s)],
                cwd=PROJECT,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    @property
    def points(self) -> list[str]:
        """The points it has passed."""
        return self.said.read_text().splitlines()

    def frozen(self) -> bool:
        """Whether it has stopped itself by now."""
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].startswith("T")

    def wait_frozen(self) -> None:
        assert until(lambda: self.process.poll() is not None or self.frozen(), PATIENCE_S), self.points
        assert self.process.poll() is None, self.points

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def wait(self) -> int:
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def start_worker() -> Iterator[Callable[..., Worker]]:
    """Starts workers, and ends them with the test."""
    with contextlib.ExitStack() as stack:

        def start(*words: object, **more: object) -> Worker:
            worker = Worker(*words, **more)  # type: ignore[arg-type]
            stack.callback(worker.close)
            return worker

        yield start


def demand_whole(world: World, story: Story) -> None:
    assert problems(world, story, world.house(), None) == []


# ---------------------------------------------------------------------------------------------- frozen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("story", "point"),
    [
        ("watched-rollout", "apply:before:web1 #1"),
        pytest.param("watched-rollout", "apply:after:web1 #1", marks=pytest.mark.thorough),
        pytest.param("watched-rollout", "commit:before leg.dispatch #1", marks=pytest.mark.thorough),
        # Its waves are carried by one leg: the other has carried a later one of it when this one wakes.
        ("rollout", "commit:before leg.conclude #1"),
        # Its fence is the store: what holds the late one back is the journal on the machine of both.
        pytest.param("scripted", "apply:before:web1 #1", marks=pytest.mark.thorough),
        # The cluster itself: who writes under a lower token is refused.
        ("cluster", "apply:before:web1 #1"),
    ],
)
def test_a_worker_that_slept_past_its_lease_does_nothing_twice(
    on_postgres: World, start_worker: Callable[..., Worker], story: str, point: str, tmp_path: Path
) -> None:
    with STORIES[story].around(tmp_path / "around"):
        _sleep_past_the_lease(on_postgres, start_worker, story, point)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("story", "point"),
    [
        pytest.param("databases", "apply:before:database #1", marks=pytest.mark.thorough),
        # Its lock is lost with its session, and then it is refused; a file that is run is run once.
        pytest.param("databases", "migrate:after:token #1", marks=pytest.mark.thorough),
        ("databases", "migrate:before:mark #1"),
        # The journal beside the engine knows the key.
        pytest.param("compose", "apply:before:web1 #1", marks=pytest.mark.thorough),
        # HAProxy keeps the token that came after.
        ("blue-green", "apply:before:traffic #1"),
        pytest.param("blue-green", "apply:before:web2 #1", marks=pytest.mark.thorough),
    ],
)
def test_a_worker_that_slept_before_what_stands_around_it_does_nothing_twice(
    start_world: Callable[[Story], World], start_worker: Callable[..., Worker], story: str, point: str
) -> None:
    told = STORIES[story]
    if story == "compose" and (reason := why_no_docker() or why_no_compose() or why_no_registry()):
        pytest.skip(reason)
    if story == "blue-green" and (reason := why_no_haproxy()):
        pytest.skip(reason)
    world = start_world(told)
    _sleep_past_the_lease(world, start_worker, story, point)


def _sleep_past_the_lease(on_postgres: World, start_worker: Callable[..., Worker], story: str, point: str) -> None:
    slept = start_worker(on_postgres, story, point)
    slept.wait_frozen()
    # A transaction that was left open is ended by the server in the end; until then its row locks are waited for.
    assert start_worker(on_postgres, story).wait() == 0
    before, around = all_restarts(on_postgres), STORIES[story].tells(on_postgres, on_postgres.house())

    slept.thaw()

    # Given up by the others it ends itself, unless it sees first that there is nothing left to do.
    assert slept.wait() in (75, 0), slept.points
    assert all_restarts(on_postgres) == before
    assert STORIES[story].tells(on_postgres, on_postgres.house()) == around
    demand_whole(on_postgres, STORIES[story])


@pytest.mark.slow
def test_a_worker_that_wakes_after_a_rollback_is_refused_by_the_unit(
    on_postgres: World, start_worker: Callable[..., Worker]
) -> None:
    # It beats so seldom that it does not notice how it was given up: nobody but the unit can stop it.
    slept = start_worker(on_postgres, "watched-rollout", "apply:before:web1 #1", lease_s=100.0)
    slept.wait_frozen()
    assert start_worker(on_postgres, "rollback").wait() == 0
    (on_postgres.directory / "stay").touch()
    before = all_restarts(on_postgres)
    passed = len(slept.points)

    slept.thaw()

    # Its call raises, and so it looks; then it commits what it saw.
    assert until(lambda: any(p.startswith("observe:before:web1") for p in slept.points[passed:]), PATIENCE_S)
    assert until(lambda: any(p.startswith("commit:after leg.conclude") for p in slept.points[passed:]), PATIENCE_S)
    slept.close()
    assert "apply:after:web1 #1" not in slept.points
    assert all_restarts(on_postgres) == before
    assert not any(version == "0.11.0" for version, _ in before["web1"])
    demand_whole(on_postgres, STORIES["rollback"])
    house = on_postgres.house()
    with house.database.read() as connection:
        effects = rollouts.effects_of(connection, rollouts.load(connection, FORWARD))
    assert {row.effect.unit: row.state for row in effects}["web1"] is EffectState.OVERTAKEN


def test_a_frozen_executor_on_sqlite_is_refused_after_the_glass_was_broken(
    on_sqlite: World, start_worker: Callable[..., Worker]
) -> None:
    """It holds the executor's lock, so nobody can execute a rollback; breaking the glass does not need it."""
    slept = start_worker(on_sqlite, "watched-rollout", "apply:before:web1 #1")
    slept.wait_frozen()

    results = break_glass(on_sqlite)

    assert {r.finding.value for r in results} == {"confirmed"}
    before = all_restarts(on_sqlite)
    slept.thaw()
    assert slept.wait() == 0
    assert "apply:after:web1 #1" not in slept.points
    assert all_restarts(on_sqlite) == before
    assert not any(version == "0.11.0" for version, _ in before["web1"])
    demand_told(on_sqlite, on_sqlite.house())


# ---------------------------------------------------------------------------------------------- the store is gone


@pytest.mark.slow
def test_a_rollout_whose_server_went_away_goes_on_when_it_is_back(
    on_own_postgres: World, own_postgres_server: PostgresServer, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker(on_own_postgres, "watched-rollout", "apply:before:web1 #1", lease_s=5.0)
    worker.wait_frozen()
    own_postgres_server.stop()
    worker.thaw()
    # What it was about to do it does, and can tell nobody.
    assert until(lambda: "apply:after:web1 #1" in worker.points, PATIENCE_S), worker.points
    own_postgres_server.start()

    assert worker.wait() == 0, worker.points[-30:]

    demand_whole(on_own_postgres, STORIES["watched-rollout"])


@pytest.mark.slow
def test_without_its_server_it_is_taken_back_and_the_worker_finds_itself_overtaken(
    on_own_postgres: World, own_postgres_server: PostgresServer, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker(on_own_postgres, "watched-rollout", "commit:before leg.conclude #1", lease_s=5.0)
    worker.wait_frozen()
    own_postgres_server.stop()

    results = break_glass(on_own_postgres)

    assert {r.finding.value for r in results} == {"confirmed"}
    before = all_restarts(on_own_postgres)
    worker.thaw()
    own_postgres_server.start()
    assert worker.wait() == 0, worker.points[-30:]
    assert all_restarts(on_own_postgres) == before
    demand_told(on_own_postgres, on_own_postgres.house())


# ---------------------------------------------------------------------------------------------- the agent


def last_stage(world: World, unit: str) -> str:
    lines = (world.hosts / "production" / unit / ".tidegate" / "journal.jsonl").read_text().splitlines()
    return str(json.loads(lines[-1])["stage"]) if lines else ""


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (place / "stat").read_text().rpartition(") ")[2].split()
            if int(fields[1]) == pid:
                found.append(int(place.name))
    return found


def test_an_agent_whose_parent_was_killed_ends_its_act_and_the_next_worker_sees_it(
    on_sqlite: World, start_worker: Callable[..., Worker]
) -> None:
    slow = on_sqlite.hosts / "production" / "web1.slow"
    slow.touch()
    worker = start_worker(on_sqlite, "watched-rollout")
    assert until(lambda: last_stage(on_sqlite, "web1") == "restarting", PATIENCE_S)
    worker.process.kill()
    worker.wait()
    successor = start_worker(on_sqlite, "watched-rollout")
    assert until(lambda: any(p.startswith("observe:before:web1") for p in successor.points), PATIENCE_S)
    slow.unlink()

    assert successor.wait() == 0

    demand_whole(on_sqlite, STORIES["watched-rollout"])


def test_an_agent_that_was_killed_in_a_restart_is_given_a_new_attempt_under_a_new_key(
    on_sqlite: World, start_worker: Callable[..., Worker]
) -> None:
    slow = on_sqlite.hosts / "production" / "web1.slow"
    slow.touch()
    worker = start_worker(on_sqlite, "watched-rollout")
    assert until(lambda: last_stage(on_sqlite, "web1") == "restarting", PATIENCE_S)
    assert until(lambda: "apply:after:web2 #1" in worker.points, PATIENCE_S)
    (agent,) = children(worker.process.pid)
    os.kill(agent, signal.SIGKILL)
    slow.unlink()

    assert worker.wait() == 0, worker.points[-30:]

    keys = [key for version, key in restarts(on_sqlite.hosts / "production" / "web1") if version == "0.11.0"]
    assert keys == [f"{FORWARD}:wave-1:web1:1", f"{FORWARD}:wave-1:web1:2"]
    house = on_sqlite.house()
    with house.database.read() as connection:
        effects = rollouts.effects_of(connection, rollouts.load(connection, FORWARD))
    states = {(row.effect.unit, row.effect.attempt): (row.state, row.detail) for row in effects}
    assert states["web1", 1] == (EffectState.FAILED, _interrupted("web1"))
    assert states["web1", 2][0] is EffectState.CONFIRMED
    assert rollouts_state(on_sqlite) == "succeeded"


def _interrupted(unit: str) -> str:
    return f"interrupted while restarting: {unit}: the agent ended without an answer (status -9): it said nothing"


def rollouts_state(world: World) -> str:
    house = world.house()
    with house.database.read() as connection:
        return rollouts.load(connection, FORWARD).state.value


def test_a_restart_that_is_always_interrupted_ends_in_a_pause(
    on_sqlite: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.support.hosts import dying_agent

    world = World(on_sqlite.directory, forked=False, agent=dying_agent("restarting"))
    kill_world.hurry(monkeypatch.setattr)
    assert execute(world, lambda _: None, lambda house: STORIES["watched-rollout"].tell(world, house), all_is_quiet)
    assert rollouts_state(world) == "paused"
    house = world.house()
    with house.database.read() as connection:
        rollout = rollouts.load(connection, FORWARD)
        effects = rollouts.effects_of(connection, rollout, 0)
    assert [(row.effect.unit, row.effect.attempt) for row in effects] == [(u, n) for u in UNITS[:2] for n in (1, 2, 3)]
    assert {row.detail for row in effects} == {_interrupted(unit) for unit in UNITS[:2]}
    assert rollout.because == "; ".join(f"{unit}: {_interrupted(unit)}" for unit in UNITS[:2])
    assert [leaf.kind for leaf in audit.leaves(house)].count("rollback.started") == 0
