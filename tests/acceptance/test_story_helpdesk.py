"""The preset of the Helpdesk Platform, from nothing to production: each refusal on the way, by its rule and remedy."""

from __future__ import annotations

from pathlib import Path

from tests.support.organisation import Organisation

COMPONENT = "helpdesk-platform"
DOCUMENTS = {
    "CHANGELOG.md": "# Changelog\n\n## 1.0.1\n\n- Logins work again\n",
    "docs/API_REFERENCE.md": "# API\n\nGET /tickets answers with the tickets.\n",
    "docs/ARCHITECTURE.md": "# Architecture\n\nTwo services and a database.\n",
    "docs/DEPLOYMENT.md": "# Deployment\n\nWith Compose.\n",
}
BY_PEOPLE = (
    *("changelog", "api-documentation", "architecture-documentation", "deployment-documentation"),
    *("user-documentation", "environment-variables", "configuration-files", "migrations", "dependencies"),
    *("local-testing", "scripts", "monitoring"),
)


def organisation(directory: Path) -> Organisation:
    """The preset, finished; its image is built elsewhere, and what runs are directories of this machine."""
    made = Organisation(directory, "helpdesk")
    made.here(COMPONENT, "staging", "production")
    made.policy["without"].append(f"components.{COMPONENT}.artifacts")
    made.write()
    made.repository.commit("feat: first", {"app.py": "1\n"})
    made.repository.tag("v1.0.0")
    return made


def test_a_patch_of_helpdesk_goes_from_nothing_to_production(tmp_path: Path) -> None:
    helpdesk = organisation(tmp_path)
    helpdesk.repository.commit("fix: logins work again", {"app.py": "2\n"})
    empty = helpdesk.good("release", "open", COMPONENT, "--json", by="ada").json["id"]
    refused = helpdesk.in_the_way(empty, "staging")
    assert set(refused) == {
        *("deploy.from", "gate.jest", "gate.pytest", "gate.compose-tests", "gate.coverage", "gate.code-review"),
        *("gate.security-scan", "gate.accessibility"),
    }
    assert refused["gate.jest"] == f"add a new junit report: tidegate evidence add {empty} FILE --source jest"
    assert refused["gate.compose-tests"] == (
        f"have it run: tidegate evidence run {empty} --source compose-tests --expects TEXT -- COMMAND"
    )
    refused = helpdesk.in_the_way(empty, "production")
    assert "begin it with tidegate document new changelog" in refused["document.changelog"]
    assert {rule for rule in refused if rule.startswith("document.")} == {
        *("document.changelog", "document.api-documentation", "document.architecture-documentation"),
        *("document.deployment-documentation", "document.user-documentation"),
    }
    helpdesk.good("release", "cancel", empty, "--reason", "its documents are not written", by="ada")

    helpdesk.good("branch", "cut", COMPONENT, "1.0.2", by="ada")
    helpdesk.repository.switch("release/v1.0.2")
    helpdesk.repository.commit("docs: what a release needs", DOCUMENTS)
    release = helpdesk.good(
        "release", "open", COMPONENT, "--version", "1.0.2", "--at", "release/v1.0.2", "--json", by="ada"
    ).json["id"]

    for source in ("jest", "pytest", "integration"):
        helpdesk.report(release, "junit", by="otto", source=source)
    for kind in ("coverage", "reviews", "npm-audit", "pip-audit", "image-scan", "performance", "accessibility"):
        helpdesk.report(release, kind, by="otto")
    helpdesk.report(release, "performance", by="otto", source="monitoring")
    assert set(helpdesk.in_the_way(release, "staging")) == {"gate.compose-tests"}
    helpdesk.good(
        *("evidence", "run", release, "--source", "compose-tests", "--expects", "all passed"),
        *("--as", "otto", "--key", helpdesk.directory / "keys" / "otto", "--", "echo", "all passed"),
    )
    assert helpdesk.in_the_way(release, "staging") == {}
    helpdesk.good("deploy", release, "staging", by="otto")

    for words in (
        ("acceptance", "cases=12", "accepted=12", "rejected=0"),
        ("drill", "succeeded=yes"),
        ("backup", "verified=yes", "offsite=yes", "--environment", "production"),
        ("health", "total=2", "failing=0", "--environment", "production"),
    ):
        kind, *values = words
        helpdesk.good("evidence", "state", release, kind, *values, by="otto")
    guide = helpdesk.file("guide.md", "# How to log in\n\nWith your mail address.\n")
    helpdesk.good("document", "attach", release, "user-documentation", guide, by="ada")
    refused = helpdesk.in_the_way(release, "production")
    assert set(refused) == {"deploy.from", "checklist.pre-release", "approval.stakeholders", "rollback.validated"}
    helpdesk.good("rollback", "validate", release, "--for", "production", by="otto")
    helpdesk.repository.switch("main")
    helpdesk.repository.git("merge", "--quiet", "--ff-only", "release/v1.0.2")

    for point in BY_PEOPLE:
        helpdesk.good("checklist", "tick", release, "pre-release", point, by="ada")
    helpdesk.good(
        *("checklist", "tick", release, "pre-release", "readme", "--not-needed", "--reason", "no change"), by="ada"
    )
    assert helpdesk.in_the_way(release, "production") == {
        "approval.stakeholders": f"tidegate approve {release} --for production, by one of: mona, stella"
    }
    helpdesk.good("approve", release, "--for", "production", by="mona")
    assert helpdesk.in_the_way(release, "production") == {}
    assert "all the same" in helpdesk.good("audit", "rejudge").out


def test_a_minor_of_helpdesk_is_planned_two_weeks_ahead(tmp_path: Path) -> None:
    helpdesk = organisation(tmp_path)
    helpdesk.repository.commit("feat: second", {"app.py": "2\n"})
    release = helpdesk.good("release", "open", COMPONENT, "--json", by="ada").json["id"]
    refused = helpdesk.in_the_way(release, "production")
    assert refused["horizon.planned"] == f"say it: tidegate release amend {release} --planned DATE"
    assert refused["horizon"].startswith("wait until ")
