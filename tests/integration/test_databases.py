"""Migrations run on a real PostgreSQL by real tools: Django, Alembic, and Tidegate itself for plain SQL."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.databases import (
    ALEMBIC,
    BACK,
    BROKEN,
    CUSTOMER,
    INVOICES,
    PROJECT,
    PYTHON,
    columns,
    django_migration,
    packed,
    plain,
    revision,
    rows,
)
from tests.support.patience import PATIENCE_S
from tests.support.postgres import PostgresServer
from tidegate.core.effect import Act, Effect, Finding, Observation, Package, Presence, Stage, Token, judge
from tidegate.core.wave import DATABASE, UNTOUCHED
from tidegate.databases.database import Database
from tidegate.databases.registry import runner
from tidegate.databases.settings import DatabaseSettings
from tidegate.drivers.command import Completed
from tidegate.drivers.command import run as databases_run
from tidegate.drivers.contract import Target
from tidegate.errors import FencedError, TargetError, UsageError
from tidegate.orchestration.executor import until

FIRST, LATER = Token(1, 1), Token(1, 2)
TARGET = Target("billing", "production")


@dataclass
class App:
    """An application with its database, whose versions are packed and brought there."""

    url: str
    directory: Path
    settings: dict[str, Any]
    versions: dict[str, tuple[Package, Path]] = field(default_factory=dict)
    keys: int = 0

    def database(self, **changes: Any) -> Database:
        declared = DatabaseSettings.model_validate({"address": {"env": "APP_DATABASE"}, **self.settings, **changes})
        return Database(TARGET, declared, runner(declared))

    def version(self, name: str, files: Mapping[str, str]) -> None:
        self.versions[name] = packed(self.directory, name, files)

    def effect(self, to: str, back_from: str = "", *, key: int = 0) -> Effect:
        self.keys += not key
        return Effect(
            rollout=f"r{key or self.keys}",
            step="wave-1",
            unit=DATABASE,
            attempt=1,
            component="billing",
            environment="production",
            act=Act.RESTORE if back_from else Act.DEPLOY,
            to=self.versions[to][0],
            previous=self.versions[back_from][0] if back_from else None,
        )

    def bring(self, to: str, back_from: str = "", token: Token = FIRST, **changes: Any) -> tuple[Finding, Observation]:
        """What becomes of bringing the database to a version, and what is seen then."""
        effect = self.effect(to, back_from)
        seen = self.database(**changes).apply(effect, self.versions[to][1], token)
        return judge(effect, seen, token), seen

    def recorded(self) -> list[str]:
        with psycopg.connect(plain(self.url), autocommit=True) as connection:
            return sorted(
                runner(DatabaseSettings.model_validate({"address": {"env": "X"}, **self.settings})).recorded(connection)
            )


@pytest.fixture
def url(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    made = postgres_server.fresh_database("app")
    monkeypatch.setenv("APP_DATABASE", plain(made))
    yield made
    postgres_server.drop_database(made)


def _django(url: str, tmp_path: Path) -> App:
    app = App(url, tmp_path, {"tool": "django", "migrations": "shop", "run": PYTHON, "back": BACK, "goes_back": True})
    first = {**PROJECT, "shop/migrations/0001_initial.py": django_migration(INVOICES)}
    second = {**first, "shop/migrations/0002_customer.py": django_migration(CUSTOMER, after="shop.0001_initial")}
    app.version("1.0.0", first)
    app.version("1.1.0", second)
    app.version(
        "1.2.0", {**second, "shop/migrations/0003_bad.py": django_migration(BROKEN, after="shop.0002_customer")}
    )
    return app


def _alembic(url: str, tmp_path: Path) -> App:
    tool = [sys.executable, "-m", "alembic"]
    app = App(
        url.replace("postgresql://", "postgresql+psycopg://"),
        tmp_path,
        {
            "tool": "alembic",
            "migrations": "alembic/versions",
            "run": [*tool, "upgrade", "heads"],
            "back": [*tool, "downgrade", "{revision}"],
            "goes_back": True,
        },
    )
    create = (
        "op.create_table('shop_invoice', sa.Column('id', sa.Integer, primary_key=True), sa.Column('name', sa.Text))"
    )
    first = {**ALEMBIC, "alembic/versions/a.py": revision("a1", "", create, "op.drop_table('shop_invoice')")}
    add, drop = (
        "op.add_column('shop_invoice', sa.Column('customer', sa.Text))",
        "op.drop_column('shop_invoice', 'customer')",
    )
    second = {**first, "alembic/versions/b.py": revision("b2", "a1", add, drop)}
    app.version("1.0.0", first)
    app.version("1.1.0", second)
    app.version(
        "1.2.0",
        {**second, "alembic/versions/c.py": revision("c3", "b2", "op.execute('ALTER TABLE nowhere ADD a int')")},
    )
    return app


def _sql(url: str, tmp_path: Path) -> App:
    app = App(url, tmp_path, {"tool": "sql", "migrations": "db", "goes_back": True})
    first = {
        "db/1_first.sql": "CREATE TABLE shop_invoice (id int PRIMARY KEY, name text);\n",
        "db/1_first.down.sql": "DROP TABLE shop_invoice;\n",
    }
    second = {
        **first,
        "db/2_customer.up.sql": "ALTER TABLE shop_invoice ADD customer text;\n",
        "db/2_customer.down.sql": "ALTER TABLE shop_invoice DROP customer;\n",
    }
    app.version("1.0.0", first)
    app.version("1.1.0", second)
    app.version("1.2.0", {**second, "db/10_bad.sql": "ALTER TABLE nowhere ADD a int;\n"})
    return app


TOOLS = {"django": _django, "alembic": _alembic, "sql": _sql}


@pytest.fixture(params=sorted(TOOLS))
def app(request: pytest.FixtureRequest, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """One application for each tool: 1.0.0 makes a table, 1.1.0 adds a column, 1.2.0 fails."""
    made = TOOLS[request.param](url, tmp_path)
    if request.param == "alembic":
        monkeypatch.setenv("APP_DATABASE", plain(url).replace("postgresql://", "postgresql+psycopg://"))
    return made


@pytest.fixture
def plain_app(url: str, tmp_path: Path) -> App:
    """The one whose tool is the quickest, for what does not depend on the tool."""
    return _sql(url, tmp_path)


def test_migrations_go_forward_and_back(app: App) -> None:
    assert app.bring("1.0.0")[0] is Finding.CONFIRMED
    assert columns(app.url, "shop_invoice") == ["id", "name"]
    finding, seen = app.bring("1.1.0")
    assert (finding, seen.running) == (Finding.CONFIRMED, app.versions["1.1.0"][0])
    assert columns(app.url, "shop_invoice") == ["id", "name", "customer"]
    finding, seen = app.bring("1.0.0", back_from="1.1.0")
    assert (finding, seen.running) == (Finding.CONFIRMED, app.versions["1.0.0"][0]), seen.detail
    assert columns(app.url, "shop_invoice") == ["id", "name"]


def test_a_migration_that_fails_is_not_done_and_leaves_what_was_there(app: App) -> None:
    app.bring("1.1.0")
    before = app.recorded()
    finding, seen = app.bring("1.2.0")
    assert finding is Finding.FAILED
    assert seen.detail.startswith(UNTOUCHED)
    assert 'relation "nowhere" does not exist' in seen.detail
    assert app.recorded() == before


def test_of_several_those_before_the_one_that_fails_stay_and_it_is_said(app: App) -> None:
    finding, seen = app.bring("1.2.0")
    assert finding is Finding.FAILED
    if app.settings["tool"] == "alembic":
        assert seen.detail.startswith(UNTOUCHED), "all revisions are one transaction"
        return
    assert not seen.detail.startswith(UNTOUCHED)
    assert columns(app.url, "shop_invoice") == ["id", "name", "customer"]


def test_the_same_key_again_does_nothing(plain_app: App) -> None:
    effect, path = plain_app.effect("1.1.0"), plain_app.versions["1.1.0"][1]
    plain_app.database().apply(effect, path, FIRST)
    at = rows(plain_app.url, "SELECT at FROM tidegate_fence")
    seen = plain_app.database().apply(effect, path, FIRST)
    assert judge(effect, seen, FIRST) is Finding.CONFIRMED
    assert rows(plain_app.url, "SELECT at FROM tidegate_fence") == at


def test_a_lower_token_is_refused_and_nothing_is_run(plain_app: App) -> None:
    plain_app.bring("1.0.0", token=LATER)
    with pytest.raises(FencedError, match=r"the database has seen the token 1\.2, and ours is 1\.1"):
        plain_app.bring("1.1.0", token=FIRST)
    assert columns(plain_app.url, "shop_invoice") == ["id", "name"]


def test_a_lock_that_another_session_holds_fails_it_and_nothing_waits(app: App) -> None:
    app.bring("1.0.0")
    with psycopg.connect(plain(app.url)) as other:
        other.execute("LOCK TABLE shop_invoice")
        finding, seen = app.bring("1.1.0", lock_timeout="200ms")
    assert finding is Finding.FAILED
    assert seen.detail.startswith(f"{UNTOUCHED}a lock was not to be had within 200ms, so nothing waits behind it")
    assert columns(app.url, "shop_invoice") == ["id", "name"]
    assert app.bring("1.1.0")[0] is Finding.CONFIRMED


def test_a_statement_that_lasts_too_long_is_ended(app: App) -> None:
    app.bring("1.0.0")
    tool = app.settings["tool"]
    sleep = {
        "django": (
            "shop/migrations/0002_x.py",
            django_migration("migrations.RunSQL('SELECT pg_sleep(30)', '')", after="shop.0001_initial"),
        ),
        "alembic": ("alembic/versions/x.py", revision("x9", "a1", "op.execute('SELECT pg_sleep(30)')")),
        "sql": ("db/2_x.sql", "SELECT pg_sleep(30);\n"),
    }[tool]
    base = {"django": PROJECT | {"shop/migrations/0001_initial.py": django_migration(INVOICES)}}.get(tool)
    files = (
        base
        or {
            "alembic": ALEMBIC | {"alembic/versions/a.py": revision("a1", "", "pass")},
            "sql": {"db/1_first.sql": "SELECT 1;"},
        }[tool]
    )
    app.version("1.3.0", {**files, sleep[0]: sleep[1]})
    finding, seen = app.bring("1.3.0", statement_timeout="300ms")
    assert finding is Finding.FAILED
    assert seen.detail.startswith(f"{UNTOUCHED}a statement took longer than 300ms (")


def test_it_is_not_done_where_somebody_else_took_it_back_meanwhile(app: App) -> None:
    app.bring("1.1.0")
    effect = app.effect("1.1.0", key=app.keys)
    table = {
        "django": "django_migrations WHERE app = 'shop'",
        "alembic": "alembic_version",
        "sql": "tidegate_migration",
    }
    with psycopg.connect(plain(app.url), autocommit=True) as other:
        other.execute(f"DELETE FROM {table[app.settings['tool']]}".encode())  # noqa: S608
    seen = app.database().observe()
    assert judge(effect, seen, FIRST) is Finding.IN_DOUBT
    assert seen.running is Presence.FOREIGN
    assert seen.detail.startswith("it was changed since: ")


def test_a_database_that_does_not_answer_is_seen_so(plain_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_app.bring("1.0.0")
    monkeypatch.setenv("APP_DATABASE", "postgresql://somebody:s3cret@127.0.0.1:1/shop")
    seen = plain_app.database().observe()
    assert (seen.reachable, seen.running) == (False, Presence.UNSEEN)
    assert "s3cret" not in seen.detail
    assert not plain_app.database().online().ready
    with pytest.raises(TargetError, match="the database cannot be used"):
        plain_app.bring("1.1.0")


def test_an_address_that_is_not_there_is_told_by_its_key(plain_app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APP_DATABASE")
    ready = plain_app.database().online()
    assert not ready.ready
    assert "the variable APP_DATABASE is not set" in ready.detail


def test_what_was_cut_off_is_read_back_and_carried_on(app: App) -> None:
    """As after SIGKILL: our table says that it was begun, and nobody holds the lock."""
    app.bring("1.0.0")
    effect, (package, path) = app.effect("1.1.0"), app.versions["1.1.0"]
    with psycopg.connect(plain(app.url), autocommit=True) as other:
        plan = app.database()._plan(effect, path)
        app.database()._claim(other, effect, FIRST, plan.goal)
    seen = app.database().observe()
    assert (judge(effect, seen, FIRST), seen.last_stage) == (Finding.NOT_DONE, Stage.MIGRATING)
    assert judge(effect, app.database().apply(effect, path, FIRST), FIRST) is Finding.CONFIRMED
    assert app.database().observe().running == package


def test_what_was_done_and_not_said_is_found_done(plain_app: App) -> None:
    """The process died after the tool had ended, before it wrote so."""
    effect, path = plain_app.effect("1.1.0"), plain_app.versions["1.1.0"][1]
    plain_app.database().apply(effect, path, FIRST)
    with psycopg.connect(plain(plain_app.url), autocommit=True) as other:
        other.execute("UPDATE tidegate_fence SET stage = 'migrating'")
    assert judge(effect, plain_app.database().observe(), FIRST) is Finding.CONFIRMED


def test_a_run_under_way_is_seen_busy_and_ended_by_who_outranks_it(plain_app: App) -> None:
    plain_app.bring("1.0.0")
    database = plain_app.database()
    held = psycopg.connect(plain(plain_app.url), autocommit=True)
    database._try_lock(held)
    seen = database.observe()
    assert seen.busy
    finding, _ = plain_app.bring("1.1.0", token=LATER)
    assert finding is Finding.CONFIRMED
    with pytest.raises(psycopg.OperationalError):
        held.execute("SELECT 1")


def test_who_holds_the_lock_and_sleeps_does_not_keep_the_next_worker_out(
    plain_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen in the middle, under the same token as whoever carries the leg now: it would be waited for for ever."""
    plain_app.bring("1.0.0")
    effect, path = plain_app.effect("1.1.0"), plain_app.versions["1.1.0"][1]
    held = psycopg.connect(plain(plain_app.url))
    plain_app.database()._try_lock(held)
    held.execute("SELECT epoch FROM tidegate_fence FOR SHARE")
    with psycopg.connect(plain(plain_app.url), application_name="tidegate migrates billing") as command:
        monkeypatch.setattr("tidegate.databases.database.ASLEEP_S", 0.0)
        monkeypatch.setattr("tidegate.databases.database.BRIEFLY_S", 0.0)
        assert plain_app.database().observe().busy, "a command of its is at work"
        command.close()
    assert until(lambda: not plain_app.database().observe().busy, PATIENCE_S)
    assert judge(effect, plain_app.database().apply(effect, path, FIRST), FIRST) is Finding.CONFIRMED
    with pytest.raises(psycopg.OperationalError):
        held.execute("SELECT 1")


def test_a_policy_that_goes_forward_only_takes_no_database_back(plain_app: App) -> None:
    plain_app.bring("1.1.0")
    with pytest.raises(UsageError, match="does not go back"):
        plain_app.bring("1.0.0", back_from="1.1.0", goes_back=False)


def test_the_later_package_is_needed_to_go_back(plain_app: App) -> None:
    plain_app.bring("1.1.0")
    plain_app.versions["1.1.0"][1].unlink()
    with pytest.raises(UsageError, match="is not here, and its migrations are in it"):
        plain_app.bring("1.0.0", back_from="1.1.0")


def test_two_at_once_end_in_one_run(plain_app: App) -> None:
    plain_app.bring("1.0.0")
    effect, path = plain_app.effect("1.1.0"), plain_app.versions["1.1.0"][1]
    found: list[Finding] = []

    def carry() -> None:
        found.append(judge(effect, plain_app.database().apply(effect, path, FIRST), FIRST))

    threads = [threading.Thread(target=carry) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Finding.CONFIRMED, Finding.CONFIRMED]
    assert columns(plain_app.url, "shop_invoice") == ["id", "name", "customer"]


SLOW = "migrations.RunSQL('SELECT pg_sleep(2)', '')"


def _apart(app: App, version: str, rollout: str = "r9") -> subprocess.Popen[str]:
    """Another process brings the database to a version; it has begun, and its statement runs."""
    package, path = app.versions[version]
    settings = {"address": {"env": "APP_DATABASE"}, **app.settings}
    told = {"settings": settings, "version": version, "digest": package.digest, "path": str(path),
            "rollout": rollout, "token": [1, 1]}  # fmt: skip
    argv = [sys.executable, "-m", "tests.support.migrating", json.dumps(told)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sleeping = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()"
    )
    assert until(lambda: rows(app.url, sleeping)[0][0] > 0, PATIENCE_S), "its migration never began"
    return process


def _slow(app: App) -> None:
    """Version 1.4.0, whose second migration takes two seconds."""
    first = django_migration(INVOICES)
    slow = django_migration(SLOW, CUSTOMER, after="shop.0001_initial")
    django = {**PROJECT, "shop/migrations/0001_initial.py": first, "shop/migrations/0002_slow.py": slow}
    more = "SELECT pg_sleep(2); ALTER TABLE shop_invoice ADD customer text;"
    sql = {"db/1_first.sql": "SELECT 1;", "db/2_slow.sql": more}
    app.version("1.4.0", django if app.settings["tool"] == "django" else sql)


def test_a_command_outlives_its_killed_process_and_is_waited_for(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _django(url, tmp_path)
    app.bring("1.0.0")
    _slow(app)
    process = _apart(app, "1.4.0")
    process.kill()
    process.communicate()
    effect = dataclasses.replace(app.effect("1.4.0"), rollout="r9")
    monkeypatch.setattr("tidegate.databases.database.BRIEFLY_S", 0.0)
    seen = app.database().observe()
    assert (judge(effect, seen, FIRST), seen.busy) == (Finding.IN_DOUBT, True)
    assert until(lambda: judge(effect, app.database().observe(), FIRST) is Finding.CONFIRMED, PATIENCE_S)
    assert columns(url, "shop_invoice") == ["id", "name", "customer"]


@pytest.mark.parametrize("tool", ["django", "sql"])
def test_a_frozen_process_that_was_outranked_changes_nothing_when_it_wakes(url: str, tmp_path: Path, tool: str) -> None:
    app = TOOLS[tool](url, tmp_path)
    app.bring("1.0.0")
    _slow(app)
    process = _apart(app, "1.4.0")
    process.send_signal(signal.SIGSTOP)
    finding, _ = app.bring("1.0.0", token=LATER)
    assert finding is Finding.CONFIRMED
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert out == ""
    assert "the database cannot be used" in err or "has seen the token" in err, err
    assert columns(url, "shop_invoice") == ["id", "name"]


@pytest.fixture(params=["alembic", "django"])
def commanded_app(request: pytest.FixtureRequest, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """One whose tool is a command."""
    if request.param == "alembic":
        monkeypatch.setenv("APP_DATABASE", plain(url).replace("postgresql://", "postgresql+psycopg://"))
    return TOOLS[request.param](url, tmp_path)


def _before_its_command(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[Completed]:
    """Have ``act`` happen when the next command's token was asked for and the command is not started yet.

    Returns:
        What became of that command, once it has ended.
    """
    real, ended = databases_run, []

    def late(*words: Any, **more: Any) -> Completed:
        monkeypatch.setattr("tidegate.databases.database.run", real)
        act()
        ended.append(real(*words, **more))
        return ended[-1]

    monkeypatch.setattr("tidegate.databases.database.run", late)
    return ended


def test_a_command_that_is_started_after_it_was_outranked_leaves_nothing(
    commanded_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process was frozen between the last look at the token and the start."""
    app = commanded_app
    app.bring("1.0.0")
    went_back: list[Finding] = []
    ended = _before_its_command(
        monkeypatch, lambda: went_back.append(app.bring("1.0.0", back_from="1.1.0", token=LATER)[0])
    )
    with pytest.raises(TargetError, match="the database cannot be used"):
        app.bring("1.1.0")
    assert went_back == [Finding.CONFIRMED]
    assert [done.status for done in ended] == [1]
    assert "this run was overtaken, and nothing of it is kept" in ended[0].stderr
    assert columns(app.url, "shop_invoice") == ["id", "name"]
    assert app.database().observe().running == app.versions["1.0.0"][0]
    assert app.bring("1.1.0", token=LATER)[0] is Finding.CONFIRMED


def test_a_command_of_a_run_that_was_carried_again_meanwhile_leaves_nothing(
    commanded_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same effect under the same token: its session was cut, and another worker carried the leg; then came more."""
    app = commanded_app
    app.bring("1.0.0")
    effect, path = app.effect("1.1.0"), app.versions["1.1.0"][1]

    def carried_by_another() -> None:
        with psycopg.connect(plain(app.url), autocommit=True) as other:
            for pid in app.database()._others(other):
                other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        assert judge(effect, app.database().apply(effect, path, FIRST), FIRST) is Finding.CONFIRMED
        assert app.bring("1.0.0", back_from="1.1.0")[0] is Finding.CONFIRMED

    ended = _before_its_command(monkeypatch, carried_by_another)
    with pytest.raises(TargetError, match="the database cannot be used"):
        app.database().apply(effect, path, FIRST)
    assert [done.status for done in ended] == [1]
    assert columns(app.url, "shop_invoice") == ["id", "name"]


def test_a_person_migrates_by_hand_as_before(commanded_app: App) -> None:
    """The guard asks those that Tidegate has started, and nobody else."""
    app = commanded_app
    app.bring("1.1.0")
    table = "alembic_version" if app.settings["tool"] == "alembic" else "django_migrations"
    guards = f"SELECT count(*) FROM pg_trigger WHERE tgrelid = '{table}'::regclass AND tgname = 'tidegate_guard'"  # noqa: S608
    assert rows(app.url, guards) == [(1,)]
    with psycopg.connect(plain(app.url), autocommit=True) as person:
        person.execute(f"DELETE FROM {table}".encode())  # noqa: S608
    assert app.recorded() == []


def test_who_may_make_no_trigger_is_not_kept_from_migrating(
    postgres_server: PostgresServer, commanded_app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = commanded_app
    app.bring("1.0.0")
    table = "alembic_version" if app.settings["tool"] == "alembic" else "django_migrations"
    with psycopg.connect(plain(app.url), autocommit=True) as owner:
        owner.execute(f"DROP TRIGGER tidegate_guard ON {table}".encode())
        owner.execute("ALTER FUNCTION tidegate_guard() OWNER TO pg_database_owner")
        owner.execute("CREATE ROLE somebody LOGIN")
        try:
            owner.execute("GRANT ALL ON SCHEMA public TO somebody")
            owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO somebody")
            owner.execute(f"REVOKE TRIGGER ON {table} FROM somebody".encode())
            owner.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO somebody")
            owner.execute("ALTER TABLE shop_invoice OWNER TO somebody")
            monkeypatch.setenv("APP_DATABASE", os.environ["APP_DATABASE"].replace("tidegate@", "somebody@"))
            finding, seen = app.bring("1.1.0")
            assert finding is Finding.CONFIRMED, seen.detail
        finally:
            owner.execute("REASSIGN OWNED BY somebody TO tidegate")
            owner.execute("DROP OWNED BY somebody")
            owner.execute("DROP ROLE somebody")


def test_a_file_that_ends_its_transaction_is_refused(plain_app: App) -> None:
    plain_app.version("2.0.0", {"db/1_x.sql": "CREATE TABLE a (b int);\nCOMMIT;\n"})
    finding, seen = plain_app.bring("2.0.0")
    assert finding is Finding.FAILED
    assert seen.detail == (
        f"{UNTOUCHED}db/1_x.sql ends its transaction itself, so nobody could record it with what it does"
    )


def test_an_index_is_built_concurrently_outside_a_transaction(plain_app: App) -> None:
    index = "-- tidegate: no transaction\nCREATE INDEX CONCURRENTLY by_name ON shop_invoice (name);\n"
    first = {"db/1_first.sql": "CREATE TABLE shop_invoice (id int PRIMARY KEY, name text);\n"}
    plain_app.version("2.0.0", {**first, "db/2_index.sql": index})
    assert plain_app.bring("2.0.0")[0] is Finding.CONFIRMED
    assert rows(plain_app.url, "SELECT to_regclass('by_name') IS NOT NULL") == [(True,)]


@pytest.mark.parametrize(
    ("tool", "folder", "name"), [("django", "shop/migrations", "--fake"), ("alembic", "alembic/versions", "x")]
)
def test_a_name_that_a_command_could_take_for_an_option_is_refused(
    url: str, tmp_path: Path, tool: str, folder: str, name: str
) -> None:
    app = TOOLS[tool](url, tmp_path)
    source = django_migration(INVOICES) if tool == "django" else revision("--sql", "", "pass")
    app.version("3.0.0", {**PROJECT, f"{folder}/{name}.py": source})
    with pytest.raises(UsageError, match="is no name that"):
        app.bring("3.0.0")
    assert rows(app.url, "SELECT to_regclass('tidegate_fence') IS NULL") == [(True,)]


def test_a_copy_of_another_environments_database_is_migrated_all_the_same(plain_app: App) -> None:
    """Staging is made from a backup of production, whose row comes along."""
    plain_app.bring("1.0.0", token=Token(1, 900))
    settings = DatabaseSettings.model_validate({"address": {"env": "APP_DATABASE"}, **plain_app.settings})
    staging = Database(Target("billing", "staging"), settings, runner(settings))
    assert staging.observe().token is None
    effect = dataclasses.replace(plain_app.effect("1.1.0"), environment="staging")
    assert judge(effect, staging.apply(effect, plain_app.versions["1.1.0"][1], FIRST), FIRST) is Finding.CONFIRMED


def test_the_first_version_of_a_component_may_be_without_migrations_on_the_way_back(plain_app: App) -> None:
    plain_app.version("0.9.0", {"readme.txt": "no migrations yet"})
    plain_app.bring("1.0.0")
    finding, _ = plain_app.bring("0.9.0", back_from="1.0.0")
    assert finding is Finding.CONFIRMED
    assert rows(plain_app.url, "SELECT to_regclass('shop_invoice') IS NULL") == [(True,)]
    with pytest.raises(UsageError, match=r"the package of 0\.9\.0 .* holds no migrations in db"):
        plain_app.bring("0.9.0")


def test_a_package_that_is_damaged_is_refused_before_anything_is_touched(plain_app: App) -> None:
    plain_app.versions["1.0.0"][1].write_bytes(b"no archive")
    with pytest.raises(UsageError, match="the package cannot be read"):
        plain_app.bring("1.0.0")
    assert rows(plain_app.url, "SELECT to_regclass('tidegate_fence') IS NULL") == [(True,)]


def test_no_secret_is_in_what_a_command_says(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = _django(url, tmp_path)
    # PostgreSQL trusts everybody here, so that a password changes nothing but what could be told.
    monkeypatch.setenv("APP_DATABASE", plain(url).replace("tidegate@", "tidegate:s3cr3t@"))
    tells = [sys.executable, "-c", "import os, sys; sys.exit('Error: ' + os.environ['DATABASE_URL'])"]
    finding, seen = app.bring("1.0.0", run=tells)
    assert finding is Finding.FAILED
    assert "s3cr3t" not in seen.detail
    assert "Error: [hidden]" in seen.detail


def test_a_command_sees_of_our_environment_what_the_settings_name(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _django(url, tmp_path)
    monkeypatch.setenv("TIDEGATE_TOKEN", "ours")
    monkeypatch.setenv("SECRET_KEY", "theirs")
    names = "sorted(set(os.environ) & {'TIDEGATE_TOKEN', 'SECRET_KEY', 'APP_DATABASE', 'PGOPTIONS'})"
    tells = [sys.executable, "-c", f"import os, sys; sys.exit(str({names}) + os.environ['PGOPTIONS'])"]
    _, seen = app.bring("1.0.0", run=tells, environment=["SECRET_KEY"])
    assert "['PGOPTIONS', 'SECRET_KEY']-c lock_timeout=5000 -c statement_timeout=600000" in seen.detail
