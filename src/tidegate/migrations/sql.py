"""SQL as operations: each statement is cut out by ourselves, and only what changes a schema is parsed, by sqlglot.

Most of what lies in migrations is data, which may be long and is told by its first word. What sqlglot does not
understand it hands back as it was (a *command*); of those, the ones that are known to be harmless are listed here, and
all others are unreadable: a statement that nobody understands may do anything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from tidegate.core.migration.column_type import in_mysql, normal
from tidegate.core.migration.operation import Kind, Operation, shortened, unreadable
from tidegate.core.migration.statements import Statement, statements
from tidegate.migrations.calls import unknown_call

LONGEST_STATEMENT = 64 << 10
"""Bytes of a statement that is parsed; nobody writes a longer one by hand that changes a schema."""

MOST_STATEMENTS = 5_000
"""Statements of one file that are parsed."""

_ANY_CASE = re.IGNORECASE
_WORD = re.compile(r"[A-Za-z]+|\\")

_PARSED = frozenset({"ALTER", "CREATE", "DROP"})
_DATA = frozenset({"INSERT", "UPDATE", "MERGE", "COPY", "REPLACE", "LOAD"})
_DESTROYS = frozenset({"DELETE", "TRUNCATE"})
_HARMLESS = frozenset(
    {"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET", "RESET", "SHOW", "COMMENT", "GRANT",
     "ANALYZE", "ANALYSE", "USE", "PRAGMA", "EXPLAIN", "NOTIFY", "LISTEN", "DISCARD", "UNLOCK", "CHECKPOINT"}
)  # fmt: skip
_REWRITES = re.compile(
    r"VACUUM\s+(?:\(?\s*)?FULL|CLUSTER|REINDEX(?!.*CONCURRENTLY)|LOCK|REFRESH\s+MATERIALIZED", re.IGNORECASE
)

_LOCKS = {
    "REINDEX": "SHARE: nobody writes to the table while the index is built",
    "REFRESH": "ACCESS EXCLUSIVE: nobody reads the view meanwhile",
    "LOCK": "as it says, until its transaction ends",
}
"""What is not a table that is written anew."""

_ON_CONFLICT = re.compile(r"\bON\s+CONFLICT\b", _ANY_CASE)
_DO_UPDATE = re.compile(r"\bDO\s+UPDATE", _ANY_CASE)
_ON_DUPLICATE = re.compile(r"\bON\s+DUPLICATE\s+KEY", _ANY_CASE)

_OR_REPLACE = re.compile(r"INSERT\s+OR\s+REPLACE\b", _ANY_CASE)

_RUNS = (
    (re.compile(r"COPY\b[^;]*?\bPROGRAM\b", _ANY_CASE), "it runs a program on the database's machine"),
    (re.compile(r"LOAD\s+(?!DATA\b|XML\b|INDEX\b)", _ANY_CASE), "it loads a library into the database"),
    (
        re.compile(r"EXPLAIN\b[^;]*?\bANALY[SZ]E\b", _ANY_CASE),
        "what is explained with ANALYZE is carried out",
    ),
)
"""What does more than its first word says, and why nobody can tell what."""

_NAME = r'((?:["`]?[\w$]+["`]?\.)?["`]?[\w$]+["`]?)'
_RENAME_TABLES = re.compile(
    rf"RENAME\s+TABLES?\s+(?:IF\s+EXISTS\s+)?(?P<pairs>{_NAME}\s+TO\s+{_NAME}(?:\s*,\s*{_NAME}\s+TO\s+{_NAME})*)\s*$",
    _ANY_CASE,
)
_RENAME_PAIR = re.compile(rf"{_NAME}\s+TO\s+{_NAME}", _ANY_CASE)
_ALTERS = rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{_NAME}\s+(?:\*\s+)?"
_RENAME_COLUMN = re.compile(
    rf"{_ALTERS}RENAME\s+(?!(?:TO|AS|COLUMN|CONSTRAINT|INDEX|KEY)\s){_NAME}\s+TO\s+{_NAME}\s*$", _ANY_CASE
)
"""PostgreSQL, SQLite: COLUMN may be left out, and sqlglot takes it for a table that is renamed."""
_RENAME_AS = re.compile(rf"{_ALTERS}RENAME\s+(?:AS|=)\s+{_NAME}\s*$", _ANY_CASE)
_MOVES = re.compile(rf"{_ALTERS}SET\s+SCHEMA\s+{_NAME}\s*$", _ANY_CASE)
_VALIDATES = re.compile(rf"{_ALTERS}VALIDATE\s+CONSTRAINT\s+{_NAME}\s*$", _ANY_CASE)
_PARTITION = re.compile(rf"{_ALTERS}(?P<how>DROP|TRUNCATE|DETACH)\s+PARTITION\s+(?!IF\b)(?P<name>[^\s,;]+)", _ANY_CASE)
_ONLINE = re.compile(r",\s*(?:LOCK\s*=?\s*NONE|ALGORITHM\s*=?\s*INSTANT)\b", _ANY_CASE)
"""MySQL, MariaDB: it is refused rather than done with a lock."""
_SQLITE_OPTION = r"(?:WITHOUT\s+ROWID|STRICT)"
_SQLITE_OPTIONS = re.compile(rf"\)\s*{_SQLITE_OPTION}(?:\s*,\s*{_SQLITE_OPTION})*$", _ANY_CASE)
_ADD_SEVERAL = re.compile(r"^(ALTER\s+TABLE\s+\S+\s+ADD\s+)(?:COLUMN\s+)?\((.*)\)$", _ANY_CASE | re.DOTALL)
_KNOWN_COMMANDS = re.compile(
    r"""ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?\S+\s+(?:
            VALIDATE\s+CONSTRAINT\s+\S+ | OWNER\s+TO\s+\S+ | (?:ENABLE|DISABLE|FORCE|NO\s+FORCE)\s+ROW\s+LEVEL\s.*
          | ALTER\s+(?:COLUMN\s+)?\S+\s+SET\s+(?:STATISTICS|STORAGE|DEFAULT)\s.*
          | SET\s+\([^,;]*\) | RESET\s+\([^,;]*\)
          | REPLICA\s+IDENTITY\s.* | RENAME\s+CONSTRAINT\s.* | COMMENT\s.* | AUTO_INCREMENT\s*=?\s*\d+
          | ATTACH\s+PARTITION\s.*
        )$
      | ALTER\s+TYPE\s+\S+\s+(?:ADD\s+VALUE\s.*|OWNER\s+TO\s.*)
      | ALTER\s+(?:SEQUENCE|INDEX|FUNCTION|PROCEDURE|ROLE|USER|DEFAULT\s+PRIVILEGES|EXTENSION|PUBLICATION|SUBSCRIPTION
          |TRIGGER|AGGREGATE|SYSTEM|STATISTICS|COLLATION|VIEW|MATERIALIZED\s+VIEW)\s(?!.*\bRENAME\b).*
      | ALTER\s+INDEX\s.*
      | CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE|EXTENSION|ROLE|USER|SEQUENCE|SCHEMA|TYPE|AGGREGATE
          |COLLATION|STATISTICS|PUBLICATION|SUBSCRIPTION|TEXT\s+SEARCH|CAST|OPERATOR|DOMAIN|EVENT\s+TRIGGER)\s.*
      | DROP\s+(?:TRIGGER|STATISTICS|PUBLICATION|POLICY|RULE)\s.*
    """,
    _ANY_CASE | re.VERBOSE | re.DOTALL,
)
_TAKES_AWAY = re.compile(rf"DROP\s+(EXTENSION|ROLE|USER|AGGREGATE)\s+(?:IF\s+EXISTS\s+)?{_NAME}", _ANY_CASE | re.DOTALL)
_TIGHTENS = re.compile(
    r"CREATE\s+(?:OR\s+REPLACE\s+)?(?:CONSTRAINT\s+)?(?:TRIGGER|POLICY|RULE)\s.*?\sON\s+" + _NAME,
    _ANY_CASE | re.DOTALL,
)
_OWN_INDEX = re.compile(rf"ALTER\s+TABLE\s+{_NAME}\s.*\s(UNIQUE|PRIMARY\s+KEY)\s+USING\s+INDEX", _ANY_CASE | re.DOTALL)
_CHECK = re.compile(rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{_NAME}\s+ADD\s+CHECK\s*\(.*\)(\s+NOT\s+VALID)?$",
                    _ANY_CASE | re.DOTALL)  # fmt: skip
_COPIES = re.compile(
    rf"ALTER\s+TABLE\s+{_NAME}\s+(?:CONVERT\s+TO\s|ENGINE\s*=?\s*\w+|FORCE$|ROW_FORMAT)", re.IGNORECASE
)
_NO_KEY = re.compile(
    rf"ALTER\s+TABLE\s+{_NAME}\s+DROP\s+(?:PRIMARY\s+KEY|CHECK\s+\S+|CONSTRAINT\s+\S+)$", re.IGNORECASE
)
_VOLATILE = re.compile(
    r"\b(?:gen_random_uuid|uuid_generate_v[145]|random|clock_timestamp|timeofday|nextval)\s*\(", re.IGNORECASE
)
_NOT_NULL_CHECK = re.compile(
    rf"\(*\s*{_NAME}\s+IS\s+NOT\s+NULL\s*\)*$|NOT\s+\(*\s*{_NAME}\s+IS\s+NULL\s*\)*$", re.IGNORECASE
)


def operations(sql: str, dialect: str = "", line: int = 1) -> tuple[Operation, ...]:
    """What the statements of a text do, in their order. Raises nothing, whatever the text is.

    Args:
        dialect: ``postgres``, ``mysql``, ``sqlite``, or empty where nobody knows.
        line: that on which the text begins in its file.
    """
    return tuple(replace(one, line=one.line + line - 1) for one in _operations(sql, dialect))


@lru_cache(maxsize=512)
def _operations(sql: str, dialect: str) -> tuple[Operation, ...]:
    found: list[Operation] = []
    for number, statement in enumerate(statements(sql, dialect)):
        if number >= MOST_STATEMENTS:
            found.append(unreadable(statement.line, statement.text, f"it has more than {MOST_STATEMENTS} statements"))
            break
        found += _read(statement, dialect)
    return tuple(found)


def _read(statement: Statement, dialect: str) -> Iterator[Operation]:
    text, line = statement.text, statement.line
    if why := _hides(statement):
        yield unreadable(line, text, why)
        return
    match = _WORD.match(text)
    word = match.group().upper() if match else ""
    if word in _HARMLESS and not (word == "SET" and unknown_call(text, dialect)):
        yield _plain(Kind.HARMLESS, statement)
    elif word == "REVOKE":
        yield replace(_plain(Kind.ADD_CONSTRAINT, statement), constraint="right taken away", online=True)
    elif word in _DATA | _DESTROYS:
        yield _of_rows(word, statement)
        yield from _calls(statement, dialect)
    elif _REWRITES.match(text):
        yield replace(_plain(Kind.REWRITE, statement), lock=_LOCKS.get(word, "") if dialect else "")
    elif word in ("VACUUM", "REINDEX"):
        yield _plain(Kind.HARMLESS, statement)
    elif word in ("SELECT", "VALUES"):
        yield from _calls(statement, dialect) or [_plain(Kind.HARMLESS, statement)]
    elif word == "RENAME" and (renamed := _RENAME_TABLES.match(text)):
        for pair in _RENAME_PAIR.finditer(renamed["pairs"]):
            yield Operation(Kind.RENAME_TABLE, _bare(pair[1]), line=line, statement=shortened(text), to=_bare(pair[2]))
    elif word not in _PARSED:
        yield unreadable(line, text, _why_not(word))
    elif len(text) > LONGEST_STATEMENT:
        yield unreadable(line, text, f"it is a statement of more than {LONGEST_STATEMENT >> 10} KiB")
    else:
        yield from _parsed(statement, dialect)


def _hides(statement: Statement) -> str:
    """Why a statement may do more than its first word says; empty where it does not."""
    if statement.executes:
        return "it holds a comment that MySQL executes"
    return next((why for pattern, why in _RUNS if pattern.match(statement.text)), "")


def _of_rows(word: str, statement: Statement) -> Operation:
    if word in _DESTROYS:
        return _plain(Kind.DESTROY_DATA, statement)
    text = statement.text
    adds = word in ("INSERT", "COPY", "LOAD") and not _changes_what_is_there(text)
    return _plain(Kind.HARMLESS if adds else Kind.CHANGE_DATA, statement)


def _changes_what_is_there(text: str) -> bool:
    """Whether an INSERT may change rows that are there already."""
    # One after the other: one expression for both would look from each ON CONFLICT to the end.
    conflict = _ON_CONFLICT.search(text)
    updates = conflict is not None and _DO_UPDATE.search(text, conflict.end()) is not None
    return updates or _ON_DUPLICATE.search(text) is not None or _OR_REPLACE.match(text) is not None


def _why_not(word: str) -> str:
    if word in ("DO", "CALL", "EXECUTE", "PREPARE", "EXEC", "DECLARE"):
        return "what it runs is only known when it runs"
    if word == "\\":
        return "it is a command of psql, which may read other files"
    if word == "DELIMITER":
        return "what follows is cut otherwise"
    if word == "WITH":
        return "what it changes stands behind WITH"
    return "this statement is not known"


def _plain(kind: Kind, statement: Statement) -> Operation:
    found = re.search(
        rf"(?:INTO|FROM|UPDATE|TRUNCATE(?:\s+TABLE)?|TABLES?|VACUUM\s+FULL|COPY|ON)\s+(?:ONLY\s+)?(?!TABLE\b|ONLY\b){_NAME}",
        statement.text[:400],
        re.IGNORECASE,
    )
    return Operation(kind, _bare(found[1]) if found else "", line=statement.line, statement=shortened(statement.text))


def _calls(statement: Statement, dialect: str) -> list[Operation]:
    """That a statement calls what nobody knows, where it does."""
    called = unknown_call(statement.text, dialect)
    if called is None:
        return []
    return [unreadable(statement.line, statement.text, f"what {called} does is not known")]


def _bare(name: str) -> str:
    """A name as one writes it: without quotes, and without the schema that is everybody's."""
    plain = name.replace('"', "").replace("`", "").replace("[", "").replace("]", "")
    return plain.removeprefix("public.")


def _parsed(statement: Statement, dialect: str) -> Iterator[Operation]:
    known = _named_anew(statement) or _by_words(statement)
    if known is not None:
        yield known
        return
    text = _SQLITE_OPTIONS.sub(")", statement.text.rstrip()) if dialect == "sqlite" else statement.text
    if dialect == "mysql" and (several := _ADD_SEVERAL.match(text)):
        yield from _add_several(several[1], several[2], statement, dialect)
        return
    tree = _tree(text, dialect)
    if isinstance(tree, str):
        yield unreadable(statement.line, statement.text, tree)
        return
    try:
        found = list(_of_tree(tree, statement))
    except Exception as error:  # noqa: BLE001  a tree of another shape than was foreseen: nobody can tell
        found = [unreadable(statement.line, statement.text, f"its form is not known ({type(error).__name__})")]
    yield from found or [unreadable(statement.line, statement.text, "this statement is not known")]


def _add_several(head: str, columns: str, statement: Statement, dialect: str) -> Iterator[Operation]:
    """MySQL's ``ADD (a int, b int)``, which sqlglot does not parse: the same as several times ADD COLUMN."""
    tree = _tree(f"CREATE TABLE t ({columns})", dialect)
    from sqlglot import exp

    if isinstance(tree, str) or not isinstance(tree.this, exp.Schema):
        yield unreadable(statement.line, statement.text, tree if isinstance(tree, str) else "its form is not known")
        return
    at: dict[str, Any] = {"line": statement.line, "statement": shortened(statement.text)}
    table = _bare(head.split()[2])
    for part in tree.this.expressions:
        if isinstance(part, exp.ColumnDef):
            yield from _new_column(part, table, statement, at)
        elif isinstance(part, exp.IndexColumnConstraint):
            yield Operation(Kind.ADD_INDEX, table, **at)
        else:
            yield Operation(Kind.ADD_CONSTRAINT, table, **at)


def _named_anew(statement: Statement) -> Operation | None:
    """What is about names and sqlglot does not parse, or takes for something else."""
    text, line, said = statement.text, statement.line, shortened(statement.text)
    if named := _RENAME_COLUMN.match(text):
        return Operation(Kind.RENAME_COLUMN, _bare(named[1]), _bare(named[2]), line=line, statement=said,
                         to=_bare(named[3]))  # fmt: skip
    if named := _RENAME_AS.match(text):
        return Operation(Kind.RENAME_TABLE, _bare(named[1]), line=line, statement=said, to=_bare(named[2]))
    if moved := _MOVES.match(text):
        to = f"{_bare(moved[2])}.{_bare(moved[1]).rpartition('.')[2]}"
        return Operation(Kind.RENAME_TABLE, _bare(moved[1]), line=line, statement=said, to=to)
    if valid := _VALIDATES.match(text):
        return Operation(Kind.VALIDATE, _bare(valid[1]), line=line, statement=said, to=_bare(valid[2]))
    if part := _PARTITION.match(text):
        kind_of_part = Kind.DESTROY_DATA if part["how"].upper() == "TRUNCATE" else Kind.DROP_TABLE
        of = f"{_bare(part[1])} (partition {_bare(part['name'])})"
        return Operation(kind_of_part, of, line=line, statement=said)
    return None


def _by_words(statement: Statement) -> Operation | None:
    """What sqlglot does not parse and we know by its words."""
    text, line, said = statement.text, statement.line, shortened(statement.text)
    if own := _OWN_INDEX.match(text):
        kind = " ".join(own[2].lower().split())
        return Operation(Kind.ADD_CONSTRAINT, _bare(own[1]), line=line, statement=said, constraint=kind, online=True)
    if check := _CHECK.match(text):
        return Operation(Kind.ADD_CONSTRAINT, _bare(check[1]), line=line, statement=said, constraint="check",
                         online=bool(check[2]))  # fmt: skip
    for pattern, kind_of in ((_COPIES, Kind.REWRITE), (_NO_KEY, Kind.DROP_CONSTRAINT)):
        if found := pattern.match(text):
            return Operation(kind_of, _bare(found[1]), line=line, statement=said)
    if taken := _TAKES_AWAY.match(text):
        return Operation(Kind.DROP_TABLE, _bare(taken[2]), line=line, statement=said, because=_a(taken[1]))
    if _KNOWN_COMMANDS.match(text):
        return Operation(Kind.HARMLESS, line=line, statement=said)
    if tightens := _TIGHTENS.match(text):
        return Operation(Kind.ADD_CONSTRAINT, _bare(tightens[1]), line=line, statement=said, online=True,
                         constraint="trigger or policy")  # fmt: skip
    return None


def _a(kind: str) -> str:
    word = kind.lower()
    return f"{'an' if word[0] in 'ae' else 'a'} {word}"


def _tree(text: str, dialect: str) -> Any:
    """The statement as sqlglot understands it, or why it does not."""
    import sqlglot
    from sqlglot import exp

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        trees = sqlglot.parse(text, dialect=dialect or None)
    except RecursionError:
        return "it is nested too deeply"
    except Exception as error:  # noqa: BLE001  whatever a parser says to what is no SQL
        return f"it is no SQL that can be parsed: {_first_line(error)}"
    if len(trees) != 1 or trees[0] is None:
        return "it is no single statement"
    if isinstance(trees[0], exp.Command):
        return "this statement is not known"
    if dialect == "mysql":
        for kind in trees[0].find_all(exp.DataType):
            kind.meta["mysql"] = True
    return trees[0]


def _first_line(error: Exception) -> str:
    return (str(error).split("\n") or [""])[0].partition(" Line ")[0][:100].strip().rstrip(".:")


def _of_tree(tree: Any, statement: Statement) -> Iterator[Operation]:
    from sqlglot import exp

    at: dict[str, Any] = {"line": statement.line, "statement": shortened(statement.text)}
    if isinstance(tree, exp.Create):
        yield from _create(tree, at)
    elif isinstance(tree, exp.Drop):
        yield from _drop(tree, at)
    elif isinstance(tree, exp.Alter):
        yield from _alter(tree, statement, at)


def _table_name(node: Any) -> str:
    from sqlglot import exp

    table = node if isinstance(node, exp.Table) else node.find(exp.Table)
    if table is None:
        return ""
    return ".".join(part for part in (table.db, table.name) if part and part != "public")


def _create(tree: Any, at: dict[str, Any]) -> Iterator[Operation]:
    from sqlglot import exp

    kind = (tree.args.get("kind") or "").upper()
    if kind == "INDEX":
        index = tree.this
        unique = "unique" if tree.args.get("unique") else ""
        table = index.args.get("table")
        online = bool(tree.args.get("concurrently"))
        yield Operation(Kind.ADD_INDEX, _table_name(table) if table else "", online=online, constraint=unique, **at)
    elif kind == "TABLE":
        if tree.args.get("replace"):
            yield Operation(Kind.DROP_TABLE, _table_name(tree.this), because="OR REPLACE", **at)
        yield Operation(Kind.ADD_TABLE, _table_name(tree.this), **at)
        for column in tree.this.find_all(exp.ColumnDef) if isinstance(tree.this, exp.Schema) else ():
            yield Operation(Kind.ADD_COLUMN, _table_name(tree.this), column.name, type=_type(column),
                            nullable=not _not_null(column), **at)  # fmt: skip
    elif kind in ("VIEW", "MATERIALIZED VIEW", "SCHEMA", "SEQUENCE", "TYPE", "FUNCTION", "PROCEDURE", "DATABASE"):
        yield Operation(Kind.HARMLESS, _table_name(tree.this), **at)
    elif kind == "TRIGGER":
        yield Operation(Kind.ADD_CONSTRAINT, constraint="trigger or policy", online=True, **at)


def _drop(tree: Any, at: dict[str, Any]) -> Iterator[Operation]:
    kind = (tree.args.get("kind") or "").upper()
    tables = tree.args.get("tables") or ([tree.this] if tree.this else [])
    match kind:
        case (
            "TABLE"
            | "VIEW"
            | "MATERIALIZED VIEW"
            | "SCHEMA"
            | "DATABASE"
            | "SEQUENCE"
            | "TYPE"
            | "DOMAIN"
            | ("FUNCTION" | "PROCEDURE")
        ):
            for table in tables:
                special = "" if kind == "TABLE" else f"a {kind.lower()}"
                yield Operation(Kind.DROP_TABLE, _table_name(table) or table.name, because=special, **at)
        case "INDEX":
            of = tree.args.get("cluster")  # MySQL's ON: the table whose index it is
            yield Operation(
                Kind.DROP_INDEX,
                _table_name(of or tables[0]) if of or tables else "",
                online=bool(tree.args.get("concurrently")),
                **at,
            )


def _alter(tree: Any, statement: Statement, at: dict[str, Any]) -> Iterator[Operation]:
    table = _table_name(tree.this)
    kind = (tree.args.get("kind") or "TABLE").upper()
    if kind not in ("TABLE", "VIEW"):
        return
    for action in tree.args.get("actions") or ():
        yield from _action(action, table, tree, statement, at)


def _action(action: Any, table: str, tree: Any, statement: Statement, at: dict[str, Any]) -> Iterator[Operation]:
    from sqlglot import exp

    if isinstance(action, exp.ColumnDef):
        yield from _new_column(action, table, statement, at)
    elif isinstance(action, exp.Schema):
        for column in action.find_all(exp.ColumnDef):
            yield from _new_column(column, table, statement, at)
    elif isinstance(action, exp.Drop | exp.DropPrimaryKey):
        yield from _dropped_part(action, table, at)
    elif isinstance(action, exp.AlterRename):
        yield Operation(Kind.RENAME_TABLE, table, to=_table_name(action.this) or action.name, **at)
    elif isinstance(action, exp.RenameColumn):
        yield Operation(Kind.RENAME_COLUMN, table, action.this.name, to=action.args["to"].name, **at)
    elif isinstance(action, exp.AlterColumn):
        yield from _altered_column(action, table, at)
    elif isinstance(action, exp.ModifyColumn):
        yield from _modified(action, table, statement, at)
    elif isinstance(action, exp.AddConstraint):
        yield from _constraints(action, table, bool(tree.args.get("not_valid")), at)
    elif isinstance(action, exp.AlterSet | exp.Property | exp.AlterIndex | exp.AlterSortKey | exp.RenameIndex):
        rewrites = "TABLESPACE" in statement.text.upper() or "LOGGED" in statement.text.upper()
        yield Operation(Kind.REWRITE if rewrites else Kind.HARMLESS, table, **at)
    else:
        yield unreadable(at["line"], at["statement"], "this way of altering a table is not known")


def _new_column(column: Any, table: str, statement: Statement, at: dict[str, Any]) -> Iterator[Operation]:
    from sqlglot import exp

    kinds = [constraint.args.get("kind") for constraint in column.args.get("constraints") or ()]
    default = next((k for k in kinds if isinstance(k, exp.DefaultColumnConstraint)), None)
    keeps = default is not None and not isinstance(default.this, exp.Null)
    generated = any("Generated" in type(k).__name__ or "Computed" in type(k).__name__ for k in kinds)
    serial = "SERIAL" in column.sql().upper() or any("AutoIncrement" in type(k).__name__ for k in kinds)
    not_null = _not_null(column)
    required = not_null and not (keeps or generated or serial)
    because = "" if not required else "NOT NULL without a default"
    yield Operation(Kind.ADD_COLUMN, table, column.name, type=_type(column), required=required, because=because,
                    nullable=not not_null, **at)  # fmt: skip
    # What is VIRTUAL is reckoned when it is read, and no row is written for it.
    computed = any("Computed" in type(k).__name__ and k.args.get("persisted") is not False for k in kinds)
    if serial or computed or (default is not None and _VOLATILE.search(statement.text)):
        yield Operation(Kind.REWRITE, table, column.name, because="each row gets a value of its own", **at)
    for kind in kinds:
        if isinstance(kind, exp.UniqueColumnConstraint):
            yield Operation(Kind.ADD_CONSTRAINT, table, constraint="unique", **at)
        elif isinstance(kind, exp.Reference | exp.CheckColumnConstraint) and keeps:
            name = "foreign key" if isinstance(kind, exp.Reference) else "check"
            yield Operation(Kind.ADD_CONSTRAINT, table, constraint=name, **at)


def _not_null(column: Any) -> bool:
    """Whether a column refuses NULL: it says so, or is the primary key."""
    from sqlglot import exp

    kinds = [constraint.args.get("kind") for constraint in column.args.get("constraints") or ()]
    said = any(isinstance(k, exp.NotNullColumnConstraint) and not k.args.get("allow_null") for k in kinds)
    return said or any(isinstance(k, exp.PrimaryKeyColumnConstraint) for k in kinds)


def _type(column: Any) -> str:
    kind = column.args.get("kind")
    return _spelled(kind) if kind is not None else ""


def _spelled(kind: Any) -> str:
    """A type in the one spelling in which types are compared."""
    if str(getattr(kind.this, "value", "")) in ("ENUM", "SET") and kind.expressions:
        return f"{kind.this.value.lower()}({','.join(repr(one.name) for one in kind.expressions)})"
    own = in_mysql(str(getattr(kind.this, "value", ""))) if kind.meta.get("mysql") else ""
    # A number behind one of these is how it is printed, or is said by PostgreSQL's spelling as well.
    return own if own and (not kind.expressions or own.endswith("int")) else normal(kind.sql(dialect="postgres"))


def _dropped_part(action: Any, table: str, at: dict[str, Any]) -> Iterator[Operation]:
    kind = (action.args.get("kind") or ("COLUMN" if action.key == "drop" else "PRIMARY KEY")).upper()
    names = [one.name for one in action.args.get("tables") or ([action.this] if action.this else [])]
    which = {"COLUMN": Kind.DROP_COLUMN, "INDEX": Kind.DROP_INDEX, "KEY": Kind.DROP_INDEX}
    if kind in which:
        for name in names:
            yield Operation(which[kind], table, name if kind == "COLUMN" else "", online=kind != "COLUMN", **at)
    elif kind in ("CONSTRAINT", "FOREIGN KEY", "PRIMARY KEY", "CHECK"):
        yield Operation(Kind.DROP_CONSTRAINT, table, **at)
    elif kind == "PARTITION":
        yield Operation(Kind.DROP_TABLE, table, because="a partition", **at)
    else:
        yield unreadable(at["line"], at["statement"], "what is dropped is not known")


def _altered_column(action: Any, table: str, at: dict[str, Any]) -> Iterator[Operation]:
    name, arguments = action.this.name, action.args
    if arguments.get("dtype") is not None:
        yield Operation(Kind.RETYPE_COLUMN, table, name, type=_spelled(arguments["dtype"]), **at)
    elif arguments.get("allow_null") is False:
        yield Operation(Kind.SET_NOT_NULL, table, name, **at)
    elif arguments.get("allow_null"):
        yield Operation(Kind.DROP_NOT_NULL, table, name, **at)
    elif arguments.get("drop"):
        # Of DROP NOT NULL and DROP DEFAULT sqlglot keeps only that something is dropped.
        loosens = "NOT NULL" in " ".join(at["statement"].upper().split())
        yield Operation(Kind.DROP_NOT_NULL if loosens else Kind.DROP_DEFAULT, table, name, **at)
    else:
        yield Operation(Kind.HARMLESS, table, name, **at)


def _modified(action: Any, table: str, statement: Statement, at: dict[str, Any]) -> Iterator[Operation]:
    """MySQL's MODIFY and CHANGE, which say the whole column anew."""
    column = action.this
    before = action.args.get("rename_from")
    name = before.name if before is not None else column.name
    if name != column.name:
        yield Operation(Kind.RENAME_COLUMN, table, name, to=column.name, **at)
    online = bool(_ONLINE.search(statement.text))
    yield Operation(Kind.RETYPE_COLUMN, table, column.name, type=_type(column), nullable=not _not_null(column),
                    online=online, **at)  # fmt: skip


def _constraints(action: Any, table: str, not_valid: bool, at: dict[str, Any]) -> Iterator[Operation]:
    from sqlglot import exp

    words = at["statement"].upper()
    for one in action.expressions:
        if isinstance(one, exp.IndexColumnConstraint):
            yield Operation(Kind.ADD_INDEX, table, **at)
            continue
        if one.find(exp.ForeignKey):
            kind = "foreign key"
        elif one.find(exp.PrimaryKey, exp.PrimaryKeyColumnConstraint):
            kind = "primary key"
        elif one.find(exp.CheckColumnConstraint):
            kind = "check"
        elif "UNIQUE" in words:
            kind = "unique"
        else:
            kind = "exclude" if "EXCLUDE" in words else ""
        checks = one.find(exp.CheckColumnConstraint)
        match = _NOT_NULL_CHECK.match(checks.this.sql().strip()) if checks is not None else None
        column = _bare(match[1] or match[2]) if match else ""
        named = one.this.name if isinstance(one, exp.Constraint) and one.this is not None else ""
        yield Operation(Kind.ADD_CONSTRAINT, table, column, constraint=kind, online=not_valid, to=named, **at)
