"""Migrations at the command line: judged before anything is released, with the safe way, and never run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shop import Shop


class WithDatabase(Shop):
    """The shop, whose component has a database."""

    def policy_text(self, *, head: str = "", minor: str = "") -> str:
        text = (
            super()
            .policy_text(head=head, minor=minor)
            .replace("    path: app\n", "    path: app\n    migrations: app/db\n")
        )
        return f"{text}migrations: {{dialect: postgres, tool: sql, drop_columns: next-major}}\n"


@pytest.fixture
def shop(tmp_path: Path, shop_keys: Path) -> WithDatabase:
    return WithDatabase(tmp_path / "shop", shop_keys)


def test_a_migration_that_is_refused_is_told_with_its_place_and_the_safe_way(shop: WithDatabase) -> None:
    hostile = "ALTER TABLE t RENAME COLUMN a TO b;\n-- \x1b[31mred\nALTER TABLE t ADD c int;\n"
    shop.repository.commit("feat: change the database", {"app/db/0002_next.sql": hostile})
    done = shop.run("migration", "check", "shop", "--for", "production")
    assert done.code == 3
    head, _, rest = done.out.partition("\n")
    assert head.startswith("shop 1.0.0 -> ")
    assert rest == (
        "  1 new migration: 0002_next\n"
        "  ✗ renamed  app/db/0002_next.sql:1\n"
        "      ALTER TABLE t RENAME COLUMN a TO b\n"
        "    t.a is renamed to b, and the version before still asks for the old name\n"
        "    asked for: nothing is renamed (migrations.drop_columns)\n"
        "  the safe way\n"
        "    expand: in the next release\n"
        "      - add b as nullable beside t.a, and write both\n"
        "    migrate: in a release after that one\n"
        "      - copy in batches, then read b\n"
        "    contract: in a later release\n"
        "      - drop t.a in a later major release, after its deprecation\n"
        "  ✗ going back to 1.0.0 breaks it: app/db/0002_next.sql:1 renames t.a, which the\n"
        "    version before asks for by its old name\n"
    )
    answer = shop.run("migration", "check", "shop", "--json").json
    assert answer["refused"] is True
    assert {one["danger"] for one in answer["brought"][0]["hazards"]} == {"renamed", "irreversible"}


def test_without_a_finding_it_is_done_and_no_revision_is_recorded_before_a_rollout(shop: WithDatabase) -> None:
    shop.repository.commit("feat: add", {"app/db/0002_next.sql": "ALTER TABLE t ADD c int;\n"})
    told = shop.good("migration", "check", "shop")
    assert "  ✓ the version before can run on what they make\n" in told.out
    assert shop.good("migration", "list").out == "no revision of a database is recorded yet\n"


def test_what_is_not_there_is_said(shop: WithDatabase) -> None:
    assert shop.run("migration", "check", "nothing").code == 5
    assert shop.run("migration", "check", "shop", "--for", "moon").code == 5
    assert shop.run("migration", "list", "nothing").code == 5
