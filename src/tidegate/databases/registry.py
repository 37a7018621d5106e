"""The tools that run migrations, by the name that a policy calls them. Adding one is its module and one line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.databases.contract import Runner
    from tidegate.databases.settings import DatabaseSettings


def _django(settings: DatabaseSettings) -> Runner:
    from tidegate.databases.django import Django

    return Django(settings.run, settings.back)


def _alembic(settings: DatabaseSettings) -> Runner:
    from tidegate.databases.alembic import Alembic

    return Alembic(settings.run, settings.back)


def _sql(_: DatabaseSettings) -> Runner:
    from tidegate.databases.sql import PlainSql

    return PlainSql()


RUNNERS: dict[str, Callable[[DatabaseSettings], Runner]] = {
    "alembic": _alembic,
    "django": _django,
    "sql": _sql,
}


def runner(settings: DatabaseSettings) -> Runner:
    """The tool that the settings of a database name.

    Raises:
        ValueError: they name none, here or under ``migrations``.
    """
    if settings.tool is None:
        raise ValueError(f"write tool: under database, or under migrations (known: {', '.join(sorted(RUNNERS))})")
    return RUNNERS[settings.tool](settings)
