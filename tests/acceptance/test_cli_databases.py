"""A database that Tidegate migrates, at the command line: what would be run, what was, and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.databases import columns, plain
from tests.support.postgres import PostgresServer
from tests.support.shop import Shop, flat


class WithDatabase(Shop):
    """The shop, whose production has a database."""

    address: Path

    def policy_text(self, *, head: str = "", minor: str = "") -> str:
        declared = f"database: {{address: {{file: {self.address}}}, lock_timeout: 300ms}}"
        text = super().policy_text(head=head, minor=minor)
        text = text.replace("    path: app\n", "    path: app\n    migrations: app/db\n")
        text = text.replace("      production: {driver: host, ", f"      production: {{{declared}, driver: host, ")
        return f"{text}migrations: {{dialect: postgres, tool: sql, rule: reversible}}\n"


@pytest.fixture
def database(postgres_server: PostgresServer) -> str:
    return postgres_server.fresh_database("shop")


@pytest.fixture
def shop(tmp_path: Path, shop_keys: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> WithDatabase:
    address = tmp_path / "address"
    address.write_text(plain(database) + "\n")
    monkeypatch.setattr(WithDatabase, "address", address, raising=False)
    return WithDatabase(tmp_path / "shop", shop_keys)


def test_a_database_is_migrated_before_the_hosts_and_shown_on_the_way(shop: WithDatabase, database: str) -> None:
    created = "CREATE TABLE orders (id bigint PRIMARY KEY, note text);\n"
    shop.repository.commit(
        "feat: orders", {"app/db/1_orders.sql": created, "app/db/1_orders.down.sql": "DROP TABLE orders;\n"}
    )
    release = shop.ready()
    told = shop.good("deploy", release, "production", "--dry-run").out
    assert (
        "wave 1 of 4\n"
        "  database\n"
        "    - run the migrations of 1.1.0 (sql; waiting at most 300ms for a lock, at\n"
        "      most 10m for a statement)\n"
    ) in told
    assert "  migrations that are new: 1_orders\n" in told
    assert columns(database, "orders") == [], "a dry run touches nothing"
    shop.good("deploy", release, "production", by="rita")
    assert columns(database, "orders") == ["id", "note"]
    line = shop.good("rollout", "list", "--environment", "production", "--json").json[0]
    shown = shop.good("rollout", "show", line["id"], "--json").json
    assert next((unit["unit"], unit["state"]) for unit in shown["units"]) == ("database", "confirmed")
    assert "1_orders" in shop.good("migration", "list").out
    assert str(shop.address) not in flat(told)


def test_a_policy_that_cannot_be_migrated_is_told_by_the_check(shop: WithDatabase) -> None:
    text = shop.policy_text().replace("    migrations: app/db\n", "").replace("tool: sql, ", "")
    (shop.root / "tidegate.yaml").write_text(text.replace("lock_timeout: 300ms", "lock_timeout: soon, password: x"))
    done = shop.run("policy", "check")
    assert done.code != 0
    said = flat(done.out + done.err)
    assert 'unknown key "password"' in said
    assert '"soon" is not a duration' in said


def test_an_index_that_the_transaction_would_refuse_is_told_before_the_rollout(shop: WithDatabase) -> None:
    index = "CREATE INDEX CONCURRENTLY by_note ON orders (note);\n"
    both = {"app/db/2_index.sql": index, "app/db/2_index.down.sql": "DROP INDEX by_note;\n"}
    shop.repository.commit("feat: an index", both)
    said = flat(shop.run("migration", "check", "shop", "--for", "production").out)
    assert "PostgreSQL refuses CONCURRENTLY inside a transaction, so that the migration fails" in said
    assert "-- tidegate: no transaction" in said
    shop.repository.commit("fix: the index", {"app/db/2_index.sql": f"-- tidegate: no transaction\n{index}"})
    assert "refuses CONCURRENTLY" not in flat(shop.run("migration", "check", "shop", "--for", "production").out)
