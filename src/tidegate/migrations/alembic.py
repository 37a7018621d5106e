"""Alembic's migrations, read from their source: what ``upgrade()`` calls on ``op``, in the order in which it stands.

What stands below an ``if`` or in a loop counts as done. A call of anything else than ``op`` may do anything.
Source: Alembic 1.18, "Operation Reference", "Running “Batch” Migrations".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tidegate.core.migration.column_type import normal
from tidegate.core.migration.operation import IN_TRANSACTION, INDEXES, Kind, Operation, Script, unreadable
from tidegate.migrations import sql
from tidegate.migrations.python_source import (
    Names,
    dotted,
    function,
    is_dynamic,
    keywords,
    last,
    module_value,
    said,
)

TOOL = "alembic"

_TYPES = {
    "String": "varchar", "VARCHAR": "varchar", "Unicode": "varchar", "CHAR": "char", "Text": "text",
    "UnicodeText": "text", "TEXT": "text", "Integer": "integer", "INTEGER": "integer", "SmallInteger": "smallint",
    "SMALLINT": "smallint", "BigInteger": "bigint", "BIGINT": "bigint", "Numeric": "numeric", "NUMERIC": "numeric",
    "DECIMAL": "numeric", "Float": "double", "FLOAT": "double", "Double": "double", "REAL": "real",
    "Boolean": "boolean", "BOOLEAN": "boolean", "Date": "date", "DATE": "date", "DateTime": "timestamp",
    "TIMESTAMP": "timestamp", "DATETIME": "timestamp", "JSON": "json", "JSONB": "jsonb", "Uuid": "uuid",
    "UUID": "uuid", "LargeBinary": "bytea", "BYTEA": "bytea", "Interval": "interval", "Time": "time",
}  # fmt: skip
MOST_TURNS = 100
"""Of a loop over what is written out; a longer one is read once, with a name that nobody knows."""

_ASKS = frozenset({"op.get_bind", "sa.inspect", "sqlalchemy.inspect", "op.get_context"})
"""Calls that change nothing by themselves; what is called on their answers may."""

_HARMLESS = frozenset(
    {"create_table_comment", "drop_table_comment", "f", "inline_literal", "bulk_insert", "get_context", "invoke"}
)
_PURE = frozenset(
    {"text", "table", "column", "dedent", "print", "Column", "len", "range", "enumerate", "list", "tuple"}
)


def is_alembic(module: ast.Module) -> bool:
    """Whether a module is one of Alembic's migrations: it says which one it follows, and has an ``upgrade``."""
    return module_value(module, "revision") is not None and function(module, "upgrade") is not None


def read(path: str, module: ast.Module, dialect: str) -> Script:
    """The migration in a module of Alembic's."""
    names = Names(module)
    upgrade = function(module, "upgrade")
    reader = _Reader(names, dialect)
    found = tuple(reader.body(upgrade.body, {})) if upgrade is not None else ()
    undone, because = _way_back(function(module, "downgrade"))
    return Script(path, found, undone, because, tool=TOOL)


def _way_back(downgrade: ast.FunctionDef | None) -> tuple[bool, str]:
    if downgrade is None:
        return False, "it has no downgrade()"
    body = [node for node in downgrade.body if not _is_text(node)]
    if any(isinstance(node, ast.Raise) for node in body):
        return False, "its downgrade() raises"
    if all(isinstance(node, ast.Pass) for node in body):
        return False, "its downgrade() does nothing"
    return True, ""


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Reader:
    """Reads the statements of ``upgrade``; ``tables`` are the batches that are open, by the name they were given."""

    def __init__(self, names: Names, dialect: str) -> None:
        self._names = names
        self._dialect = dialect
        self._in_transaction = dialect == "postgres"

    def body(self, nodes: Sequence[ast.stmt], tables: Mapping[str, str]) -> Iterator[Operation]:
        """What some statements do."""
        for node in nodes:
            yield from self._statement(node, tables)

    def _statement(self, node: ast.stmt, tables: Mapping[str, str]) -> Iterator[Operation]:
        match node:
            case ast.With():
                yield from self._with(node, tables)
            case ast.Expr(value=ast.Call() as call):
                yield from self._call(call, tables)
            case ast.If():
                yield from self._hidden(node.test)
                yield from self.body([*node.body, *node.orelse], tables)
            case ast.For(target=ast.Name(id=name)) if (each := self._names.items(node.iter)) and len(
                each
            ) <= MOST_TURNS:
                for value in each:
                    self._names = self._names.given(name, value)
                    yield from self.body(node.body, tables)
                yield from self.body(node.orelse, tables)
            case ast.For() | ast.While():
                yield from self._hidden(node.iter if isinstance(node, ast.For) else node.test)
                yield from self.body([*node.body, *node.orelse], tables)
            case ast.Try():
                inner = [part for handler in node.handlers for part in handler.body]
                yield from self.body([*node.body, *inner, *node.orelse, *node.finalbody], tables)
            case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Global() | ast.Return(value=None):
                return
            case ast.Assign() | ast.AnnAssign() | ast.Expr():
                if node.value is not None:
                    yield from self._hidden(node.value)
            case _:
                yield unreadable(node.lineno, said(node), "what it does is only known when it runs")

    def _hidden(self, node: ast.expr) -> Iterator[Operation]:
        """Calls within expressions: of ``op`` they do something, of what is not known they may do anything."""
        for call in (one for one in ast.walk(node) if isinstance(one, ast.Call)):
            name = last(call.func)
            if name not in _PURE and name not in _TYPES and name != "f" and dotted(call.func) not in _ASKS:
                yield unreadable(call.lineno, said(call), "what it does is only known when it runs")
                return

    def _with(self, node: ast.With, tables: Mapping[str, str]) -> Iterator[Operation]:
        known, before = dict(tables), self._in_transaction
        for item in node.items:
            call = item.context_expr
            name = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else ""
            if isinstance(call, ast.Call) and name == "batch_alter_table":
                given = keywords(call, "table_name")
                if isinstance(item.optional_vars, ast.Name):
                    known[item.optional_vars.id] = self._names.text(given.get("table_name")) or "?"
            elif name != "autocommit_block":
                yield unreadable(node.lineno, said(call), "what it does is only known when it runs")
            else:
                self._in_transaction = False
        yield from self.body(node.body, known)
        self._in_transaction = before

    def _call(self, call: ast.Call, tables: Mapping[str, str]) -> Iterator[Operation]:
        of = call.func.value if isinstance(call.func, ast.Attribute) else None
        batch = tables.get(of.id) if isinstance(of, ast.Name) else None
        name = last(call.func)
        if name in _HARMLESS:
            yield Operation(Kind.HARMLESS, line=call.lineno, statement=said(call))
            return
        is_op = isinstance(of, ast.Name) and of.id == "op"
        read = getattr(self, f"_{name}", None) if (is_op or batch is not None) and name.islower() else None
        if read is None or name.startswith(("statement", "call", "with", "hidden")):
            yield unreadable(call.lineno, said(call), "what it does is only known when it runs")
            return
        if is_dynamic(call) and name not in ("create_table", "create_index", "drop_index"):
            yield unreadable(call.lineno, said(call), "its arguments are only known when it runs")
            return
        for one in read(call, batch):
            lock = IN_TRANSACTION if self._in_transaction and one.online and one.kind in INDEXES else one.lock
            yield replace(one, line=one.line or call.lineno, statement=one.statement or said(call), lock=lock)

    def _table(self, given: Mapping[str, ast.expr], batch: str | None, name: str = "table_name") -> str:
        if batch is not None:
            return batch
        table, schema = self._names.text(given.get(name)) or "?", self._names.text(given.get("schema"))
        return f"{schema}.{table}" if schema and schema != "public" else table

    def _given(self, call: ast.Call, batch: str | None, *order: str) -> Mapping[str, ast.expr]:
        """The arguments by name; inside a batch the table is not among them."""
        return keywords(call, *(name for name in order if batch is None or name not in ("table_name", "source_table")))

    def _add_column(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        given = self._given(call, batch, "table_name", "column")
        table, column = self._table(given, batch), self._names.of(given.get("column"))
        if not isinstance(column, ast.Call):
            yield unreadable(call.lineno, said(call), "its column is only known when it runs")
            return
        name, kind, required, nullable = self._column(column)
        because = "NOT NULL without a server_default" if required else ""
        yield Operation(Kind.ADD_COLUMN, table, name, type=kind, required=required, because=because, nullable=nullable)
        options = keywords(column)
        if self._names.truth(options.get("unique"), False) is not False:
            yield Operation(Kind.ADD_CONSTRAINT, table, constraint="unique")
        elif self._names.truth(options.get("index"), False) is not False:
            yield Operation(Kind.ADD_INDEX, table)

    def _column(self, column: ast.Call) -> tuple[str, str, bool, bool | None]:
        """The name of a column, its type, whether it is required, and whether it may be NULL."""
        name = self._names.text(column.args[0]) if column.args else None
        options = keywords(column)
        rest = column.args[1:]
        kind = options.get("type_") or (rest[0] if rest else None)
        special = {last(one.func) for one in rest if isinstance(one, ast.Call)}
        nullable = self._names.truth(options.get("nullable"), True)
        primary = self._names.truth(options.get("primary_key"), False) is True
        keeps = "server_default" in options and not self._is_none(options["server_default"])
        required = (nullable is not True or primary) and not keeps and not special & {"Identity", "Computed"}
        return name or "?", self._type(kind), required, False if primary else nullable

    def _is_none(self, node: ast.expr) -> bool:
        found = self._names.of(node)
        return isinstance(found, ast.Constant) and found.value in (None, False)

    def _type(self, node: ast.expr | None) -> str:
        node = self._names.of(node)
        if isinstance(node, ast.Attribute | ast.Name):
            return _TYPES.get(last(node), "")
        if not isinstance(node, ast.Call):
            return ""
        base = _TYPES.get(last(node.func), "")
        if base == "timestamp" and self._names.truth(keywords(node).get("timezone"), False):
            return "timestamptz"
        given = keywords(node, "length", "scale")
        first = given.get("length", given.get("precision"))
        numbers = [n for n in (self._number(first), self._number(given.get("scale"))) if n is not None]
        if base in ("varchar", "char", "numeric") and numbers:
            return normal(f"{base}({','.join(map(str, numbers))})")
        return base

    def _number(self, node: ast.expr | None) -> int | None:
        node = self._names.of(node)
        return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None

    def _drop_column(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        given = self._given(call, batch, "table_name", "column_name")
        yield Operation(Kind.DROP_COLUMN, self._table(given, batch), self._names.text(given.get("column_name")) or "?")

    def _alter_column(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        given = self._given(call, batch, "table_name", "column_name")
        table, column = self._table(given, batch), self._names.text(given.get("column_name")) or "?"
        if "type_" in given:
            before, after = self._type(given.get("existing_type")), self._type(given["type_"])
            if before:
                # What it was is said here; the history need not know it.
                yield Operation(Kind.HARMLESS, table, column, type=before, because="existing type")
            yield Operation(Kind.RETYPE_COLUMN, table, column, type=after)
        if "nullable" in given:
            nullable = self._names.truth(given["nullable"], True)
            kind = Kind.DROP_NOT_NULL if nullable else Kind.SET_NOT_NULL
            yield Operation(kind, table, column)
        if "server_default" in given and self._is_none(given["server_default"]):
            yield Operation(Kind.DROP_DEFAULT, table, column)
        if "new_column_name" in given:
            to = self._names.text(given["new_column_name"]) or "?"
            yield Operation(Kind.RENAME_COLUMN, table, column, to=to)
        elif not {"type_", "nullable", "server_default"} & given.keys():
            yield Operation(Kind.HARMLESS, table, column)

    def _create_table(self, call: ast.Call, _batch: str | None) -> Iterator[Operation]:
        given = keywords(call, "table_name")
        table = self._table(given, None)
        yield Operation(Kind.ADD_TABLE, table)
        for one in call.args[1:]:
            if isinstance(one, ast.Call) and last(one.func) == "Column":
                name, kind, _, nullable = self._column(one)
                yield Operation(Kind.ADD_COLUMN, table, name, type=kind, nullable=nullable)

    def _drop_table(self, call: ast.Call, _batch: str | None) -> Iterator[Operation]:
        yield Operation(Kind.DROP_TABLE, self._table(keywords(call, "table_name"), None))

    def _rename_table(self, call: ast.Call, _batch: str | None) -> Iterator[Operation]:
        given = keywords(call, "old_table_name", "new_table_name")
        to = self._names.text(given.get("new_table_name")) or "?"
        yield Operation(Kind.RENAME_TABLE, self._table(given, None, "old_table_name"), to=to)

    def _create_index(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        given = self._given(call, batch, "index_name", "table_name", "columns")
        online = self._names.truth(given.get("postgresql_concurrently"), False) is True
        unique = "unique" if self._names.truth(given.get("unique"), False) is not False else ""
        yield Operation(Kind.ADD_INDEX, self._table(given, batch), online=online, constraint=unique)

    def _drop_index(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        given = self._given(call, batch, "index_name", "table_name")
        online = self._names.truth(given.get("postgresql_concurrently"), False) is True
        yield Operation(Kind.DROP_INDEX, self._table(given, batch), online=online)

    def _constraint(self, call: ast.Call, batch: str | None, kind: str) -> Iterator[Operation]:
        given = self._given(call, batch, "constraint_name", "table_name")
        online = self._names.truth(given.get("postgresql_not_valid"), False) is True
        yield Operation(Kind.ADD_CONSTRAINT, self._table(given, batch), constraint=kind, online=online)

    def _create_unique_constraint(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        yield from self._constraint(call, batch, "unique")

    def _create_check_constraint(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        yield from self._constraint(call, batch, "check")

    def _create_primary_key(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        yield from self._constraint(call, batch, "primary key")

    def _create_exclude_constraint(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        yield from self._constraint(call, batch, "exclude")

    def _create_foreign_key(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        given = self._given(call, batch, "constraint_name", "source_table", "referent_table")
        online = self._names.truth(given.get("postgresql_not_valid"), False) is True
        table = self._table(given, batch, "source_table")
        yield Operation(Kind.ADD_CONSTRAINT, table, constraint="foreign key", online=online)

    def _drop_constraint(self, call: ast.Call, batch: str | None) -> Iterator[Operation]:
        given = self._given(call, batch, "constraint_name", "table_name", "type_")
        yield Operation(Kind.DROP_CONSTRAINT, self._table(given, batch))

    def _execute(self, call: ast.Call, _batch: str | None) -> Iterator[Operation]:
        given = keywords(call, "sqltext")
        text = self._names.text(given.get("sqltext"))
        if text is None:
            yield unreadable(call.lineno, said(call), "its SQL is only known when it runs")
            return
        yield from sql.operations(text, self._dialect, self._names.line(given.get("sqltext")) or call.lineno)
