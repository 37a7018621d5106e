"""What each tool's table is to hold, read from the files of two versions, and the commands that lead there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.databases import ARTICLES, INDEX, INVOICES, django_migration, revision
from tidegate.databases.alembic import Alembic
from tidegate.databases.contract import Files, Goal, Runner, Work
from tidegate.databases.django import Django
from tidegate.databases.settings import DatabaseSettings
from tidegate.databases.sql import PlainSql
from tidegate.errors import TargetError


def files(**texts: str) -> Files:
    """Files by their names, in which ``__`` stands for a slash."""
    return {f"{name.replace('__', '/')}.py": text.encode() for name, text in texts.items()}


FIRST = files(shop__migrations__0001_a=django_migration(INVOICES))
SECOND = {**FIRST, **files(shop__migrations__0002_b=django_migration(INDEX, after="shop.0001_a"))}
BOTH = {**SECOND, **files(stock__migrations__0001_x=django_migration(ARTICLES))}


def called(
    runner: Runner, code: Files, to: Files, recorded: Sequence[str], labels: Mapping[str, str] | None = None
) -> list[list[str]]:
    """The commands of the way back from ``code`` to ``to``."""
    found: list[list[str]] = []
    names = labels or {}
    nobody: Any = None  # a command is only told, so nothing is connected to
    work = Work(
        goal=runner.goal(to, code, names),
        files=to,
        code=code,
        back=True,
        recorded=frozenset(recorded),
        call=lambda argv: found.append(list(argv)),
        connection=nobody,
        fenced=lambda: None,
        version="1.0.0",
        labels=names,
    )
    runner.run(work)
    return found


def test_django_records_each_migration_by_its_app() -> None:
    assert Django(None, None).goal(BOTH, None, {}) == Goal(frozenset({"shop.0001_a", "shop.0002_b", "stock.0001_x"}))


def test_django_goes_back_app_by_app_and_a_new_app_to_zero() -> None:
    back = ("python", "manage.py", "migrate", "{version}")
    every = ["shop.0001_a", "shop.0002_b", "stock.0001_x", "auth.0001_initial"]
    assert called(Django(None, back), BOTH, FIRST, every) == [
        ["python", "manage.py", "migrate", "stock", "zero"],
        ["python", "manage.py", "migrate", "shop", "0001_a"],
    ]


def test_django_leaves_an_app_alone_of_which_nothing_is_recorded() -> None:
    assert called(Django(None, None), BOTH, FIRST, ["shop.0001_a", "shop.0002_b"]) == [
        ["python", "manage.py", "migrate", "--noinput", "shop", "0001_a"]
    ]


def test_django_does_not_undo_a_squashed_migration_that_stands_for_what_both_versions_have() -> None:
    replaces = "replaces = [('shop', '0001_a'), ('shop', '0002_b')]"
    squashed = files(shop__migrations__0001_squashed=django_migration(INVOICES, more=replaces))
    assert Django(None, None).goal(SECOND, {**SECOND, **squashed}, {}).lacks == frozenset()


def test_django_refuses_to_undo_what_its_code_does_not_have() -> None:
    with pytest.raises(TargetError, match=r"shop\.0003_later is recorded, and 1\.0\.0 cannot undo it"):
        called(Django(None, None), SECOND, FIRST, ["shop.0001_a", "shop.0002_b", "shop.0003_later"])


def test_django_refuses_to_go_back_to_an_app_with_two_ends() -> None:
    forked = {**SECOND, **files(shop__migrations__0002_c=django_migration(INDEX, after="shop.0001_a"))}
    later = {**forked, **files(shop__migrations__0003_m=django_migration(after="shop.0002_b", also="shop.0002_c"))}
    every = ["shop.0001_a", "shop.0002_b", "shop.0002_c", "shop.0003_m"]
    with pytest.raises(TargetError, match="shop has several last migrations: 0002_b, 0002_c"):
        called(Django(None, None), later, forked, every)


@pytest.mark.parametrize(
    ("path", "labels", "name"),
    [
        ("shop/migrations/0001_a.py", {}, "shop.0001_a"),
        ("src/shop/migrations/0001_a.py", {"shop": "orders"}, "orders.0001_a"),
        ("migrations/0001_a.py", {"migrations": "shop"}, "shop.0001_a"),
        ("changes/0001_a.py", {}, "changes.0001_a"),
    ],
)
def test_django_tells_the_app_by_its_directory_or_by_what_the_settings_say(
    path: str, labels: dict[str, str], name: str
) -> None:
    found = Django(None, None).goal({path: django_migration(INVOICES).encode()}, None, labels)
    assert found.holds == {name}


def test_django_does_not_guess_an_app() -> None:
    with pytest.raises(TargetError, match=r"nobody can tell which app migrations/0001_a\.py belongs to"):
        Django(None, None).goal({"migrations/0001_a.py": django_migration(INVOICES).encode()}, None, {})


def test_what_is_no_migration_is_not_asked_for() -> None:
    helpers = {**FIRST, "shop/migrations/helpers.py": b"def f(): pass\n", "shop/migrations/data.json": b"{}"}
    assert Django(None, None).goal(helpers, None, {}).holds == {"shop.0001_a"}


A, B, C = revision("a", "", "pass"), revision("b", "a", "pass"), revision("c", "a", "pass")


def test_alembic_records_the_last_revision_of_each_branch_alone() -> None:
    assert Alembic(None, None).goal(files(a=A, b=B, c=C), None, {}) == Goal(frozenset("bc"), frozenset("a"))


@pytest.mark.parametrize(("to", "revision_"), [(files(a=A), "a"), ({}, "base")])
def test_alembic_goes_back_to_one_revision(to: Files, revision_: str) -> None:
    assert called(Alembic(None, None), files(a=A, b=B), to, ["b"]) == [["alembic", "downgrade", revision_]]


def test_alembic_refuses_where_the_code_does_not_know_where_the_database_is() -> None:
    with pytest.raises(TargetError, match="the database stands at the revision z, which the code that is run does not"):
        called(Alembic(None, None), files(a=A, b=B), files(a=A), ["z"])


def test_alembic_refuses_a_revision_that_is_only_known_when_it_runs() -> None:
    with pytest.raises(TargetError, match=r"the revision of a\.py is only known when it runs"):
        Alembic(None, None).goal(files(a=A.replace("'a'", "compute()")), None, {})


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["db/1_a.sql", "db/1_a.down.sql"], {"1_a"}),
        (["db/1_a.up.sql", "db/1_a.down.sql"], {"1_a"}),
        (["db/V1__a.sql", "db/U1__a.sql"], {"V1__a"}),
        (["db/10_b.sql", "db/9_a.sql"], {"10_b", "9_a"}),
        (["db/README.md", "db/1_a.sql"], {"1_a"}),
    ],
)
def test_sql_is_named_by_its_file(names: list[str], found: set[str]) -> None:
    assert PlainSql().goal(dict.fromkeys(names, b"SELECT 1;"), None, {}).holds == found


def test_two_files_of_sql_of_one_name_are_refused() -> None:
    with pytest.raises(TargetError, match=r"db/1_a\.sql and db/1_a\.up\.sql are both called 1_a"):
        PlainSql().goal({"db/1_a.sql": b"", "db/1_a.up.sql": b""}, None, {})


@pytest.mark.parametrize(
    ("goal", "recorded", "missing"),
    [
        (Goal(frozenset("ab")), "abc", ""),
        (Goal(frozenset("ab")), "a", "b is not recorded"),
        (Goal(frozenset("a"), frozenset("b")), "ab", "b is recorded still"),
    ],
)
def test_a_goal_is_met_or_says_what_is_missing(goal: Goal, recorded: str, missing: str) -> None:
    assert goal.met(frozenset(recorded)) is not bool(missing)
    assert goal.missing(frozenset(recorded)) == missing


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "address"),
        ({"address": {"env": "A", "file": "/b"}}, "address"),
        ({"address": {"file": "secret"}}, "is not an absolute path; begin with / or ~/"),
        ({"address": {"env": "A"}, "variable": "A B"}, "is not the name of a variable"),
        ({"address": {"env": "A"}, "run": ["x", "{who}"]}, "known: version, directory, image"),
        ({"address": {"env": "A"}, "tool": "flyway"}, "tool"),
        ({"address": {"env": "A"}, "lock_timeout": "0s"}, "a time-out is more than 0"),
        ({"address": {"env": "A"}, "directory": "../x"}, "is not a path inside the package"),
        ({"address": {"env": "A"}, "password": "x"}, "password"),
    ],
)
def test_settings_that_are_wrong_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DatabaseSettings.model_validate(settings)
    assert sentence in str(caught.value)


def test_an_address_may_come_from_a_command() -> None:
    found = DatabaseSettings.model_validate({"address": {"command": ["sops", "-d", "x"]}})
    assert found.address.command == ("sops", "-d", "x")
