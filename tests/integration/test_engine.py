"""Legs: enqueued with a decision, run once woken, and brought back after whatever happened to their process."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_S
from tests.support.postgres import PostgresServer
from tidegate.engine import lease
from tidegate.engine.lease import Lease, Observer
from tidegate.engine.legs import Body, Json, Leg, LegInterrupted, LegState
from tidegate.engine.queue import LegQueue
from tidegate.engine.runner import EXIT_LEASE_LOST, Engine
from tidegate.errors import ConflictError, InternalError, StoreError
from tidegate.store.database import Database, open_database
from tidegate.store.election import ExecutorLock

WORKER = Path(__file__).parents[1] / "support" / "leg_worker.py"
SHORT_LEASE_S = 1.0


def migrate(url: str) -> None:
    """Create the engine's tables."""
    database = open_database(url)
    queue = LegQueue(database)
    queue.migrate()
    queue.close()
    database.close()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a PostgreSQL database that has the engine's tables."""
    url = postgres_server.prepared_database("engine", migrate)
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate(database_url)
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def on_server(postgres_url: str) -> Iterator[Database]:
    opened = open_database(postgres_url)
    yield opened
    opened.close()


def until(condition: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Wait until ``condition`` holds; the limit is only there so that a broken test ends."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


class Running:
    """An engine in this process, with its lock where it needs one."""

    def __init__(self, database: Database, legs: Mapping[str, Body], tmp_path: Path, **settings: object) -> None:
        self.database = database
        self.lock = ExecutorLock(tmp_path / "executor.lock")
        assert self.lock.try_acquire()
        self.engine = Engine(database, legs, lock=self.lock, **settings)  # type: ignore[arg-type]

    def __enter__(self) -> Engine:
        self.engine.launch()
        return self.engine

    def __exit__(self, *_: object) -> None:
        self.engine.close(timeout_s=1)
        self.lock.release()


def enqueue(engine: Engine | LegQueue, database: Database, leg_id: str, argument: Json, name: str = "leg.v1") -> None:
    with database.write() as connection:
        engine.enqueue(connection, name, leg_id, argument)


def ended(engine: Engine, leg_id: str) -> bool:
    return engine.status(leg_id).state in (LegState.DONE, LegState.FAILED)


def doubled(leg: Leg, argument: Json) -> Json:
    return {"n": leg.step("double", lambda: 2 * argument["n"])}


def test_a_leg_exists_with_its_transaction_or_not_at_all(database: Database, tmp_path: Path) -> None:
    queue = LegQueue(database)

    def fail() -> None:
        with database.write() as connection:
            queue.enqueue(connection, "leg.v1", "undone", {"n": 1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    enqueue(queue, database, "done", {"n": 4})
    assert queue.status("undone").state is LegState.ABSENT
    assert queue.status("done").state is LegState.QUEUED
    with Running(database, {"leg.v1": doubled}, tmp_path) as engine:
        until(lambda: ended(engine, "done"))
        assert engine.status("done").result == {"n": 8}
        assert engine.status("undone").state is LegState.ABSENT
    queue.close()


def test_a_leg_runs_once_per_id_for_ever(database: Database, tmp_path: Path) -> None:
    runs: list[int] = []

    def body(leg: Leg, argument: Json) -> Json:
        leg.step("note", lambda: runs.append(argument["n"]))
        return {}

    with Running(database, {"leg.v1": body}, tmp_path) as engine:
        enqueue(engine, database, "a", {"n": 1})
        enqueue(engine, database, "a", {"n": 2})
        until(lambda: ended(engine, "a"))
        enqueue(engine, database, "a", {"n": 3})
        enqueue(engine, database, "b", {"n": 4})
        until(lambda: ended(engine, "b"))
    assert runs == [1, 4]


def test_the_process_that_commits_wakes_its_engine(database: Database, tmp_path: Path) -> None:
    # The next poll is ten minutes away: only a wake-up can start the leg.
    with Running(database, {"leg.v1": doubled}, tmp_path, poll_s=600.0) as engine:
        for number in range(5):
            enqueue(engine, database, f"leg {number}", {"n": number})
            until(functools.partial(ended, engine, f"leg {number}"))
            assert engine.status(f"leg {number}").result == {"n": 2 * number}


def test_another_process_is_heard_by_polling(database: Database, tmp_path: Path) -> None:
    with Running(database, {"leg.v1": doubled}, tmp_path, poll_s=0.05) as engine:
        stranger = LegQueue(database)
        enqueue(stranger, database, "from afar", {"n": 1})
        until(lambda: ended(engine, "from afar"))
        assert engine.status("from afar").result == {"n": 2}
        stranger.close()


def test_an_error_ends_the_leg_and_is_the_same_at_each_run(database: Database, tmp_path: Path) -> None:
    seen: list[str] = []

    def refuse() -> None:
        raise ConflictError("web-1 is held by another", where="web-1", remedy="Wait for it.")

    def body(leg: Leg, argument: Json) -> Json:
        try:
            leg.step("refuse", refuse)
        except ConflictError as error:
            seen.append(f"{error} | {error.remedy}")
        leg.step("break", lambda: 1 / 0)
        return {}

    with Running(database, {"leg.v1": body}, tmp_path) as engine:
        enqueue(engine, database, "a", {})
        until(lambda: ended(engine, "a"))
        report = engine.status("a")
    assert seen == ["web-1: web-1 is held by another | Wait for it."]
    assert report.state is LegState.FAILED
    assert "ZeroDivisionError: division by zero" in report.error


def test_a_step_waits_out_a_store_that_fails(database: Database, tmp_path: Path) -> None:
    attempts: list[int] = []

    def act() -> int:
        attempts.append(1)
        if len(attempts) < 3:
            raise StoreError("the disk is full", remedy="Free some space.")
        return len(attempts)

    with Running(database, {"leg.v1": lambda leg, _: {"n": leg.step("act", act)}}, tmp_path) as engine:
        enqueue(engine, database, "a", {})
        until(lambda: ended(engine, "a"))
        assert engine.status("a").result == {"n": 3}


def test_a_leg_whose_body_met_a_failing_store_is_brought_back(database: Database, tmp_path: Path) -> None:
    runs: list[str] = []

    def body(leg: Leg, argument: Json) -> Json:
        leg.step("act", lambda: runs.append("act"))
        runs.append("between")
        if runs.count("between") == 1:
            raise StoreError("the disk is full", remedy="Free some space.")
        return {}

    with Running(database, {"leg.v1": body}, tmp_path, lease_s=SHORT_LEASE_S) as engine:
        enqueue(engine, database, "a", {})
        until(lambda: ended(engine, "a"))
        assert engine.status("a").state is LegState.DONE
    assert runs == ["act", "between", "between"]


def test_what_was_interrupted_goes_on_in_the_next_engine(database: Database, tmp_path: Path) -> None:
    begun, free, ran = threading.Event(), threading.Event(), []

    def body(leg: Leg, argument: Json) -> Json:
        leg.step("first", lambda: ran.append("first"))
        begun.set()
        free.wait(PATIENCE_S)
        leg.step("second", lambda: ran.append("second"))
        return {"ran": len(ran)}

    running = Running(database, {"leg.v1": body}, tmp_path)
    with running as engine:
        enqueue(engine, database, "a", {})
        assert begun.wait(PATIENCE_S)
        closing = threading.Thread(target=running.engine.close)
        closing.start()
        until(engine._stopping.is_set)
        free.set()
        closing.join()
    assert ran == ["first"]
    with Running(database, {"leg.v1": body}, tmp_path, lease_s=SHORT_LEASE_S) as engine:
        until(lambda: ended(engine, "a"))
        assert engine.status("a").result == {"ran": 2}


def test_urgent_legs_do_not_wait_behind_others(database: Database, tmp_path: Path) -> None:
    free = threading.Event()
    legs: dict[str, Body] = {
        "slow.v1": lambda leg, _: {"freed": leg.step("wait", free.wait)},
        "back.v1": doubled,
    }
    with Running(database, legs, tmp_path, threads=1, urgent={"back.v1"}) as engine:
        enqueue(engine, database, "slow", {}, "slow.v1")
        enqueue(engine, database, "slower", {}, "slow.v1")
        enqueue(engine, database, "back", {"n": 1}, "back.v1")
        until(lambda: ended(engine, "back"))
        assert engine.status("slow").state is LegState.RUNNING
        free.set()
        until(lambda: ended(engine, "slower"))


@pytest.fixture
def no_autovacuum(postgres_server: PostgresServer) -> Iterator[None]:
    """Keep the server from transactions of its own, which would be counted."""
    database = open_database(postgres_server.url("postgres"))
    for statement in ("ALTER SYSTEM SET autovacuum = off", "ALTER SYSTEM RESET autovacuum"):
        with database.engine_of_workflows().connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql(statement)
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        if statement.endswith("off"):
            yield
    database.close()


def commits(database: Database) -> int:
    """How many writing transactions were ever committed: commit frames in SQLite's log, or PostgreSQL's next number."""
    if database.path is None:
        with database.write() as connection:
            return int(str(connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar_one()))
    log = Path(f"{database.path}-wal").read_bytes()
    page = int.from_bytes(log[8:12])
    frames = [log[start : start + 24] for start in range(32, len(log), 24 + page)]
    return sum(1 for frame in frames if frame[8:16] == log[16:24] and frame[4:8] != bytes(4))


@pytest.mark.usefixtures("no_autovacuum")
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_a_leg_costs_two_commits_and_one_for_each_step(database: Database, tmp_path: Path, steps: int) -> None:
    def body(leg: Leg, argument: Json) -> Json:
        return {"n": [leg.step(f"step {n}", functools.partial(int, n)) for n in range(steps)]}

    with Running(database, {"leg.v1": body}, tmp_path, poll_s=600.0, lease_s=600.0) as engine:
        enqueue(engine, database, "first", {})
        until(lambda: ended(engine, "first"))
        before = commits(database)
        enqueue(engine, database, "second", {})
        until(lambda: ended(engine, "second"))
        # Asking PostgreSQL is a transaction, too. One more is the caller's own, in which the leg was enqueued.
        asked = 1 if database.kind == "postgresql" else 0
        assert commits(database) - before - asked - 1 == steps + 2


def test_a_full_disk_keeps_a_leg_from_being_remembered_and_not_from_going_on(tmp_path: Path) -> None:
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)], capture_output=True
        ).returncode
    ):
        pytest.skip("a small file system can be mounted by root only")
    database = open_database(f"sqlite:///{tmp_path}/tidegate.db")
    runs: list[str] = []

    def fill() -> None:
        runs.append("fill")
        if len(runs) == 1:
            with contextlib.suppress(OSError), (tmp_path / "filler").open("wb", buffering=0) as filler:
                while filler.write(bytes(1024)):
                    pass

    def body(leg: Leg, argument: Json) -> Json:
        leg.step("fill", fill)
        leg.step("large", lambda: "x" * 100_000)
        return {}

    try:
        with Running(database, {"leg.v1": body}, tmp_path, lease_s=SHORT_LEASE_S) as engine:
            enqueue(engine, database, "a", {})
            until(lambda: runs and not engine._carried)
            assert engine.status("a").state is LegState.RUNNING
            (tmp_path / "filler").unlink()
            until(lambda: ended(engine, "a"))
            assert engine.status("a").state is LegState.DONE
    finally:
        database.close()
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_an_engine_on_sqlite_needs_the_lock(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/tidegate.db")
    with pytest.raises(InternalError, match="an engine on SQLite needs the executor's lock"):
        Engine(database, {}).launch()
    with pytest.raises(InternalError, match="legs are run without holding the executor's lock"):
        Engine(database, {}, lock=ExecutorLock(tmp_path / "lock")).launch()


def test_a_process_runs_one_engine_and_enqueues_only_what_it_knows(database: Database, tmp_path: Path) -> None:
    with Running(database, {"leg.v1": doubled}, tmp_path) as engine:
        second = Engine(database, {}, lock=ExecutorLock(tmp_path / "other.lock"))
        if database.kind == "sqlite":
            assert second._lock is not None
            second._lock.try_acquire()
        with pytest.raises(InternalError, match="this process runs an engine already"):
            second.launch()
        with pytest.raises(InternalError, match=r"there is no leg 'lge\.v1'"):
            enqueue(engine, database, "a", {}, "lge.v1")


def test_many_migrate_at_once(postgres_server: PostgresServer, tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/new.db", postgres_server.fresh_database()):
        databases = [open_database(url) for _ in range(4)]
        queues = [LegQueue(database) for database in databases]
        failures: list[BaseException] = []

        def attempt(queue: LegQueue, failures: list[BaseException] = failures) -> None:
            try:
                queue.migrate()
            except BaseException as error:  # noqa: BLE001 - told by the thread that waits
                failures.append(error)

        threads = [threading.Thread(target=attempt, args=(queue,)) for queue in queues]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert queues[0].status("none").state is LegState.ABSENT
        for database in databases:
            database.close()


# Other processes


class Worker:
    """A process that runs legs (``leg_worker.py``)."""

    def __init__(self, database: Database, directory: Path) -> None:
        url = database.url.render_as_string(hide_password=False)
        command = [sys.executable, str(WORKER), url, str(directory), str(SHORT_LEASE_S)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)
        self._directory = directory

    def ready(self) -> Worker:
        until(lambda: f"ready {self.process.pid}" in journal(self._directory))
        return self

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Callable[[Database], Worker]]:
    started: list[Worker] = []

    def start(database: Database) -> Worker:
        started.append(Worker(database, tmp_path))
        return started[-1].ready()

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()
        assert worker.process.stdin is not None
        worker.process.stdin.close()


def journal(directory: Path) -> list[str]:
    path = directory / "journal"
    return path.read_text().splitlines() if path.exists() else []


def noted(directory: Path, word: str) -> list[int]:
    """The steps of which ``word`` (begin, end) was noted, in order."""
    return [int(line.split()[1]) for line in journal(directory) if line.startswith(word + " ")]


def test_a_leg_survives_the_death_of_its_process(
    database: Database, tmp_path: Path, workers: Callable[[Database], Worker]
) -> None:
    queue = LegQueue(database)
    worker = workers(database)
    enqueue(queue, database, "a", {"steps": 5, "hold": 2}, "count.v1")
    until(lambda: noted(tmp_path, "begin") == [0, 1, 2])
    worker.send(signal.SIGKILL)
    worker.process.wait()
    assert queue.status("a").state is LegState.RUNNING
    (tmp_path / "go").touch()
    workers(database)
    until(lambda: queue.status("a").state is LegState.DONE)
    assert queue.status("a").result == {"done": [0, 1, 2, 3, 4]}
    assert noted(tmp_path, "begin") == [0, 1, 2, 2, 3, 4]
    assert noted(tmp_path, "end") == [0, 1, 2, 3, 4]
    queue.close()


def test_a_living_worker_takes_over_from_a_dead_one(
    on_server: Database, tmp_path: Path, workers: Callable[[Database], Worker]
) -> None:
    queue = LegQueue(on_server)
    first = workers(on_server)
    enqueue(queue, on_server, "a", {"steps": 3, "hold": 1}, "count.v1")
    until(lambda: noted(tmp_path, "begin") == [0, 1])
    others = [workers(on_server), workers(on_server)]
    first.send(signal.SIGKILL)
    (tmp_path / "go").touch()
    until(lambda: queue.status("a").state is LegState.DONE)
    assert (noted(tmp_path, "begin"), noted(tmp_path, "end")) == ([0, 1, 1, 2], [0, 1, 2])
    assert [worker.end() for worker in others] == [0, 0]
    queue.close()


def test_a_worker_frozen_past_its_lease_ends_when_it_wakes(
    on_server: Database, tmp_path: Path, workers: Callable[[Database], Worker]
) -> None:
    queue = LegQueue(on_server)
    frozen = workers(on_server)
    enqueue(queue, on_server, "a", {"steps": 4, "hold": 1}, "count.v1")
    until(lambda: noted(tmp_path, "begin") == [0, 1])
    frozen.send(signal.SIGSTOP)
    workers(on_server)
    until(lambda: noted(tmp_path, "begin") == [0, 1, 1])
    (tmp_path / "go").touch()
    until(lambda: queue.status("a").state is LegState.DONE)
    frozen.send(signal.SIGCONT)
    assert frozen.process.wait(PATIENCE_S) == EXIT_LEASE_LOST
    assert queue.status("a").result == {"done": [0, 1, 2, 3]}
    # The step that was under way may end twice; none after it is begun by the one that was given up.
    assert [line for line in journal(tmp_path) if line.endswith(f" {frozen.process.pid}")][-1].split()[1] == "1"
    assert noted(tmp_path, "begin") == [0, 1, 1, 2, 3]
    queue.close()


def test_a_worker_frozen_for_less_than_its_lease_goes_on(
    on_server: Database, tmp_path: Path, workers: Callable[[Database], Worker]
) -> None:
    queue = LegQueue(on_server)
    worker = workers(on_server)
    enqueue(queue, on_server, "a", {"steps": 2, "hold": 1}, "count.v1")
    until(lambda: noted(tmp_path, "begin") == [0, 1])
    worker.send(signal.SIGSTOP)
    worker.send(signal.SIGCONT)
    (tmp_path / "go").touch()
    until(lambda: queue.status("a").state is LegState.DONE)
    assert noted(tmp_path, "begin") == [0, 1]
    assert worker.end() == 0
    queue.close()


def test_a_server_that_dies_and_returns_loses_nothing(
    own_postgres_server: PostgresServer, tmp_path: Path, workers: Callable[[Database], Worker]
) -> None:
    url = own_postgres_server.fresh_database()
    migrate(url)
    database = open_database(url)
    queue = LegQueue(database)
    worker = workers(database)
    enqueue(queue, database, "a", {"steps": 4, "hold": 1}, "count.v1")
    until(lambda: noted(tmp_path, "begin") == [0, 1])
    own_postgres_server.kill()
    with pytest.raises(StoreError, match="the server cannot be reached"):
        queue.status("a")
    # The step ends while nobody can remember it.
    (tmp_path / "go").touch()
    until(lambda: noted(tmp_path, "end") == [0, 1])
    own_postgres_server.start()
    until(lambda: queue.status("a").state is LegState.DONE)
    # Whether the checkpoint waited or was given up depends on how the server was missed; nothing else is repeated.
    assert noted(tmp_path, "begin") in ([0, 1, 2, 3], [0, 1, 1, 2, 3])
    assert queue.status("a").result == {"done": [0, 1, 2, 3]}
    assert worker.process.poll() is None
    queue.close()
    database.close()


def test_a_process_ends_though_a_step_never_does(
    database: Database, tmp_path: Path, workers: Callable[[Database], Worker]
) -> None:
    queue = LegQueue(database)
    worker = workers(database)
    enqueue(queue, database, "a", {}, "hang.v1")
    until(lambda: any(line.startswith("hang") for line in journal(tmp_path)))
    assert worker.end() == 0
    assert journal(tmp_path)[-1] == f"closed {worker.process.pid}"
    assert queue.status("a").state is LegState.RUNNING
    queue.close()


def test_an_enqueuing_process_loads_no_more_than_it_needs() -> None:
    script = (
        "import sys, json, tidegate.engine.queue; "
        "print(json.dumps([name for name in ('dbos', 'sqlalchemy.orm') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


# The lease, by itself


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of executors and observers, in seconds, to be set."""
    moment = [0.0]
    monkeypatch.setattr(lease, "elapsed_s", lambda: moment[0])
    return moment


def looks(observer: Observer, now: list[float], until_s: float) -> frozenset[str]:
    """Look every two seconds until ``until_s``; what was seen last."""
    while now[0] + 2 < until_s:
        now[0] += 2
        observer.living()
    now[0] = until_s
    return observer.living()


def test_observers_that_race_agree_on_a_standstill(on_server: Database, now: list[float]) -> None:
    Lease(on_server, "dead", 10).register()
    observers = [Observer(on_server, 10) for _ in range(6)]
    for observer in observers:
        looks(observer, now, 4.0)
    for moment in (8.0, 12.0):
        now[0] = moment
        assert [observer.living() for observer in observers] == [{"dead"}] * 6
    now[0] = 14.5
    threads = [threading.Thread(target=observer.living) for observer in observers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [observer.living() for observer in observers] == [frozenset()] * 6


def test_a_beat_between_two_looks_is_a_sign_of_life(on_server: Database, now: list[float]) -> None:
    alive, observer = Lease(on_server, "alive", 10), Observer(on_server, 10)
    alive.register()
    observer.living()
    now[0] = 1.0
    alive.beat()
    assert looks(observer, now, 12.9) == {"alive"}
    assert looks(observer, now, 13.1) == frozenset()
    assert not alive.lost
    alive.beat()
    assert (alive.lost, alive.fresh) == (True, False)


def test_an_observer_that_slept_takes_nobody_for_dead(on_server: Database, now: list[float]) -> None:
    alive, observer = Lease(on_server, "alive", 10), Observer(on_server, 10)
    alive.register()
    observer.living()
    now[0] = 60.0
    assert observer.living() == {"alive"}
    assert looks(observer, now, 69.0) == {"alive"}
    assert looks(observer, now, 71.0) == frozenset()


def test_a_beat_after_the_look_keeps_the_row(on_server: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    # The observer reads, falls asleep for longer than the lease, and judges by what it read before.
    alive, observer, clock = Lease(on_server, "alive", 10), Observer(on_server, 10), iter([0.0, 4.0, 8.0, 10.1])

    def tick() -> float:
        moment = next(clock)
        if moment > 10:
            alive.beat()
        return moment

    with monkeypatch.context() as patch:
        patch.setattr(lease, "elapsed_s", lambda: 0.0)
        alive.register()
    monkeypatch.setattr(Lease, "beat", lambda self: _beat_row(on_server))
    monkeypatch.setattr(lease, "elapsed_s", tick)
    assert [observer.living() for _ in range(4)] == [{"alive"}] * 4


def _beat_row(database: Database) -> None:
    with database.write() as connection:
        connection.execute(lease.executors.update().values(beat=lease.executors.c.beat + 1))


def test_the_executor_stops_before_any_observer_gives_it_up(on_server: Database, now: list[float]) -> None:
    alive, observer = Lease(on_server, "alive", 10), Observer(on_server, 10)
    alive.register()
    now[0] = 0.5
    observer.living()
    for moment in (1.0, 5.0, 5.9, 6.1, 9.0, 10.4):
        now[0] = moment
        assert "alive" in observer.living()
        assert alive.fresh == (moment < 6.0)
    now[0] = 10.6
    assert observer.living() == frozenset()


def test_putting_back_spares_what_others_have_claimed_or_finished(on_server: Database, tmp_path: Path) -> None:
    free, runs = threading.Event(), []

    def body(leg: Leg, argument: Json) -> Json:
        leg.step("note", lambda: runs.append(leg.id))
        leg.step("wait", lambda: free.wait(PATIENCE_S))
        return {}

    with Running(on_server, {"leg.v1": body}, tmp_path) as engine:
        enqueue(engine, on_server, "a", {})
        until(lambda: runs == ["a"])
        threads = [threading.Thread(target=engine._put_back, args=("a", "dead")) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert engine.status("a").executor == engine.executor_id
        free.set()
        until(lambda: ended(engine, "a"))
        engine._put_back("a", engine.executor_id)
        assert engine.status("a").state is LegState.DONE
    assert runs == ["a"]


def test_a_leg_that_is_put_back_while_it_is_in_hand_is_not_carried_twice_at_once(
    database: Database, tmp_path: Path
) -> None:
    """As on a busy machine, where the keeper takes for stranded what was claimed and is about to be carried."""
    free, inside, most, tries = threading.Event(), [0], [0], []

    def body(leg: Leg, argument: Json) -> Json:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        try:
            leg.step("wait", lambda: free.wait(PATIENCE_S))
        finally:
            inside[0] -= 1
        return {}

    with Running(database, {"leg.v1": body}, tmp_path, poll_s=0.05, lease_s=SHORT_LEASE_S) as engine:
        take = engine._take_in_hand

        def taking(leg_id: str) -> None:
            tries.append(leg_id)
            take(leg_id)

        engine._take_in_hand = taking  # type: ignore[method-assign]
        enqueue(engine, database, "a", {})
        until(lambda: inside == [1])
        engine._put_back("a", engine.executor_id)
        until(lambda: len(tries) > 1)
        free.set()
        until(lambda: ended(engine, "a"))
        assert engine.status("a").state is LegState.DONE
    assert most == [1]


def test_an_interrupted_leg_can_not_be_caught_as_an_error() -> None:
    assert not issubclass(LegInterrupted, Exception)
