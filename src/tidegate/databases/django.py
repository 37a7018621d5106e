"""Django: ``manage.py migrate``, read back from ``django_migrations``.

Source: Django 5.2, "django-admin: migrate"; ``django/db/migrations/recorder.py`` and ``executor.py``. Where a squashed
migration is recorded, so are those that it replaces, and the other way round once ``migrate`` has run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tidegate.core.migration.operation import Script
from tidegate.databases.contract import Files, Goal, Work, demand_name
from tidegate.errors import TargetError
from tidegate.migrations.folder import read_file
from tidegate.migrations.python_source import NotReadError, tree_of

if TYPE_CHECKING:
    from tidegate.databases.contract import Connection

ZERO = "zero"
"""The name of what stands before the first migration of an app."""


class Django:
    """``manage.py migrate``."""

    runs_code = True
    table = "django_migrations"

    def __init__(self, run: tuple[str, ...] | None, back: tuple[str, ...] | None) -> None:
        self._run = run or ("python", "manage.py", "migrate", "--noinput")
        self._back = back or ("python", "manage.py", "migrate", "--noinput", "{app}", "{migration}")

    def sentence(self, back: bool) -> tuple[str, ...]:
        return self._back if back else self._run

    def goal(self, files: Files, leaves: Files | None, labels: Mapping[str, str]) -> Goal:
        here = _scripts(files, labels)
        gone = frozenset(_undone(here, _scripts(leaves, labels))) if leaves is not None else frozenset()
        return Goal(frozenset(here), gone)

    def recorded(self, connection: Connection) -> frozenset[str]:
        there = connection.execute("SELECT to_regclass('django_migrations') IS NOT NULL").fetchone()
        if not there or not there[0]:
            return frozenset()
        rows = connection.execute("SELECT app, name FROM django_migrations").fetchall()
        return frozenset(f"{app}.{name}" for app, name in rows)

    def run(self, work: Work) -> None:
        if not work.back:
            work.call(self._run)
            return
        scripts = _scripts(work.code, work.labels)
        unknown = sorted(_strange(work.recorded, scripts))
        if unknown:
            raise TargetError(
                f"{unknown[0]} is recorded, and {work.version} cannot undo it: its code does not have it",
                remedy="take the database back with the version that has it, by hand",
            )
        apps = {_app(name) for name in work.goal.lacks & work.recorded}
        here = _scripts(work.files, work.labels)
        # Later apps first: what others depend on is undone with them, and then asked for once more, which is harmless.
        for app in sorted(apps, reverse=True):
            work.call(_told(self._back, app, _last(app, here, work.files, work.labels)))


def _told(argv: Sequence[str], app: str, migration: str) -> tuple[str, ...]:
    """The command for one app; an argument that is ``{version}`` alone is what Django calls one: app and migration."""
    found: list[str] = []
    for argument in argv:
        if argument == "{version}":
            found += [app, migration]
        else:
            found.append(argument.replace("{app}", app).replace("{migration}", migration))
    return tuple(found)


def _app(name: str) -> str:
    return name.partition(".")[0]


def _label(path: str, labels: Mapping[str, str]) -> str:
    """The app of a file: the directory above ``migrations``, by its label where the settings say it."""
    folders = path.split("/")[:-1]
    folder = folders[-1] if folders else ""
    if folder == "migrations" and len(folders) > 1:
        folder = folders[-2]
    label = labels.get(folder, folder)
    if label in ("", "migrations"):
        raise TargetError(
            f"nobody can tell which app {path} belongs to",
            remedy=f"say it under the target: database.labels: {{{folder or 'migrations'}: LABEL}}",
        )
    demand_name(label, path)
    return label


def _scripts(files: Files, labels: Mapping[str, str]) -> dict[str, Script]:
    """The migrations among files, by the name under which Django records them."""
    found: dict[str, Script] = {}
    for path in sorted(files):
        script = read_file(path, files[path], "", "django") if path.endswith(".py") else None
        if script is not None:
            demand_name(script.name, path)
            found[f"{_label(path, labels)}.{script.name}"] = script
    return found


def _undone(here: Mapping[str, Script], leaves: Mapping[str, Script]) -> Iterator[str]:
    """What the version that is left has and the other has not; but one that only stands for what both have stays."""
    for name, script in leaves.items():
        stands_for = {f"{_app(name)}.{one}" for one in script.replaces}
        if name not in here and not (stands_for and stands_for <= set(here)):
            yield name


def _strange(recorded: frozenset[str], scripts: Mapping[str, Script]) -> Iterator[str]:
    """What is recorded of our apps and is not in the code that would have to undo it."""
    apps = {_app(name) for name in scripts}
    known = set(scripts) | {f"{_app(name)}.{one}" for name, script in scripts.items() for one in script.replaces}
    return (name for name in recorded if _app(name) in apps and name not in known)


def _last(app: str, here: Mapping[str, Script], files: Files, labels: Mapping[str, str]) -> str:
    """The migration of an app that none of the app's own depends on: where the earlier version stands."""
    names = [name.partition(".")[2] for name in here if _app(name) == app]
    followed = {
        one
        for path, data in files.items()
        if path.endswith(".py") and _label(path, labels) == app
        for one in _follows(data, app)
    }
    ends = [name for name in names if name not in followed]
    if len(ends) > 1:
        raise TargetError(
            f"{app} has several last migrations: {', '.join(sorted(ends))}",
            remedy="merge them in a release, and take the database back by hand until then",
        )
    return ends[0] if ends else ZERO


def _follows(data: bytes, app: str) -> Iterator[str]:
    """The migrations of the same app that one names as its dependencies."""
    try:
        module = tree_of(data.decode("utf-8-sig"))
    except (NotReadError, UnicodeDecodeError):
        return
    for node in ast.walk(module):
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            pair = [one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if len(pair) == 2 and pair[0] == app:
                yield pair[1]
