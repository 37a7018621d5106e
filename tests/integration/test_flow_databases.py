"""Releases whose migrations are run: before the hosts, and undone after them, on a real PostgreSQL."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import psycopg
import pytest

from tests.support import databases as support
from tests.support.databases import columns, plain, rows
from tests.support.flows import Organisation
from tests.support.gitrepo import GitRepository
from tests.support.postgres import PostgresServer
from tidegate.core.effect import EffectState, Finding
from tidegate.core.rollout import RolloutState
from tidegate.orchestration import leg, resuming, rollback, rollback_plan, sight, wayback
from tidegate.orchestration.homecoming import bring_home
from tidegate.orchestration.judge import DecisionRefusedError
from tidegate.orchestration.leg import reconcile
from tidegate.store import databases, policies, rollouts
from tidegate.views.dry_run import dry_run_view
from tidegate.views.migration import revision_lines

MakeOrg = Callable[..., Organisation]
FIRST = "CREATE TABLE invoices (id bigint PRIMARY KEY, name text);\n"
ADDS = "ALTER TABLE invoices ADD COLUMN customer text;\n"
INDEX = "CREATE INDEX by_name ON invoices (name);\n"


WATCH = {"watch": {"production": {"for": "10m", "roll_back_when": [{"health_check": "failed"}]}}}
"""With it Tidegate may take a release back by itself."""


@pytest.fixture
def url(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The application's database."""
    made = postgres_server.fresh_database("app")
    monkeypatch.setenv("BILLING_DATABASE", plain(made))
    yield made
    postgres_server.drop_database(made)


def with_database(rules: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    declared = {"address": {"env": "BILLING_DATABASE"}, "lock_timeout": "300ms", **settings}
    return {
        "components": {
            "billing": {"migrations": "app/migrations", "targets": {"production": {"database": declared}}}
        },
        "migrations": {
            "dialect": "postgres", "tool": "sql", "rule": "reversible", "drop_columns": "any", "new_columns": "any",
            **(rules or {}),
        },
    }  # fmt: skip


def commit(org: Organisation, files: dict[str, str], summary: str = "fix: change the database") -> None:
    GitRepository(org.root).commit(summary, {f"app/migrations/{name}": text for name, text in files.items()})


def effects(org: Organisation, rollout_id: str) -> list[tuple[str, EffectState]]:
    with org.house.database.read() as connection:
        found = rollouts.effects_of(connection, rollouts.load(connection, rollout_id))
    return [(row.effect.unit, row.state) for row in found]


def back_of(org: Organisation, rollout_id: str) -> str:
    with org.house.database.read() as connection:
        found = rollouts.find(connection, component="billing", environment="production")
    return next(one.id for one in found if one.reverses == rollout_id)


def start_second(org: Organisation, files: dict[str, str]) -> str:
    """1.1.0 stands with the first table, and 1.2.0 with these files is started."""
    commit(org, {"1_first.sql": FIRST, "1_first.down.sql": "DROP TABLE invoices;\n"})
    org.released("1.1.0")
    commit(org, files)
    return org.start(org.prepared("1.2.0"))


def test_the_database_is_migrated_before_the_first_host(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": ADDS, "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n"})
    org.carry_one()
    assert columns(url, "invoices") == ["id", "name", "customer"]
    assert set(org.running()) == {"1.1.0"}, "no host has been touched yet"
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert set(org.running()) == {"1.2.0"}
    assert [unit for unit, _ in effects(org, started)] == ["database", "web1", "web2"]


def test_where_nothing_is_lost_the_database_goes_back_after_the_hosts(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    org.carry()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    back = back_of(org, started)
    assert org.rollout(back).state is RolloutState.SUCCEEDED
    assert [unit for unit, _ in effects(org, back)] == ["web1", "web2", "database"]
    assert rows(url, "SELECT name FROM tidegate_migration") == [("1_first",)]
    assert rows(url, "SELECT to_regclass('by_name') IS NULL") == [(True,)]
    [line] = revision_lines(org.house, "billing")
    assert (line.version, line.newest) == ("1.1.0", "1_first")


def test_without_our_database_the_applications_goes_back_after_the_hosts(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    org.carry()

    done = org.break_glass()

    assert [(one.unit, one.finding, one.wave) for one in done] == [
        ("web1", Finding.CONFIRMED, 0),
        ("web2", Finding.CONFIRMED, 0),
        ("database", Finding.CONFIRMED, 1),
    ]
    assert rows(url, "SELECT name FROM tidegate_migration") == [("1_first",)]
    assert bring_home(org.house) == 1
    assert org.rollout(back_of(org, started)).state is RolloutState.SUCCEEDED
    [line] = revision_lines(org.house, "billing")
    assert (line.version, line.newest) == ("1.1.0", "1_first")


def test_without_our_database_nothing_of_the_applications_is_lost(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    start_second(org, {"2_more.sql": ADDS, "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n"})
    org.carry()
    done = org.break_glass()
    assert [one.unit for one in done] == ["web1", "web2"]
    assert columns(url, "invoices") == ["id", "name", "customer"]
    found = wayback.find(org.house.state, "billing", "production")
    assert "it stays unless a person accepts that data is lost" in found.database
    bring_home(org.house)
    assert [line.version for line in revision_lines(org.house, "billing")] == ["1.2.0"]


def test_without_our_database_the_applications_waits_for_every_host(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    org.carry()
    org.worlds["production"].units["web2"].reachable = False

    done = {one.unit: one for one in org.break_glass()}

    assert done["web2"].finding is Finding.IN_DOUBT
    assert (done["database"].finding, done["database"].detail) == (
        Finding.NOT_DONE,
        "not begun: web2 must be back before",
    )
    assert rows(url, "SELECT count(*) FROM tidegate_migration") == [(2,)]
    org.worlds["production"].units["web2"].reachable = True
    bring_home(org.house)
    resuming.resume(org.house, back_of(org, started), org.claim("rita"))
    org.carry()
    assert org.rollout(back_of(org, started)).state is RolloutState.SUCCEEDED
    assert rows(url, "SELECT name FROM tidegate_migration") == [("1_first",)]


def test_without_our_database_and_without_psycopg_all_else_goes_back(
    make_org: MakeOrg, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = make_org(**with_database())
    start_second(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    org.carry()
    with monkeypatch.context() as bare:
        bare.setitem(sys.modules, "psycopg", None)
        done = {one.unit: one for one in org.break_glass()}
    assert (done["web1"].finding, done["web2"].finding) == (Finding.CONFIRMED, Finding.CONFIRMED)
    assert done["database"].finding is Finding.IN_DOUBT
    assert "this Tidegate cannot speak to PostgreSQL: psycopg is not there" in done["database"].detail


@pytest.mark.parametrize("line", [1, 3, 5, 6, 7, 8])
def test_cut_off_at_any_line_the_way_without_our_database_is_gone_again(make_org: MakeOrg, url: str, line: int) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    org.carry()
    seen: list[str] = []

    def cut(point: str) -> None:
        seen.append(point)
        if len(seen) == line + 1:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        org.break_glass(at=cut)
    assert len(seen) == line + 1, "begun, three units, ended: before each line and after it"

    assert {one.finding for one in org.break_glass()} == {Finding.CONFIRMED}
    assert rows(url, "SELECT name FROM tidegate_migration") == [("1_first",)]
    bring_home(org.house)
    for _ in range(2):
        with org.house.database.read() as connection:
            paused = rollouts.find(connection, states=[RolloutState.PAUSED])
        for one in paused:
            resuming.resume(org.house, one.id, org.claim("rita"))
            org.carry()
    assert org.rollout(started).state is RolloutState.ROLLED_BACK
    assert org.rollout(back_of(org, started)).state is RolloutState.SUCCEEDED
    assert org.running() == ["1.1.0"] * 2


def test_a_migration_that_was_never_begun_is_undone_without_harm(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    start_second(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    with contextlib.suppress(KeyboardInterrupt), mock.patch.object(leg, "_dispatch", side_effect=KeyboardInterrupt):
        org.carry_one()
    assert {one.finding for one in org.break_glass()} == {Finding.CONFIRMED}
    assert rows(url, "SELECT name FROM tidegate_migration") == [("1_first",)]


def test_where_data_would_be_lost_the_database_stays_unless_a_person_accepts_it(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": ADDS, "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n"})
    org.carry()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert [unit for unit, _ in effects(org, back_of(org, started))] == ["web1", "web2"]
    assert columns(url, "invoices") == ["id", "name", "customer"]
    assert [line.version for line in revision_lines(org.house, "billing")] == ["1.2.0"]


def test_a_person_who_accepts_the_loss_takes_the_database_back_too(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": ADDS, "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n"})
    org.carry()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"), accepts_data_loss=True)
    org.carry()
    assert [unit for unit, _ in effects(org, back_of(org, started))] == ["web1", "web2", "database"]
    assert columns(url, "invoices") == ["id", "name"]


def test_what_would_break_and_cannot_go_back_without_loss_needs_a_person(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    start_second(
        org,
        {
            "2_more.sql": "ALTER TABLE invoices ADD COLUMN customer text NOT NULL;\n",
            "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n",
        },
    )
    org.carry()
    with pytest.raises(DecisionRefusedError, match=r"going back loses data: what was written into invoices\.customer"):
        rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"), accepts_data_loss=True)
    org.carry()
    assert columns(url, "invoices") == ["id", "name"]


def test_forward_only_leaves_the_database_where_it_is(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database({"rule": "forward-only"}))
    start_second(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    org.carry()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"), accepts_data_loss=True)
    org.carry()
    assert rows(url, "SELECT name FROM tidegate_migration ORDER BY name") == [("1_first",), ("2_more",)]


def test_a_lock_that_is_not_to_be_had_takes_the_rollout_back_with_no_host_touched(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    with psycopg.connect(plain(url)) as other:
        commit(org, {"1_first.sql": FIRST, "1_first.down.sql": "DROP TABLE invoices;\n"})
        org.released("1.1.0")
        org.adopt(**with_database(), **WATCH)
        other.execute("LOCK TABLE invoices")
        # Breaking for the version before, if it were there: but nothing of it is.
        commit(org, {"2_less.sql": "ALTER TABLE invoices DROP name;\n", "2_less.down.sql": "SELECT 1;\n"})
        started = org.start(org.prepared("1.2.0"))
        org.carry()
    assert org.rollout(started).state is RolloutState.ROLLED_BACK, org.rollout(started).because
    assert "a lock was not to be had within 300ms" in org.rollout(started).because
    assert effects(org, back_of(org, started)) == []
    assert set(org.running()) == {"1.1.0"}
    assert columns(url, "invoices") == ["id", "name"]


def half_way(org: Organisation, first: str, undo: str) -> str:
    """1.2.0 has two migrations, of which the second fails; its rollout."""
    commit(org, {"1_first.sql": FIRST, "1_first.down.sql": "DROP TABLE invoices;\n"})
    org.released("1.1.0")
    org.adopt(**with_database(), **WATCH)
    bad = {"3_bad.sql": "CREATE INDEX other ON nowhere (a);\n", "3_bad.down.sql": "DROP INDEX other;\n"}
    commit(org, {"2_some.sql": first, "2_some.down.sql": undo, **bad})
    started = org.start(org.prepared("1.2.0"))
    org.carry()
    assert 'relation "nowhere" does not exist' in org.rollout(started).because
    assert set(org.running()) == {"1.1.0"}
    return started


def test_what_fails_half_way_is_undone_by_itself_where_nothing_is_lost(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = half_way(org, INDEX, "DROP INDEX by_name;\n")
    assert org.rollout(started).state is RolloutState.ROLLED_BACK
    assert [unit for unit, _ in effects(org, back_of(org, started))] == ["database"]
    assert rows(url, "SELECT name FROM tidegate_migration") == [("1_first",)]
    assert rows(url, "SELECT to_regclass('by_name') IS NULL") == [(True,)]


def test_what_fails_half_way_waits_for_a_person_where_data_would_be_lost(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    drops = "ALTER TABLE invoices DROP name;\n"
    started = half_way(org, drops, "ALTER TABLE invoices ADD name text;\n")
    assert org.rollout(started).state is RolloutState.PAUSED
    assert "going back loses data: " in org.rollout(started).because
    assert "dropped invoices.name, and undoing it brings back no data" in org.rollout(started).because


def test_what_the_database_does_not_answer_is_in_doubt_until_it_does(
    make_org: MakeOrg, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    monkeypatch.setenv("BILLING_DATABASE", "postgresql://x@127.0.0.1:1/x")
    org.carry()
    assert org.rollout(started).state is RolloutState.IN_DOUBT
    monkeypatch.setenv("BILLING_DATABASE", plain(url))
    reconcile(org.house, started)
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert rows(url, "SELECT count(*) FROM tidegate_migration") == [(2,)]


def test_a_leg_that_is_carried_twice_migrates_once(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": ADDS, "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n"})
    org.legs.waiting.append(dict(org.legs.waiting[0]))
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED


def test_a_dry_run_shows_what_would_be_run_and_what_going_back_means(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    commit(org, {"1_first.sql": FIRST, "1_first.down.sql": "DROP TABLE invoices;\n"})
    org.released("1.1.0")
    commit(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    release = org.prepared("1.2.0")
    view = dry_run_view(org.house, release, "production")
    assert view.migrations == ("2_more",)
    [step] = view.waves[0]
    assert (step.unit, step.verb) == ("database", "migrate")
    assert step.sentence == (
        "run the migrations of 1.2.0 (sql; waiting at most 300ms for a lock, at most 10m for a statement)"
    )
    assert view.back is not None
    assert view.back.database
    assert rows(url, "SELECT name FROM tidegate_migration") == [("1_first",)]


def test_a_rollback_plan_has_the_database_as_its_last_step(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    start_second(org, {"2_more.sql": INDEX, "2_more.down.sql": "DROP INDEX by_name;\n"})
    org.carry()
    _, _, [ahead] = rollback_plan.ahead_of(org.house, org.rollout(started_of(org)).release, "production")
    assert [step.unit for step in ahead.steps][-1] == "database"
    assert ahead.steps[-1].sentence.startswith("undo the migrations that 1.1.0 does not have (sql;")


def started_of(org: Organisation) -> str:
    with org.house.database.read() as connection:
        return rollouts.find(connection, component="billing", environment="production")[0].id


def test_a_real_django_project_goes_forward_and_back(make_org: MakeOrg, url: str) -> None:
    run = [sys.executable, "manage.py", "migrate", "--noinput"]
    changes = with_database({"tool": "django", "back": [sys.executable, "manage.py", "migrate", "{version}"]}, run=run)
    changes["components"]["billing"]["migrations"] = "app/shop"
    org = make_org(**changes)
    repository = GitRepository(org.root)
    first = {**support.PROJECT, "shop/migrations/0001_initial.py": support.django_migration(support.INVOICES)}
    repository.commit("fix: a project", {f"app/{name}": text for name, text in first.items()})
    org.released("1.1.0")
    second = support.django_migration(support.INDEX, after="shop.0001_initial")
    repository.commit("fix: an index", {"app/shop/migrations/0002_index.py": second})
    org.released("1.2.0")
    assert rows(url, "SELECT name FROM django_migrations WHERE app = 'shop' ORDER BY name") == [
        ("0001_initial",),
        ("0002_index",),
    ]
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"))
    org.carry()
    assert rows(url, "SELECT name FROM django_migrations WHERE app = 'shop'") == [("0001_initial",)]
    assert set(org.running()) == {"1.1.0"}
    with org.house.database.read() as connection:
        standing = databases.standing(connection, "billing", "production")
    assert standing is not None
    assert standing.version == "1.1.0"


def test_a_package_that_has_no_such_migrations_is_told_and_nothing_is_tried_twice(make_org: MakeOrg, url: str) -> None:
    changes = with_database()
    changes["components"]["billing"]["migrations"] = "app/elsewhere"
    org = make_org(**changes)
    started = org.start(org.prepared("1.1.0"))
    org.carry()
    assert org.rollout(started).because.startswith(
        "database: not carried out: nothing was applied: the package of 1.1.0 "
    )
    assert "holds no migrations in elsewhere" in org.rollout(started).because
    assert rows(url, "SELECT to_regclass('tidegate_fence') IS NULL") == [(True,)]


def test_a_process_that_died_before_it_acted_leaves_nothing_and_the_next_migrates(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": ADDS, "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n"})
    leg._dispatch(org.house, org.rollout(started))
    assert effects(org, started) == [("database", EffectState.DISPATCHED)]
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert columns(url, "invoices") == ["id", "name", "customer"]


def test_a_process_that_died_after_it_acted_is_believed_by_what_the_database_says(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    started = start_second(org, {"2_more.sql": ADDS, "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n"})
    [row], _ = leg._dispatch(org.house, org.rollout(started))
    with org.house.database.read() as connection:
        policy = policies.current(connection).policy
        kept = rollouts.load(connection, started)
    driver = sight.driver_of(org.house, policy, "billing", "production")
    assert row.effect.to is not None
    driver.apply(row.effect, org.house.package_path(row.effect.to.digest), kept.token)
    at = rows(url, "SELECT at FROM tidegate_migration ORDER BY name")
    org.carry()
    assert org.rollout(started).state is RolloutState.SUCCEEDED
    assert rows(url, "SELECT at FROM tidegate_migration ORDER BY name") == at


def test_a_second_release_without_migrations_runs_none(make_org: MakeOrg, url: str) -> None:
    org = make_org(**with_database())
    start_second(org, {"2_more.sql": ADDS, "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n"})
    org.carry()
    at = rows(url, "SELECT at FROM tidegate_migration ORDER BY name")
    GitRepository(org.root).commit("fix: only code", {"app/a.txt": "7"})
    org.released("1.3.0")
    assert rows(url, "SELECT at FROM tidegate_migration ORDER BY name") == at


def test_what_was_undone_does_not_count_against_the_next_way_back(make_org: MakeOrg, url: str) -> None:
    """1.2.0 and its migration were taken back; what 1.3.0 goes back to has not to bear it."""
    org = make_org(**with_database())
    start_second(org, {"2_more.sql": ADDS, "2_more.down.sql": "ALTER TABLE invoices DROP customer;\n"})
    org.carry()
    rollback.roll_back(org.house, "billing", "production", org.claim("rita"), accepts_data_loss=True)
    org.carry()
    GitRepository(org.root).git("revert", "--no-edit", "HEAD")
    GitRepository(org.root).commit("fix: only code", {"app/a.txt": "7"})
    started = org.released("1.3.0")
    with org.house.database.read() as connection:
        policy = policies.current(connection).policy
        back = rollback.return_of(connection, rollouts.load(connection, started))
        way = rollback.way_back_of(connection, policy, back)
    assert (way.loses_data, way.breaks, way.because) == (False, False, "no migration lies between the two versions")
