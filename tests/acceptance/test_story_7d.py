"""The preset of the 7D Solutions Platform, from nothing to allowed: each refusal on the way, by its rule and remedy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.support.organisation import Organisation
from tidegate.clock import to_text

AUTHOR = "alice"
COMPONENT = "billing"
PACKAGE = '{{"name": "billing", "version": "{}"}}\n'
FIRST = {
    "modules/billing/package.json": PACKAGE.format("2.0.0"),
    "modules/billing/bill.js": "1\n",
    "modules/customer/package.json": '{"name": "customer", "version": "1.5.0"}\n',
    "platform/main.rs": "1\n",
}
REQUIRED = (("customer", "1.5.0"), ("platform", "3.1.0"))


def organisation(directory: Path) -> Organisation:
    """The preset, finished; images are built elsewhere, and what runs are directories of this machine."""
    made = Organisation(directory, "7d")
    made.policy["components"]["platform"]["targets"] = {}
    for component in (COMPONENT, "customer", "platform"):
        made.here(component, "staging", "production")
    made.policy["without"].append(f"components.{COMPONENT}.artifacts")
    del made.policy["components"]["customer"]["artifacts"]
    made.policy["audiences"]["stakeholders"]["to"] = ["file:NOTICES.md"]
    made.policy["people"][AUTHOR]["email"] = "alice@example.org"
    made.write()
    made.repository.commit("feat: first", FIRST)
    for component, version in ((COMPONENT, "2.0.0"), *REQUIRED):
        made.repository.tag(f"{component}-v{version}")
    return made


def what_it_requires_runs(solutions: Organisation, *environments: str) -> None:
    for component, version in REQUIRED:
        for environment in environments:
            solutions.runs(component, environment, version, by="erin")


def departure_after(moment: datetime) -> datetime:
    """The first train of the modules at or after a moment: every second Tuesday at 10:00, from 2026-02-10."""
    train = datetime(2026, 2, 10, 10, tzinfo=ZoneInfo("America/Los_Angeles"))
    while train < moment:
        train += timedelta(weeks=2)
    return train


def at(moment: datetime) -> str:
    return to_text(moment.astimezone(UTC))


def opened(solutions: Organisation, *words: str) -> str:
    identity: str = solutions.good("release", "open", COMPONENT, "--json", *words, by=AUTHOR).json["id"]
    return identity


def test_a_hotfix_of_7d_goes_from_nothing_to_allowed_at_once(tmp_path: Path) -> None:
    solutions = organisation(tmp_path)
    solutions.good("hotfix", COMPONENT, by=AUTHOR)
    solutions.repository.switch("hotfix/v2.0.1")
    fix = {"modules/billing/bill.js": "2\n", "modules/billing/package.json": PACKAGE.format("2.0.1")}
    solutions.repository.commit("fix: bills add up", fix)
    release = opened(solutions, "--type", "hotfix", "--at", "hotfix/v2.0.1")
    assert release == "billing-2.0.1"

    ci = f"have it run: tidegate evidence run {release} --source ci --expects TEXT -- COMMAND"
    runs = "say it: tidegate adopt {0} staging --version VERSION; or deploy {0} there first"
    assert solutions.in_the_way(release, "staging") == {
        "requires.customer": runs.format("customer"),
        "requires.platform": runs.format("platform"),
        "gate.ci": ci,
    }
    what_it_requires_runs(solutions, "staging", "production")
    assert solutions.in_the_way(release, "production") == {
        "criterion": f"say which it is: tidegate release amend {release} --criterion 'Critical bugs' --reason TEXT; "
        "or release it as another type",
        "after.staging": f"tidegate deploy {release} staging",
        "gate.smoke": f"state it: tidegate evidence state {release} smoke FIELD=VALUE...",
        "gate.pull-request": f"add a new report: tidegate evidence add {release} FILE, "
        f"or count trailers: tidegate evidence reviews {release}",
        "gate.ci": ci,
        "approval.owners": f"tidegate approve {release} --for production, by bob",
    }
    solutions.good("release", "amend", release, "--criterion", "Critical bugs", "--reason", "they do not", by=AUTHOR)
    solutions.ran(release, "ci", by="dave")
    assert solutions.in_the_way(release, "staging") == {}
    solutions.good("deploy", release, "staging", by="dave")
    for kind in ("smoke", "reviews"):
        solutions.report(release, kind, by="dave")
    alone = solutions.run("approve", release, "--for", "production", by=AUTHOR)
    assert (alone.code, "alice is an author, and may not approve billing-2.0.1" in alone.err) == (4, True)
    assert set(solutions.in_the_way(release, "production")) == {"approval.owners"}
    solutions.good("approve", release, "--for", "production", by="bob")
    assert solutions.in_the_way(release, "production") == {}
    assert "all the same" in solutions.good("audit", "rejudge").out


def test_a_patch_of_7d_rides_its_train(tmp_path: Path) -> None:
    solutions = organisation(tmp_path)
    what_it_requires_runs(solutions, "staging", "production")
    changelog = {"CHANGELOG.md": "# Changelog\n\n## 2.0.1\n\n- Bills add up\n"}
    solutions.repository.commit("fix: bills add up", {"modules/billing/bill.js": "2\n"})
    empty = opened(solutions)
    solutions.good("checklist", "tick", empty, "pre-release", "documentation", by="carol")
    refused = solutions.in_the_way(empty, "production")
    assert refused["checklist.pre-release"] == (
        f"look at each: tidegate checklist show {empty}, and tidegate document list {empty}"
    )
    said = solutions.good("document", "list", empty).out
    assert "begin it with tidegate document new changelog --of billing, commit it, and" in said
    solutions.good("release", "cancel", empty, "--reason", "its changelog is not written", by=AUTHOR)

    solutions.repository.commit("docs: what the patch changes", changelog)
    release = opened(solutions)
    solutions.ran(release, "ci", by="dave")
    solutions.good("deploy", release, "staging", by="dave")
    for kind in ("smoke", "reviews", "sarif", "junit"):
        solutions.report(release, kind, by="dave")
    train = departure_after(datetime.now(UTC) + timedelta(days=8))
    early = at(train - timedelta(days=4))
    refused = solutions.in_the_way(release, "production", now=early)
    assert {rule: refused[rule] for rule in ("gate.contract-tests", "gate.performance-tests")} == {
        f"gate.{source}": f"add a new junit report: tidegate evidence add {release} FILE --source {source}"
        for source in ("contract-tests", "performance-tests")
    }
    for source in ("contract-tests", "performance-tests"):
        solutions.report(release, "junit", by="dave", source=source)
    assert set(solutions.in_the_way(release, "production")) >= {"soak.staging", "checklist.pre-release"}
    solutions.good("checklist", "tick", release, "pre-release", "documentation", by="carol")
    assert set(solutions.in_the_way(release, "production", now=early)) == {"approval.owners", "train"}
    solutions.good("approve", release, "--for", "production", by="bob")
    waits = solutions.in_the_way(release, "production", now=early)
    assert waits == {"train": f"wait until {train:%a} {train.day} {train:%b %Y %H:%M %Z}"}
    assert solutions.in_the_way(release, "production", suppose=[f"now={at(train)}"]) == {}


def test_a_major_of_7d_is_announced_thirty_days_ahead(tmp_path: Path) -> None:
    solutions = organisation(tmp_path)
    what_it_requires_runs(solutions, "staging", "production")
    solutions.repository.commit(
        "feat!: bills are signed", {"modules/billing/bill.js": "2\n", "CHANGELOG.md": "# 3.0.0\n\nBills are signed.\n"}
    )
    release = opened(solutions)
    refused = solutions.in_the_way(release, "production")
    assert {
        rule: remedy for rule, remedy in refused.items() if rule.startswith(("approval.", "document.", "notice."))
    } == {
        "document.rfc": f"write it and attach it: tidegate document attach {release} rfc FILE",
        "document.migration-guide": f"write it and attach it: tidegate document attach {release} migration-guide FILE",
        "approval.architecture-review": f"tidegate approve {release} --for production --role architecture-review, "
        "by one of: frank, grace",
        "approval.tech-leads": f"tidegate approve {release} --for production, by one of: erin, frank",
        "approval.product-team": f"tidegate approve {release} --for production, by one of: heidi, ivan",
        "notice.announced": "have one sent (communication: on: release.opened); "
        "tidegate status shows what is still due",
    }
    solutions.told(release, by=AUTHOR)
    assert "notice.announced" not in solutions.in_the_way(release, "production")

    solutions.ran(release, "ci", by="dave")
    solutions.good("deploy", release, "staging", by="dave")
    for kind in ("smoke", "sarif", "junit"):
        solutions.report(release, kind, by="dave")
    for source in ("contract-tests", "performance-tests"):
        solutions.report(release, "junit", by="dave", source=source)
    for name in ("rfc", "migration-guide"):
        solutions.good(
            "document", "attach", release, name, solutions.file(f"{name}.md", f"# {name}\n\nSo.\n"), by=AUTHOR
        )
    train = departure_after(datetime.now(UTC) + timedelta(days=35))
    early = at(train - timedelta(days=1))
    assert solutions.in_the_way(release, "production", now=early)["document.migration-guide"] == (
        f"tidegate document review {release} migration-guide, by one of: erin, frank"
    )
    solutions.good("document", "review", release, "migration-guide", by="frank")
    solutions.good("checklist", "tick", release, "pre-release", "documentation", by="carol")
    for person, role in (("grace", ("--role", "architecture-review")), ("erin", ()), ("heidi", ())):
        solutions.good("approve", release, "--for", "production", *role, by=person)
    now = set(solutions.in_the_way(release, "production"))
    assert {"notice", "soak.staging"} <= now <= {"notice", "freeze", "soak.staging", "train"}
    assert set(solutions.in_the_way(release, "production", now=early)) == {"train"}
    assert solutions.in_the_way(release, "production", suppose=[f"now={at(train)}"]) == {}


def test_a_minor_of_7d_takes_two_of_the_team_and_a_tech_lead(tmp_path: Path) -> None:
    solutions = organisation(tmp_path)
    solutions.repository.commit("feat: bills have a logo", {"modules/billing/bill.js": "2\n"})
    release = opened(solutions)
    refused = solutions.in_the_way(release, "production")
    assert {rule: remedy for rule, remedy in refused.items() if rule.startswith("approval.")} == {
        "approval.module-team": f"tidegate approve {release} --for production, by 2 of: bob, carol, dave",
        "approval.tech-leads": f"tidegate approve {release} --for production, by one of: erin, frank",
    }
    assert refused["notice"].startswith("wait until ")
    for person in ("bob", "carol", "erin"):
        assert set(solutions.in_the_way(release, "production")) & {"approval.module-team", "approval.tech-leads"}
        solutions.good("approve", release, "--for", "production", by=person)
    assert not {rule for rule in solutions.in_the_way(release, "production") if rule.startswith("approval.")}


def test_an_emergency_of_7d_is_declared_and_goes_past_staging(tmp_path: Path) -> None:
    solutions = organisation(tmp_path)
    what_it_requires_runs(solutions, "production")
    solutions.repository.commit("fix: it runs again", {"modules/billing/bill.js": "2\n"})
    release = opened(solutions, "--type", "emergency")
    refused = solutions.in_the_way(release, "production")
    assert refused["emergency.declared"] == (
        "tidegate emergency declare --incident ID --reason TEXT --criterion 'Production down' "
        "--components billing, by one of: alice, dave"
    )
    assert refused["after.staging"] == f"tidegate deploy {release} staging"
    declared = ("--incident", "INC-1", "--reason", "nobody can pay", "--criterion", "Production down")
    solutions.good("emergency", "declare", *declared, "--components", COMPONENT, by="dave")
    assert set(solutions.in_the_way(release, "production")) == {
        "gate.ci",
        "gate.smoke",
        "approval.on-call",
    }
    solutions.ran(release, "ci", by="dave")
    solutions.report(release, "smoke", by="dave")
    assert solutions.in_the_way(release, "production") == {
        "approval.on-call": f"tidegate approve {release} --for production, by dave"
    }
    solutions.good("approve", release, "--for", "production", by="dave")
    assert solutions.in_the_way(release, "production") == {}
