"""What a release's migrations endanger: for the version that runs while they are run, for its data, and for the way
back.

Between the migrations and the last wave of a rollout the version before runs on the new database; after a rollback it
does again. What it could not bear there is a hazard. Whether a hazard is refused is for the policy to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.migration.column_type import grows_in_place, narrower
from tidegate.core.migration.deprecation import is_deprecated
from tidegate.core.migration.operation import Kind, Operation, Script, Tree


class Danger(StrEnum):
    """The kinds of hazard; the rule's findings are named by them."""

    DROPPED = "dropped"
    RENAMED = "renamed"
    REQUIRED = "required"
    NARROWED = "narrowed"
    TIGHTENED = "tightened"
    LOCK = "lock"
    DATA = "data"
    IRREVERSIBLE = "irreversible"
    CHANGED = "changed"
    REMOVED = "removed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Hazard:
    """One danger, where it stands, and what it concerns.

    ``file`` is a path from the repository's root, ``line`` counts from 1 and is 0 where the whole file is meant.
    ``detail`` says what is special: the new name, both types, the lock, why it cannot be read. ``deprecated``: what is
    dropped was declared deprecated in the version that runs. ``certain`` is False where nobody can tell whether it is
    a danger. ``bearable``: it has no way back and needs none, since the version before runs on it as it is.
    """

    danger: Danger
    file: str
    line: int = 0
    statement: str = ""
    table: str = ""
    column: str = ""
    detail: str = ""
    deprecated: bool = False
    certain: bool = True
    bearable: bool = False

    @property
    def name(self) -> str:
        """The table, or the column of it, as people write it."""
        return ".".join(part for part in (self.table, self.column) if part)

    @property
    def place(self) -> str:
        """Where it stands, as ``migrations/0002_x.sql:3``."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Brought:
    """What a release brings to the database of one environment, against the version that runs there.

    ``since`` is that version, empty where nothing runs there. ``scripts`` are the names of the migrations that are new,
    in their order; ``adds`` is the first table or column that they add. ``unknown`` says why nobody can tell anything.
    """

    component: str
    environment: str
    since: str = ""
    scripts: tuple[str, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    adds: str = ""
    unknown: str = ""


MAX_HAZARDS = 200
"""Of one component in one environment; the facts of a decision are kept for years."""


def hazards_of(before: Tree, after: Tree, dialect: str = "") -> tuple[Hazard, ...]:
    """The hazards of all that the tree ``after`` has and ``before`` has not, in the order of the files."""
    new = brought_scripts(before, after)
    found = [*_history(before, after), *_half_squashed(before, after), *_Reader(before, new, dialect).read()]
    return tuple(dict.fromkeys(found))


def brought_scripts(before: Tree, after: Tree) -> list[Script]:
    """The migrations that are new, in the order of their paths; not those that only stand for old ones.

    A squashed migration is run where none of those that it stands for has been. Where all have been it counts as run,
    and where some have been the rest of them are run, and not it.
    Source: Django 5.2, "Squashing migrations"; ``MigrationLoader.build_graph``.
    """
    old = before.contents
    new = (script for script in after.scripts if script.path not in old)
    return [script for script in new if not script.replaces & _beside(before, script)]


def _beside(tree: Tree, script: Script) -> set[str]:
    """The names of the migrations of the same app, which lie in the same folder."""
    folder = script.path.rpartition("/")[0]
    return {one.name for one in tree.scripts if one.path.rpartition("/")[0] == folder}


def _half_squashed(before: Tree, after: Tree) -> Iterator[Hazard]:
    """Squashed migrations of which a part has been run, and the rest is nowhere: nobody can tell what is run."""
    for script in after.scripts:
        run, there = _beside(before, script), _beside(after, script)
        missing = sorted(script.replaces - run - there)
        if script.path not in before.contents and script.replaces & run and missing:
            detail = f"it stands for {missing[0]}, which is not beside it and was not released"
            yield Hazard(Danger.UNREADABLE, script.path, detail=detail, certain=False)


def adds_of(scripts: Iterable[Script]) -> str:
    """The first table or column that migrations add; empty where they add none."""
    for script in scripts:
        for one in script.operations:
            if one.kind in (Kind.ADD_TABLE, Kind.ADD_COLUMN):
                return f"{one.table}.{one.column}" if one.column else one.table
    return ""


def _history(before: Tree, after: Tree) -> Iterator[Hazard]:
    """What was released already and is no more what it was: a database that has run it will not run it again."""
    replaced = frozenset((script.path.rpartition("/")[0], name) for script in after.scripts for name in script.replaces)
    for script in before.scripts:
        now = after.contents.get(script.path)
        if now is None and (script.path.rpartition("/")[0], script.name) not in replaced:
            yield Hazard(Danger.REMOVED, script.path)
        elif now is not None and now != before.contents.get(script.path):
            yield Hazard(Danger.CHANGED, script.path)


class _Reader:
    """Walks the new migrations in their order, knowing the columns that there are and the tables that are new."""

    def __init__(self, before: Tree, new: Sequence[Script], dialect: str) -> None:
        self._new = new
        self._dialect = dialect
        self._types: dict[tuple[str, str], str] = {}
        self._nullable: dict[tuple[str, str], bool | None] = {}
        self._fresh_tables: set[str] = set()
        self._fresh_columns: set[tuple[str, str]] = set()
        self._checked: set[tuple[str, str]] = set()
        self._to_validate: dict[tuple[str, str], str] = {}
        self._deprecated: Collection[str] = frozenset(name for script in before.scripts for name in script.deprecates)
        for script in before.scripts:
            for one in script.operations:
                self._remember(one)

    def read(self) -> Iterator[Hazard]:
        """The hazards."""
        for script in self._new:
            for one in script.operations:
                yield from self._of(script, one)
                self._remember(one)
                self._freshen(one)
            if script.undone is False and any(one.kind is not Kind.HARMLESS for one in script.operations):
                yield Hazard(
                    Danger.IRREVERSIBLE,
                    script.path,
                    detail=script.undone_because,
                    bearable=_needs_no_undoing(script.operations),
                )

    def _of(self, script: Script, one: Operation) -> Iterator[Hazard]:
        if one.kind is Kind.UNREADABLE:
            yield _hazard(Danger.UNREADABLE, script, one, one.because, certain=False)
            return
        if one.table in self._fresh_tables:
            return  # nothing runs on a table that is new itself
        yield from self._breaking(script, one)
        if one.kind is Kind.SET_NOT_NULL and (one.table, one.column) in self._checked:
            return  # PostgreSQL sees that a valid check says it already, and reads no rows
        if one.kind is Kind.SET_NOT_NULL and self._nullable.get((one.table, one.column)) is False:
            return  # it is so already
        if lock := lock_of(one, self._dialect, rewrites=self._rewrites(one)):
            yield _hazard(Danger.LOCK, script, one, lock)
        elif self._becomes_required(one) and self._dialect == "postgres":
            yield _hazard(Danger.LOCK, script, one, f"{ACCESS_EXCLUSIVE} while every row is read")

    def _becomes_required(self, one: Operation) -> bool:
        was = self._nullable.get((one.table, one.column))
        return one.kind is Kind.RETYPE_COLUMN and one.nullable is False and was is True

    def _breaking(self, script: Script, one: Operation) -> Iterator[Hazard]:
        if (one.table, one.column) in self._fresh_columns:
            return
        match one.kind:
            case Kind.DROP_TABLE | Kind.DROP_COLUMN:
                deprecated = is_deprecated(one.table, one.column, self._deprecated)
                yield _hazard(Danger.DROPPED, script, one, one.because, deprecated=deprecated)
            case Kind.RENAME_TABLE | Kind.RENAME_COLUMN:
                yield _hazard(Danger.RENAMED, script, one, one.to)
            case Kind.ADD_COLUMN if one.required:
                yield _hazard(Danger.REQUIRED, script, one, one.because)
            case Kind.RETYPE_COLUMN:
                yield from self._narrowing(script, one)
            case Kind.DESTROY_DATA:
                yield _hazard(Danger.DATA, script, one, "destroyed")
            case Kind.CHANGE_DATA:
                yield _hazard(Danger.DATA, script, one, "changed", certain=False)
            case Kind.SET_NOT_NULL if self._nullable.get((one.table, one.column)) is False:
                return
            case _:
                yield from _tightening(script, one)

    def _narrowing(self, script: Script, one: Operation) -> Iterator[Hazard]:
        before = self._types.get((one.table, one.column), "")
        less = narrower(before, one.type)
        if less is not False:
            detail = f"{before or 'a type that nobody knows'} to {one.type or 'a type that nobody knows'}"
            yield _hazard(Danger.NARROWED, script, one, detail, certain=less is True)
        was = self._nullable.get((one.table, one.column))
        if one.nullable is False and was is not False:
            yield _hazard(Danger.TIGHTENED, script, one, "not null", certain=was is True)

    def _rewrites(self, one: Operation) -> bool:
        """Whether a new type makes the database write the whole table anew."""
        before = self._types.get((one.table, one.column), "")
        return before != one.type and not (
            narrower(before, one.type) is False and grows_in_place(before, one.type, self._dialect)
        )

    def _remember(self, one: Operation) -> None:
        where = (one.table, one.column)
        if one.kind is Kind.ADD_CONSTRAINT and one.constraint == "check" and one.column:
            # Of a check that is NOT VALID PostgreSQL knows nothing of the rows until it is validated.
            if one.online:
                self._to_validate[one.table, one.to] = one.column
            else:
                self._checked.add(where)
        elif one.kind is Kind.VALIDATE and (one.table, one.to) in self._to_validate:
            self._checked.add((one.table, self._to_validate[one.table, one.to]))
        elif one.kind in (Kind.SET_NOT_NULL, Kind.DROP_NOT_NULL):
            self._nullable[where] = one.kind is Kind.DROP_NOT_NULL
        elif one.type or one.kind in (Kind.ADD_COLUMN, Kind.RETYPE_COLUMN):
            self._types[where] = one.type
            if one.nullable is not None or where not in self._nullable:
                self._nullable[where] = one.nullable
        elif one.kind in (Kind.RENAME_COLUMN, Kind.RENAME_TABLE):
            self._called_anew(one)

    def _called_anew(self, one: Operation) -> None:
        columns = {column for table, column in self._types if table == one.table}
        for column in columns if one.kind is Kind.RENAME_TABLE else {one.column}:
            to = (one.to, column) if one.kind is Kind.RENAME_TABLE else (one.table, one.to)
            self._types[to] = self._types.pop((one.table, column), "")
            self._nullable[to] = self._nullable.pop((one.table, column), None)

    def _freshen(self, one: Operation) -> None:
        if one.kind is Kind.ADD_TABLE:
            self._fresh_tables.add(one.table)
        elif one.kind is Kind.DROP_TABLE:
            self._fresh_tables.discard(one.table)
        elif one.kind is Kind.ADD_COLUMN:
            self._fresh_columns.add((one.table, one.column))
        elif one.kind is Kind.RENAME_TABLE and one.table in self._fresh_tables:
            self._fresh_tables.add(one.to)


def _tightening(script: Script, one: Operation) -> Iterator[Hazard]:
    match one.kind:
        case Kind.SET_NOT_NULL:
            yield _hazard(Danger.TIGHTENED, script, one, "not null")
        case Kind.DROP_DEFAULT:
            yield _hazard(Danger.TIGHTENED, script, one, "no default", certain=False)
        case Kind.ADD_INDEX if one.constraint:
            yield _hazard(Danger.TIGHTENED, script, one, one.constraint, certain=False)
        case Kind.ADD_CONSTRAINT:
            yield _hazard(Danger.TIGHTENED, script, one, one.constraint or "constraint", certain=False)


def _hazard(
    danger: Danger, script: Script, one: Operation, detail: str, *, deprecated: bool = False, certain: bool = True
) -> Hazard:
    return Hazard(
        danger,
        script.path,
        one.line,
        one.statement,
        one.table,
        one.column,
        detail,
        deprecated=deprecated,
        certain=certain,
    )


_ADDITIVE = frozenset(
    {Kind.ADD_TABLE, Kind.ADD_COLUMN, Kind.ADD_INDEX, Kind.DROP_INDEX, Kind.DROP_NOT_NULL, Kind.DROP_CONSTRAINT,
     Kind.HARMLESS, Kind.REWRITE, Kind.VALIDATE}
)  # fmt: skip


def _needs_no_undoing(operations: Sequence[Operation]) -> bool:
    """Whether the version before runs on what is there now as it ran before: a way back is not missed."""
    return all(one.kind in _ADDITIVE and not one.required for one in operations)


ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE: nobody reads or writes the table"
SHARE = "SHARE: nobody writes to the table"
SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE: nobody writes to either table"

_SCANS: Mapping[str, str] = {
    "check": f"{ACCESS_EXCLUSIVE} while every row is checked",
    "exclude": f"{ACCESS_EXCLUSIVE} while the index is built",
    "foreign key": f"{SHARE_ROW_EXCLUSIVE} while every row is checked",
    "unique": f"{ACCESS_EXCLUSIVE} while the index is built",
    "primary key": f"{ACCESS_EXCLUSIVE} while the index is built",
}


def lock_of(one: Operation, dialect: str, *, rewrites: bool = True) -> str:
    """The lock that an operation holds for as long as the table is large; empty where it is held but a moment.

    Source: PostgreSQL 15, "Explicit Locking", "ALTER TABLE", "CREATE INDEX"; MySQL 8.0, "Online DDL Operations".

    Args:
        rewrites: whether a new type makes the database write the table anew.
    """
    if one.lock:
        return one.lock
    match dialect:
        case "postgres":
            return _in_postgres(one, rewrites=rewrites)
        case "mysql":
            return _in_mysql(one, rewrites=rewrites)
    return ""


def _in_postgres(one: Operation, *, rewrites: bool) -> str:
    match one.kind:
        case Kind.ADD_INDEX if not one.online:
            return f"{SHARE} while the index is built"
        case Kind.DROP_INDEX if not one.online:
            return f"{ACCESS_EXCLUSIVE} until the index is gone, and whoever waits for a long query makes all wait"
        case Kind.RETYPE_COLUMN if rewrites:
            return f"{ACCESS_EXCLUSIVE} while it is written anew"
        case Kind.SET_NOT_NULL:
            return f"{ACCESS_EXCLUSIVE} while every row is read"
        case Kind.ADD_CONSTRAINT if not one.online:
            return _SCANS.get(one.constraint, f"{ACCESS_EXCLUSIVE} while every row is checked")
        case Kind.REWRITE:
            return f"{ACCESS_EXCLUSIVE} while it is written anew"
    return ""


def _in_mysql(one: Operation, *, rewrites: bool) -> str:
    match one.kind:
        case _ if one.online:
            return ""
        case Kind.RETYPE_COLUMN if rewrites:
            return "ALGORITHM=COPY: nobody writes to the table while it is copied"
        case Kind.ADD_CONSTRAINT if one.constraint in ("foreign key", "check"):
            return "ALGORITHM=COPY: nobody writes to the table while it is copied"
        case Kind.REWRITE:
            return "nobody writes to the table while it is copied"
    return ""
