"""A small organisation for the tests of the command line: a repository, a policy, people with keys, three hosts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.gitrepo import GitRepository, isolated_environment
from tests.support.patience import PATIENCE_S
from tests.support.warm import WarmCommand

PEOPLE = ("alice", "bob", "carol", "rita", "mallory")
HOSTS = ("web1", "web2", "web3")

POLICY = """\
tidegate: 1
organization: Shop
timezone: America/Los_Angeles
{head}people:
  alice: {{name: Alice, groups: [module-team], keys: ["{alice}"]}}
  bob: {{name: Bob, groups: [module-team], keys: ["{bob}"]}}
  dora: {{name: Dora, groups: [module-team, tech-leads]}}
  carol: {{name: Carol, groups: [tech-leads], keys: ["{carol}"]}}
  rita: {{name: Rita, groups: [managers], keys: ["{rita}"]}}
permits: {{open: [managers], adopt: [managers], hold: [managers]}}
components:
  shop:
    path: app
    tag: "shop-v{{version}}"
    targets:
      staging: {{driver: host, hosts: [{staging}], restart: ["true"], stop: ["true"]}}
      production: {{driver: host, hosts: [{production}], restart: ["sh", "-c", "{restart}"], stop: ["true"]}}
release_types:
  minor: {{bump: minor, {minor}approvals: [{{from: module-team, count: 2}}, {{from: tech-leads}}]}}
  patch: {{bump: patch, approvals: [{{from: module-team}}]}}
gates:
  tests: {{evidence: junit, pass: "tests.total > 0 && tests.failed == 0"}}
environments:
  staging: {{purpose: staging, gates: [tests], permits: {{start: [managers], rollback: [managers]}}}}
  production:
    purpose: production
    after: [{{environment: staging}}]
    strategy: {{rolling: {{batch: 1}}}}
    permits: {{start: [managers], rollback: [managers]}}
communication:
  - {{on: release.opened, to: "file:NOTICES.md", say: announced}}
"""

REPORT = '<testsuite name="a" tests="2" failures="0" errors="0" skipped="0">{cases}</testsuite>'.format(
    cases='<testcase classname="x" name="y" time="0.1"/><testcase classname="x" name="z" time="0.1"/>'
)


_WARM = WarmCommand()


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended: its exit code, its results, its talk."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result, with ``--json``."""
        return json.loads(self.out)


class Shop:
    """One such organisation, in a directory of its own.

    While the file ``slow`` stands beside the hosts, a restart in production waits for its end; while ``broken``
    stands, it fails.
    """

    installed = Path(sys.executable).parent / "tidegate"

    def __init__(self, directory: Path, keys: Path) -> None:
        self.directory = directory
        self.keys = keys
        self.slow = directory / "slow"
        self.broken = directory / "broken"
        self.repository = GitRepository(directory / "repository")
        self.root = self.repository.path
        self.report = directory / "junit.xml"
        self.report.write_text(REPORT)
        self.repository.commit("feat: first", {"app/a.txt": "1"})
        self.repository.tag("shop-v1.0.0")
        self.repository.commit("feat: second", {"app/a.txt": "2"})
        self.write_policy()

    @property
    def database(self) -> Path:
        """The file of the database."""
        return self.root / ".tidegate" / "tidegate.db"

    def host(self, environment: str, name: str) -> Path:
        """The directory of a host."""
        return self.directory / "hosts" / environment / name

    def runs(self, environment: str) -> list[str]:
        """What each host of an environment runs; empty where it runs nothing."""
        found = []
        for name in HOSTS:
            current = self.host(environment, name) / "current"
            found.append(current.resolve().name.partition("--")[0] if current.exists() else "")
        return found

    def policy_text(self, *, head: str = "", minor: str = "") -> str:
        """The policy; ``head`` are more lines of the file, ``minor`` more keys of the release type."""
        fields: dict[str, Any] = {name: (self.keys / f"{name}.pub").read_text().strip() for name in PEOPLE}
        for environment in ("staging", "production"):
            hosts = (f"{{name: {n}, address: local, path: {self.host(environment, n)}}}" for n in HOSTS)
            fields[environment] = ", ".join(hosts)
        restart = f"while test -e {self.slow}; do sleep 0.05; done; test ! -e {self.broken}"
        return POLICY.format(head=head, minor=minor, restart=restart, **fields)

    def write_policy(self, **changes: str) -> None:
        """Write the policy file."""
        (self.root / "tidegate.yaml").write_text(self.policy_text(**changes))

    def run(self, *words: str | Path, by: str = "", cwd: Path | None = None, **environment: str) -> Done:
        """Run ``tidegate`` to its end, in a child of a warmed process; ``by`` signs with their key."""
        line = self.command(*words, by=by)[1 if self.installed.exists() else 3 :]
        return _warmly(line, cwd or self.root, self.environment(environment))

    def run_installed(self, *words: str | Path, by: str = "", **environment: str) -> Done:
        """Run the installed command to its end, as a shell would."""
        return ends(self.begin(*words, by=by, **environment))

    def begin(self, *words: str | Path, by: str = "", **environment: str) -> subprocess.Popen[str]:
        """Begin ``tidegate`` without waiting for its end, in a process group of its own."""
        return subprocess.Popen(
            self.command(*words, by=by),
            cwd=self.root,
            env=self.environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def command(self, *words: str | Path, by: str = "") -> list[str]:
        """The command line; of the installed command where there is one."""
        base = [str(self.installed)] if self.installed.exists() else [sys.executable, "-m", "tidegate"]
        signer = ["--as", by, "--key", str(self.keys / by)] if by else []
        return [*base, *map(str, words), *signer]

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """The variables of a command: those of this process without Tidegate's own."""
        return _environment({"TIDEGATE_CACHE": str(self.directory / "cache"), **more})

    def good(self, *words: str | Path, by: str = "") -> Done:
        """Run ``tidegate`` and demand that it has done what was asked."""
        done = self.run(*words, by=by)
        assert done.code == 0, done
        return done

    def open(self) -> str:
        """Open the release 1.1.0."""
        return str(self.good("release", "open", "shop", "--json", by="rita").json["id"])

    def ready(self) -> str:
        """Open the release 1.1.0, add its report, approve it, and carry it to staging."""
        release = self.open()
        self.good("evidence", "add", release, self.report, by="rita")
        for name in ("alice", "bob", "carol"):
            self.good("approve", release, "--for", "production", by=name)
        self.good("deploy", release, "staging", by="rita")
        return release


def flat(text: str) -> str:
    """What was said on one line, without what draws a tree."""
    return " ".join(text.translate(dict.fromkeys(map(ord, "│├└─"))).split())


def run_at(directory: Path, *words: str | Path, **environment: str) -> Done:
    """Run ``tidegate`` to its end in a directory that is no organisation's."""
    return _warmly([*map(str, words)], directory, _environment({"TIDEGATE_CACHE": "off", **environment}))


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    mine = {name: value for name, value in isolated_environment().items() if not name.startswith("TIDEGATE_")}
    return mine | {"COLUMNS": "80", "LC_ALL": "C.UTF-8", "LANGUAGE": "C", **more}


def _warmly(words: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Done:
    result = Done(*_WARM.run(words, directory, environment))
    assert "Traceback" not in result.err + result.out, result
    return result


def make_keys(directory: Path) -> Path:
    """A pair of keys for each of the people."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in PEOPLE:
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(directory / name)]
        subprocess.run(command, check=True, capture_output=True)
    return directory


def ends(process: subprocess.Popen[str], timeout_s: float = PATIENCE_S) -> Done:
    """Wait for the end of a command that was begun."""
    out, err = process.communicate(timeout=timeout_s)
    assert "Traceback" not in out + err, (out, err)
    return Done(process.returncode, out, err)


def interrupt(process: subprocess.Popen[str]) -> None:
    """Press Ctrl-C at the command's terminal: the whole process group is told."""
    os.killpg(process.pid, signal.SIGINT)


def wait_until(holds: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait until something holds, looking again and again."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, f"it did not come to this: {what}"
        time.sleep(0.02)
