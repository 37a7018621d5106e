"""Alembic: ``alembic upgrade heads``, read back from ``alembic_version``.

The table holds the last revision of each branch alone, so that is what the goal is made of.
Source: Alembic 1.18, "Tutorial", "Working with Branches".
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegate.databases.contract import Files, Goal, Work, demand_name
from tidegate.errors import TargetError
from tidegate.migrations.alembic import is_alembic
from tidegate.migrations.python_source import Names, NotReadError, module_value, tree_of

if TYPE_CHECKING:
    from tidegate.databases.contract import Connection

BASE = "base"
"""What stands before the first revision."""


@dataclass(frozen=True, slots=True)
class _Revisions:
    every: frozenset[str]
    heads: frozenset[str]


class Alembic:
    """``alembic upgrade`` and ``alembic downgrade``."""

    runs_code = True
    table = "alembic_version"

    def __init__(self, run: tuple[str, ...] | None, back: tuple[str, ...] | None) -> None:
        self._run = run or ("alembic", "upgrade", "heads")
        self._back = back or ("alembic", "downgrade", "{revision}")

    def sentence(self, back: bool) -> tuple[str, ...]:
        return self._back if back else self._run

    def goal(self, files: Files, leaves: Files | None, labels: Mapping[str, str]) -> Goal:
        here = _revisions(files)
        every = here.every | (_revisions(leaves).every if leaves is not None else frozenset())
        return Goal(here.heads, every - here.heads)

    def recorded(self, connection: Connection) -> frozenset[str]:
        there = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
        if not there or not there[0]:
            return frozenset()
        return frozenset(str(row[0]) for row in connection.execute("SELECT version_num FROM alembic_version"))

    def run(self, work: Work) -> None:
        code = _revisions(work.code)
        unknown = sorted(work.recorded - code.every)
        if unknown:
            raise TargetError(
                f"the database stands at the revision {unknown[0]}, which the code that is run does not have",
                remedy="release a version that has it, or bring the database to a revision that this version has",
            )
        if not work.back:
            work.call(self._run)
            return
        heads = sorted(work.goal.holds)
        if len(heads) > 1:
            raise TargetError(
                f"{work.version} has several last revisions: {', '.join(heads)}",
                remedy="take the database back by hand, revision by revision",
            )
        to = heads[0] if heads else BASE
        known = {"{revision}": to, "{version}": to, "{migration}": to}
        work.call(tuple(known.get(argument, argument) for argument in self._back))


def _revisions(files: Files) -> _Revisions:
    every: set[str] = set()
    followed: set[str] = set()
    for path in sorted(files):
        module = _module(path, files[path])
        if module is None or not is_alembic(module):
            continue
        names = Names(module)
        revision = names.text(module_value(module, "revision"))
        if revision is None:
            raise TargetError(
                f"the revision of {path} is only known when it runs", remedy="write it down there, as a text"
            )
        demand_name(revision, path)
        every.add(revision)
        followed.update(_texts(names, module_value(module, "down_revision")))
    return _Revisions(frozenset(every), frozenset(every - followed))


def _module(path: str, data: bytes) -> ast.Module | None:
    if not path.endswith(".py"):
        return None
    try:
        return tree_of(data.decode("utf-8-sig"))
    except (NotReadError, UnicodeDecodeError) as error:
        raise TargetError(f"{path} cannot be read as Python", remedy="mend it, and release it again") from error


def _texts(names: Names, node: ast.expr | None) -> Iterator[str]:
    if isinstance(node, ast.Tuple | ast.List):
        for one in node.elts:
            yield from _texts(names, one)
    elif (text := names.text(node)) is not None:
        yield text
