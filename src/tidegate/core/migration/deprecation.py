"""What migrations declare deprecated: a comment ``deprecated: table.column`` (or ``deprecated: table``).

A comment, since each tool and each database has one, it changes nothing, it is reviewed with the code, and it is part
of the subject. That it was *released* is then a fact of Git: it stands in the migrations of the version that runs.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_MARK = re.compile(
    r"(?:--|#|/\*|^[ \t]*+\*)\s*+deprecated:\s*+((?:[\w\"`]{1,128}\.){0,2}[\w\"`]{1,128})", re.IGNORECASE | re.MULTILINE
)


def deprecations(text: str) -> frozenset[str]:
    """The tables and columns that a migration declares deprecated, in small letters and without quotes."""
    return frozenset(spelled(match) for match in _MARK.findall(text))


def spelled(name: str) -> str:
    """A name as names are compared."""
    return name.replace('"', "").replace("`", "").casefold()


def is_deprecated(table: str, column: str, declared: Collection[str]) -> bool:
    """Whether a table, or a column of it, is among those that were declared deprecated; a schema may be left out.

    A table is marked by its bare name alone: with something before a dot it would be read as a column.
    """
    wanted = spelled(table).rpartition(".")[2]
    if not column:
        return wanted in declared
    return any(name.split(".")[-2:] == [wanted, spelled(column)] for name in declared)
