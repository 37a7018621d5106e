"""The migrations of a folder, file by file: whose they are, what they do, what belongs together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from tidegate.core.migration.deprecation import deprecations
from tidegate.core.migration.operation import IN_TRANSACTION, INDEXES, Kind, Operation, Script, Tree, unreadable
from tidegate.errors import TidegateError
from tidegate.migrations import alembic, django, sql, squawk
from tidegate.migrations.python_source import NotReadError, tree_of

LIMIT_BYTES = 1 << 20
"""Of one file. What people write by hand is smaller; what a machine writes is data, which belongs elsewhere."""

_INERT = re.compile(
    r"(?:^|/)(?:__init__\.py|env\.py|conftest\.py|\.[^/]*|README[^/]*|CHANGELOG[^/]*|LICENSE[^/]*|Makefile|atlas\.sum|"
    r"[^/]*\.(?:md|rst|txt|pyc|pyi|mako|ini|cfg|toml|lock|png|svg))$",
    re.IGNORECASE,
)
"""What lies beside migrations and is none: of any other file it must be said that nobody can read it."""

_NO_TRANSACTION = re.compile(r"--[ \t]*(?:tidegate: no transaction|\+goose NO TRANSACTION)", re.IGNORECASE)

_DOWN = re.compile(r"^(?P<name>.+?)(?P<sep>[._-])(?P<way>down|undo|rollback|revert)(?P<end>\.sql)$", re.IGNORECASE)
_UP = re.compile(r"^(?P<name>.+?)(?P<sep>[._-])(?P<way>up|do|deploy)(?P<end>\.sql)$", re.IGNORECASE)
_FLYWAY_UNDO = re.compile(r"^U(?P<number>[0-9][0-9_.]*)__.*\.sql$")
_FLYWAY = re.compile(r"^V(?P<number>[0-9][0-9_.]*)__.*\.sql$")
_MARKED_DOWN = re.compile(
    r"^[ \t]*--[ \t]*(?:\+goose[ \t]+Down|migrate:down|\+migrate[ \t]+Down|\+micrate[ \t]+Down|@UNDO|=+[ \t]*down).*$",
    re.IGNORECASE | re.MULTILINE,
)


def is_migration(path: str) -> bool:
    """Whether a file may be a migration, by its name; what certainly is none, such as a README, is not."""
    return _INERT.search(path) is None


def read_tree(files: Mapping[str, tuple[str, bytes | str]], dialect: str = "", tool: str = "") -> Tree:
    """The migrations among files, in the order of their paths.

    Args:
        files: by path, the name of the content, and the content; or why it is not read, as text.
        tool: what runs them, where that is said; else each file says it itself.
    """
    scripts = []
    ups = {path: pair for path, pair in files.items() if not is_down(path)}
    downs = {path.rpartition("/")[2].lower() for path in files if is_down(path)}
    for path in sorted(ups, key=_order):
        found = read_file(path, ups[path][1], dialect, tool)
        if found is not None:
            scripts.append(_paired(found, downs))
    paths = {script.path for script in scripts}
    scripts = django.by_their_names(scripts)
    return Tree(tuple(scripts), {path: name for path, (name, _) in files.items() if path in paths})


def in_transactions(tree: Tree, files: Mapping[str, tuple[str, bytes | str]]) -> Tree:
    """The migrations where Tidegate itself runs them: each file of SQL in a transaction, unless it says otherwise."""
    return replace(tree, scripts=tuple(_in_transaction(script, files[script.path][1]) for script in tree.scripts))


def runs_alone(text: str) -> bool:
    """Whether a file of SQL says, before its first statement, that Tidegate runs it outside a transaction.

    Line by line, and not by one expression: a file is hostile text, and may be nothing but space.
    """
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        line = text[at : end if end >= 0 else len(text)].strip()
        if _NO_TRANSACTION.match(line):
            return True
        if line and not line.startswith("--"):
            return False
        at = end + 1 if end >= 0 else len(text)
    return False


def _in_transaction(script: Script, data: bytes | str) -> Script:
    text = data.decode("utf-8-sig", "replace") if isinstance(data, bytes) else data
    if script.tool != "sql" or runs_alone(text):
        return script
    return replace(
        script,
        operations=tuple(
            replace(one, lock=IN_TRANSACTION) if one.online and one.kind in INDEXES else one
            for one in script.operations
        ),
    )


def _order(path: str) -> tuple[str, list[tuple[int, str]]]:
    """Files by folder, and in it as people number them: 9 before 10."""
    folder, _, name = path.rpartition("/")
    parts = re.split(r"([0-9]+)", name)
    return folder, [(int(part[:40]), "") if part.isdigit() and part.isascii() else (-1, part) for part in parts]


def is_down(path: str) -> bool:
    """Whether a file of SQL goes back, by its name."""
    name = path.rpartition("/")[2]
    return bool(_DOWN.match(name) or _FLYWAY_UNDO.match(name))


def undoes(down: str, up: str) -> bool:
    """Whether a file of SQL that goes back is the way back of one that goes forward, by their names."""
    going, name = (path.rpartition("/")[2] for path in (down, up))
    if match := _FLYWAY.match(name):
        return going.lower().startswith(f"u{match['number'].lower()}__")
    stem, back = _UP.match(name), _DOWN.match(going)
    base = stem["name"] if stem else name.removesuffix(".sql")
    return back is not None and back["name"].lower() == base.lower()


def marked_down(text: str) -> tuple[str, str]:
    """What a file of SQL does forward, and what stands in it behind a mark that says *down*."""
    text = text.replace("\r\n", "\n")
    mark = _MARKED_DOWN.search(text)
    return (text[: mark.start()], text[mark.end() :]) if mark else (text, "")


def ordered(paths: Iterable[str]) -> list[str]:
    """Paths as people number them: 9 before 10."""
    return sorted(paths, key=_order)


def _paired(script: Script, downs: Iterable[str]) -> Script:
    """A SQL script, with whether a file that undoes it lies beside it."""
    if script.tool != "sql" or script.undone:
        return script
    name = script.path.rpartition("/")[2]
    if match := _FLYWAY.match(name):
        wanted = [f"u{match['number'].lower()}__"]
        undone = any(down.startswith(tuple(wanted)) for down in downs)
    else:
        stem = _UP.match(name)
        base = stem["name"] if stem else name.removesuffix(".sql")
        known = {match["name"].lower() for down in downs if (match := _DOWN.match(down))}
        undone = base.lower() in known
    return replace(script, undone=undone, undone_because="" if undone else "no file that undoes it lies beside it")


@lru_cache(maxsize=4096)
def read_file(path: str, data: bytes | str, dialect: str = "", tool: str = "") -> Script | None:
    """The migration in a file; None where the file is none. Raises nothing, whatever the file holds."""
    try:
        return _read_file(path, data, dialect, tool)
    except (RecursionError, MemoryError):
        return _unread(path, "it is nested too deeply", tool)
    except Exception as error:  # noqa: BLE001  the promise: what cannot be read is a finding, never a failure
        return _unread(path, f"it cannot be read ({type(error).__name__})", tool)


def _unread(path: str, because: str, tool: str) -> Script:
    name = tool or ("sql" if path.endswith(".sql") else "")
    return Script(path, (unreadable(0, "", because),), tool=name)


def _read_file(path: str, data: bytes | str, dialect: str, tool: str) -> Script | None:
    if isinstance(data, str):
        return _unread(path, data, tool)
    if not path.lower().endswith((".py", ".sql")):
        return _unread(path, "it is neither Python nor SQL", tool)
    if len(data) > LIMIT_BYTES:
        return _unread(path, f"it has {len(data) >> 10} KiB, and at most {LIMIT_BYTES >> 10} KiB are read", tool)
    if b"\0" in data:
        return _unread(path, "it holds a byte 0, and is no text", tool)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _unread(path, "it is no text in UTF-8", tool)
    if path.lower().endswith(".sql"):
        found: Script | None = _sql(path, text, dialect)
    else:
        found = _python(path, text, dialect, tool)
    return None if found is None else replace(found, deprecates=deprecations(text))


def _python(path: str, text: str, dialect: str, tool: str) -> Script | None:
    try:
        module = tree_of(text)
    except NotReadError as error:
        return _unread(path, str(error), tool)
    if tool != "alembic" and django.is_django(module):
        return django.read(path, module, dialect)
    if tool != "django" and alembic.is_alembic(module):
        return alembic.read(path, module, dialect)
    return None


def _sql(path: str, text: str, dialect: str) -> Script:
    """A file of SQL; what stands behind a mark that says *down* is its way back."""
    text = text.replace("\r\n", "\n")
    mark = _MARKED_DOWN.search(text)
    forward = text[: mark.start()] if mark else text
    found = sql.operations(forward, dialect)
    if dialect == "postgres":
        found = tuple(_with_squawk(forward, found))
    undone = bool(mark and any(True for one in sql.operations(text[mark.end() :], dialect)))
    return Script(path, found, undone, "" if undone else "no way back is written down", tool="sql")


def _with_squawk(text: str, found: tuple[Operation, ...]) -> Iterator[Operation]:
    """The operations, with what squawk says of locks where we say nothing, and of what PostgreSQL does not parse."""
    yield from found
    try:
        complaints = squawk.complaints(text)
    except TidegateError as error:
        yield unreadable(0, "", f"its locks are not judged: {error.what}")
        return
    tables = {one.line: one for one in found}
    for complaint in complaints:
        ours = tables.get(complaint.line)
        if complaint.rule == squawk.SYNTAX:
            if ours is None or ours.kind is not Kind.UNREADABLE:
                yield unreadable(complaint.line, "", f"PostgreSQL does not parse it: {complaint.says}")
        elif ours is not None and ours.kind is Kind.HARMLESS:
            yield replace(ours, kind=Kind.REWRITE, lock=complaint.says)
