"""Migrations of databases, read from a commit: Django's, Alembic's, and folders of SQL. Nothing of them is ever run.

Whatever they hold, reading them does not fail: what cannot be read is an operation that nobody can judge.
"""

from __future__ import annotations
