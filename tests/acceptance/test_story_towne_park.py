"""The preset of Towne Park, from nothing to production: each refusal on the way, by its rule and remedy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.organisation import CORPUS, Organisation

COMPONENT = "billing"
SETTINGS = {
    "development": ("dev-db-server", "https://dev-api.townepark.com"),
    "integration": ("int-db-server", "https://int-api.townepark.com"),
    "staging": ("stage-db-server", "https://stage-api.townepark.com"),
    "production": ("prod-db-server", "https://api.townepark.com"),
}
DOCUMENTS = ("deployment-guide", "rollback-procedures", "user-guides", "technical-documentation")
BY_PEOPLE = {
    "testing-quality-gates": ("security-testing",),
    "deployment-quality-gates": ("monitoring", "communication-plan"),
    "release-planning": (
        *("scope", "features", "development-timeline", "testing-strategy"),
        *("deployment-strategy", "communication-plan", "success-criteria"),
    ),
}
STEPS = ("implementation-planning", "testing-strategy", "deployment-planning", "communication")
BENCHMARK = CORPUS / "benchmark" / "good" / "pytest-benchmark.json"
STAKEHOLDERS = "dan, dora, emil, erin, paul, pia, sam, sue"


class TownePark(Organisation):
    """The preset, finished; what runs are directories of this machine."""

    release = ""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, "towne-park")
        self.here(COMPONENT, *SETTINGS)
        self.write()
        self.repository.commit("feat: first", {"billing/app.py": "1\n"})
        self.repository.tag("billing-v1.0.0")
        self.repository.commit("fix: cards are taken again", {"billing/app.py": "2\n"})

    def open(self, *options: str) -> None:
        self.release = self.good("release", "open", COMPONENT, *options, "--json", by="rita").json["id"]

    def refused(self, environment: str) -> dict[str, str]:
        return dict(self.in_the_way(self.release, environment))

    def configured(self, environment: str) -> None:
        """Compare an environment's settings, which are as the policy says."""
        database, endpoint = SETTINGS[environment]
        on = ("encryption_enabled", "ssl_required", "authentication_required", "audit_logging_enabled")
        lines = [f"database_connection={database}", f"api_endpoint={endpoint}", *(f"{name}=true" for name in on)]
        facts = self.file(f"{environment}.env", "\n".join(lines) + "\n")
        self.good("environment", "check", environment, "--facts", facts, "--release", self.release, by="dan")

    def tested(self, *sources: str) -> None:
        for source in sources:
            self.report(self.release, "junit", by="quinn", source=source)

    def state(self, kind: str, *values: str, by: str) -> None:
        self.good("evidence", "state", self.release, kind, *values, by=by)

    def approve(self, environment: str, *people: str) -> None:
        for name in people:
            self.good("approve", self.release, "--for", environment, by=name)


def test_a_hotfix_of_billing_goes_through_four_environments(tmp_path: Path) -> None:
    park = TownePark(tmp_path)
    park.open("--type", "hotfix")
    goes_to_development(park)
    goes_to_integration(park)
    goes_to_staging(park)
    has_its_reports_documents_and_checklists(park)
    has_its_change(park)
    is_approved(park)
    assert park.refused("production") == {}
    assert "all the same" in park.good("audit", "rejudge").out


def goes_to_development(park: TownePark) -> None:
    release = park.release
    assert park.refused("development") == {
        "gate.unit-tests": f"add a new junit report: tidegate evidence add {release} FILE --source unit",
        "gate.environment-configuration": (
            f"compare it: tidegate environment check development --facts FILE --release {release}"
        ),
    }
    park.tested("unit")
    park.configured("development")
    assert park.refused("development") == {}
    stranger = park.run("deploy", release, "development", by="dirk")
    assert stranger.code == 3
    assert "dirk has no access to development: it is for development" in " ".join(stranger.err.split())
    park.good("deploy", release, "development", by="dan")


def goes_to_integration(park: TownePark) -> None:
    release = park.release
    refused = park.refused("integration")
    assert set(refused) == {
        *("gate.code-review", "gate.coverage", "gate.static-analysis", "gate.security-scan"),
        *("gate.environment-configuration", "checklist.development-quality-gates", "approval.technical-leads"),
    }
    assert refused["gate.static-analysis"] == (
        f"have it run: tidegate evidence run {release} --source static-analysis --expects TEXT -- COMMAND"
    )
    assert refused["checklist.development-quality-gates"].startswith(
        f"tidegate checklist tick {release} development-quality-gates documentation, by one of: rita, ron, tina, tom"
    )
    assert refused["approval.technical-leads"] == f"tidegate approve {release} --for integration, by one of: tina, tom"
    for kind, source in (("reviews", ""), ("coverage", ""), ("sarif", "security-scan")):
        park.report(release, kind, by="quinn", source=source)
    park.good(
        *("evidence", "run", release, "--source", "static-analysis", "--expects", "no findings"),
        *("--as", "quinn", "--key", park.directory / "keys" / "quinn", "--", "echo", "no findings"),
    )
    park.configured("integration")
    park.good("checklist", "tick", release, "development-quality-gates", "documentation", by="tina")
    park.approve("integration", "tina")
    assert park.refused("integration") == {}
    park.good("deploy", release, "integration", by="dan")


def goes_to_staging(park: TownePark) -> None:
    release = park.release
    refused = park.refused("staging")
    assert set(refused) == {
        *("gate.integration-tests", "gate.system-tests", "gate.environment-configuration"),
        *("approval.qa", "approval.product-owners"),
    }
    assert refused["approval.qa"] == f"tidegate approve {release} --for staging, by one of: quentin, quinn"
    assert refused["approval.product-owners"] == f"tidegate approve {release} --for staging, by one of: paul, pia"
    assert park.refused("production")["after.staging"] == f"tidegate deploy {release} staging"
    park.tested("integration", "system")
    park.configured("staging")
    park.approve("staging", "quinn", "pia")
    assert park.refused("staging") == {}
    park.good("deploy", release, "staging", by="dan")


def has_its_reports_documents_and_checklists(park: TownePark) -> None:
    release = park.release
    refused = park.refused("production")
    assert set(refused) == {
        *("criterion", "change.request"),
        *("gate.acceptance", "gate.regression-tests", "gate.performance", "gate.environment-health"),
        *("gate.environment-configuration", "gate.backup", "gate.rollback-plan", "gate.documentation"),
        "backup.systems",
        *(f"document.{name}" for name in DOCUMENTS),
        *(f"checklist.{name}" for name in BY_PEOPLE),
        *("approval.release-managers", "approval.stakeholders", "approval.technical-leads"),
        "rollback.validated",
    }
    assert refused["criterion"].startswith(
        f"say which it is: tidegate release amend {release} --criterion 'Critical production issue' --reason TEXT"
    )
    assert refused["gate.performance"] == (
        f"add a new benchmark report: tidegate evidence add {release} FILE --baseline EARLIER"
    )
    assert refused["gate.documentation"] == (
        f"reach documents.present == documents.required, then look at each: tidegate document list {release}"
    )
    assert refused["document.user-guides"] == (
        f"write it and attach it: tidegate document attach {release} user-guides FILE"
    )
    criterion = ("--criterion", "Critical production issue", "--reason", "nobody can pay by card")
    park.good("release", "amend", release, *criterion, by="rita")
    park.tested("regression")
    park.good("evidence", "add", release, BENCHMARK, "--baseline", BENCHMARK, by="quinn")
    park.state("acceptance", "cases=4", "accepted=4", "rejected=0", by="pia")
    park.state("health", "total=2", "failing=0", "--environment", "production", by="dirk")
    park.state("backup", "verified=yes", "offsite=yes", "--environment", "production", by="dirk")
    park.state("drill", "succeeded=yes", by="dirk")
    park.good("rollback", "validate", release, "--for", "production", by="dirk")
    park.configured("production")
    for name in DOCUMENTS:
        park.good("document", "attach", release, name, park.file(f"{name}.md", "# What to do\n\nThis.\n"), by="dave")
    for checklist, points in BY_PEOPLE.items():
        for point in points:
            park.good("checklist", "tick", release, checklist, point, by="tom")
    assert set(park.refused("production")) == {
        *("change.request", "approval.release-managers", "approval.stakeholders", "approval.technical-leads")
    }


def of_the_change(park: TownePark) -> dict[str, str]:
    """What of the change request stands in the way of production."""
    return {rule: remedy for rule, remedy in park.refused("production").items() if rule.startswith("change")}


def has_its_change(park: TownePark) -> None:
    release = park.release
    opening = f"tidegate change open {release} --category emergency --title TEXT --reason TEXT"
    assert of_the_change(park) == {"change.request": opening}
    asked = ("change", "open", release, "--category", "emergency", "--title", "Cards", "--reason", "nobody can pay")
    unasked = park.run(*asked, by="rita")
    assert (unasked.code, f"ask one of: {STAKEHOLDERS}" in unasked.err) == (4, True)
    park.good(*asked, by="sam")
    assert of_the_change(park) == {
        "change.request": "tidegate change assess CR-1 --impact LEVEL --probability LEVEL "
        "--downtime TEXT --data TEXT --rollback TEXT, then submit it"
    }
    answers = ("--downtime", "none", "--data", "none is changed", "--rollback", "deploy 1.0.0 again")
    park.good("change", "assess", "CR-1", "--impact", "high", "--probability", "high", *answers, by="dave")
    assert of_the_change(park) == {"change.request": "tidegate change submit CR-1"}
    park.good("change", "submit", "CR-1", by="sam")
    assert of_the_change(park) == {
        "change.steps": "tidegate change step CR-1 implementation-planning --note TEXT",
        "change.approval.technical-leads": "tidegate change approve CR-1, by one of: tina, tom",
        "change.mitigation": "tidegate change mitigate CR-1 1 --how TEXT",
    }
    park.good("change", "approve", "CR-1", by="tom")
    for step in STEPS:
        assert of_the_change(park)["change.steps"] == f"tidegate change step CR-1 {step} --note TEXT"
        park.good("change", "step", "CR-1", step, "--note", "as the plan says", by="rita")
    park.good("change", "mitigate", "CR-1", "Extensive testing", "--how", "400 tests, two runs", by="rita")
    assert of_the_change(park) == {"change.mitigation": "tidegate change mitigate CR-1 2 --how TEXT"}
    park.good("change", "mitigate", "CR-1", "2", "--how", "a quarter of the hosts at once", by="rita")
    assert of_the_change(park) == {}


def is_approved(park: TownePark) -> None:
    release = park.release
    assert park.refused("production") == {
        "approval.release-managers": f"tidegate approve {release} --for production, by one of: rita, ron",
        "approval.stakeholders": f"tidegate approve {release} --for production, by one of: {STAKEHOLDERS}",
        "approval.technical-leads": f"tidegate approve {release} --for production, by one of: tina, tom",
    }
    park.approve("production", "ron", "sue", "tina")


def test_each_type_asks_for_its_horizon_its_people_and_its_change(tmp_path: Path) -> None:
    park = TownePark(tmp_path)
    asked = {
        "patch": ("7d", "normal", {"technical-leads"}),
        "minor": ("30d", "normal", {"product-owners", "technical-leads"}),
        "major": ("90d", "major", {"executives"}),
    }
    for kind, (least, category, approvals) in asked.items():
        park.open("--type", kind)
        refused = park.refused("production")
        of_all = {"release-managers", "stakeholders"}
        assert {rule for rule in refused if rule.startswith("approval.")} == {
            f"approval.{n}" for n in approvals | of_all
        }
        assert refused["change.request"].startswith(f"tidegate change open {park.release} --category {category} ")
        assert refused["horizon.planned"] == f"say it: tidegate release amend {park.release} --planned DATE"
        assert refused["horizon"].startswith("wait until ")
        park.good("release", "amend", park.release, "--planned", least, by="rita")
        assert "horizon.planned" not in park.refused("production")
        after = datetime.now(UTC) + timedelta(days=int(least[:-1]), minutes=5)
        later = park.in_the_way(park.release, "production", now=after.isoformat())
        assert "horizon" not in later
        park.good("release", "cancel", park.release, "--reason", "another type", by="rita")
