"""What a migration does, as far as it can be read without running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What one operation does."""

    ADD_TABLE = "add table"
    DROP_TABLE = "drop table"
    RENAME_TABLE = "rename table"
    ADD_COLUMN = "add column"
    DROP_COLUMN = "drop column"
    RENAME_COLUMN = "rename column"
    RETYPE_COLUMN = "retype column"
    SET_NOT_NULL = "set not null"
    DROP_NOT_NULL = "drop not null"
    DROP_DEFAULT = "drop default"
    ADD_INDEX = "add index"
    DROP_INDEX = "drop index"
    ADD_CONSTRAINT = "add constraint"
    DROP_CONSTRAINT = "drop constraint"
    VALIDATE = "validate constraint"
    CHANGE_DATA = "change data"
    DESTROY_DATA = "destroy data"
    REWRITE = "rewrite"
    HARMLESS = "harmless"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, and where it stands. ``statement`` is its text, shortened.

    ``to`` is the new name of what is renamed. ``type`` is that of a column, in the words of :mod:`.column_type`, empty
    where it is not known. ``required``: the column is NOT NULL without a default that the *database* keeps. ``online``:
    an index built CONCURRENTLY, or a constraint that is NOT VALID. ``constraint`` is ``check``, ``foreign key``,
    ``unique``, ``primary key`` or empty. ``because`` says why it cannot be read, or what is special about it. ``to`` of
    a constraint, and of its validation, is its name. ``lock`` is what a tool that knows the database says it takes.
    ``nullable``: whether the column may be NULL; None where the operation does not say it. ``model``: the tool's own
    name of the field, or ``*`` of the table, where only the history says what the database calls it.
    """

    kind: Kind
    table: str = ""
    column: str = ""
    line: int = 0
    statement: str = ""
    to: str = ""
    type: str = ""
    required: bool = False
    online: bool = False
    constraint: str = ""
    because: str = ""
    lock: str = ""
    nullable: bool | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """One migration as it was read: ``path`` from the repository's root, and what it does, in its order.

    ``undone``: whether its way back is written down; None where nobody can tell, and ``undone_because`` says why it is
    not. ``replaces`` are the names of the migrations beside it that a squashed one stands for. ``deprecates`` are the
    tables and columns that it declares deprecated. ``atomic``: whether it runs in a transaction.
    """

    path: str
    operations: Sequence[Operation] = ()
    undone: bool | None = None
    undone_because: str = ""
    replaces: frozenset[str] = frozenset()
    deprecates: frozenset[str] = frozenset()
    atomic: bool = True
    tool: str = ""

    @property
    def name(self) -> str:
        """What people call it: its file's name without the ending."""
        return self.path.rpartition("/")[2].partition(".")[0]


@dataclass(frozen=True, slots=True)
class Tree:
    """The migrations of a component at one commit: scripts by path, with the name of each file's content."""

    scripts: Sequence[Script] = ()
    contents: dict[str, str] = field(default_factory=dict)


INDEXES = (Kind.ADD_INDEX, Kind.DROP_INDEX)

IN_TRANSACTION = "an index is not built CONCURRENTLY inside a transaction"
"""What stands for the lock where PostgreSQL would refuse the statement."""

LONGEST = 160


def shortened(text: str) -> str:
    """A statement on one line, shortened; what stands for it in findings."""
    line = " ".join(text[: LONGEST * 4].split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def unreadable(line: int, statement: str, because: str) -> Operation:
    """Something that may do anything."""
    return Operation(Kind.UNREADABLE, line=line, statement=shortened(statement), because=because)
