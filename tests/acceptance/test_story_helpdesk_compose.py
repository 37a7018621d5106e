"""Helpdesk's release by a real Compose: staging, production, health of two services, a bad version, the way back.

Of the application, of its configuration, and of the database of a real Django project (HD-04, HD-06).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support import databases
from tests.support.compose import COMPOSE_PROGRAM, why_no_compose
from tests.support.docker import DockerEngine
from tests.support.gitrepo import GitRepository
from tests.support.postgres import PostgresServer
from tests.support.processes import find_program
from tests.support.registry import ContainerRegistry
from tests.support.shop import REPORT, Done, run_at

SERVICES = ("api", "web")
DOCKERFILE = """\
FROM scratch
COPY busybox /busybox
COPY {service} /www
CMD ["/busybox", "httpd", "-f", "-p", "127.0.0.1:80", "-h", "/www"]
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Helpdesk:
    """Two services of one component, their images in a registry, staging and production beside one engine."""

    def __init__(self, directory: Path, engine: DockerEngine, registry: ContainerRegistry) -> None:
        self.directory, self.engine, self.registry = directory, engine, registry
        self.repository = GitRepository(directory / "repository")
        self.root = self.repository.path
        self.ports = {(where, name): free_port() for where in ("staging", "production") for name in SERVICES}
        self.key = directory / "olga"
        self.report = directory / "junit.xml"
        self.report.write_text(REPORT)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "olga", "-f", str(self.key)]
        subprocess.run(command, check=True, capture_output=True)
        shutil.copy(str(find_program("busybox")), self.root / "busybox")
        self.change("feat: first", "1.0.0", migration=databases.PROJECT)
        self.repository.tag("v1.0.0")
        (self.root / "tidegate.yaml").write_text(yaml.safe_dump(self.policy(), sort_keys=False))

    def change(
        self,
        message: str,
        version: str,
        *,
        healthy: bool = True,
        level: str = "info",
        migration: dict[str, str] | None = None,
    ) -> None:
        """Commit a version: its pages, its Compose files, its configuration, and more files such as migrations."""
        files = {f"Dockerfile.{name}": DOCKERFILE.format(service=name) for name in SERVICES}
        files |= {f"{name}/version": version for name in SERVICES}
        files |= {f"{name}/health/index.html": f"ok {version}" for name in SERVICES}
        files["docker-compose.yml"] = self.compose()
        files["docker-compose.prod.yml"] = "services:\n  api:\n    restart: unless-stopped\n"
        for where in ("staging", "production"):
            ports = "".join(f"{name.upper()}_PORT={self.ports[where, name]}\n" for name in SERVICES)
            pages = "/www" if healthy or where == "staging" else "/nothing"
            secret = f"secret:file:{self.directory}/password"
            files[f"config/{where}.env"] = f"{ports}PAGES={pages}\nLOG_LEVEL={level}\nDB_PASSWORD={secret}\n"
        self.repository.commit(message, {**files, **(migration or {})})

    def compose(self) -> str:
        def service(name: str) -> dict[str, Any]:
            port = f"127.0.0.1:${{{name.upper()}_PORT}}"
            return {
                "image": f"{self.registry.host}/helpdesk-{name}:latest",
                "network_mode": "host",
                "stop_signal": "SIGKILL",
                "command": ["/busybox", "httpd", "-f", "-p", port, "-h", "${PAGES}"],
                "environment": {"LOG_LEVEL": "${LOG_LEVEL}", "DB_PASSWORD": "${DB_PASSWORD}"},
            }

        return str(yaml.safe_dump({"services": {name: service(name) for name in SERVICES}}))

    def policy(self) -> dict[str, Any]:
        def target(where: str) -> dict[str, Any]:
            return {
                "driver": "compose",
                "directory": str(self.directory / "places" / where),
                "engine": f"unix://{self.engine.directory}/docker.sock",
                "files": ["docker-compose.yml", *(["docker-compose.prod.yml"] if where == "production" else [])],
                "health_timeout": "3s",
                "database": {"address": {"file": str(self.address(where))}, "run": databases.PYTHON},
                "health": [
                    {"url": f"http://127.0.0.1:{self.ports[where, name]}/health/", "contains": "ok {version}"}
                    for name in SERVICES
                ],
            }

        permits = {"start": ["devops"], "rollback": ["devops"]}
        return {
            "tidegate": 1,
            "organization": "Helpdesk",
            "timezone": "UTC",
            "people": {
                "olga": {
                    "name": "Olga",
                    "groups": ["devops"],
                    "keys": [self.key.with_suffix(".pub").read_text().strip()],
                }
            },
            "permits": {"open": ["devops"], "adopt": ["devops"], "hold": ["devops"]},
            "components": {
                "helpdesk": {
                    "migrations": "shop",
                    "config": {where: f"config/{where}.env" for where in ("staging", "production")},
                    "artifacts": [
                        {
                            "image": f"{self.registry.host}/helpdesk-{name}",
                            "dockerfile": f"Dockerfile.{name}",
                            "tags": ["{version}"],
                        }
                        for name in SERVICES
                    ],
                    "targets": {where: target(where) for where in ("staging", "production")},
                }
            },
            "release_types": {"patch": {"bump": "patch"}, "minor": {"bump": "minor"}},
            "gates": {"tests": {"evidence": "junit", "pass": "tests.total > 0 && tests.failed == 0"}},
            "environments": {
                "staging": {"purpose": "staging", "gates": ["tests"], "permits": permits},
                "production": {"purpose": "production", "after": [{"environment": "staging"}], "permits": permits},
            },
            "migrations": {
                "dialect": "postgres",
                "tool": "django",
                "rule": "reversible",
                "back": databases.BACK,
            },
            "watch": {"production": {"for": "1s", "every": "1s", "roll_back_when": [{"health_check": "failed"}]}},
        }

    def address(self, where: str) -> Path:
        """The file that holds the address of a database."""
        return self.directory / f"database-{where}"

    def migrated(self, where: str) -> list[str]:
        """What Django says was applied to a database."""
        query = "SELECT name FROM django_migrations WHERE app = 'shop' ORDER BY name"
        return [name for (name,) in databases.rows(self.address(where).read_text(), query)]

    def run(self, *words: str | Path) -> Done:
        return run_at(
            self.root,
            *words,
            TIDEGATE_CACHE=str(self.directory / "cache"),
            PATH=f"{Path(str(COMPOSE_PROGRAM)).parent}:/usr/bin:/bin",
            **self.engine.environment,
        )

    def good(self, *words: str | Path) -> Done:
        done = self.run(*words)
        assert done.code == 0, f"{words}\n{done.out}\n{done.err}"
        return done

    def by(self, *words: str | Path) -> Done:
        return self.good(*words, "--as", "olga", "--key", self.key)

    def release(self) -> str:
        """Open a release of what was committed, with its images built and pushed."""
        release = str(self.by("release", "open", "helpdesk", "--json").json["id"])
        self.by("artifact", "build", release)
        self.by("artifact", "push", release)
        self.by("evidence", "add", release, self.report)
        return release

    def promote(self, release: str) -> None:
        """Carry a release to both; a watch of a second proves nothing, and a person takes it on from there."""
        self.by("deploy", release, "staging")
        watched = self.run("deploy", release, "production", "--as", "olga", "--key", self.key)
        assert "Not proven yet: health: 0 of" in watched.out, watched
        self.by("rollout", "resume", f"{release}.production.1")

    def says(self, where: str) -> set[str]:
        """The versions that the two services themselves say they are."""
        found = set()
        for name in SERVICES:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[where, name]}/version", timeout=10) as answer:
                found.add(answer.read().decode())
        return found

    def environment(self, service: str) -> list[str]:
        """The variables of a service in production."""
        label = f"label=com.docker.compose.service={service}"
        project = "label=com.docker.compose.project=helpdesk-production"
        (one,) = self.engine.docker("ps", "--quiet", "--filter", label, "--filter", project).stdout.split()
        shown = self.engine.docker("inspect", "--format", "{{range .Config.Env}}{{println .}}{{end}}", one)
        return shown.stdout.split()


@pytest.fixture
def helpdesk(
    tmp_path: Path, docker_engine: DockerEngine, container_registry: ContainerRegistry, postgres_server: PostgresServer
) -> Iterator[Helpdesk]:
    if reason := why_no_compose():
        pytest.skip(reason)
    urls = {where: postgres_server.fresh_database("helpdesk") for where in ("staging", "production")}
    for where, url in urls.items():
        (tmp_path / f"database-{where}").write_text(databases.plain(url))
    (tmp_path / "password").write_text("hush-hush-0\n")
    yield Helpdesk(tmp_path, docker_engine, container_registry)
    ids = docker_engine.docker("ps", "--all", "--quiet", "--filter", "label=tidegate.component=helpdesk").stdout.split()
    if ids:
        docker_engine.docker("rm", "--force", *ids)
    for url in urls.values():
        postgres_server.drop_database(url)


def index(name: str, after: str) -> str:
    """The source of a migration that adds an index, and can undo it without loss."""
    made = f"migrations.AddIndex('invoice', models.Index(fields=['name'], name={name!r}))"
    return databases.django_migration(made, after=f"shop.{after}")


def test_helpdesk_goes_out_by_compose_and_comes_back(helpdesk: Helpdesk) -> None:
    initial = databases.django_migration(databases.INVOICES)
    helpdesk.change("fix: logins work again", "1.0.1", migration={"shop/migrations/0001_initial.py": initial})
    first = helpdesk.release()
    helpdesk.promote(first)
    assert helpdesk.says("staging") == {"1.0.1"}
    assert helpdesk.says("production") == {"1.0.1"}
    assert {"LOG_LEVEL=info", "DB_PASSWORD=hush-hush-0"} <= set(helpdesk.environment("api"))

    assert helpdesk.migrated("staging") == helpdesk.migrated("production") == ["0001_initial"]

    by_name = {"shop/migrations/0002_by_name.py": index("by_name", "0001_initial")}
    helpdesk.change("fix: mails are sent again", "1.0.2", level="debug", migration=by_name)
    second = helpdesk.release()
    shown = helpdesk.good("deploy", second, "production", "--dry-run").out
    assert "config/production.env changes:\n  ~ LOG_LEVEL = info -> debug\n" in shown
    assert "up --detach --no-build --remove-orphans" in shown
    helpdesk.promote(second)
    assert helpdesk.says("production") == {"1.0.2"}
    assert "LOG_LEVEL=debug" in helpdesk.environment("api")
    assert helpdesk.migrated("production") == ["0001_initial", "0002_by_name"]

    again = {"shop/migrations/0003_again.py": index("again", "0002_by_name")}
    helpdesk.change("fix: a page is nicer", "1.0.3", healthy=False, migration=again)
    bad = helpdesk.release()
    helpdesk.by("deploy", bad, "staging")
    taken_back = helpdesk.run("deploy", bad, "production", "--as", "olga", "--key", helpdesk.key)
    assert taken_back.code == 1, taken_back
    assert helpdesk.says("production") == {"1.0.2"}, "nobody was asked"
    assert "LOG_LEVEL=debug" in helpdesk.environment("api")

    assert helpdesk.migrated("production") == ["0001_initial", "0002_by_name"], "the database went back, too"
    assert helpdesk.migrated("staging") == ["0001_initial", "0002_by_name", "0003_again"]

    helpdesk.by("rollback", "helpdesk", "production")
    assert helpdesk.says("production") == {"1.0.1"}
    assert "LOG_LEVEL=info" in helpdesk.environment("api")
    assert helpdesk.migrated("production") == ["0001_initial"]
    written = [
        p
        for p in helpdesk.directory.rglob("*")
        if p.is_file() and p.name != "password" and b"hush-hush-0" in p.read_bytes()
    ]
    assert written == []
