"""The kill matrix: every kill point of a story, each in a process that kills itself there, and what became of it.

    python -m tests.support.kill_matrix --story rollout --database sqlite --json result.json

A process of its own, since it forks: everything is imported once, and no thread, connection or engine is there before a
fork. For each point a *cell* copies the world, forks a worker that ends itself by SIGKILL at the point, then fresh
workers until nothing is due, then one that checks.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.support.kill_agents import load_agent, serve
from tests.support.kill_around import Around
from tests.support.kill_checks import Ending, problems
from tests.support.kill_stories import STORIES, Story
from tests.support.kill_world import Points, World, copy, execute, found, hurry, prepare
from tests.support.patience import PATIENCE_S
from tests.support.postgres import started_server
from tests.support.warm import build_models, keep
from tidegate.orchestration.abreast import KEPT_S
from tidegate.orchestration.executor import until

RECOVERIES = 4
"""A worker that loses its lease on a busy machine ends itself; the next one goes on."""

NOTHING_SINCE = ("observe:after", "read_way_back:after", "health:after", "online:after")
"""Points at which nothing has happened since the point before: a call that only reads was answered."""

LOOKS = ("sweep.sweep_rollout", "watching.follow", "lease.beat", "lease.removed")
"""Commits that are made again and again until time has passed."""


@dataclass(frozen=True)
class Outcome:
    """What became of one kill point."""

    point: str
    reached: bool
    recoveries: int
    problems: tuple[str, ...]
    seconds: float

    @property
    def word(self) -> str:
        """The outcome in a word or a sentence."""
        if self.problems:
            return "; ".join(self.problems)
        return "as without a crash" if self.reached else "not reached this time; as without a crash"


class Databases:
    """Fresh databases for worlds: files inside them, or copies on a server."""

    def __init__(self, kind: str) -> None:
        self.server = started_server() if kind == "postgres" else None

    def first(self) -> str:
        """The address of an empty database."""
        return self.server.fresh_database("world") if self.server else ""

    def copy_of(self, url: str, name: str) -> str:
        """The address of a copy of a database that nobody uses at the moment."""
        if self.server is None:
            return ""
        return self.server.fresh_database(name, template=url.partition("@/")[2].partition("?")[0])

    def drop(self, url: str) -> None:
        """Remove a copy."""
        if self.server is not None:
            self.server.drop_database(url)

    def close(self) -> None:
        """Stop the server."""
        if self.server is not None:
            self.server.close()


def forked(act: Callable[[], object], report: Path | None = None, timeout_s: float = 2 * PATIENCE_S) -> int:
    """Run ``act`` in a child, to its end; its wait status. What it returns goes to ``report`` as JSON."""
    # Threads that are kept for the next question end by themselves when none comes.
    until(lambda: threading.active_count() == 1, KEPT_S + 5)
    assert threading.active_count() == 1, threading.enumerate()
    child = os.fork()
    if child == 0:
        _run_and_exit(act, report)
    deadline = time.monotonic() + timeout_s
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.003)


def _run_and_exit(act: Callable[[], object], report: Path | None) -> None:
    status = 1
    try:
        result = act()
        if report is not None:
            report.write_text(json.dumps(result))
        status = 0
    except BaseException:  # noqa: BLE001  a child must never return into its parent's code
        (report or Path("/dev/stderr")).write_text(json.dumps({"failed": traceback.format_exc()}))
    finally:
        # Without handlers at exit: threads of the engine may still be there, as in a process that is killed.
        os._exit(status)


def asked(act: Callable[[], Any], report: Path) -> Any:
    """What ``act`` returned in a child; raises where it did not return."""
    status = forked(act, report)
    answer = json.loads(report.read_text()) if report.exists() else None
    if status != 0:
        raise RuntimeError(f"a worker ended with status {status}: {answer and answer.get('failed')}")
    return answer


class Agents:
    """The process that the agents of a world are forked from."""

    def __init__(self, world: World, agent: Any) -> None:
        self._child = os.fork()
        if self._child == 0:
            try:
                serve(world.agents, agent)
            finally:
                os._exit(1)
        while not world.agents.exists():
            time.sleep(0.001)

    def close(self) -> None:
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)


class Matrix:
    """All points of one story on one database."""

    def __init__(self, story: Story, kind: str, directory: Path, around: Around, *, at_once: int) -> None:
        self._story = story
        self._around = around
        self._directory = directory
        self._at_once = at_once
        self._agent = load_agent()
        self._databases = Databases(kind)
        self._template = World(directory / "t", self._databases.first())
        self._expected: Ending | None = None

    def run(self, only: str = "", every: int = 1) -> list[Outcome]:
        """Make the template, record the story once, and kill it at each point; in the order of the story.

        Args:
            only: the points whose names hold this.
            every: of these, of each seam the first, and then every so many.
        """
        try:
            self._make_template()
            names = self._record()
            outcomes = self._cells(some([name for name in names if only in name], every))
            return sorted(outcomes, key=lambda outcome: names.index(outcome.point))
        finally:
            self._databases.close()

    def _make_template(self) -> None:
        world, story = self._template, self._story
        world.directory.mkdir(parents=True)
        self._around.begin(world)
        agents = Agents(world, self._agent)
        try:
            asked(lambda: found(world, story.policy, story.first, story.also_in), self._directory / "t.json")
            if story.prepared:
                asked(lambda: prepare(world, files=story.files, carry_to=story.carried_to), self._directory / "t.json")
            else:
                asked(lambda: commit_only(world), self._directory / "t.json")
        finally:
            agents.close()

    def _record(self) -> list[str]:
        """Run the story to its end; the names of the points it passed, in order of their first passing."""
        world = self._world("r")
        names: list[str] = []

        def tell() -> dict[str, Any]:
            hurry()
            story = self._story
            tells = lambda house: story.tell(world, house)  # noqa: E731
            over = execute(world, Points(names.append), tells, story.over, close=False)
            house = world.house()
            wrong = problems(world, self._story, house, None)
            return {"over": over, "names": names, "ending": asdict(Ending.of(world, story, house)), "problems": wrong}

        agents = Agents(world, self._agent)
        try:
            answer = asked(tell, self._directory / "r.json")
        finally:
            agents.close()
        self._forget(world)
        if not answer["over"] or answer["problems"]:
            raise RuntimeError(f"the story does not even end without a crash: {answer}")
        self._expected = Ending(**answer["ending"])
        return without_repetitions(answer["names"])

    def _world(self, name: str) -> World:
        directory = self._directory / name
        copy(self._template.directory, directory)
        world = World(directory, self._databases.copy_of(self._template.url, name))
        self._around.copy(self._template, world)
        return world

    def _forget(self, world: World) -> None:
        self._around.remove(world)
        shutil.rmtree(world.directory, ignore_errors=True)
        self._databases.drop(world.url)

    def _cells(self, names: Sequence[str]) -> Iterator[Outcome]:
        waiting = list(enumerate(names))
        running: dict[int, Path] = {}
        while waiting or running:
            while waiting and len(running) < self._at_once:
                number, name = waiting.pop(0)
                report = self._directory / f"p{number}.json"
                child = os.fork()
                if child == 0:
                    _run_and_exit(lambda: asdict(self._cell(f"p{number}", name)), report)  # noqa: B023
                running[child] = report
            child, _ = os.wait()
            if child in running:
                answer = json.loads(running.pop(child).read_text())
                if "failed" in answer:
                    raise RuntimeError(answer["failed"])
                yield Outcome(**{**answer, "problems": tuple(answer["problems"])})

    def _cell(self, name: str, point: str) -> Outcome:
        began = time.monotonic()
        world = self._world(name)
        agents = Agents(world, self._agent)
        try:
            status = forked(lambda: self._tell(world, _killer(point)))
            reached = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            recoveries = 1
            while forked(lambda: self._tell(world, lambda _: None)) != 0 and recoveries < RECOVERIES:
                recoveries += 1
            wrong = asked(lambda: self._check(world), world.directory / "check.json")
        finally:
            agents.close()
            self._forget(world)
        return Outcome(point, reached, recoveries, tuple(wrong), round(time.monotonic() - began, 3))

    def _tell(self, world: World, on_point: Callable[[str], None]) -> None:
        hurry()
        story = self._story
        if not execute(world, Points(on_point), lambda house: story.tell(world, house), story.over, close=False):
            raise TimeoutError("the story did not end")

    def _check(self, world: World) -> list[str]:
        return problems(world, self._story, world.house(), self._expected)


def some(names: Sequence[str], every: int) -> list[str]:
    """Of the points of each seam (``commit``, ``leg``) the first, and then every so many; in the order given."""
    passed: Counter[str] = Counter()
    chosen = []
    for name in names:
        seam = name.partition(":")[0]
        if passed[seam] % every == 0:
            chosen.append(name)
        passed[seam] += 1
    return chosen


def without_repetitions(names: Sequence[str]) -> list[str]:
    """The points to be killed at: of the looks that a watch takes one after another, the first two and the last."""
    rests = [name.rpartition(" #")[0] for name in names]
    kept = []
    for name, rest in zip(names, rests, strict=True):
        number = int(name.rpartition("#")[2])
        again = any(use_case in rest for use_case in LOOKS) and 2 < number < rests.count(rest)
        if not again and not name.startswith(NOTHING_SINCE):
            kept.append(name)
    return kept


def _killer(point: str) -> Callable[[str], None]:
    def on_point(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_point


def commit_only(world: World) -> None:
    """The commit that the story will make a release of."""
    from tests.support.gitrepo import GitRepository

    GitRepository(world.repository).commit("feat: second", {"app/VERSION": "2"})


def warm() -> None:
    """Import what a worker imports, and build what it builds, once."""
    import dbos  # noqa: F401
    import psycopg  # noqa: F401

    from tidegate.engine import queue, runner  # noqa: F401
    from tidegate.orchestration import leg  # noqa: F401

    build_models()
    keep()


def table(story: str, kind: str, outcomes: Sequence[Outcome]) -> str:
    """The matrix, as Markdown."""
    lines = [f"### {story} on {kind}: {len(outcomes)} kill points", "", "| killed at | outcome |", "|---|---|"]
    lines += [f"| `{outcome.point}` | {outcome.word} |" for outcome in outcomes]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one story on one database, print the matrix; 0 where every point recovered."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.kill_matrix", description=__doc__)
    parser.add_argument("--story", choices=sorted(STORIES), required=True)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--json", type=Path, help="write the outcomes there, too")
    parser.add_argument("--markdown", type=Path, help="write the matrix there, too")
    parser.add_argument("--only", default="", help="only the points whose names hold this")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth point of each seam")
    parser.add_argument("--at-once", type=int, default=2)
    chosen = parser.parse_args(arguments)
    warm()
    shared = Path("/dev/shm")  # the tests kill processes, not machines, and memory is faster than a disk
    if shared.is_dir() and os.access(shared, os.W_OK):
        tempfile.tempdir = str(shared)
    place = tempfile.mkdtemp(prefix="tgk-")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        story = STORIES[chosen.story]
        around = stack.enter_context(story.around(Path(place) / "around"))
        matrix = Matrix(story, chosen.database, Path(place), around, at_once=chosen.at_once)
        outcomes = matrix.run(chosen.only, chosen.every)
    printed = table(chosen.story, chosen.database, outcomes)
    sys.stdout.write(printed)
    if chosen.markdown:
        chosen.markdown.parent.mkdir(parents=True, exist_ok=True)
        chosen.markdown.write_text(printed)
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes]))
    return 0 if all(not outcome.problems for outcome in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
