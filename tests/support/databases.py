"""Applications with migrations: a Django project, an Alembic environment, a folder of SQL; and packages of them."""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from tidegate.core.effect import Package

MANAGE = """\
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """\
import os
from urllib.parse import parse_qs, urlsplit
_url = urlsplit(os.environ["DATABASE_URL"])
_query = parse_qs(_url.query)
SECRET_KEY = "of a test"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "shop", "stock"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": _url.path[1:], "USER": _url.netloc.partition("@")[0],
    "HOST": _query["host"][0], "PORT": _query["port"][0],
}}
"""
PROJECT: dict[str, str] = {
    "manage.py": MANAGE,
    "project/__init__.py": "",
    "project/settings.py": SETTINGS,
    "shop/__init__.py": "",
    "shop/migrations/__init__.py": "",
    "stock/__init__.py": "",
    "stock/migrations/__init__.py": "",
}
"""A Django project with two apps and no migration yet. What they have as models does not matter to a migration."""


def django_migration(*operations: str, after: str = "", also: str = "", more: str = "") -> str:
    """The source of a migration; ``after`` and ``also`` are ``app.name`` of those that it depends on."""
    pairs = [tuple(one.split(".", 1)) for one in (after, also) if one]
    return (
        "import time\nfrom django.db import migrations, models\n\n\n"
        "class Migration(migrations.Migration):\n"
        f"    {more or 'initial = ' + str(not after)}\n"
        f"    dependencies = {pairs!r}\n"
        f"    operations = [{', '.join(operations)}]\n"
    )


INVOICES = (
    "migrations.CreateModel('Invoice', [('id', models.BigAutoField(primary_key=True)), "
    "('name', models.CharField(max_length=50))])"
)
CUSTOMER = "migrations.AddField('invoice', 'customer', models.CharField(max_length=50, null=True))"
INDEX = "migrations.AddIndex('invoice', models.Index(fields=['name'], name='by_name'))"
ARTICLES = "migrations.CreateModel('Article', [('id', models.BigAutoField(primary_key=True))])"
BROKEN = "migrations.RunSQL('ALTER TABLE nowhere ADD a int', '')"

PYTHON = [sys.executable, "manage.py", "migrate", "--noinput"]
BACK = [sys.executable, "manage.py", "migrate", "{version}"]
"""As the Helpdesk writes it: what ``{version}`` is called, Django's runner knows."""

ALEMBIC: dict[str, str] = {
    "alembic.ini": "[alembic]\nscript_location = alembic\n",
    "alembic/script.py.mako": "",
    "alembic/env.py": (
        "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\n"
        "engine = create_engine(os.environ['DATABASE_URL'])\n"
        "with engine.connect() as connection:\n"
        "    context.configure(connection=connection)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
    ),
}


def revision(name: str, after: str, up: str, down: str = "pass") -> str:
    """The source of a revision of Alembic's."""
    return (
        f"from alembic import op\nimport sqlalchemy as sa\nrevision = {name!r}\ndown_revision = {after or None!r}\n"
        f"def upgrade():\n    {up}\n\ndef downgrade():\n    {down}\n"
    )


def packed(directory: Path, version: str, files: Mapping[str, str]) -> tuple[Package, Path]:
    """A package of these files in a directory, named by its digest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    data = buffer.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    path = directory / f"{digest}.tar.gz"
    path.write_bytes(data)
    return Package(version, digest), path


def plain(url: str) -> str:
    """An address as libpq reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with psycopg.connect(plain(url), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def columns(url: str, table: str) -> list[str]:
    """The columns of a table, in their order."""
    query = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"  # noqa: S608
    return [row[0] for row in rows(url, query)]
