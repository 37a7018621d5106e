"""An organisation that begins with a preset: its people with keys, its components on this machine, its history."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.support.gitrepo import GitRepository
from tests.support.processes import PROJECT
from tests.support.shop import Done, run_at

HOST = "web1"
CORPUS = PROJECT / "tests" / "corpus" / "reports"
_REVIEWS = [{"by": name, "says": "approved", "at": "2026-01-05T13:00:00Z"} for name in ("bo", "cy")]
_SMOKE = {"total": 3, "failed": 0}
REPORTS: dict[str, str] = {
    "junit": '<testsuite name="a" tests="1" failures="0" errors="0"><testcase classname="x" name="y"/></testsuite>',
    "coverage": "SF:a.py\n" + "".join(f"DA:{line},{int(line > 1)}\n" for line in range(1, 11)) + "end_of_record\n",
    "npm-audit": (CORPUS / "npm_audit" / "good" / "clean.json").read_text(),
    "pip-audit": json.dumps({"dependencies": [{"name": "flask", "version": "3.1.0", "vulns": []}], "fixes": []}),
    "image-scan": (CORPUS / "trivy" / "good" / "clean.json").read_text(),
    "performance": (CORPUS / "k6" / "good" / "k6-handle-summary.json").read_text(),
    "accessibility": (CORPUS / "axe" / "good" / "axe-good.json").read_text(),
    "sarif": (CORPUS / "sarif" / "good" / "clean.json").read_text(),
    "smoke": json.dumps(
        {"tidegate": "evidence/1", "kind": "smoke", "taken_at": "2026-01-05T13:00:00Z", "values": _SMOKE}
    ),
    "reviews": json.dumps({"tidegate": "reviews/1", "author": "al", "reviews": _REVIEWS}),
}
"""A report of each kind with nothing bad in it, as a tool writes it."""


class Organisation:
    """One such organisation, in a directory of its own.

    The policy is what ``tidegate init`` writes, finished as its comments ask: every person gets a key, and what the
    preset carries elsewhere is carried to a directory of this machine instead.
    """

    def __init__(self, directory: Path, preset: str) -> None:
        self.directory = directory
        self.repository = GitRepository(directory / "repository")
        self.root = self.repository.path
        (directory / "keys").mkdir()
        begun = run_at(self.root, "init", "--preset", preset, ".")
        assert begun.code == 0, begun
        self.policy: dict[str, Any] = yaml.safe_load((self.root / "tidegate.yaml").read_text())
        for name, person in self.policy["people"].items():
            person["keys"] = [self._key(name)]

    def _key(self, name: str) -> str:
        path = self.directory / "keys" / name
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
        subprocess.run(command, check=True, capture_output=True)
        return path.with_suffix(".pub").read_text().strip()

    def here(self, component: str, *environments: str) -> None:
        """Carry a component to directories of this machine, whatever the preset says."""
        without = self.policy.setdefault("without", [])
        own = self.policy.setdefault("components", {}).setdefault(component, {})
        inherited = "targets" not in own
        own["targets"] = {}
        for environment in environments:
            host = {"name": HOST, "address": "local", "path": str(self.directory / "hosts" / environment / component)}
            own["targets"][environment] = {"driver": "host", "hosts": [host], "restart": ["true"], "stop": ["true"]}
        if inherited:
            without.append(f"components.{component}.targets")

    def write(self) -> None:
        """Write the policy file."""
        if not self.policy.get("without"):
            self.policy.pop("without", None)
        (self.root / "tidegate.yaml").write_text(yaml.safe_dump(self.policy, sort_keys=False, allow_unicode=True))

    def file(self, name: str, text: str) -> Path:
        """Write a file beside the repository, such as a report."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def report(self, release: str, kind: str, *, by: str, source: str = "") -> Done:
        """Add a good report of a kind."""
        file = self.file(f"reports/{kind}", REPORTS[kind])
        return self.good("evidence", "add", release, file, *(("--source", source) if source else ()), by=by)

    def run(self, *words: str | Path, by: str = "") -> Done:
        """Run ``tidegate`` to its end; ``by`` signs with their key."""
        signer = ["--as", by, "--key", str(self.directory / "keys" / by)] if by else []
        return run_at(self.root, *words, *signer, TIDEGATE_CACHE=str(self.directory / "cache"))

    def good(self, *words: str | Path, by: str = "") -> Done:
        """Run ``tidegate`` and demand that it has done what was asked."""
        done = self.run(*words, by=by)
        assert done.code == 0, done
        return done

    def ran(self, release: str, source: str, *, by: str) -> Done:
        """Run a command that says that all passed, as evidence."""
        signer = ("--as", by, "--key", self.directory / "keys" / by)
        said = ("--source", source, "--expects", "all passed")
        return self.good("evidence", "run", release, *said, *signer, "--", "echo", "all passed")

    def runs(self, component: str, environment: str, version: str, *, by: str) -> None:
        """Let a component run somewhere that nobody has deployed, and adopt it as a version."""
        self.file(f"hosts/{environment}/{component}/served", version)
        self.good("adopt", component, environment, "--version", version, by=by)

    def told(self, release: str, *, by: str) -> None:
        """Announce a release; where no channel of this machine delivers, it is said in person, which somebody signs."""
        self.run("worker", "--once")
        for message in self.good("notice", "list", release, "--json").json:
            if message["say"] == "announced" and message["delivered_at"] is None:
                said = ("--delivered", "--reason", "told in person")
                self.good("notice", "settle", message["key"], *said, by=by)

    def in_the_way(
        self, release: str, environment: str, *, suppose: Sequence[str] = (), **options: str
    ) -> Mapping[str, str]:
        """What stands in the way of a release there: the remedy of each finding, by the id of its rule.

        Args:
            suppose: what is supposed, each as ``--what-if`` takes it.
        """
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        words += [word for each in suppose for word in ("--what-if", each)]
        done = self.run("check", release, "--for", environment, "--json", *words)
        assert done.code in (0, 3), done
        findings = [finding for finding in done.json["findings"] if finding["verdict"] != "allow"]
        assert bool(findings) is (done.code == 3)
        return {finding["rule"]: finding["remedy"] for finding in findings}
