"""Random releases, rollouts, rollbacks and holds, while their workers are killed again and again.

    SOAK_S=600 python -m bench.soak                   half on SQLite, half on PostgreSQL where it is installed
    SOAK_SEED=17 SOAK_DATABASE=sqlite python -m bench.soak

Real directories as hosts, real commits, real signatures, real processes that end by SIGKILL. What is done, and in which
order, follows from the seed; when a worker is hit does not, so that a seed finds again the story and not the instant.
At the end everything is left to come to rest, and must then hold what ``soak_checks`` says. Exit code 1: it does not;
the directory is kept.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from bench.soak_checks import ENVIRONMENTS, at_rest, problems
from tests.support.gitrepo import GitRepository
from tests.support.kill_agents import load_agent
from tests.support.kill_matrix import Agents, asked
from tests.support.kill_world import World, found, open_and_approve
from tests.support.postgres import find_postgres, started_server
from tidegate.core.rollout import RolloutState
from tidegate.errors import InternalError, TidegateError
from tidegate.orchestration import approval, hold, resuming, rollback, rollout
from tidegate.orchestration.executor import until
from tidegate.orchestration.house import House
from tidegate.orchestration.identity import Claim
from tidegate.store import holds, releases, rollouts

SECONDS = 60.0
FIRST_VERSION = 11
REST_S = 90.0
SHORTEST_LIFE_S, LONGEST_LIFE_S = 0.1, 3.0
FLAVOURS: tuple[Mapping[str, str], ...] = ({}, {}, {"app/errors": "all"}, {"app/unhealthy": "yes"})
"""Files of a version: half of them are good, others answer errors or are unhealthy, and are taken back."""


class Workers:
    """The processes that execute; each lives for a random moment, then is killed and followed by another."""

    def __init__(self, world: World, number: int, chance: random.Random) -> None:
        self._command = [sys.executable, "-m", "bench.soak_worker", str(world.directory), world.url]
        self._said = (world.directory / "workers.log").open("ab")
        self._chance = chance
        self._living = [self._begin() for _ in range(number)]
        self.killed = 0

    def _begin(self) -> tuple[subprocess.Popen[bytes], float]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        process = subprocess.Popen(self._command, stderr=self._said, env=environment)
        # Importing takes a second; some shall die in it, most shall work.
        life = self._chance.uniform(SHORTEST_LIFE_S, LONGEST_LIFE_S) + (1.0 if self._chance.random() < 0.8 else 0.0)
        return process, time.monotonic() + life

    def tend(self) -> None:
        """Kill whose time is up; begin another for whoever is gone."""
        for place, (process, end) in enumerate(self._living):
            if process.poll() is None and time.monotonic() > end:
                process.kill()
                process.wait()
                self.killed += 1
            if process.poll() is not None:
                self._living[place] = self._begin()

    def one_in_peace(self) -> None:
        """Let one work that is not killed; the others have ended."""
        self._living = [self._begin()]

    def stop(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End them all."""
        for process, _ in self._living:
            process.send_signal(by)
        for process, _ in self._living:
            process.wait()


class Soak:
    """One organisation, to which things happen."""

    def __init__(self, world: World, seed: int, workers: int) -> None:
        self._chance = _chance(seed)
        self._world = world
        self._house: House = world.house()
        self._workers = Workers(world, workers, _chance(seed + 1))
        self._next = FIRST_VERSION
        self.happened: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self, seconds: float) -> None:
        """Let things happen for so long, then let them come to rest, and look."""
        deadline = time.monotonic() + seconds
        try:
            while time.monotonic() < deadline and not self.wrong:
                self._workers.tend()
                self._happen()
                time.sleep(self._chance.uniform(0, 0.3))
            self.happened["worker killed"] = self._workers.killed
            self._rest()
        finally:
            self._workers.stop(signal.SIGKILL)
        with self._house.database.read() as connection:
            self.happened.update(f"rollout {one.state.value}" for one in rollouts.find(connection))
        self.wrong += problems(self._world, self._house)
        self.wrong += _tracebacks(self._world.directory / "workers.log")

    def _happen(self) -> None:
        acts: dict[Callable[[], None], int] = {
            self._release: 4,
            self._start: 8,
            self._ask: 3,
            self._roll_back: 3,
            self._hold: 1,
            self._lift: 3,
            self._pause: 1,
            self._resume: 4,
            self._revoke: 1,
        }
        act = self._chance.choices(list(acts), list(acts.values()))[0]
        name = act.__name__.strip("_").replace("_", " ")
        try:
            act()
            self.happened[name] += 1
        except InternalError as error:
            self.wrong.append(f"{name}: {error}")
        except TidegateError:
            # To be refused is an answer; that it is the right one is what rejudging shows.
            self.happened[f"{name}: refused"] += 1

    def _release(self) -> None:
        number, self._next = self._next, self._next + 1
        git = GitRepository(self._world.repository)
        flavour = self._chance.choice(FLAVOURS)
        for one in FLAVOURS:
            for name in one.keys() - flavour.keys():
                (self._world.repository / name).unlink(missing_ok=True)
        git.commit(f"feat: change {number}", {"app/VERSION": str(number), **flavour})
        open_and_approve(self._world, self._house, f"0.{number}.0")

    def _start(self) -> None:
        rollout.start(self._house, self._some_release(), self._somewhere(), self._rita)

    def _ask(self) -> None:
        rollout.ask_start(self._house, self._some_release(), self._somewhere(), self._rita)

    def _roll_back(self) -> None:
        rollback.roll_back(self._house, "shop", self._somewhere(), self._rita)

    def _hold(self) -> None:
        lasts = timedelta(seconds=self._chance.uniform(0.5, 5))
        hold.add(self._house, self._rita, "because", environment=self._chance.choice(["", *ENVIRONMENTS]), lasts=lasts)

    def _lift(self) -> None:
        with self._house.database.read() as connection:
            known = holds.in_force(connection, self._house.now())
        for one in known:
            hold.lift(self._house, self._rita, one.id)

    def _pause(self) -> None:
        for name in self._rollouts(RolloutState.RUNNING, RolloutState.WATCHING):
            resuming.pause_by_person(self._house, name, self._rita, "")

    def _resume(self) -> None:
        for name in self._rollouts(RolloutState.PAUSED):
            resuming.resume(self._house, name, self._rita)

    def _revoke(self) -> None:
        release, environment = self._some_release(), self._somewhere()
        approval.revoke(self._house, release, environment, self._world.claim("alice"))

    def _rest(self) -> None:
        """Wait until nothing is under way and nobody is there who might begin something; people may be waited for."""
        deadline = time.monotonic() + REST_S
        self._workers.stop(signal.SIGKILL)
        while time.monotonic() < deadline:
            self._workers.one_in_peace()
            until(lambda: at_rest(self._house), deadline - time.monotonic(), every_s=0.2)
            self._workers.stop()
            if at_rest(self._house):
                return
        self.wrong.append(f"nothing came to rest within {REST_S:g} s")

    @property
    def _rita(self) -> Claim:
        return self._world.claim("rita")

    def _somewhere(self) -> str:
        return self._chance.choice(ENVIRONMENTS)

    def _some_release(self) -> str:
        """Mostly one of the last."""
        with self._house.database.read() as connection:
            known = sorted(releases.list_ids(connection), key=lambda name: int(name.split(".")[1]))
        return known[-min(len(known), 1 + int(self._chance.expovariate(0.7)))]

    def _rollouts(self, *states: RolloutState) -> list[str]:
        with self._house.database.read() as connection:
            return [one.id for one in rollouts.find(connection, states=states)]


def _tracebacks(log: Path) -> Iterator[str]:
    """What a worker did not expect."""
    lines = log.read_text("utf-8", "replace").splitlines()
    where = next((at for at, line in enumerate(lines) if line.startswith("Traceback")), None)
    if where is not None:
        yield "a worker said: " + "\n".join(lines[max(0, where - 1) : where + 40])


@contextlib.contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with contextlib.closing(started_server()) as server:
        yield server.fresh_database()


def soak(kind: str, seconds: float, seed: int) -> bool:
    """Soak one kind of database; whether everything held."""
    _say(f"{kind}: {seconds:g} s, seed {seed}")
    directory = Path(tempfile.mkdtemp(prefix="tidegate-soak-"))
    with _database(kind) as url:
        world = World(directory / "w", url)
        world.directory.mkdir()
        # Before this process has a thread: the agents of the hosts are forked from it.
        agents = Agents(world, load_agent())
        try:
            asked(lambda: found(world), directory / "found.json")
            under = Soak(world, seed, 1 if kind == "sqlite" else 2)
            under.run(seconds)
        finally:
            agents.close()
    _say("\n".join(f"{number:8} {name}" for name, number in sorted(under.happened.items())))
    if under.wrong:
        _say("\n".join(under.wrong) + f"\nNOT AS IT MUST BE: seed {seed}; look at {directory}")
        return False
    shutil.rmtree(directory, ignore_errors=True)
    _say(f"{kind}: everything holds")
    return True


def main() -> int:
    """As the environment says: SOAK_S, SOAK_SEED, SOAK_DATABASE."""
    seconds = float(os.environ.get("SOAK_S", SECONDS))
    seed = int(os.environ.get("SOAK_SEED", secrets.randbelow(1_000_000)))
    asked_for = os.environ.get("SOAK_DATABASE", "")
    kinds = [asked_for] if asked_for else ["sqlite", *(["postgresql"] if find_postgres() else [])]
    if unknown := set(kinds) - {"sqlite", "postgresql"}:
        raise SystemExit(f"SOAK_DATABASE is sqlite or postgresql, and not {unknown.pop()!r}")
    held = [soak(kind, seconds / len(kinds), seed) for kind in kinds]
    return 0 if all(held) else 1


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - to be found again, not to be hard to guess


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
