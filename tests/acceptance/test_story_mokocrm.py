"""The preset of MokoCRM, from nothing to production: each refusal on the way, by its rule and remedy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.organisation import Organisation

COMPONENT = "example-module"
TEMPLATE = """\
# Rollback plan of {component} {version}

## Triggering criteria

{when it comes back}

## Steps

{how it comes back}

## Validation

{how one sees that it came back}
"""
SECTIONS = {
    "docs/releases/{}.md": ("Version", "Features", "Fixes", "Migration notes", "Known issues"),
    "docs/rollback/{}.md": ("Triggering criteria", "Steps", "Validation"),
    "docs/runbooks/example-module.md": ("Release", "Monitoring", "Rollback", "Contacts"),
    "docs/knowledge-base/example-module.md": ("What it does",),
}
WITH_SOURCE = {"gate.build", "gate.reviews", "gate.tests", "gate.security-scan", "gate.package"}
ANSWERS = ("--client", "example-client", "--downtime", "none", "--data", "none", "--rollback", "install 01.00.00 again")
TRAINED = datetime.now(UTC).date() - timedelta(days=30)


class MokoCRM(Organisation):
    """The preset, finished; what runs are directories of this machine, and who is told is told in files."""

    release = ""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "mokocrm")
        self.here(COMPONENT, "staging", "production")
        told = ["file:TOLD.md"]
        self.policy["audiences"] = {"stakeholders": {"to": told}, "release-team": {"to": told}}
        self.policy["clients"]["example-client"]["told"] = told
        self.repository.commit("feat: first", {"module.php": "1\n"})
        self.repository.tag("v01.00.00")

    def trained(self, name: str) -> None:
        self.policy["people"][name]["trained"] = {"akeeba-release-system": TRAINED}
        self.write()

    def documented(self, version: str) -> None:
        """Write every document, and commit them."""
        written = {}
        for path, sections in SECTIONS.items():
            text = "".join(f"## {section}\n\nIt is as it was.\n\n" for section in sections)
            written[path.format(f"{COMPONENT}-{version}")] = f"# {COMPONENT} {version}\n\n{text}"
        self.repository.commit("docs: what a release needs", written)

    def open(self, *options: str) -> None:
        self.release = self.good("release", "open", COMPONENT, *options, "--json", by="rachel").json["id"]

    def refused(self, environment: str) -> dict[str, str]:
        return dict(self.in_the_way(self.release, environment))

    def reported(self) -> None:
        """What every environment but the local one asks for."""
        self.good(
            *("evidence", "run", self.release, "--source", "build", "--expects", "built"),
            *("--as", "quentin", "--key", self.directory / "keys" / "quentin", "--", "echo", "built"),
        )
        for kind in ("reviews", "junit", "sarif"):
            self.report(self.release, kind, by="quentin")
        self.state("package", "valid=yes", "files=12", by="quentin")

    def validated(self) -> None:
        """What is proven in staging, and that it can be taken back."""
        self.report(self.release, "junit", by="quentin", source="staging")
        self.state("smoke", "total=3", "failed=0", "--source", "staging", by="quentin")
        report = self.file("drill.md", "# Rollback of a release\n\nBack in ten minutes.\n")
        self.good("drill", "record", "rollback", "--report", report, "--took", "10m", by="oscar")
        self.good("rollback", "validate", self.release, "--for", "production", by="oscar")

    def state(self, kind: str, *values: str, by: str) -> None:
        self.good("evidence", "state", self.release, kind, *values, by=by)

    def tick(self, checklist: str, by: str, *points: str) -> None:
        for point in points:
            self.good("checklist", "tick", self.release, checklist, point, by=by)

    def of_the_change(self) -> dict[str, str]:
        """What of the change request stands in the way of production."""
        return {rule: remedy for rule, remedy in self.refused("production").items() if rule.startswith("change")}

    def change(self, category: str, approve: str, deciders: Sequence[str], *minutes: str | Path) -> None:
        """Take a change request through its workflow, as each refusal says; ``approve`` is how its decision is."""
        asking = f"tidegate change open {self.release} --category {category} --title TEXT --reason TEXT"
        assert self.of_the_change() == {"change.request": asking}
        words = ("--category", category, "--title", "Logins", "--reason", "the client asks for it")
        self.good("change", "open", self.release, *words, by="diana")
        levels = (
            "--impact LEVEL --probability LEVEL --downtime TEXT --data TEXT --rollback TEXT",
            "--impact",
            "low",
            "--probability",
            "medium",
        )
        assert self.of_the_change() == {"change.request": f"tidegate change assess CR-1 {levels[0]}, then submit it"}
        self.good("change", "assess", "CR-1", *levels[1:], *ANSWERS, by="robert")
        assert self.of_the_change() == {
            "change.request": "tidegate change step CR-1 validate --note TEXT, by queenie, quentin, then submit it"
        }
        early = self.run("change", "submit", "CR-1", by="diana")
        assert (early.code, "validate comes before the decision on CR-1" in " ".join(early.err.split())) == (6, True)
        self.good("change", "step", "CR-1", "validate", "--note", "staging shows it fit", by="queenie")
        assert self.of_the_change() == {"change.request": "tidegate change submit CR-1"}
        self.good("change", "submit", "CR-1", by="diana")
        assert self.of_the_change() == {
            "change.approval.cab": f"tidegate change approve CR-1{approve} of: carol, olivia, rachel",
            "change.steps": "tidegate change step CR-1 notify --note TEXT, by rachel, robert",
        }
        for name in deciders:
            self.good("change", "approve", "CR-1", *minutes, by=name)
        assert self.of_the_change() == {
            "change.steps": "tidegate change step CR-1 notify --note TEXT, by rachel, robert"
        }
        self.good("change", "step", "CR-1", "notify", "--note", "mailed", by="robert")
        assert self.of_the_change() == {}


def test_an_emergency_release_goes_at_once(tmp_path: Path) -> None:
    moko = MokoCRM(tmp_path)
    moko.trained("olivia")
    moko.good("hotfix", COMPONENT, by="diana")
    moko.repository.switch("hotfix/v01.00.01")
    moko.repository.commit(
        "fix: logins work again", {"module.php": "2\n", "docs/templates/rollback/rollback-plan.md": TEMPLATE}
    )
    moko.documented("01.00.01")
    moko.open("--type", "emergency")
    is_declared_and_goes_to_staging(moko)
    is_proven(moko)
    moko.change("emergency", ", by one", ["carol"])
    is_approved(moko)
    assert moko.refused("production") == {}
    assert "all the same" in moko.good("audit", "rejudge").out


def is_declared_and_goes_to_staging(moko: MokoCRM) -> None:
    release = moko.release
    refused = moko.refused("staging")
    assert set(refused) == {"emergency.declared", "deploy.from", *WITH_SOURCE}
    declare = f"tidegate emergency declare --incident ID --reason TEXT --criterion '{{}}' --components {COMPONENT}, "
    assert refused["emergency.declared"].startswith(declare.format("Critical security vulnerabilities"))
    assert refused["deploy.from"].startswith(
        f"set the tag on that commit: tidegate tag {COMPONENT} 01.00.01; or merge it into main; "
    )
    criterion = ("--criterion", "Service-impacting defects")
    moko.good("release", "amend", release, *criterion, "--reason", "nobody can log in", by="rachel")
    assert moko.refused("staging")["emergency.declared"].startswith(declare.format(criterion[1]))
    words = ("--incident", "INC-7", "--reason", "nobody can log in", *criterion, "--components", COMPONENT)
    moko.good("emergency", "declare", *words, by="olivia")
    moko.reported()
    assert set(moko.refused("staging")) == {"deploy.from"}
    moko.good("tag", COMPONENT, "01.00.01", by="rachel")
    assert moko.refused("staging") == {}
    moko.good("deploy", release, "staging", by="olivia")


def is_proven(moko: MokoCRM) -> None:
    release = moko.release
    refused = moko.refused("production")
    assert set(refused) == {
        *("gate.integration-tests", "gate.staging-validation", "gate.backup", "gate.rollback-drill"),
        "backup.before-release",
        *("checklist.pre-deployment", "approval.cab", "approval.release-managers", "change.request"),
        "rollback.validated",
    }
    assert refused["gate.backup"] == (
        f"state it: tidegate evidence state {release} backup FIELD=VALUE... --environment production"
    )
    assert refused["gate.staging-validation"] == (
        f"state it: tidegate evidence state {release} smoke FIELD=VALUE... --source staging"
    )
    moko.validated()
    moko.state("backup", "verified=yes", "offsite=no", "--environment", "production", by="oscar")
    assert moko.refused("production")["gate.backup"].startswith("reach backup.offsite == true, then state it: ")
    moko.state("backup", "verified=yes", "offsite=yes", "--environment", "production", by="oscar")
    assert moko.refused("production")["checklist.pre-deployment"].startswith(
        f"tidegate checklist tick {release} pre-deployment rollback, by one of: olivia, oscar; "
    )
    moko.tick("pre-deployment", "oscar", "rollback")
    moko.tick("pre-deployment", "robert", "tickets")


def is_approved(moko: MokoCRM) -> None:
    approve = f"tidegate approve {moko.release} --for production, by one of: "
    assert moko.refused("production") == {
        "approval.cab": f"{approve}carol, olivia, rachel",
        "approval.release-managers": f"{approve}rachel, robert",
    }
    for name in ("carol", "rachel"):
        moko.good("approve", moko.release, "--for", "production", by=name)


def test_a_minor_release_is_trained_for_written_announced_and_decided_by_the_board(tmp_path: Path) -> None:
    moko = MokoCRM(tmp_path)
    moko.write()
    moko.repository.commit("feat: second", {"module.php": "2\n"})
    moko.open()
    is_trained_for(moko)
    is_written(moko)
    is_announced(moko)
    moko.reported()
    assert moko.refused("staging") == {}
    moko.good("deploy", moko.release, "staging", by="olivia")
    moko.validated()
    moko.good("tag", COMPONENT, "01.01.03", by="rachel")
    is_planned_and_decided(moko)
    waits_for_its_time(moko)


def is_trained_for(moko: MokoCRM) -> None:
    assert moko.refused("staging")["training"] == (
        "take it, have its day written under people.olivia.trained and adopted, and open the release again; "
        "or let somebody start who has it"
    )
    moko.trained("olivia")
    digest = moko.good("policy", "propose", "--json", by="rachel").json["digest"]
    early = moko.run("policy", "adopt", by="rachel")
    assert early.code == 3
    for group, name in (("operations", "oscar"), ("architecture", "carol"), ("documentation", "queenie")):
        assert f"needs 1 approval from {group}, none given" in early.out + early.err
        moko.good("policy", "approve", digest, by=name)
    moko.good("policy", "adopt", by="rachel")
    moko.good("release", "cancel", moko.release, "--reason", "nobody who is trained could start it", by="rachel")
    moko.open()
    assert "training" not in moko.refused("staging")


def is_written(moko: MokoCRM) -> None:
    names = ("release-notes", "rollback-plan", "runbook", "knowledge-base")
    refused = moko.refused("production")
    for name in names:
        begin = f"tidegate document new {name} --of {COMPONENT}"
        assert refused[f"document.{name}"] == f"begin it with {begin}, commit it, and open the release again"
    new = ("--of", COMPONENT)
    untemplated = moko.run("document", "new", "rollback-plan", *new)
    assert untemplated.code == 5
    assert "docs/templates/rollback/rollback-plan.md: the template of Rollback plan" in untemplated.err
    moko.repository.commit("docs: the template", {"docs/templates/rollback/rollback-plan.md": TEMPLATE})
    for name in names:
        moko.good("document", "new", name, *new)
    assert (moko.root / "docs" / "releases" / f"{COMPONENT}-01.01.02.md").is_file()
    moko.repository.git("add", "docs")
    moko.repository.git("commit", "--quiet", "--message", "docs: begun")
    moko.good("release", "cancel", moko.release, "--reason", "its documents are not written", by="rachel")
    moko.open()
    refused = moko.refused("production")
    for_next = f"for the next version, and open that: tidegate release open {COMPONENT} --version VERSION"
    assert {refused[f"document.{name}"] for name in names} == {
        "fill it in, commit it, and open the release again",
        f"fill it in, commit it {for_next}",
    }
    moko.good("release", "cancel", moko.release, "--reason", "its documents are not written", by="rachel")
    # A version that was given up is used no more: what is opened again has the next one.
    moko.documented("01.01.03")
    moko.open()
    assert not [rule for rule in moko.refused("production") if rule.startswith(("document.", "gate.documentation"))]


def is_announced(moko: MokoCRM) -> None:
    assert moko.refused("production")["notice.announced"].startswith(
        "have one sent (communication: on: release.opened)"
    )
    moko.told(moko.release, by="rachel")
    assert "example-module 01.01.03" in (moko.root / "TOLD.md").read_text()
    refused = moko.refused("production")
    assert "notice.announced" not in refused
    assert refused["notice"].startswith("wait until ")


def is_planned_and_decided(moko: MokoCRM) -> None:
    release = moko.release
    assert moko.refused("production")["checklist.planning"].startswith(
        f"tidegate checklist tick {release} planning date"
    )
    moko.tick("planning", "robert", "scope", "impact", "date")
    moko.tick("planning", "oscar", "people")
    moko.tick("pre-deployment", "oscar", "rollback")
    moko.tick("pre-deployment", "robert", "tickets")
    minutes = moko.file("minutes.md", "# Board of Monday\n\nApproved.\n")
    moko.change("normal", " --minutes FILE, by 2", ["carol", "olivia"], "--minutes", minutes)
    for name in ("rachel", "quentin", "carol"):
        moko.good("approve", release, "--for", "production", by=name)


def waits_for_its_time(moko: MokoCRM) -> None:
    """Its notice, its days in staging and its window are waited for; its backup is made when it goes."""
    refused = moko.refused("production")
    assert set(refused) - {"windows"} == {
        *("soak.staging", "gate.backup", "backup.before-release", "checklist.pre-deployment", "notice")
    }
    assert refused["soak.staging"].startswith("wait until ")
    day = datetime.now(UTC).replace(hour=16, minute=0) + timedelta(days=8)
    day += timedelta(days=next(more for more in range(7) if (day + timedelta(days=more)).weekday() == 2))
    then = day.isoformat()
    assert set(moko.in_the_way(moko.release, "production", now=then)) == {
        *("gate.backup", "backup.before-release", "gate.security-scan", "checklist.pre-deployment")
    }
    values = {"verified": True, "offsite": True}
    stated = {"tidegate": "evidence/1", "kind": "backup", "taken_at": then, "values": values}
    backup, scan = moko.file("backup.json", json.dumps(stated)), moko.directory / "reports" / "sarif"
    supposed = ("--what-if", f"evidence={backup}", "--what-if", f"evidence={scan}")
    moko.good("check", moko.release, "--for", "production", "--now", then, *supposed)
