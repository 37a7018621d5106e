"""What stands around the worlds of a story, beside hosts: real servers, with a part for each world.

A story names what it needs; the matrix starts it once, and copies a world's part with the world.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg

from tests.support.compose import COMPOSE_PROGRAM, COUNTING, Images
from tests.support.databases import plain, rows
from tests.support.docker import DockerEngine, start_docker
from tests.support.haproxy import HAProxy, ask, why_no_haproxy
from tests.support.kill_world import ENGINE, IMAGES, KUBECONFIG, UNITS, World
from tests.support.kubernetes.standing import standing_cluster
from tests.support.postgres import PostgresServer, started_server
from tests.support.processes import ServerFailedError
from tests.support.registry import running_registry
from tidegate.orchestration.house import House

VERSIONS = ("0.10.0", "0.11.0")
CALLS = "TIDEGATE_KILL_COMPOSE_CALLS"
"""The variable that names the file in which Compose notes the project of each call that starts or stops something."""


class Around:
    """Nothing, for stories to which hosts are enough; and what all others offer."""

    def begin(self, world: World) -> None:
        """Make the part of a world in which nothing has happened yet; its directory is there."""

    def copy(self, template: World, world: World) -> None:
        """Make the part of a world as a copy of another's."""

    def remove(self, world: World) -> None:
        """Remove the part of a world."""


@contextmanager
def hosts_alone(_: Path) -> Iterator[Around]:
    """For most stories."""
    yield Around()


@contextmanager
def a_cluster(directory: Path) -> Iterator[Around]:
    """A simulated cluster; each world has a namespace of its own, in which there is nothing at first."""
    with standing_cluster(directory) as kubeconfig, _told({KUBECONFIG: str(kubeconfig)}):
        yield Around()


@contextmanager
def _told(variables: dict[str, str]) -> Iterator[None]:
    """With these variables, for the processes that are forked and started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


NOTES = """
CREATE TABLE noted (number serial, what text);
CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_event = 'sql_drop' THEN
        INSERT INTO noted (what) SELECT tg_tag || ' ' || object_identity FROM pg_event_trigger_dropped_objects()
        WHERE object_identity !~ 'tidegate|noted';
    ELSE
        INSERT INTO noted (what) SELECT command_tag || ' ' || object_identity FROM pg_event_trigger_ddl_commands()
        WHERE object_identity !~ 'tidegate|noted';
    END IF;
END $$;
CREATE EVENT TRIGGER note_made ON ddl_command_end EXECUTE FUNCTION note();
CREATE EVENT TRIGGER note_dropped ON sql_drop EXECUTE FUNCTION note();
"""
"""The application's database notes each change of its tables, in the transaction that makes it."""


class AppDatabases(Around):
    """A PostgreSQL with a database of the application for each world; where it is stands in a file of the world."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def begin(self, world: World) -> None:
        url = self._server.fresh_database(f"app_{world.directory.name}")
        with psycopg.connect(plain(url), autocommit=True) as connection:
            connection.execute(NOTES.encode())
        _write_address(world, url)

    def copy(self, template: World, world: World) -> None:
        whole = plain(app_database(template)).partition("@/")[2].partition("?")[0]
        _write_address(world, self._server.fresh_database(f"app_{world.directory.name}", template=whole))

    def remove(self, world: World) -> None:
        self._server.drop_database(app_database(world))


def _write_address(world: World, url: str) -> None:
    world.hosts.mkdir(exist_ok=True)
    (world.hosts / "app.address").write_text(plain(url))


def app_database(world: World) -> str:
    """The address of the application's database of a world."""
    return (world.hosts / "app.address").read_text()


def changes_noted(world: World) -> list[str]:
    """What was done to the tables of the application, in the order in which it was done."""
    return [what for (what,) in rows(app_database(world), "SELECT what FROM noted ORDER BY number")]


@contextmanager
def a_database(_: Path) -> Iterator[Around]:
    """A PostgreSQL for the application, beside that of Tidegate's own."""
    with closing(started_server()) as server:
        yield AppDatabases(server)


class ComposeProjects(Around):
    """A Docker engine on which each world has projects of its own; there are none at first."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine

    def remove(self, world: World) -> None:
        if ids := self._containers(world):
            self._engine.docker("rm", "--force", *ids, check=False)

    def _containers(self, world: World) -> list[str]:
        label = f"label=com.docker.compose.project={world.project('web1')}"
        return self._engine.docker("ps", "--all", "--quiet", "--filter", label).stdout.split()


@contextmanager
def an_engine(directory: Path) -> Iterator[Around]:
    """A real Docker engine and registry, with an image for each version, and Compose that counts its calls."""
    with ExitStack() as stack:
        engine = start_docker()
        stack.callback(engine.close)
        registry = stack.enter_context(running_registry(directory / "registry"))
        images = Images(engine, registry)
        digests = {version: images.digest(version) for version in VERSIONS}
        for version, digest in digests.items():
            # The engine has them by now: how long a pull takes is no concern of a story.
            engine.docker("pull", "--quiet", f"{images.name()}@{digest}")
            assert version
        program, calls = directory / "bin" / "docker-compose", directory / "calls"
        program.parent.mkdir()
        program.write_text(COUNTING.format(record=calls, program=COMPOSE_PROGRAM))
        program.chmod(0o755)
        told = {
            ENGINE: str(engine.directory / "docker.sock"),
            IMAGES: json.dumps({"name": images.name(), "digests": digests}),
            CALLS: str(calls),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
        }
        stack.enter_context(_told(told))
        yield ComposeProjects(engine)


def composed(world: World, unit: str) -> int:
    """How often the project of a unit was started or stopped."""
    calls = Path(os.environ[CALLS])
    return calls.read_text().split().count(world.project(unit)) if calls.exists() else 0


POOLS = {"blue": ["web1"], "green": ["web2", "web3"]}
TOKEN = "proc.tidegate_shop"


class Balancers(Around):
    """For each world an HAProxy of its own; where its socket is stands in a file of the world."""

    def __init__(self) -> None:
        self._running: dict[Path, HAProxy] = {}

    def begin(self, world: World) -> None:
        started = _balancer()
        self._running[world.directory] = started
        world.hosts.mkdir(exist_ok=True)
        world.switch.write_text(str(started.socket))

    def copy(self, template: World, world: World) -> None:
        self.begin(world)
        server, copied = self._running[template.directory], self._running[world.directory]
        for name, weight in weights_of(server).items():
            copied.ask(f"set server shop/{name} weight {weight}")
        token = server.ask(f"get var {TOKEN}").partition("<")[2].partition(">")[0]
        copied.ask(f"experimental-mode on; set var {TOKEN} str({token})")

    def remove(self, world: World) -> None:
        self._running.pop(world.directory).close()

    def close(self) -> None:
        for one in self._running.values():
            one.close()


def _balancer() -> HAProxy:
    """One that listens; another process may have taken the port that was free a moment ago."""
    for attempt in range(5):
        # Nobody asks for anything: the ports of the servers need not exist.
        made = HAProxy(dict.fromkeys(UNITS, 9))
        try:
            made.start()
        except ServerFailedError:
            made.close()
            if attempt == 4:
                raise
        else:
            return made
    raise AssertionError


def weights_of(haproxy: HAProxy) -> dict[str, str]:
    """The weight of each server."""
    table = [line.split() for line in haproxy.ask("show servers state shop").splitlines()[2:] if line]
    return {row[3]: row[7] for row in table}


def traffic_told(world: World, _: House) -> list[str]:
    """Every server with its administrative state and weight, and the token that HAProxy has seen."""
    socket = Path(world.switch.read_text())
    table = [line.split() for line in ask(socket, "show servers state shop").splitlines()[2:] if line]
    return [*(f"{row[3]} {row[6]} {row[7]}" for row in table), ask(socket, f"get var {TOKEN}").strip()]


@contextmanager
def a_balancer(_: Path) -> Iterator[Around]:
    """A real HAProxy before the hosts of each world."""
    if reason := why_no_haproxy():
        raise SystemExit(reason)
    balancers = Balancers()
    try:
        yield balancers
    finally:
        balancers.close()
