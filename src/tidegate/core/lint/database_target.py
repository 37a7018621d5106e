"""A target whose database is migrated has migrations, and something that runs them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from tidegate.core.lint.lint import Found, Given, Lint, Severity
from tidegate.core.policy import Component, Policy

_SAID = {
    "migrations": "declare components.NAME.migrations",
    "back": "declare migrations.back",
    "goes_back": "declare migrations.rule: reversible",
}
_ELSEWHERE = frozenset(_SAID)
"""What a database has from elsewhere in the policy."""


def _check(given: Given) -> Iterator[Found]:
    for component, known in given.policy.components.items():
        for environment, target in known.targets.items():
            declared = (target.model_extra or {}).get("database")
            if isinstance(declared, Mapping):
                path = ("components", component, "targets", environment, "database")
                for message, remedy in _lacks(given.policy, component, known, declared):
                    yield Found(path, message, remedy, at_key=True)


def _lacks(
    policy: Policy, component: str, known: Component, declared: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    for key in sorted(_ELSEWHERE & set(declared)):
        yield f"{key} is not said here", _SAID[key]
    if known.migrations is None:
        yield (
            f"the database of {component} is to be migrated, and nothing says where its migrations are",
            f"declare components.{component}.migrations, or take database: away",
        )
    elif not _inside(known.migrations, known.path):
        yield (
            f"the migrations of {component} are not below its path, and so not in the package they would be run from",
            f"move {known.migrations} below {known.path}, or take database: away",
        )
    if not declared.get("tool") and (policy.migrations is None or policy.migrations.tool is None):
        yield (
            f"the database of {component} is to be migrated, and nothing says by what",
            "write tool: under database, or under migrations: django, alembic or sql",
        )
    if policy.migrations is not None and policy.migrations.dialect not in (None, "postgres"):
        yield (
            f"the database of {component} is to be migrated, and only PostgreSQL can be yet",
            "take database: away, and run its migrations by hand",
        )


def _inside(path: str, folder: str) -> bool:
    found = posixpath.relpath(posixpath.normpath(path), posixpath.normpath(folder))
    return found.split("/")[0] not in ("..", ".")


LINT = Lint(
    "database.target",
    "A target whose database is migrated has migrations, and something that runs them.",
    "HD-06, 7D-12",
    Severity.ERROR,
    _check,
)
