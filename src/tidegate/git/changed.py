"""What changed between two commits, and which of it earlier fixes had touched: counted, not judged.

Git filters no paths here, because its own limit leaves out whole side branches; the paths of a component are held
against the names that it answers with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tidegate.core.message import parse_message
from tidegate.git.moved import touches
from tidegate.git.repository import Repository

_PLAINLY = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--ignore-submodules=none", "--no-relative")


_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Changed:
    """The files that differ, and how many lines were added and removed in them; binary files have no lines."""

    files: tuple[str, ...]
    lines: int


def changed(repository: Repository, since: str, until: str, paths: Sequence[str]) -> Changed:
    """What differs between two commits below some paths of the repository; ``.`` is everywhere.

    Args:
        since: a full commit name; empty for the empty tree, from which a first release comes.

    Raises:
        RepositoryError: one of the commits is not there, or Git fails.
    """
    base = since or _empty_tree(repository)
    output = os.fsdecode(repository.git("diff", "--numstat", "-z", *_PLAINLY, base, until, "--"))
    files, lines = [], 0
    for row in output.split("\0")[:-1]:
        added, removed, name = row.split("\t", 2)
        if _inside(name, paths):
            files.append(name)
            lines += sum(int(number) for number in (added, removed) if number != "-")
    return Changed(tuple(sorted(files)), lines)


def _empty_tree(repository: Repository) -> str:
    return repository.git("hash-object", "-t", "tree", os.devnull).decode().strip()


def _inside(name: str, paths: Sequence[str]) -> bool:
    return "." in paths or touches([name], paths)


@dataclass(frozen=True, slots=True)
class Fixed:
    """How many of some files earlier fixes touched, and how many fixes those were."""

    files: int
    fixes: int


def fixed_before(repository: Repository, commit: str, files: Sequence[str], since: datetime) -> Fixed:
    """Which of ``files`` a commit of the kind ``fix`` touched that ``commit`` descends from, committed after ``since``.

    A merge counts by what it brings to its first parent.

    Raises:
        RepositoryError: the commit is not there, or Git fails.
    """
    wanted = frozenset(files)
    # Git understands no day before its epoch, and would answer that nothing was committed since.
    since = max(since, _EARLIEST)
    names = ("--name-only", "--diff-merges=first-parent", "--root")
    arguments = ("log", "-z", "--format=%x00%H %s", f"--since={since.isoformat()}", *names, *_PLAINLY)
    output = os.fsdecode(repository.git(*arguments, commit, "--"))
    touched: set[str] = set()
    fixes = 0
    for title, names_of in _records(output.split("\0")):
        mine = wanted.intersection(names_of) if parse_message(title).kind == "fix" else frozenset()
        touched |= mine
        fixes += bool(mine)
    return Fixed(len(touched), fixes)


def _records(tokens: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The title of each commit and its files. A commit begins after an empty token, and no file has an empty name."""
    title, begins = "", True
    files: list[str] = []
    for token in tokens:
        if not token:
            if title:
                yield title, files
            title, files, begins = "", [], True
        elif begins:
            title, begins = token.partition(" ")[2] or " ", False
        else:
            files.append(token.removeprefix("\n"))
