"""What is around Tidegate in the demo: a repository with its history, hosts that run a service, people with keys."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidegate.demo.policies import ACTIVE, REAL, Host, real_policy, rehearsal_policy
from tidegate.demo.services import PORT, hosts
from tidegate.demo.traffic import version_of
from tidegate.errors import ConflictError, NotFoundError, WorldError

MARKER = ".tidegate-demo"
HISTORY = Path(__file__).with_name("history")
MODULE = "modules/billing"
SIGNERS = ("alice", "bob", "carol", "rita")
FIRST = "1.0.0"
PATIENCE_S = 60.0

# What the environment of whoever starts the demo must not change in it.
_FOREIGN = ("GIT_", "TIDEGATE_", "PYTEST_", "COVERAGE_", "PYTHONPATH", "PYTHONHOME", "SSH_ASKPASS")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the history: the files it brings, what it says, and how many hours before now it was written."""

    overlay: str
    message: str
    hours_ago: float = 0.0


BEFORE = (Commit("01-first", "feat: invoices and customers", 24 * 30),)
SINCE = (
    Commit("02-tax", "feat(billing): add the tax of the customer's country", 70),
    Commit("05-search", "feat(customers): search customers by name", 52),
    Commit("03-unknown", "fix(billing): answer 404 for a customer who is not known", 30),
    Commit("04-docs", "docs(billing): show an invoice as it is answered", 27),
)
OTHER_MODULE = Commit("06-sort", "fix(customers): sort what a search finds by name")
DISCOUNT = Commit("07-discount", "feat(billing): give regular customers a discount")


class Workspace:
    """The demo's directory and what is in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.repository = directory / "repo"
        self.keys = directory / "keys"
        self.reports = self.repository / "reports"
        self.hosts: list[Host] = []

    @property
    def production(self) -> list[Host]:
        """The hosts of production, in their order."""
        return [host for host in self.hosts if host.environment == "production"]

    # ------------------------------------------------------------------------------------------ making it

    def make(self) -> None:
        """Make it anew: directories, keys, the repository with its first history, and 1.0.0 running on every host.

        Raises:
            ConflictError: something is there that no demo put there.
            NotFoundError: a command is missing that the demo needs.
            WorldError: a command failed.
        """
        demand_commands()
        self._claim_directory()
        try:
            self._fill()
        except BaseException:
            self.stop()
            raise

    def _fill(self) -> None:
        for directory in (self.repository, self.keys):
            directory.mkdir()
        self.keys.chmod(0o700)
        self._make_hosts()
        self._make_keys()
        self._make_repository()
        services = self.directory / "services"
        shutil.copyfile(Path(__file__).with_name("services.py"), services)
        services.chmod(0o755)
        for host in self.hosts:
            self._install(host)

    def _claim_directory(self) -> None:
        marker = self.directory / MARKER
        if self.directory.exists() and not self.directory.is_dir():
            raise ConflictError("it is no directory", where=str(self.directory), remedy="name another directory")
        if self.directory.is_dir() and any(self.directory.iterdir()):
            if not marker.is_file():
                raise ConflictError(
                    "it holds something that no demo put there, and the demo begins by emptying its directory",
                    where=str(self.directory),
                    remedy="name a directory that is empty or not there yet",
                )
            stop_services(self.directory)
            # The marker goes last: a demo that is interrupted here may be begun again.
            for entry in [entry for entry in self.directory.iterdir() if entry != marker]:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        self.directory.mkdir(parents=True, exist_ok=True)
        marker.write_text("A directory of `tidegate demo`, which empties it when it begins.\n", encoding="utf-8")

    def _make_hosts(self) -> None:
        wanted = [("staging", "stage1"), *(("production", f"web{number}") for number in (1, 2, 3))]
        for (environment, name), port in zip(wanted, free_ports(len(wanted)), strict=True):
            directory = self.directory / "hosts" / environment / name
            (directory / "billing").mkdir(parents=True)
            (directory / PORT).write_text(f"{port}\n", encoding="ascii")
            self.hosts.append(Host(name, environment, directory, port))

    def _make_keys(self) -> None:
        for person in SIGNERS:
            call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{person}@7d.example", "-f", person], self.keys)

    def _make_repository(self) -> None:
        self.git("init", "--quiet", "--initial-branch=main")
        for commit in BEFORE:
            self.commit(commit)
        self.git("tag", f"billing-v{FIRST}")
        for commit in SINCE:
            self.commit(commit)
        keys = {person: (self.keys / f"{person}.pub").read_text(encoding="utf-8").strip() for person in SIGNERS}
        real = real_policy(self.hosts, keys)
        (self.repository / REAL).write_text(real, encoding="utf-8")
        self.activate(real)

    def activate(self, policy: str) -> None:
        """Write the file that Tidegate takes for a proposal, and commit it."""
        (self.repository / ACTIVE).write_text(policy, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=chore: say how we release")

    def rehearse(self) -> tuple[str, str]:
        """Write the shortened policy over the real one; both texts."""
        real = (self.repository / REAL).read_text(encoding="utf-8")
        shorter = rehearsal_policy(real)
        self.activate(shorter)
        return real, shorter

    def commit(self, commit: Commit) -> None:
        """Add a commit of the history, written by Dave."""
        shutil.copytree(HISTORY / commit.overlay, self.repository, dirs_exist_ok=True, ignore=_no_caches)
        self.git("add", "--all")
        written = datetime.now(UTC) - timedelta(hours=commit.hours_ago)
        self.git("commit", "--quiet", f"--message={commit.message}", at=written)

    def git(self, *arguments: str, at: datetime | None = None) -> str:
        """Run Git in the repository as Dave, untouched by anybody's configuration."""
        date = {f"GIT_{who}_DATE": at.isoformat() for who in ("AUTHOR", "COMMITTER")} if at else {}
        return call(["git", *arguments], self.repository, {**GIT_ENVIRONMENT, **date})

    # ------------------------------------------------------------------------------------------ the service

    def _install(self, host: Host) -> None:
        """Put the first version on a host as people do it by hand, and start it."""
        there = host.path / "by-hand"
        shutil.copytree(self.repository_at_first() / MODULE, there, ignore=_no_caches)
        (host.path / "current").symlink_to("by-hand")
        run = [sys.executable, "-B", str(there / "run.py"), "start"]
        call(
            [*run, "--port", str(host.port), "--pid-file", str(host.pid_file)],
            there,
            {"TIDEGATE_VERSION": FIRST},
        )
        until(lambda: version_of(host) == FIRST, f"the service on {host.name} does not answer", host.directory)

    def repository_at_first(self) -> Path:
        """Where the files of the first version are."""
        return HISTORY / "01-first"

    def run_tests(self) -> tuple[int, int]:
        """Run the service's tests with coverage, as its CI would; the numbers of unit and contract tests."""
        self.reports.mkdir(exist_ok=True)
        module = self.repository / MODULE
        covered = [sys.executable, "-B", "-m", "coverage"]
        call([*covered, "run", "-m", "pytest", "tests/unit", "--junitxml=../../reports/unit.xml"], module)
        call(
            [*covered, "run", "--append", "-m", "pytest", "tests/contract", "--junitxml=../../reports/contract.xml"],
            module,
        )
        call([*covered, "json", "-q", "-o", "../../reports/coverage.json"], module)
        (self.reports / ".coverage").unlink()
        return _tests_in(self.reports / "unit.xml"), _tests_in(self.reports / "contract.xml")

    def stop(self) -> None:
        """Stop the service on every host."""
        stop_services(self.directory)


GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Dave Dunn",
    "GIT_AUTHOR_EMAIL": "dave@7d.example",
    "GIT_COMMITTER_NAME": "Dave Dunn",
    "GIT_COMMITTER_EMAIL": "dave@7d.example",
}


def _no_caches(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def _tests_in(report: Path) -> int:
    from tidegate.readers.registry import read_report

    return int(read_report(report.name, report.read_bytes(), None).values["total"])


def demand_commands() -> None:
    """See that what the demo needs is there.

    Raises:
        NotFoundError: something is missing.
    """
    from importlib.util import find_spec

    for command in ("git", "ssh-keygen"):
        if shutil.which(command) is None:
            raise NotFoundError(f"there is no {command}", remedy="install it (on Debian: git, openssh-client)")
    for module in ("pytest", "coverage"):
        if find_spec(module) is None:
            raise NotFoundError(
                f"{module} is not installed here, and the demo runs real tests",
                remedy='install the extra: pip install "tidegate[demo]", or run: make demo',
            )


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens on, each another one.

    They lie below those that systems give to outgoing connections: a service that restarts finds its port free again.

    Raises:
        WorldError: hardly a port is free.
    """
    found: list[int] = []
    for port in random.sample(range(18_000, 30_000), 200):
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise WorldError("no free ports were found from 18000 to 30000", remedy="stop what listens there, then try again")


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for what the demo calls, without what would change it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **(more or {})}


def call(argv: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints.

    Raises:
        WorldError: it cannot be run, or fails.
    """
    try:
        done = subprocess.run(
            argv,
            check=False,
            cwd=directory,
            env=clean_environment(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorldError(f"{argv[0]} could not be run: {error}", remedy="see why, then run the demo again") from error
    if done.returncode:
        raise WorldError(
            f"{' '.join(argv)} ended with {done.returncode}: {done.stdout.strip()[-2000:]}",
            where=str(directory),
            remedy="see why, then run the demo again",
        )
    return done.stdout


def until(holds: Callable[[], bool], otherwise: str, where: Path) -> None:
    """Wait until something holds.

    Raises:
        WorldError: it does not within a minute.
    """
    end = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise WorldError(otherwise, where=str(where), remedy="look at the logs there, then run the demo again")
        time.sleep(0.02)


def stop_services(directory: Path) -> int:
    """Stop whatever service of a demo's directory still runs; how many there may have been."""
    program = [sys.executable, "-B", str(HISTORY / "01-first" / MODULE / "run.py"), "stop"]
    found = [(host / "billing.pid", port) for host, port in hosts(directory) if (host / "billing.pid").exists()]
    for pid_file, port in found:
        call([*program, "--port", port, "--pid-file", str(pid_file)], directory)
    return len(found)
