"""The preset of MokoWaaS, from nothing to allowed: each refusal on the way, by its rule and its remedy."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.support.organisation import Organisation
from tidegate.clock import to_text

COMPONENT = "example-extension"
TEMPLATE = "# Rollback plan of {component} {version}\n" + "".join(
    f"\n## {section}\n\n{{to be written}}\n" for section in ("Triggering criteria", "Steps", "Validation")
)
DOCUMENTS = ("release-notes", "rollback-plan", "runbook")
TRAINED = {"akeeba-release-system": "2026-01-15"}


def organisation(directory: Path, *trained: str) -> Organisation:
    """The preset, finished; what runs are directories of this machine."""
    made = Organisation(directory, "mokowaas")
    made.here(COMPONENT, "staging", "production")
    made.policy["audiences"]["stakeholders"]["to"] = ["file:NOTICES.md"]
    made.policy["people"]["diana"]["email"] = "alice@example.org"
    for person in trained:
        made.policy["people"][person]["trained"] = TRAINED
    made.write()
    made.repository.commit("feat: first", {"extension.php": "1\n"})
    made.repository.tag("v01.00.00")
    made.repository.commit("fix: it works again", {"extension.php": "2\n"})
    return made


def written(moko: Organisation, version: str) -> None:
    """Begin the documents as their remedies say, fill them in and commit them."""
    template = {"docs/templates/rollback/rollback-plan.md": TEMPLATE}
    moko.repository.write(template)
    for name in DOCUMENTS:
        moko.good("document", "new", name, "--of", COMPONENT, "--version", version)
    for file in (moko.root / "docs").rglob(f"*{COMPONENT}*.md"):
        file.write_text(file.read_text().replace("{to be written}", "What there is to say."))
    moko.repository.commit("docs: what a release needs", template)


def proven(moko: Organisation, release: str) -> None:
    """Everything that is proven before staging."""
    moko.ran(release, "build", by="oscar")
    for kind in ("reviews", "junit", "sarif"):
        moko.report(release, kind, by="oscar")
    moko.good("evidence", "state", release, "package", "valid=yes", "files=1", by="oscar")


def validated(moko: Organisation, release: str) -> None:
    """Everything that is proven in staging, and of production, before production."""
    moko.report(release, "junit", by="quentin", source="staging")
    moko.report(release, "smoke", by="quentin", source="staging")
    moko.good(
        *("evidence", "state", release, "backup", "verified=yes", "offsite=yes", "--environment", "production"),
        by="olivia",
    )
    report = moko.file("drill.md", "# Rollback of a release\n\nBack in ten minutes.\n")
    moko.good("drill", "record", "rollback", "--report", report, "--took", "10m", by="olivia")
    moko.good("rollback", "validate", release, "--for", "production", by="olivia")


def are_trained(moko: Organisation, *people: str) -> None:
    """Write the day of their training, have it approved by those who review the policy, and adopted."""
    for person in people:
        moko.policy["people"][person]["trained"] = TRAINED
    moko.write()
    proposed = moko.good("policy", "propose", "--json", by="rachel").json["digest"]
    early = moko.run("policy", "adopt", by="rachel")
    assert (early.code, f"tidegate policy approve {proposed[:19]}, by one of: olivia, oscar" in early.err) == (3, True)
    for person in ("oscar", "carol", "aaron"):
        moko.good("policy", "approve", proposed, by=person)
    moko.good("policy", "adopt", by="rachel")


def in_a_window(after: datetime) -> datetime:
    """A moment at or after another in which production may be released to: Tuesday to Thursday, 09:00 to 15:00."""
    moment = after.astimezone(ZoneInfo("America/Chicago")).replace(minute=30, second=0, microsecond=0)
    while not (moment.weekday() in (1, 2, 3) and 9 <= moment.hour < 15):
        moment += timedelta(hours=1)
    return moment


def at(moment: datetime) -> str:
    return to_text(moment.astimezone(UTC))


def test_a_patch_of_mokowaas_goes_from_nothing_to_its_window(tmp_path: Path) -> None:
    moko = organisation(tmp_path)
    first = moko.good("release", "open", COMPONENT, "--json", by="diana").json["id"]
    new = f"begin it with tidegate document new {{0}} --of {COMPONENT}, commit it, and open the release again"
    assert moko.in_the_way(first, "staging") == {
        "training": "take it, have its day written under people.olivia.trained and adopted, "
        "and open the release again; or let somebody start who has it",
        "gate.build": f"have it run: tidegate evidence run {first} --source build --expects TEXT -- COMMAND",
        "gate.reviews": f"add a new report: tidegate evidence add {first} FILE, "
        f"or count trailers: tidegate evidence reviews {first}",
        "gate.tests": f"add a new junit report: tidegate evidence add {first} FILE",
        "gate.security-scan": f"add a new sarif report: tidegate evidence add {first} FILE",
        "gate.package": f"state it: tidegate evidence state {first} package FIELD=VALUE...",
        "document.release-notes": new.format("release-notes"),
        "document.rollback-plan": new.format("rollback-plan"),
    }

    are_trained(moko, "olivia", "oscar")
    unreadable = moko.run("document", "new", "rollback-plan", "--of", COMPONENT, "--version", "01.00.02")
    assert "docs/templates/rollback/rollback-plan.md: the template of Rollback plan" in unreadable.err
    assert "> write it, and commit it" in unreadable.err
    written(moko, "01.00.02")
    release = moko.good("release", "open", COMPONENT, "--version", "01.00.02", "--json", by="diana").json["id"]
    proven(moko, release)
    assert moko.in_the_way(release, "staging") == {}
    moko.good("deploy", release, "staging", by="oscar")

    then = in_a_window(datetime.now(UTC) + timedelta(hours=49))
    refused = moko.in_the_way(release, "production")
    assert refused["deploy.from"] == f"set the tag on that commit: tidegate tag {COMPONENT} 01.00.02"
    stated = f"tidegate evidence state {release}"
    assert {rule: refused[rule] for rule in refused if rule.startswith("gate.")} == {
        "gate.integration-tests": f"add a new junit report: tidegate evidence add {release} FILE --source staging",
        "gate.staging-validation": f"state it: tidegate evidence state {release} smoke FIELD=VALUE... --source staging",
        "gate.backup": f"state it: {stated} backup FIELD=VALUE... --environment production",
        "gate.rollback-drill": f"state it: {stated} drill FIELD=VALUE...",
    }
    assert {rule: refused[rule] for rule in refused if rule.startswith("approval.")} == {
        "approval.cab": f"tidegate approve {release} --for production, by one of: carol, olivia, rachel",
        "approval.release-managers": f"tidegate approve {release} --for production, by one of: rachel, robert",
        "approval.quality-assurance": f"tidegate approve {release} --for production, by one of: queenie, quentin",
    }
    assert refused["rollback.validated"] == f"tidegate rollback validate {release} --for production"
    assert refused["drill.rollback"].startswith("rehearse it: tidegate drill run rollback ENVIRONMENT")
    opens = f"tidegate change open {release} --category normal --title TEXT --reason TEXT"
    assert refused["change.request"] == opens

    moko.told(release, by="rachel")
    moko.good("tag", COMPONENT, "01.00.02", by="diana")
    validated(moko, release)
    for point in ("scope", "impact", "date"):
        moko.good("checklist", "tick", release, "planning", point, by="rachel")
    moko.good("checklist", "tick", release, "planning", "people", by="olivia")
    moko.good("checklist", "tick", release, "pre-deployment", "rollback", by="olivia")
    is_changed(moko, release)
    for person in ("carol", "robert", "quentin"):
        moko.good("approve", release, "--for", "production", by=person)
    refused = moko.in_the_way(release, "production")
    assert {"soak.staging", "notice"} <= set(refused) <= {"soak.staging", "notice", "windows"}

    weekend = datetime.now(ZoneInfo("America/Chicago")) + timedelta(days=3)
    weekend += timedelta(days=(5 - weekend.weekday()) % 7)
    tuesday = (weekend + timedelta(days=3)).replace(hour=9, minute=0, second=0, microsecond=0)
    refused = moko.in_the_way(release, "production", now=at(weekend))
    assert refused["windows"] == f"wait until {tuesday:%a} {tuesday.day} {tuesday:%b %Y %H:%M %Z}"
    refused = moko.in_the_way(release, "production", now=at(then))
    assert set(refused) == {"gate.backup", "backup.before-release", "checklist.pre-deployment"}
    assert refused["gate.backup"] == (
        f"state it: {stated} backup FIELD=VALUE... --source olivia --environment production"
    )
    backup = {"verified": True, "offsite": True}
    taken = at(then - timedelta(hours=1))
    text = json.dumps({"tidegate": "evidence/1", "kind": "backup", "taken_at": taken, "values": backup})
    fresh = moko.file("backup.json", text)
    assert moko.in_the_way(release, "production", now=at(then), suppose=[f"evidence:olivia={fresh}"]) == {}
    assert "all the same" in moko.good("audit", "rejudge").out


def is_changed(moko: Organisation, release: str, *, minutes: bool = True, category: str = "normal") -> None:
    """The change request of a release, from nothing to approved: each step by whom it belongs to."""
    ask = ("change", "open", release, "--category", category, "--title", "It works again", "--reason", "it does not")
    moko.good(*ask, by="diana")
    assess = (
        "tidegate change assess CR-1 --impact LEVEL --probability LEVEL --downtime TEXT --data TEXT --rollback TEXT"
    )
    assert moko.in_the_way(release, "production")["change.request"] == f"{assess}, then submit it"
    said = ("--impact", "low", "--probability", "low", "--downtime", "none", "--data", "none", "--rollback", "again")
    moko.good("change", "assess", "CR-1", *said, by="rachel")
    assert moko.in_the_way(release, "production")["change.request"] == (
        "tidegate change step CR-1 validate --note TEXT, by queenie, quentin, then submit it"
    )
    early = moko.run("change", "submit", "CR-1", by="diana")
    assert (early.code, "tidegate change step CR-1 validate --note TEXT" in early.err) == (6, True)
    moko.good("change", "step", "CR-1", "validate", "--note", "it is fit", by="quentin")
    moko.good("change", "submit", "CR-1", by="diana")
    refused = moko.in_the_way(release, "production")
    assert refused["change.steps"] == "tidegate change step CR-1 notify --note TEXT, by rachel, robert"
    assert refused["change.approval.cab"].startswith("tidegate change approve CR-1")
    note = ("--minutes", "The board said yes.") if minutes else ()
    for person in ("carol", "olivia") if minutes else ("carol",):
        moko.good("change", "approve", "CR-1", *note, by=person)
    moko.good("change", "step", "CR-1", "notify", "--note", "told by mail", by="rachel")
    assert not {rule for rule in moko.in_the_way(release, "production") if rule.startswith("change.")}
    moko.good("checklist", "tick", release, "pre-deployment", "tickets", by="rachel")


def test_an_emergency_of_mokowaas_waits_for_nothing_but_its_yes(tmp_path: Path) -> None:
    moko = organisation(tmp_path, "olivia", "oscar")
    written(moko, "01.00.01")
    release = moko.good("release", "open", COMPONENT, "--type", "emergency", "--json", by="diana").json["id"]
    proven(moko, release)
    assert moko.in_the_way(release, "staging") == {
        "emergency.declared": "tidegate emergency declare --incident ID --reason TEXT "
        f"--criterion 'Critical security vulnerabilities' --components {COMPONENT}, "
        "by one of: olivia, oscar, rachel, robert"
    }
    moko.good(
        *("emergency", "declare", "--incident", "INC-1", "--reason", "nobody can log in"),
        *("--criterion", "Service-impacting defects", "--components", COMPONENT),
        by="oscar",
    )
    moko.good("deploy", release, "staging", by="oscar")
    moko.repository.git("tag", "--annotate", "--message", "01.00.01", "v01.00.01", moko.repository.head()[:10])
    validated(moko, release)
    moko.good("checklist", "tick", release, "pre-deployment", "rollback", by="olivia")
    refused = moko.in_the_way(release, "production")
    assert set(refused) == {
        *("approval.cab", "approval.release-managers", "change.request", "checklist.pre-deployment"),
    }
    assert refused["change.request"].startswith(f"tidegate change open {release} --category emergency")
    is_changed(moko, release, minutes=False, category="emergency")
    for person in ("olivia", "robert"):
        assert set(moko.in_the_way(release, "production")) <= {"approval.cab", "approval.release-managers"}
        moko.good("approve", release, "--for", "production", by=person)
    assert moko.in_the_way(release, "production") == {}
