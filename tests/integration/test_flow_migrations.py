"""Migrations as a release meets them: found in the commit, judged before the start, remembered for the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.test_flow_papers import asked
from tests.support.flows import Organisation
from tests.support.gitrepo import GitRepository
from tidegate.core.decision import Decision, Finding
from tidegate.core.rollout import RolloutState
from tidegate.core.verdict import Verdict
from tidegate.errors import NotFoundError, RefusedError
from tidegate.orchestration import rollback, waiver
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.store import databases, rollouts
from tidegate.views.dry_run import dry_run_view
from tidegate.views.migration import migrations_view, revision_lines
from tidegate.views.release import release_view
from tidegate.views.rollout import rollout_view

MakeOrg = Callable[..., Organisation]
SQL = {"dialect": "postgres", "tool": "sql", "drop_columns": "next-major"}


def with_migrations(**rules: Any) -> dict[str, Any]:
    return {"components": {"billing": {"migrations": "app/migrations"}}, "migrations": {**SQL, **rules}}


def commit(org: Organisation, summary: str = "fix: change the database", **files: str) -> None:
    """Commit SQL files, by name; ``_down`` at the end of a name is ``.down``."""
    written = {f"app/migrations/{_file(name)}.sql": text for name, text in files.items()}
    GitRepository(org.root).commit(summary, written)


def _file(name: str) -> str:
    base = name.removeprefix("m")
    return f"{base.removesuffix('_down')}.down" if base.endswith("_down") else base


def of_migrations(decision: Decision) -> list[Finding]:
    return [one for one in decision.findings if one.rule.startswith("migrations") and one.policy == "current"]


def verdicts(decision: Decision) -> dict[str, Verdict]:
    return {one.rule: one.verdict for one in of_migrations(decision)}


def start_refused(org: Organisation, release: str) -> str:
    with pytest.raises(DecisionRefusedError) as caught:
        org.start(release)
    return caught.value.what


BEARABLE = "0002_more lies between, and the version before runs on the database as it is"
FIRST = "CREATE TABLE invoices (id bigint PRIMARY KEY, name varchar(50), old text);\n"


def test_an_additive_migration_passes_and_its_way_back_is_safe(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations())
    commit(org, m0001_first=FIRST)
    org.released("1.1.0")
    commit(org, m0002_more="ALTER TABLE invoices ADD COLUMN customer_name VARCHAR(255);\n")
    release = org.prepared("1.2.0")
    assert [(one.rule, one.verdict, one.message) for one in of_migrations(asked(org, release))] == [
        ("migrations", Verdict.ALLOW, "billing has 1 migration since 1.1.0: each as the policy asks"),
        (
            "migrations.back",
            Verdict.ALLOW,
            f"going back to billing 1.1.0 loses no data: {BEARABLE}",
        ),
    ]
    org.start(release)
    org.carry()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert set(org.running()) == {"1.1.0"}


def test_a_dropped_column_is_refused_before_anything_is_touched(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations())
    commit(org, m0001_first=FIRST)
    org.released("1.1.0")
    commit(org, m0002_less="-- tidy up\nALTER TABLE invoices DROP COLUMN old;\n")
    release = org.prepared("1.2.0")
    found = next(one for one in of_migrations(asked(org, release)) if one.rule == "migrations.dropped")
    assert found.verdict is Verdict.DENY
    assert found.message == (
        "app/migrations/0002_less.sql:2 of billing: invoices.old is dropped, and the version before still "
        "reads it; what is in it is lost; its deprecation was never released: no migration that runs says deprecated: "
        "invoices.old"
    )
    assert found.remedy == (
        "stop writing invoices.old in the application, and reading it; "
        f"see the whole way: tidegate migration check {release}"
    )
    assert "invoices.old is dropped" in start_refused(org, release)
    assert set(org.running()) == {"1.1.0"}


def test_what_was_declared_deprecated_and_released_goes_with_a_major_release_only(make_org: MakeOrg) -> None:
    major_too = {"release_types": {"major": {"bump": "major", "approvals": [{"from": "tech-leads"}]}}}
    org = make_org(**with_migrations(), **major_too)
    commit(org, m0001_first=FIRST)
    org.released("1.1.0")
    commit(org, m0002_mark="-- deprecated: invoices.old\nSELECT 1;\n", m0003_drop="ALTER TABLE invoices DROP old;\n")
    together = org.open("1.2.0")
    assert verdicts(asked(org, together))["migrations.dropped"] is Verdict.DENY, "declared and dropped at once"
    GitRepository(org.root).git("revert", "--no-edit", "HEAD")
    commit(org, m0002_mark="-- deprecated: invoices.old\nSELECT 1;\n")
    org.released("1.3.0")
    commit(org, m0003_drop="ALTER TABLE invoices DROP old;\n")
    minor = org.open("1.4.0")
    assert "only with a major release" in next(
        one.message for one in of_migrations(asked(org, minor)) if one.rule == "migrations.dropped"
    )
    commit(org, "feat!: without the old column", m0004_more="ALTER TABLE invoices ADD fresh int;\n")
    major = org.open("2.0.0")
    assert "migrations.dropped" not in verdicts(asked(org, major))


def test_what_cannot_be_read_is_never_a_pass_and_people_may_waive_it(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations(waiver={"by": {"from": "tech-leads"}}))
    commit(org, m0001_first=FIRST)
    org.released("1.1.0")
    commit(org, m0002_do="DO $$ BEGIN EXECUTE 'DROP TABLE invoices'; END $$;\n")
    release = org.prepared("1.2.0")
    found = next(one for one in of_migrations(asked(org, release)) if one.rule == "migrations.unreadable")
    assert found.verdict is Verdict.CANNOT_TELL
    assert "it cannot be judged: what it runs is only known when it runs" in found.message
    assert "cannot be judged" in start_refused(org, release)
    until = org.clock.now.replace(day=org.clock.now.day + 1)
    waiver.ask(org.house, release, "migrations", org.claim("rita"), reason="read by two of us", until=until)
    assert verdicts(asked(org, release))["migrations.unreadable"] is Verdict.CANNOT_TELL
    waiver.agree(org.house, release, "migrations", org.claim("carol"))
    assert verdicts(asked(org, release))["migrations.unreadable"] is Verdict.ALLOW
    org.start(release)


def test_a_released_migration_stays_as_it_was(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations())
    commit(org, m0001_first=FIRST, m0002_gone="ALTER TABLE invoices ADD gone int;\n")
    org.released("1.1.0")
    GitRepository(org.root).git("rm", "-q", "app/migrations/0002_gone.sql")
    commit(org, m0001_first=FIRST.replace("50", "60"))
    found = verdicts(asked(org, org.open("1.2.0")))
    assert found["migrations.changed"] is Verdict.DENY
    assert found["migrations.removed"] is Verdict.DENY


def broken_back(org: Organisation) -> str:
    """A release whose migration the version before does not bear; it stands in production."""
    commit(org, m0001_first=FIRST)
    org.released("1.1.0")
    commit(org, m0002_need="ALTER TABLE invoices ADD COLUMN due date NOT NULL;\n")
    return org.released("1.2.0")


BREAKS = (
    "app/migrations/0002_need.sql:1 adds invoices.due, which the version before does not write and the database demands"
)


def test_a_rollback_that_would_break_on_the_database_waits_for_a_person(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations(new_columns="any"))
    standing = broken_back(org)
    with pytest.raises(DecisionRefusedError) as caught:
        rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    found = next(one for one in caught.value.decision.findings if one.rule == "rollback.schema")
    assert found.verdict is Verdict.DENY
    assert found.message == f"billing breaks on the database as it is then: {BREAKS}"
    assert found.remedy == (
        "release what mends it instead; or a person may accept it: tidegate rollback billing production "
        "--accept-data-loss"
    )
    data = next(one for one in caught.value.decision.findings if one.rule == "rollback.data")
    assert data.verdict is Verdict.ALLOW, "the database stays, so that nothing is lost"
    with org.house.database.write() as connection:
        row = rollouts.load(connection, standing)
        assert rollback.take_back(org.house, connection, row, org.house.now(), "the watch says so") != ""
    told: list[str] = []
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"), accepts_data_loss=True, tell=told.append)
    org.carry()
    assert told == [f"rita accepts it: billing breaks on the database as it is then: {BREAKS}"]
    assert set(org.running()) == {"1.1.0"}


def test_it_is_known_before_the_rollout_and_beside_it(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations(new_columns="any"))
    commit(org, m0001_first=FIRST)
    org.released("1.1.0")
    commit(org, m0002_need="ALTER TABLE invoices ADD COLUMN due date NOT NULL;\n")
    release = org.prepared("1.2.0")
    dry = dry_run_view(org.house, release, "production").back
    assert dry is not None
    assert (dry.loses_data, dry.breaks, dry.because) == (False, True, BREAKS)
    shown = release_view(org.house, release).ways_back
    assert [(one.environment, one.to, one.means) for one in shown] == [("production", "1.1.0", dry)]
    finding = next(one for one in of_migrations(asked(org, release)) if one.rule == "migrations.back")
    assert finding.message == f"going back to billing 1.1.0 breaks it on the database as it is then: {BREAKS}"
    assert finding.notable
    standing = org.start(release)
    with org.house.database.read() as connection:
        assert rollout_view(connection, org.rollout(standing)).back == dry


def test_going_back_over_two_releases_asks_both_also_one_that_was_taken_back(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations(new_columns="any"))
    broken_back(org)
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"), accepts_data_loss=True)
    org.carry()
    commit(org, m0003_more="ALTER TABLE invoices ADD COLUMN harmless int;\n")
    org.released("1.3.0")
    with pytest.raises(DecisionRefusedError, match="breaks on the database as it is then"):
        rollback.roll_back(org.house, "billing", "production", org.claim("rita"))


def test_the_revision_of_a_database_is_recorded_and_stays_when_the_application_goes_back(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations(new_columns="any"))
    standing = broken_back(org)
    (line,) = revision_lines(org.house)
    assert (line.environment, line.version, line.newest) == ("production", "1.2.0", "0002_need")
    assert line.settled_at is not None
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"), accepts_data_loss=True)
    org.carry()
    assert org.rollout(standing).state is RolloutState.ROLLED_BACK
    assert revision_lines(org.house, "billing") == [line]
    with pytest.raises(NotFoundError):
        revision_lines(org.house, "nothing")


def test_a_rollout_of_before_whose_migrations_nobody_saw_is_one_that_nobody_can_tell(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations())
    commit(org, m0001_first=FIRST)
    org.released("1.1.0")
    commit(org, m0002_more="ALTER TABLE invoices ADD COLUMN x int;\n")
    last = org.released("1.2.0")
    org.sql("DELETE FROM tg_database")
    with org.house.database.read() as connection:
        back = rollback.return_of(connection, org.rollout(last))
        way = rollback.way_back_of(connection, _policy(org), back)
    assert (way.loses_data, way.breaks) == (None, None)
    assert way.because == f"nobody has looked at the migrations of 1.2.0 when it was rolled out ({last})"


def _policy(org: Organisation) -> Any:
    from tidegate.store import policies

    with org.house.database.read() as connection:
        return policies.current(connection).policy


def test_without_migrations_nothing_is_asked_and_a_rollback_is_free(make_org: MakeOrg) -> None:
    org = make_org(migrations=SQL)
    org.released("1.1.0")
    GitRepository(org.root).commit("fix: more", {"app/more.txt": "x"})
    last = org.released("1.2.0")
    with org.house.database.read() as connection:
        assert databases.of(connection, [last]) == {}
        way = rollback.way_back_of(connection, _policy(org), rollback.return_of(connection, org.rollout(last)))
    assert (way.loses_data, way.breaks) == (False, False)
    with pytest.raises(RefusedError, match="the policy declares no migrations of billing"):
        migrations_view(org.house, "billing-1.2.0")


def test_the_safe_way_is_told_over_releases(make_org: MakeOrg) -> None:
    org = make_org(**with_migrations())
    commit(org, m0001_first=FIRST)
    org.released("1.1.0")
    commit(org, m0002_rename="ALTER TABLE invoices RENAME COLUMN name TO title;\n")
    view = migrations_view(org.house, "billing", "production")
    (one,) = view.brought
    assert view.refused
    assert one.way == {
        "expand": ("add title as nullable beside invoices.name, and write both",),
        "migrate": ("copy in batches, then read title",),
        "contract": ("drop invoices.name in a later major release, after its deprecation",),
    }
