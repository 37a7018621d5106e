"""Django's migrations, read from their source: ``operations`` of ``class Migration``, one after the other.

Source: Django 5.2, "Migration operations", "Writing database migrations", and ``django/db/migrations/``.

A default that Django itself fills in (``default=``) is no default of the database: Django adds the column with it and
takes it away again at once, so that what the version before inserts lacks the column. ``db_default=`` stays.
Source: Django 5.2, "Model field reference", ``db_default``; ``BaseDatabaseSchemaEditor.add_field``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tidegate.core.migration.column_type import normal
from tidegate.core.migration.operation import IN_TRANSACTION, INDEXES, Kind, Operation, Script, unreadable
from tidegate.migrations import sql
from tidegate.migrations.python_source import Names, dotted, is_dynamic, keywords, last, said

TOOL = "django"

_STATE_ONLY = frozenset(
    {"AlterModelOptions", "AlterModelManagers", "AlterOrderWithRespectTo", "AlterModelTableComment"}
)
_EXTENSIONS = frozenset(
    {"CreateExtension", "BloomExtension", "BtreeGinExtension", "BtreeGistExtension", "CITextExtension",
     "CryptoExtension", "HStoreExtension", "TrigramExtension", "UnaccentExtension", "CreateCollation",
     "RemoveCollation"}
)  # fmt: skip
_NULLABLE_BY_NATURE = frozenset({"ManyToManyField", "GenericRelation", "GenericForeignKey"})
_TYPES = {
    "CharField": "varchar", "SlugField": "varchar(50)", "EmailField": "varchar(254)", "URLField": "varchar(200)",
    "FileField": "varchar(100)", "ImageField": "varchar(100)", "FilePathField": "varchar(100)", "TextField": "text",
    "SmallIntegerField": "smallint", "IntegerField": "integer", "BigIntegerField": "bigint", "AutoField": "integer",
    "SmallAutoField": "smallint", "BigAutoField": "bigint", "FloatField": "double", "DecimalField": "numeric",
    "BooleanField": "boolean", "DateField": "date", "DateTimeField": "timestamptz", "TimeField": "time",
    "UUIDField": "uuid", "JSONField": "jsonb", "BinaryField": "bytea", "DurationField": "interval",
    "GenericIPAddressField": "inet", "PositiveIntegerField": "positive integer",
    "PositiveSmallIntegerField": "positive smallint", "PositiveBigIntegerField": "positive bigint",
}  # fmt: skip


def is_django(module: ast.Module) -> bool:
    """Whether a module is one of Django's migrations."""
    return _migration(module) is not None


def _djangos(module: ast.Module) -> frozenset[str]:
    """The names that a module has from Django: another's ``AddField`` may do anything."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "django":
            found.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            found.update(a.asname or "django" for a in node.names if a.name.partition(".")[0] == "django")
    return frozenset(found)


def _migration(module: ast.Module) -> ast.ClassDef | None:
    found = [node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Migration"]
    return found[-1] if found else None


def read(path: str, module: ast.Module, dialect: str) -> Script:
    """The migration in a module of Django's."""
    of = _migration(module)
    if of is None:
        return Script(path, tool=TOOL)
    reader = _Reader(Names(module), _label(path), dialect, _djangos(module))
    given = _assigned(of)
    listed = reader.names.items(given.get("operations")) if "operations" in given else []
    if listed is None:
        where = reader.names.line(given["operations"])
        found = [unreadable(where, said(given["operations"]), "its operations are only known when it runs")]
    else:
        found = [one for node in listed for one in reader.operation(node)]
    undone = None if listed is None else not reader.irreversible
    atomic = reader.names.truth(given.get("atomic"), True)
    if dialect == "postgres" and atomic is not False:
        found = [replace(one, lock=IN_TRANSACTION) if one.online and one.kind in INDEXES else one for one in found]
    return Script(
        path,
        tuple(found),
        undone,
        "; ".join(reader.irreversible[:3]),
        _replaces(reader.names, given.get("replaces")),
        atomic=atomic is not False,
        tool=TOOL,
    )


def _assigned(of: ast.ClassDef) -> Mapping[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in of.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            before = found.get(node.target.id, ast.List([]))
            found[node.target.id] = ast.copy_location(ast.BinOp(before, ast.Add(), node.value), node)
    return found


def _label(path: str) -> str:
    """The app, by where its migrations lie: ``shop/migrations/0001_initial.py`` is of ``shop``."""
    parts = path.split("/")
    return parts[-3].lower() if len(parts) > 2 else ""


def _replaces(names: Names, node: ast.expr | None) -> frozenset[str]:
    """What a squashed migration stands for; of another app than the first it is said with that app."""
    pairs = [names.items(one) or [] for one in names.items(node) or []]
    named = [(names.text(pair[0]) or "", names.text(pair[1]) or "") for pair in pairs if len(pair) == 2]
    return frozenset(name if app == named[0][0] else f"{app}.{name}" for app, name in named if name)


NO_TABLE = "it has no table of its own"
SETS_NAME = "its table is given a name"


def by_their_names(scripts: Sequence[Script]) -> list[Script]:
    """Migrations with the names of the database in place of Django's own.

    ``db_table`` and ``db_column`` are said where a table or a column is made, and so is that a model has none; later
    migrations say only the model and the field.
    """
    history = _History()
    beside = {(script.path.rpartition("/")[0], script.name) for script in scripts}
    found = []
    for script in scripts:
        # What only stands for migrations that are there says the same once more, and is no part of the history.
        again = any((script.path.rpartition("/")[0], name) in beside for name in script.replaces)
        names = _History() if again else history
        done = tuple(one for said in script.operations for one in names.of(said)) if script.tool == TOOL else ()
        found.append(replace(script, operations=done) if script.tool == TOOL else script)
    return found


class _History:
    """What the database calls each model's table, and each field's column."""

    def __init__(self) -> None:
        self._tables: dict[str, str] = {}
        self._without: set[str] = set()
        self._columns: dict[tuple[str, str], str] = {}
        self._many: dict[tuple[str, str], str] = {}

    def of(self, one: Operation) -> Iterator[Operation]:
        """An operation by the names of the database; several where a field's column is called anew by what it is."""
        if not one.model:
            yield one
        elif one.kind is Kind.HARMLESS and one.because == NO_TABLE:
            if one.model == "*":
                self._without.add(one.table)
            else:
                self._many[one.table, one.model] = ""
            yield one
        elif one.table in self._without and one.kind is not Kind.ADD_TABLE:
            if one.kind is Kind.DROP_TABLE:
                self._without.discard(one.table)
            elif one.kind is Kind.RENAME_TABLE and one.because != SETS_NAME:
                self._without.add(one.to)
            yield replace(one, kind=Kind.HARMLESS)
        elif one.kind in (Kind.ADD_TABLE, Kind.RENAME_TABLE):
            yield self._table(one)
        else:
            yield from self._column(one, self._tables.get(one.table, one.table))

    def _table(self, one: Operation) -> Operation:
        called = self._tables.get(one.table, one.table)
        if one.kind is Kind.ADD_TABLE and one.model != "*":
            self._many[one.table, one.model] = one.to or f"{called}_{one.model}"
            return replace(one, table=self._many[one.table, one.model], to="")
        if one.kind is Kind.ADD_TABLE:
            self._without.discard(one.table)
            if one.to:
                self._tables[one.table] = one.to
            return replace(one, table=one.to or one.table, to="")
        if one.because == SETS_NAME:
            self._tables[one.table] = one.to
            return replace(one, kind=Kind.HARMLESS if called == one.to else one.kind, table=called, because="")
        for known in (self._columns, self._many):
            for table, field in [key for key in known if key[0] == one.table]:
                known[one.to, field] = known.pop((table, field))
        if one.table in self._tables:
            self._tables[one.to] = self._tables.pop(one.table)
            return replace(one, kind=Kind.HARMLESS, table=called)
        return one

    def _column(self, one: Operation, table: str) -> Iterator[Operation]:
        where = (one.table, one.model)
        known = self._columns.get(where)
        match one.kind:
            case Kind.ADD_COLUMN:
                self._columns[where] = one.column
                yield replace(one, table=table)
            case Kind.DROP_COLUMN if where in self._many:
                gone = self._many.pop(where)
                yield replace(one, kind=Kind.DROP_TABLE if gone else Kind.HARMLESS, table=gone or table, column="")
            case Kind.DROP_COLUMN:
                yield replace(one, table=table, column=self._columns.pop(where, one.column))
            case Kind.RENAME_COLUMN:
                yield self._called_anew(one, table)
            case Kind.RETYPE_COLUMN:
                self._columns[where] = one.column
                if known is not None and known != one.column:
                    yield replace(one, kind=Kind.RENAME_COLUMN, table=table, column=known, to=one.column, type="")
                yield replace(one, table=table)
            case _:
                yield replace(one, table=table)

    def _called_anew(self, one: Operation, table: str) -> Operation:
        known = self._columns.pop((one.table, one.column), one.column)
        if known == f"{one.column}_id":
            self._columns[one.table, one.to] = f"{one.to}_id"
            return replace(one, table=table, column=known, to=f"{one.to}_id")
        if known != one.column:
            self._columns[one.table, one.to] = known  # db_column= stays what it says
            return replace(one, kind=Kind.HARMLESS, table=table, column=known)
        self._columns[one.table, one.to] = one.to
        return replace(one, table=table)


class _Reader:
    """Reads operations, and remembers why there is no way back, where there is none."""

    def __init__(self, names: Names, label: str, dialect: str, djangos: frozenset[str]) -> None:
        self.names = names
        self.irreversible: list[str] = []
        self._label = label
        self._dialect = dialect
        self._djangos = djangos

    def operation(self, node: ast.expr) -> Iterator[Operation]:
        """What one operation does."""
        node = self.names.of(node) or node
        if not isinstance(node, ast.Call):
            yield self._unknown(node, "it is only known when it runs")
            return
        name = last(node.func) if dotted(node.func).partition(".")[0] in self._djangos else ""
        if is_dynamic(node) and name not in _EXTENSIONS | _STATE_ONLY:
            yield self._unknown(node, "its arguments are only known when it runs")
            return
        read = getattr(self, f"_{name.lower()}", None) if name[:1].isupper() else None
        if read is None:
            yield from self._other(name, node)
        else:
            for one in read(node):
                # What stands on no line yet is Django's own, in Django's names; SQL speaks the database's.
                yield (
                    one
                    if one.line
                    else replace(one, line=node.lineno, statement=one.statement or said(node), model=one.model or "*")
                )

    def _other(self, name: str, node: ast.Call) -> Iterator[Operation]:
        if name in _STATE_ONLY or name in _EXTENSIONS:
            yield Operation(Kind.HARMLESS, line=node.lineno, statement=said(node))
        else:
            called = dotted(node.func) or "this operation"
            yield self._unknown(node, f"{called} is none of Django's own operations")
            self.irreversible.append(f"{called} in line {node.lineno} is not known")

    def _unknown(self, node: ast.expr, because: str) -> Operation:
        return unreadable(node.lineno, said(node), because)

    def _table(self, node: ast.expr | None) -> str:
        model = (self.names.text(node) or "?").lower()
        return f"{self._label}_{model}" if self._label else model

    def _field(self, name: ast.expr | None, field: ast.expr | None) -> str:
        """The column of a field: a foreign key's has ``_id`` at its end, and ``db_column`` is what it says."""
        text = self.names.text(name) or "?"
        field = self.names.of(field)
        if isinstance(field, ast.Call):
            given = keywords(field)
            if column := self.names.text(given.get("db_column")):
                return column
            if last(field.func) in ("ForeignKey", "OneToOneField"):
                return f"{text}_id"
        return text

    def _createmodel(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "name", "fields", "options", "bases", "managers")
        table, options = self._table(given.get("name")), self._options(given.get("options"))
        has_none = self.names.truth(options.get("proxy"), False) or not self.names.truth(options.get("managed"), True)
        if has_none:
            yield Operation(Kind.HARMLESS, table, because=NO_TABLE, model="*")
            return
        yield Operation(Kind.ADD_TABLE, table, to=self.names.text(options.get("db_table")) or "", model="*")
        for pair in self.names.items(given.get("fields")) or ():
            parts = self.names.items(pair) or []
            if len(parts) == 2:
                yield from self._of_new_model(table, parts[0], parts[1])

    def _of_new_model(self, table: str, name: ast.expr, field: ast.expr) -> Iterator[Operation]:
        if self._is_virtual(field):
            yield from self._many(table, name, field)
            return
        yield Operation(Kind.ADD_COLUMN, table, self._field(name, field), type=self._type(field),
                        nullable=self._nullable(field), model=self.names.text(name) or "?")  # fmt: skip

    def _options(self, node: ast.expr | None) -> Mapping[str, ast.expr]:
        node = self.names.of(node)
        if not isinstance(node, ast.Dict):
            return {}
        return {text: value for key, value in zip(node.keys, node.values, strict=True)
                if (text := self.names.text(key))}  # fmt: skip

    def _many(self, table: str, name: ast.expr | None, field: ast.expr) -> Iterator[Operation]:
        """The table of a many-to-many field, where it has one of its own."""
        found, text = self.names.of(field), self.names.text(name) or "?"
        given = keywords(found) if isinstance(found, ast.Call) else {}
        if isinstance(found, ast.Call) and last(found.func) == "ManyToManyField" and "through" not in given:
            yield Operation(Kind.ADD_TABLE, table, to=self.names.text(given.get("db_table")) or "", model=text)
        else:
            yield Operation(Kind.HARMLESS, table, because=NO_TABLE, model=text)

    def _deletemodel(self, node: ast.Call) -> Iterator[Operation]:
        yield Operation(Kind.DROP_TABLE, self._table(keywords(node, "name").get("name")), model="*")

    def _renamemodel(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "old_name", "new_name")
        old, new = (self._table(given.get(name)) for name in ("old_name", "new_name"))
        yield Operation(Kind.RENAME_TABLE, old, to=new, model="*")

    def _altermodeltable(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "name", "table")
        table = self._table(given.get("name"))
        to = self.names.text(given.get("table")) or table
        yield Operation(Kind.RENAME_TABLE, table, to=to, because=SETS_NAME, model="*")

    def _addfield(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "model_name", "name", "field", "preserve_default")
        table, field = self._table(given.get("model_name")), self.names.of(given.get("field"))
        column = self._field(given.get("name"), field)
        if not isinstance(field, ast.Call):
            yield self._unknown(node, "its field is only known when it runs")
            return
        if self._is_virtual(field):
            yield from self._many(table, given.get("name"), field)
            return
        because = self._why_required(field)
        yield Operation(Kind.ADD_COLUMN, table, column, type=self._type(field), required=bool(because), because=because,
                        nullable=self._nullable(field), model=self.names.text(given.get("name")) or "?")  # fmt: skip
        if self._says(field, "unique") or last(field.func) == "OneToOneField":
            yield Operation(Kind.ADD_CONSTRAINT, table, constraint="unique")
        elif self._says(field, "db_index") or last(field.func) == "SlugField":
            yield Operation(Kind.ADD_INDEX, table)
        if last(field.func) == "ForeignKey" and self.names.truth(keywords(field).get("db_index"), True):
            yield Operation(Kind.ADD_INDEX, table)

    def _why_required(self, field: ast.Call) -> str:
        """Why a new field is one that the version before must write; empty where it need not."""
        given, kind = keywords(field), last(field.func)
        if kind == "GeneratedField" or self.names.truth(given.get("null"), False) is True:
            return ""
        if "db_default" in given or kind in ("AutoField", "BigAutoField", "SmallAutoField"):
            return ""
        if "default" in given or self._says(field, "auto_now") or self._says(field, "auto_now_add"):
            return "Django takes the default away from the database once the column is there; db_default= stays"
        return "NOT NULL without a default that the database keeps"

    def _removefield(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "model_name", "name")
        name = self.names.text(given.get("name")) or "?"
        yield Operation(Kind.DROP_COLUMN, self._table(given.get("model_name")), name, model=name)

    def _renamefield(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "model_name", "old_name", "new_name")
        old, new = (self.names.text(given.get(name)) or "?" for name in ("old_name", "new_name"))
        yield Operation(Kind.RENAME_COLUMN, self._table(given.get("model_name")), old, to=new, model=old)

    def _alterfield(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "model_name", "name", "field", "preserve_default")
        table, field = self._table(given.get("model_name")), self.names.of(given.get("field"))
        if not isinstance(field, ast.Call):
            yield self._unknown(node, "its field is only known when it runs")
            return
        if self._is_virtual(field):
            return
        column = self._field(given.get("name"), field)
        # A field says all of itself anew, its type and NULL; what it was before is found in the history.
        yield Operation(Kind.RETYPE_COLUMN, table, column, type=self._type(field), nullable=self._nullable(field),
                        model=self.names.text(given.get("name")) or "?")  # fmt: skip
        if self._says(field, "unique"):
            yield Operation(Kind.ADD_CONSTRAINT, table, constraint="unique")

    def _addindex(self, node: ast.Call) -> Iterator[Operation]:
        yield Operation(Kind.ADD_INDEX, self._table(keywords(node, "model_name", "index").get("model_name")))

    def _addindexconcurrently(self, node: ast.Call) -> Iterator[Operation]:
        table = self._table(keywords(node, "model_name", "index").get("model_name"))
        yield Operation(Kind.ADD_INDEX, table, online=True)

    def _removeindex(self, node: ast.Call) -> Iterator[Operation]:
        yield Operation(Kind.DROP_INDEX, self._table(keywords(node, "model_name", "name").get("model_name")))

    def _removeindexconcurrently(self, node: ast.Call) -> Iterator[Operation]:
        table = self._table(keywords(node, "model_name", "name").get("model_name"))
        yield Operation(Kind.DROP_INDEX, table, online=True)

    def _renameindex(self, node: ast.Call) -> Iterator[Operation]:
        yield Operation(Kind.HARMLESS, self._table(keywords(node, "model_name").get("model_name")))

    def _addconstraint(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "model_name", "constraint")
        constraint = self.names.of(given.get("constraint"))
        kind = last(constraint.func) if isinstance(constraint, ast.Call) else ""
        words = {"UniqueConstraint": "unique", "CheckConstraint": "check", "ExclusionConstraint": "exclude"}
        yield Operation(Kind.ADD_CONSTRAINT, self._table(given.get("model_name")), constraint=words.get(kind, ""))

    def _addconstraintnotvalid(self, node: ast.Call) -> Iterator[Operation]:
        table = self._table(keywords(node, "model_name", "constraint").get("model_name"))
        yield Operation(Kind.ADD_CONSTRAINT, table, constraint="check", online=True)

    def _validateconstraint(self, node: ast.Call) -> Iterator[Operation]:
        yield Operation(Kind.HARMLESS, self._table(keywords(node, "model_name").get("model_name")))

    def _alterconstraint(self, node: ast.Call) -> Iterator[Operation]:
        yield Operation(Kind.HARMLESS, self._table(keywords(node, "model_name").get("model_name")))

    def _removeconstraint(self, node: ast.Call) -> Iterator[Operation]:
        yield Operation(Kind.DROP_CONSTRAINT, self._table(keywords(node, "model_name").get("model_name")))

    def _alteruniquetogether(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "name", "unique_together")
        empty = self._is_empty(given.get("unique_together"))
        kind = Kind.DROP_CONSTRAINT if empty else Kind.ADD_CONSTRAINT
        yield Operation(kind, self._table(given.get("name")), constraint="" if empty else "unique")

    def _alterindextogether(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "name", "index_together")
        kind = Kind.DROP_INDEX if self._is_empty(given.get("index_together")) else Kind.ADD_INDEX
        yield Operation(kind, self._table(given.get("name")))

    def _is_empty(self, node: ast.expr | None) -> bool:
        node = self.names.of(node)
        if isinstance(node, ast.Call) and last(node.func) == "set" and not node.args:
            return True
        return (isinstance(node, ast.Constant) and node.value is None) or self.names.items(node) == []

    def _runpython(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "code", "reverse_code", "atomic", "hints", "elidable")
        if dotted(given["code"]).endswith("RunPython.noop") if "code" in given else False:
            yield Operation(Kind.HARMLESS)
            return
        if "reverse_code" not in given:
            self.irreversible.append(f"RunPython in line {node.lineno} has no reverse_code")
        yield self._unknown(node, "what Python does is only known when it runs")

    def _runsql(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "sql", "reverse_sql", "state_operations", "hints", "elidable")
        if "reverse_sql" not in given or self._is_none(given["reverse_sql"]):
            self.irreversible.append(f"RunSQL in line {node.lineno} has no reverse_sql")
        yield from self._sql(given.get("sql"), node)

    def _is_none(self, node: ast.expr) -> bool:
        found = self.names.of(node)
        return isinstance(found, ast.Constant) and found.value is None

    def _sql(self, node: ast.expr | None, call: ast.Call) -> Iterator[Operation]:
        if node is not None and dotted(node).endswith("RunSQL.noop"):
            yield Operation(Kind.HARMLESS)
            return
        text = self.names.text(node)
        if text is not None:
            # Of a text over several lines the line of each statement is known; of one in pieces only its beginning.
            yield from sql.operations(text, self._dialect, self.names.line(node))
            return
        parts = self.names.items(node)
        if parts is None:
            yield self._unknown(call, "its SQL is only known when it runs")
            return
        for part in parts:
            pair = self.names.items(part)
            yield from self._sql(pair[0] if pair else part, call)

    def _separatedatabaseandstate(self, node: ast.Call) -> Iterator[Operation]:
        given = keywords(node, "database_operations", "state_operations")
        if "database_operations" not in given:
            return
        listed = self.names.items(given["database_operations"])
        if listed is None:
            yield self._unknown(node, "its operations are only known when it runs")
            return
        for one in listed:
            yield from self.operation(one)

    def _is_virtual(self, field: ast.expr) -> bool:
        found = self.names.of(field)
        return isinstance(found, ast.Call) and last(found.func) in _NULLABLE_BY_NATURE

    def _nullable(self, field: ast.expr) -> bool | None:
        found = self.names.of(field)
        return self.names.truth(keywords(found).get("null"), False) if isinstance(found, ast.Call) else None

    def _says(self, field: ast.Call, name: str) -> bool:
        return self.names.truth(keywords(field).get(name), False) is True

    def _type(self, field: ast.expr) -> str:
        field = self.names.of(field) or field
        if not isinstance(field, ast.Call):
            return ""
        given, kind = keywords(field), last(field.func)
        if kind in ("ForeignKey", "OneToOneField"):
            to = given.get("to") or (field.args[0] if field.args else None)
            return f"key of {self.names.text(to) or 'something'}"
        # Of a field that is not Django's own nobody knows the type, and the same field has the same.
        base = _TYPES.get(kind, kind.lower())
        length = self._number(given.get("max_length"))
        if base.startswith("varchar") and length:
            return f"varchar({length})"
        digits, places = self._number(given.get("max_digits")), self._number(given.get("decimal_places"))
        return f"numeric({digits},{places or 0})" if base == "numeric" and digits else normal(base) or base

    def _number(self, node: ast.expr | None) -> int:
        node = self.names.of(node)
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else 0
